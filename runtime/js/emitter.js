// SPDX-License-Identifier: Apache-2.0
// EventEmitter as process and the network objects need it, with Node's names.
'use strict';

class EventEmitter {
  constructor() { this._events = undefined; }

  static listenersOf(emitter, name) {
    return emitter._events === undefined ? undefined : emitter._events.get(name);
  }
  on(name, listener) { return add(this, name, listener, false, false); }
  addListener(name, listener) { return add(this, name, listener, false, false); }
  once(name, listener) { return add(this, name, listener, true, false); }
  prependListener(name, listener) { return add(this, name, listener, false, true); }
  prependOnceListener(name, listener) { return add(this, name, listener, true, true); }
  off(name, listener) { return this.removeListener(name, listener); }
  removeListener(name, listener) {
    const list = EventEmitter.listenersOf(this, name);
    if (list === undefined) return this;
    for (let i = list.length - 1; i >= 0; i--) {
      if (list[i].listener !== listener) continue;
      const rest = list.slice();
      rest.splice(i, 1);
      if (rest.length === 0) this._events.delete(name);
      else this._events.set(name, rest);
      if (this._events.has('removeListener')) this.emit('removeListener', name, listener);
      break;
    }
    return this;
  }
  removeAllListeners(name) {
    if (this._events === undefined) return this;
    const names = name === undefined ? [...this._events.keys()] : [name];
    for (const each of names) {
      for (const { listener } of (this._events.get(each) || []).slice().reverse()) this.removeListener(each, listener);
    }
    return this;
  }
  emit(name, ...args) {
    const list = EventEmitter.listenersOf(this, name);
    if (list === undefined) {
      if (name !== 'error') return false;
      if (args[0] instanceof Error) throw args[0];
      const { inspect } = require('internal/inspect');
      const error = new Error(`Unhandled error. (${typeof args[0] === 'string' ? args[0] : inspect(args[0])})`);
      error.code = 'ERR_UNHANDLED_ERROR';
      error.context = args[0];
      throw error;
    }
    for (const entry of list) {
      if (entry.once) {
        if (entry.fired) continue;
        entry.fired = true;
        this.removeListener(name, entry.listener);
      }
      Reflect.apply(entry.listener, this, args);
    }
    return true;
  }
  listenerCount(name) {
    const list = EventEmitter.listenersOf(this, name);
    return list === undefined ? 0 : list.length;
  }
  listeners(name) { return (EventEmitter.listenersOf(this, name) || []).map((entry) => entry.listener); }
  rawListeners(name) { return this.listeners(name); }
  eventNames() { return this._events === undefined ? [] : [...this._events.keys()]; }
  setMaxListeners() { return this; }
  getMaxListeners() { return 10; }
}

function add(emitter, name, listener, once, first) {
  if (typeof listener !== 'function') {
    const error = new TypeError(`The "listener" argument must be of type function. Received ${typeof listener}`);
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }
  if (emitter._events === undefined) {
    Object.defineProperty(emitter, '_events', { value: new Map(), writable: true, configurable: true, enumerable: false });
  }
  if (emitter._events.has('newListener')) emitter.emit('newListener', name, listener);
  const list = emitter._events.get(name) || [];
  const entry = { listener, once, fired: false };
  emitter._events.set(name, first ? [entry, ...list] : [...list, entry]);
  if (typeof emitter._listenersChanged === 'function') emitter._listenersChanged(name);
  return emitter;
}

exports.EventEmitter = EventEmitter;
exports.once = (emitter, name) => new Promise((resolve, reject) => {
  const done = (...args) => {
    emitter.removeListener('error', failed);
    resolve(args);
  };
  const failed = (error) => {
    emitter.removeListener(name, done);
    reject(error);
  };
  emitter.once(name, done);
  if (name !== 'error') emitter.once('error', failed);
});
