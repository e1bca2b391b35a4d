// SPDX-License-Identifier: Apache-2.0
// node:async_hooks: AsyncLocalStorage and AsyncResource. createHook() is not here yet: there are no ids of operations.
'use strict';

const { codes } = require('internal/errors');
const { validateFunction, validateObject, validateString } = require('internal/validators');
const context = require('internal/async_context');

context.start();

class AsyncLocalStorage {
  #default; #name;
  constructor(options = {}) {
    validateObject(options, 'options');
    this.#default = options.defaultValue;
    if (options.name !== undefined) this.#name = `${options.name}`;
  }
  get name() { return this.#name || ''; }
  static bind(fn) { return AsyncResource.bind(fn); }
  static snapshot() {
    const frame = context.current();
    return function(fn, ...args) { return context.runIn(frame, fn, this, args); };
  }
  enterWith(store) { context.enter(context.withValue(context.current(), this, store)); }
  run(store, fn, ...args) {
    validateFunction(fn, 'callback');
    const now = context.current();
    const known = context.valueOf(now, this);
    if (known !== undefined && Object.is(known.store, store)) return fn(...args);
    return this.#runWith(known, context.withValue(now, this, store), fn, args);
  }
  exit(fn, ...args) {
    validateFunction(fn, 'callback');
    const now = context.current();
    return this.#runWith(context.valueOf(now, this), context.withValue(now, this, undefined), fn, args);
  }
  // Afterwards only this storage has what it had before (`known`): what `fn` entered of others stays.
  #runWith(known, frame, fn, args) {
    context.enter(frame);
    try {
      return fn(...args);
    } finally {
      const after = context.current();
      context.enter(known === undefined ? context.without(after, this) : context.withValue(after, this, known.store));
    }
  }
  disable() { context.enter(context.without(context.current(), this)); }
  getStore() {
    const known = context.valueOf(context.current(), this);
    return known === undefined || known.store === undefined ? (known === undefined ? this.#default : undefined) : known.store;
  }
}

let lastId = 1;
let executing = 1;
let triggered = 0;

class AsyncResource {
  #id; #trigger; #frame; #destroyed = false;
  constructor(type, options = {}) {
    validateString(type, 'type');
    let trigger = executing;
    if (typeof options === 'number') {
      trigger = options;
    } else if (options !== null && options !== undefined) {
      if (options.triggerAsyncId !== undefined) trigger = options.triggerAsyncId;
      void options.requireManualDestroy;
    }
    if (!Number.isSafeInteger(trigger) || trigger < -1) throw new codes.ERR_INVALID_ASYNC_ID('triggerAsyncId', trigger);
    this.#id = ++lastId;
    this.#trigger = trigger;
    this.#frame = context.current();
  }
  runInAsyncScope(fn, self, ...args) {
    const [beforeId, beforeTrigger] = [executing, triggered];
    executing = this.#id;
    triggered = this.#trigger;
    try {
      return context.runIn(this.#frame, fn, self, args);
    } finally {
      executing = beforeId;
      triggered = beforeTrigger;
    }
  }
  emitDestroy() {
    if (this.#destroyed) return this;
    this.#destroyed = true;
    return this;
  }
  asyncId() { return this.#id; }
  triggerAsyncId() { return this.#trigger; }
  bind(fn, self) {
    validateFunction(fn, 'fn');
    const resource = this;
    const bound = self === undefined ? function(...args) { return resource.runInAsyncScope(fn, this, ...args); } : (...args) => resource.runInAsyncScope(fn, self, ...args);
    Object.defineProperties(bound, { length: { configurable: true, enumerable: false, value: fn.length, writable: false } });
    return bound;
  }
  static bind(fn, type, self) {
    validateFunction(fn, 'fn');
    return new AsyncResource(type || fn.name || 'bound-anonymous-fn').bind(fn, self);
  }
}

module.exports = {
  AsyncLocalStorage, AsyncResource,
  executionAsyncId() { return executing; },
  triggerAsyncId() { return triggered; },
};
