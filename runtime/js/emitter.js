// SPDX-License-Identifier: Apache-2.0
// EventEmitter. What is around it (once(), on() and so on as functions) is node:events.
//
// `_events` holds for each name one listener or an array of several, and is made with the first listener where the
// constructor did not run: objects made by the thousand inherit from the prototype only. A class may have a method
// `_listenersChanged(name)`, called after a listener was added.
'use strict';

const kRejection = Symbol.for('nodejs.rejection');
const kErrorMonitor = Symbol('events.errorMonitor');
const kCapture = Symbol('kCapture');
const { codes } = require('internal/errors');

let defaultMaxListeners = 10;

function EventEmitter(options) { EventEmitter.init.call(this, options); }

EventEmitter.init = function init(options) {
  if (this._events === undefined || this._events === Object.getPrototypeOf(this)._events) {
    this._events = { __proto__: null };
    this._eventsCount = 0;
  }
  this._maxListeners = this._maxListeners || undefined;
  if (options && options.captureRejections) {
    require('internal/validators').validateBoolean(options.captureRejections, 'options.captureRejections');
    this[kCapture] = true;
  } else {
    this[kCapture] = EventEmitter.prototype[kCapture];
  }
};

const { prototype } = EventEmitter;
prototype._events = undefined;
prototype._eventsCount = 0;
prototype._maxListeners = undefined;

function hidden(object, name, value, writable) {
  Object.defineProperty(object, name, { value, writable, configurable: false, enumerable: false });
}
hidden(prototype, kCapture, false, true);

EventEmitter.usingDomains = false;
EventEmitter.captureRejectionSymbol = kRejection;
EventEmitter.errorMonitor = kErrorMonitor;
Object.defineProperties(EventEmitter, {
  captureRejections: {
    configurable: false, enumerable: true,
    get() { return prototype[kCapture]; },
    set(value) {
      require('internal/validators').validateBoolean(value, 'EventEmitter.captureRejections');
      prototype[kCapture] = value;
    },
  },
  defaultMaxListeners: {
    enumerable: true,
    get() { return defaultMaxListeners; },
    set(value) {
      require('internal/validators').validateNumber(value, 'defaultMaxListeners', 0);
      defaultMaxListeners = value;
    },
  },
  kMaxEventTargetListeners: { value: Symbol('events.maxEventTargetListeners') },
  kMaxEventTargetListenersWarned: { value: Symbol('events.maxEventTargetListenersWarned') },
});

function checkListener(listener) {
  if (typeof listener !== 'function') throw new codes.ERR_INVALID_ARG_TYPE('listener', 'Function', listener);
}

prototype.setMaxListeners = function setMaxListeners(n) {
  require('internal/validators').validateNumber(n, 'setMaxListeners', 0);
  this._maxListeners = n;
  return this;
};

function limitOf(emitter) { return emitter._maxListeners === undefined ? defaultMaxListeners : emitter._maxListeners; }
prototype.getMaxListeners = function getMaxListeners() { return limitOf(this); };

// A listener's promise that is rejected is an 'error' (or what the emitter's own handler makes of it).
function watchPromise(emitter, result, name, args) {
  try {
    const { then } = result;
    if (typeof then !== 'function') return;
    Reflect.apply(then, result, [undefined, (error) => {
      require('internal/ticks').nextTick(rejected, emitter, error, name, args);
    }]);
  } catch (error) {
    emitter.emit('error', error);
  }
}

function rejected(emitter, error, name, args) {
  if (typeof emitter[kRejection] === 'function') {
    emitter[kRejection](error, name, ...args);
    return;
  }
  // While it is reported, a rejection of the 'error' listener's own does not come back here.
  const before = emitter[kCapture];
  try {
    emitter[kCapture] = false;
    emitter.emit('error', error);
  } finally {
    emitter[kCapture] = before;
  }
}

function throwUnhandled(emitter, args) {
  const error = args[0];
  if (error instanceof Error) {
    throw error;
  }
  let text;
  try {
    text = require('internal/inspect').inspect(error);
  } catch {
    text = error;
  }
  const wrapped = args.length === 0 ? new codes.ERR_UNHANDLED_ERROR() : new codes.ERR_UNHANDLED_ERROR(text);
  wrapped.context = error;
  throw wrapped;
}

prototype.emit = function emit(name, ...args) {
  const events = this._events;
  if (name === 'error') {
    if (events !== undefined && events[kErrorMonitor] !== undefined) this.emit(kErrorMonitor, ...args);
    if (events === undefined || events.error === undefined) throwUnhandled(this, args);
  }
  if (events === undefined) return false;
  const handler = events[name];
  if (handler === undefined) return false;
  if (typeof handler === 'function') {
    const result = args.length === 0 ? handler.call(this) : Reflect.apply(handler, this, args);
    if (result !== undefined && result !== null && this[kCapture]) watchPromise(this, result, name, args);
    return true;
  }
  const listeners = handler.slice();
  for (let i = 0; i < listeners.length; i++) {
    const result = Reflect.apply(listeners[i], this, args);
    if (result !== undefined && result !== null && this[kCapture]) watchPromise(this, result, name, args);
  }
  return true;
};

function add(emitter, name, listener, first) {
  checkListener(listener);
  let events = emitter._events;
  if (events === undefined) {
    // Where no constructor made it: not a property that people see when they print the object.
    events = { __proto__: null };
    Object.defineProperty(emitter, '_events', { value: events, writable: true, configurable: true, enumerable: false });
    Object.defineProperty(emitter, '_eventsCount', { value: 0, writable: true, configurable: true, enumerable: false });
  } else if (events.newListener !== undefined) {
    emitter.emit('newListener', name, listener.listener ? listener.listener : listener);
    events = emitter._events;
  }
  const known = events[name];
  if (known === undefined) {
    events[name] = listener;
    ++emitter._eventsCount;
  } else {
    if (typeof known === 'function') events[name] = first ? [listener, known] : [known, listener];
    else if (first) known.unshift(listener);
    else known.push(listener);
    const limit = limitOf(emitter);
    const list = events[name];
    if (limit > 0 && list.length > limit && !list.warned) warnOfLeak(emitter, name, list, limit);
  }
  if (emitter._listenersChanged !== undefined) emitter._listenersChanged(name);
  return emitter;
}

function warnOfLeak(emitter, name, list, limit) {
  list.warned = true;
  const { inspect } = require('internal/inspect');
  const warning = new Error(
    `Possible EventEmitter memory leak detected. ${list.length} ${String(name)} listeners added to ` +
    `${inspect(emitter, { depth: -1 })}. MaxListeners is ${limit}. Use emitter.setMaxListeners() to increase limit`);
  warning.name = 'MaxListenersExceededWarning';
  warning.emitter = emitter;
  warning.type = name;
  warning.count = list.length;
  require('internal/process').process.emitWarning(warning);
}

function onceWrapper(emitter, name, listener) {
  checkListener(listener);
  const state = { fired: false, wrapped: undefined, target: emitter, type: name, listener };
  const wrapped = function(...args) {
    if (state.fired) return undefined;
    emitter.removeListener(name, wrapped);
    state.fired = true;
    return Reflect.apply(listener, emitter, args);
  };
  wrapped.listener = listener;
  return wrapped;
}

prototype.addListener = function addListener(name, listener) { return add(this, name, listener, false); };
prototype.on = prototype.addListener;
prototype.prependListener = function prependListener(name, listener) { return add(this, name, listener, true); };
prototype.once = function once(name, listener) { return this.on(name, onceWrapper(this, name, listener)); };
prototype.prependOnceListener = function prependOnceListener(name, listener) { return this.prependListener(name, onceWrapper(this, name, listener)); };

function forget(emitter, name) {
  if (--emitter._eventsCount === 0) {
    setEvents(emitter, { __proto__: null });
  } else {
    delete emitter._events[name];
  }
}

function setEvents(emitter, events) { emitter._events = events; }

prototype.removeListener = function removeListener(name, listener) {
  checkListener(listener);
  const events = this._events;
  if (events === undefined) return this;
  const known = events[name];
  if (known === undefined) return this;
  if (typeof known === 'function') {
    if (known !== listener && known.listener !== listener) return this;
    forget(this, name);
    if (events.removeListener !== undefined) this.emit('removeListener', name, known.listener || listener);
    return this;
  }
  let at = -1;
  for (let i = known.length - 1; i >= 0; i--) {
    if (known[i] === listener || known[i].listener === listener) {
      at = i;
      break;
    }
  }
  if (at < 0) return this;
  if (at === 0) known.shift();
  else known.splice(at, 1);
  if (known.length === 1) events[name] = known[0];
  if (events.removeListener !== undefined) this.emit('removeListener', name, listener);
  return this;
};
prototype.off = prototype.removeListener;

prototype.removeAllListeners = function removeAllListeners(name) {
  const events = this._events;
  if (events === undefined) return this;
  if (events.removeListener === undefined) {
    if (arguments.length === 0) {
      setEvents(this, { __proto__: null });
      this._eventsCount = 0;
    } else if (events[name] !== undefined) {
      forget(this, name);
    }
    return this;
  }
  // Somebody wants to hear of each.
  if (arguments.length === 0) {
    for (const key of Reflect.ownKeys(events)) {
      if (key !== 'removeListener') this.removeAllListeners(key);
    }
    this.removeAllListeners('removeListener');
    setEvents(this, { __proto__: null });
    this._eventsCount = 0;
    return this;
  }
  const listeners = events[name];
  if (typeof listeners === 'function') {
    this.removeListener(name, listeners);
  } else if (listeners !== undefined) {
    for (let i = listeners.length - 1; i >= 0; i--) this.removeListener(name, listeners[i]);
  }
  return this;
};

function listOf(emitter, name, unwrap) {
  const known = emitter._events === undefined ? undefined : emitter._events[name];
  if (known === undefined) return [];
  if (typeof known === 'function') return [unwrap ? known.listener || known : known];
  return unwrap ? known.map((listener) => listener.listener || listener) : known.slice();
}

prototype.listeners = function listeners(name) { return listOf(this, name, true); };
prototype.rawListeners = function rawListeners(name) { return listOf(this, name, false); };

prototype.listenerCount = function listenerCount(name, listener) {
  const known = this._events === undefined ? undefined : this._events[name];
  if (known === undefined) return 0;
  if (typeof known === 'function') {
    return listener == null || known === listener || known.listener === listener ? 1 : 0;
  }
  if (listener == null) return known.length;
  let count = 0;
  for (const each of known) if (each === listener || each.listener === listener) count++;
  return count;
};

prototype.eventNames = function eventNames() { return this._eventsCount > 0 ? Reflect.ownKeys(this._events) : []; };

exports.EventEmitter = EventEmitter;
exports.kErrorMonitor = kErrorMonitor;
exports.kRejection = kRejection;
