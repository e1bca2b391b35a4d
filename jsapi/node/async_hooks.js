// SPDX-License-Identifier: Apache-2.0
// node:async_hooks.
'use strict';

const { codes } = require('internal/errors');
const { validateBoolean, validateFunction, validateObject, validateString } = require('internal/validators');
const context = require('internal/async_context');
const ids = require('internal/node/async_hooks');

context.start();

// Kinds of native operations, as Node numbers them.
const PROVIDERS = ['NONE', 'DIRHANDLE', 'DNSCHANNEL', 'ELDHISTOGRAM', 'FILEHANDLE', 'FILEHANDLECLOSEREQ', 'BLOBREADER', 'FSEVENTWRAP', 'FSREQCALLBACK',
  'FSREQPROMISE', 'GETADDRINFOREQWRAP', 'GETNAMEINFOREQWRAP', 'HEAPSNAPSHOT', 'CPUHEAPPROFILE', 'HTTP2SESSION', 'HTTP2STREAM', 'HTTP2PING', 'HTTP2SETTINGS',
  'HTTPINCOMINGMESSAGE', 'HTTPCLIENTREQUEST', 'JSSTREAM', 'MESSAGEPORT', 'PIPECONNECTWRAP', 'PIPESERVERWRAP', 'PIPEWRAP', 'PROCESSWRAP', 'PROMISE', 'QUERYWRAP',
  'SHUTDOWNWRAP', 'SIGNALWRAP', 'STATWATCHER', 'STREAMPIPE', 'TCPCONNECTWRAP', 'TCPSERVERWRAP', 'TCPWRAP', 'TTYWRAP', 'UDPSENDWRAP', 'UDPWRAP',
  'SIGINTWATCHDOG', 'WORKER', 'WORKERHEAPSNAPSHOT', 'WRITEWRAP', 'ZLIB', 'Timeout', 'Immediate', 'TickObject'];

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

class AsyncResource {
  #id; #trigger; #frame; #state;
  constructor(type, options = {}) {
    validateString(type, 'type');
    let trigger;
    let manual = false;
    if (typeof options === 'number') {
      trigger = options;
    } else {
      ({ triggerAsyncId: trigger, requireManualDestroy: manual = false } = options ?? {});
      manual = !!manual;
    }
    if (trigger === undefined) trigger = ids.triggerForNew();
    if (!Number.isSafeInteger(trigger) || trigger < -1) throw new codes.ERR_INVALID_ASYNC_ID('triggerAsyncId', trigger);
    if (type.length === 0 && ids.hasInit()) throw new codes.ERR_ASYNC_TYPE(type);
    this.#id = this[ids.kId] = ids.newId();
    this.#trigger = this[ids.kTrigger] = trigger;
    this.#frame = context.current();
    this.#state = { destroyed: false };
    if (ids.hasInit()) ids.emitInit(this.#id, type, trigger, this);
    if (!manual && ids.hasDestroy()) ids.watch(this, this.#id, this.#state);
  }
  runInAsyncScope(fn, self, ...args) {
    const id = this.#id;
    ids.emitBefore(id, this.#trigger, this);
    try {
      return context.runIn(this.#frame, fn, self, args);
    } finally {
      ids.emitAfter(id);
    }
  }
  emitDestroy() {
    this.#state.destroyed = true;
    ids.emitDestroy(this.#id);
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

class AsyncHook {
  constructor({ init, before, after, destroy, promiseResolve, trackPromises = true }) {
    for (const [name, hook] of Object.entries({ init, before, after, destroy, promiseResolve })) {
      if (hook !== undefined && typeof hook !== 'function') throw new codes.ERR_ASYNC_CALLBACK(`hook.${name}`);
    }
    validateBoolean(trackPromises, 'trackPromises');
    if (!trackPromises && promiseResolve !== undefined) throw new codes.ERR_INVALID_ARG_VALUE('trackPromises', false, 'must not be false when promiseResolve is enabled');
    for (const [key, value] of Object.entries({ init, before, after, destroy, promiseResolve, trackPromises })) {
      Object.defineProperty(this, key, { value, writable: true, configurable: true, enumerable: false });
    }
  }
  enable() {
    ids.enable(this);
    return this;
  }
  disable() {
    ids.disable(this);
    return this;
  }
}

module.exports = {
  AsyncLocalStorage,
  createHook(callbacks) { return new AsyncHook(callbacks); },
  executionAsyncId: ids.executionAsyncId,
  triggerAsyncId: ids.triggerAsyncId,
  executionAsyncResource: ids.executionAsyncResource,
  asyncWrapProviders: Object.freeze({ __proto__: null, ...Object.fromEntries(PROVIDERS.map((name, i) => [name, i])) }),
  AsyncResource,
};
