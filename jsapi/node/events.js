// SPDX-License-Identifier: Apache-2.0
// node:events: EventEmitter, and what waits for or looks at the events of emitters and event targets.
'use strict';

const { EventEmitter } = require('internal/emitter');
const { AbortError, codes } = require('internal/errors');
const { validateAbortSignal, validateFunction, validateInteger, validateNumber, validateObject, validateString } = require('internal/validators');
const eventTarget = require('internal/event_target');

const isTarget = (value) => value !== null && typeof value === 'object' && typeof value.addEventListener === 'function' && typeof value.dispatchEvent === 'function';
const isEmitter = (value) => value !== null && value !== undefined && typeof value.on === 'function';

function checkOptions(options) { validateObject(options, 'options'); }

// Listens on an emitter or a target; returns what stops it.
function listen(emitter, name, listener, once) {
  if (isEmitter(emitter)) {
    if (once) emitter.once(name, listener);
    else emitter.on(name, listener);
    return () => emitter.removeListener(name, listener);
  }
  if (emitter !== null && emitter !== undefined && typeof emitter.addEventListener === 'function') {
    emitter.addEventListener(name, listener, { once });
    return () => emitter.removeEventListener(name, listener);
  }
  throw new codes.ERR_INVALID_ARG_TYPE('emitter', 'EventEmitter', emitter);
}

async function once(emitter, name, options = {}) {
  checkOptions(options);
  const { signal } = options;
  validateAbortSignal(signal, 'options.signal');
  if (signal?.aborted) throw new AbortError(undefined, { cause: signal.reason });
  return new Promise((resolve, reject) => {
    let stopError = null;
    let stopAbort = null;
    const done = (...args) => {
      if (stopError !== null) stopError();
      if (stopAbort !== null) stopAbort();
      resolve(args);
    };
    const stop = listen(emitter, name, done, true);
    // A target has no 'error' that would mean failure.
    if (name !== 'error' && typeof emitter.once === 'function') {
      stopError = listen(emitter, 'error', (error) => {
        stop();
        if (stopAbort !== null) stopAbort();
        reject(error);
      }, true);
    }
    if (signal !== undefined) {
      const abort = () => {
        stop();
        if (stopError !== null) stopError();
        reject(new AbortError(undefined, { cause: signal.reason }));
      };
      signal.addEventListener('abort', abort, { once: true });
      stopAbort = () => signal.removeEventListener('abort', abort);
    }
  });
}

const AsyncIteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}).prototype);

function on(emitter, name, options = {}) {
  checkOptions(options);
  const { signal } = options;
  validateAbortSignal(signal, 'options.signal');
  if (signal?.aborted) throw new AbortError(undefined, { cause: signal.reason });
  const high = options.highWaterMark ?? options.highWatermark ?? Number.MAX_SAFE_INTEGER;
  validateInteger(high, 'options.highWaterMark', 1);
  const low = options.lowWaterMark ?? options.lowWatermark ?? 1;
  validateInteger(low, 'options.lowWaterMark', 1);

  const events = [];    // not asked for yet
  const waiting = [];   // asked for, not there yet
  const stops = [];
  let paused = false;
  let finished = false;
  let failure = null;

  function finish() {
    for (const stop of stops.splice(0)) stop();
    finished = true;
    const end = { value: undefined, done: true };
    for (const { resolve } of waiting.splice(0)) resolve(end);
    return Promise.resolve(end);
  }
  function fail(error) {
    if (waiting.length > 0) waiting.shift().reject(error);
    else failure = error;
    finish();
  }
  function take(...args) {
    if (waiting.length > 0) {
      waiting.shift().resolve({ value: args, done: false });
      return;
    }
    events.push(args);
    if (!paused && events.length > high && typeof emitter.pause === 'function') {
      paused = true;
      emitter.pause();
    }
  }

  const iterator = Object.setPrototypeOf({
    next() {
      if (events.length > 0) {
        const value = events.shift();
        if (paused && events.length < low) {
          emitter.resume();
          paused = false;
        }
        return Promise.resolve({ value, done: false });
      }
      if (failure !== null) {
        const error = failure;
        failure = null;
        return Promise.reject(error);
      }
      if (finished) return finish();
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    return() { return finish(); },
    throw(error) {
      if (!error || !(error instanceof Error)) throw new codes.ERR_INVALID_ARG_TYPE('EventEmitter.AsyncIterator', 'Error', error);
      fail(error);
    },
    [Symbol.asyncIterator]() { return this; },
  }, AsyncIteratorPrototype);

  stops.push(listen(emitter, name, take, false));
  if (name !== 'error' && typeof emitter.on === 'function') stops.push(listen(emitter, 'error', fail, false));
  for (const close of options.close ?? []) stops.push(listen(emitter, close, finish, false));
  if (signal) {
    const abort = () => fail(new AbortError(undefined, { cause: signal.reason }));
    signal.addEventListener('abort', abort, { once: true });
    stops.push(() => signal.removeEventListener('abort', abort));
  }
  return iterator;
}

function getEventListeners(emitter, name) {
  if (typeof emitter?.listeners === 'function') return emitter.listeners(name);
  if (isTarget(emitter)) return eventTarget.listenersOf(emitter, name);
  throw new codes.ERR_INVALID_ARG_TYPE('emitter', ['EventEmitter', 'EventTarget'], emitter);
}

function getMaxListeners(emitter) {
  if (typeof emitter?.getMaxListeners === 'function') return emitter.getMaxListeners();
  if (isTarget(emitter)) return eventTarget.getMaxListeners(emitter) ?? EventEmitter.defaultMaxListeners;
  throw new codes.ERR_INVALID_ARG_TYPE('emitter', ['EventEmitter', 'EventTarget'], emitter);
}

function setMaxListeners(n = EventEmitter.defaultMaxListeners, ...emitters) {
  validateNumber(n, 'setMaxListeners', 0);
  if (emitters.length === 0) {
    EventEmitter.defaultMaxListeners = n;
    return;
  }
  for (const emitter of emitters) {
    if (isTarget(emitter)) eventTarget.setMaxListeners(emitter, n);
    else if (typeof emitter?.setMaxListeners === 'function') emitter.setMaxListeners(n);
    else throw new codes.ERR_INVALID_ARG_TYPE('eventTargets', ['EventEmitter', 'EventTarget'], emitter);
  }
}

function listenerCount(emitter, name) {
  if (typeof emitter?.listenerCount === 'function') return emitter.listenerCount(name);
  if (isTarget(emitter)) return eventTarget.listenersOf(emitter, name).length;
  throw new codes.ERR_INVALID_ARG_TYPE('emitter', ['EventEmitter', 'EventTarget'], emitter);
}

function addAbortListener(signal, listener) {
  if (signal === undefined) throw new codes.ERR_INVALID_ARG_TYPE('signal', 'AbortSignal', signal);
  validateAbortSignal(signal, 'signal');
  validateFunction(listener, 'listener');
  let stop;
  if (signal.aborted) {
    queueMicrotask(() => listener());
  } else {
    // Also where a listener before it calls stopImmediatePropagation().
    eventTarget.addResistantListener(signal, 'abort', listener);
    stop = () => signal.removeEventListener('abort', listener);
  }
  return { __proto__: null, [Symbol.dispose ?? Symbol.for('nodejs.dispose')]() { stop?.(); } };
}

// Made when first asked for: most programs never do, and async_hooks costs.
let AsyncResourceEmitter;
function makeAsyncResourceEmitter() {
  const { AsyncResource } = require('node:async_hooks');
  class EventEmitterReferencingAsyncResource extends AsyncResource {
    #emitter;
    constructor(emitter, type, options) {
      super(type, options);
      this.#emitter = emitter;
    }
    get eventEmitter() { return this.#emitter; }
  }
  return class EventEmitterAsyncResource extends EventEmitter {
    #resource;
    constructor(options = undefined) {
      let name;
      if (typeof options === 'string') {
        name = options;
        options = undefined;
      } else {
        if (new.target === EventEmitterAsyncResource) validateString(options?.name, 'options.name');
        name = options?.name || new.target.name;
      }
      super(options);
      this.#resource = new EventEmitterReferencingAsyncResource(this, name, options);
    }
    emit(event, ...args) { return this.#resource.runInAsyncScope(super.emit, this, event, ...args); }
    emitDestroy() { this.#resource.emitDestroy(); }
    get asyncId() { return this.#resource.asyncId(); }
    get triggerAsyncId() { return this.#resource.triggerAsyncId(); }
    get asyncResource() { return this.#resource; }
  };
}

module.exports = EventEmitter;
Object.assign(EventEmitter, { addAbortListener, once, on, getEventListeners, getMaxListeners, EventEmitter, setMaxListeners, listenerCount });
Object.defineProperty(EventEmitter, 'EventEmitterAsyncResource', {
  configurable: true, enumerable: require('internal/bootstrap').has('node:async_hooks'),
  get() { return AsyncResourceEmitter ??= makeAsyncResourceEmitter(); },
});
