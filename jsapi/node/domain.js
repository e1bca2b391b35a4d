// SPDX-License-Identifier: Apache-2.0
// node:domain: errors of what was started within a domain go to its 'error' listeners. Which domain an operation belongs to is
// kept by a hook of async_hooks; from the first require of this module on, every operation costs that.
'use strict';

const { EventEmitter } = require('internal/emitter');
const { codes } = require('internal/errors');
const { process } = require('internal/process');
const ids = require('internal/node/async_hooks');
const context = require('internal/async_context');

if (process.hasUncaughtExceptionCaptureCallback()) throw new codes.ERR_DOMAIN_CALLBACK_NOT_AVAILABLE();
context.start();

const kDomain = Symbol('domain');
const stack = [];
let active = null;

Object.defineProperty(process, 'domain', { enumerable: true, configurable: true, get: () => active, set: (value) => { active = value; } });

// ---- errors that nobody caught

const setCapture = process.setUncaughtExceptionCaptureCallback;
const loadedAt = new Error('require(`domain`) at this point');
process.setUncaughtExceptionCaptureCallback = function setUncaughtExceptionCaptureCallback() {
  const error = new codes.ERR_DOMAIN_CANNOT_SET_UNCAUGHT_EXCEPTION_CAPTURE();
  error.stack += `\n${'-'.repeat(40)}\n${loadedAt.stack}`;
  throw error;
};

// Taken only while a domain on the stack listens; else 'uncaughtException' stays what it is.
function updateCapture() {
  setCapture(null);
  if (stack.some((domain) => domain.listenerCount('error') > 0)) setCapture((error) => active._errorHandler(error));
}

function clear() {
  stack.length = 0;
  active = null;
  updateCapture();
}

process.on('newListener', (name, listener) => {
  if (name !== 'uncaughtException' || listener === clear) return;
  // The stack is empty before any listener of the program runs.
  process.removeListener(name, clear);
  process.prependListener(name, clear);
});
process.on('removeListener', (name, listener) => {
  if (name !== 'uncaughtException' || listener === clear) return;
  const listeners = process.listeners('uncaughtException');
  if (listeners.length === 1 && listeners[0] === clear) process.removeListener(name, clear);
});

function mark(error, domain, properties) {
  if ((typeof error !== 'object' || error === null) && typeof error !== 'function') return;
  Object.assign(error, properties);
  Object.defineProperty(error, 'domain', { configurable: true, enumerable: false, value: domain, writable: true });
}

class Domain extends EventEmitter {
  constructor() {
    super();
    this.members = [];
    this.on('newListener', onListenersChange);
    this.on('removeListener', onListenersChange);
    hook();
  }
  _errorHandler(error) {
    let caught = false;
    mark(error, this, { domainThrown: true });
    // The handler does not run within its own domain.
    while (active === this) this.exit();
    if (stack.length === 0) {
      if (this.listenerCount('error') > 0) {
        // What the handler throws is fatal: nothing stands above.
        setCapture(null);
        try {
          caught = this.emit('error', error);
        } finally {
          updateCapture();
        }
      }
    } else {
      try {
        caught = this.emit('error', error);
      } catch (second) {
        updateCapture();
        if (stack.length === 0) throw second;
        active = stack[stack.length - 1];
        caught = active._errorHandler(second);
      }
    }
    clear();
    return caught;
  }
  enter() {
    active = this;
    stack.push(this);
    updateCapture();
  }
  exit() {
    const at = stack.lastIndexOf(this);
    if (at === -1) return;
    stack.splice(at);
    active = stack.length === 0 ? undefined : stack[stack.length - 1];
    updateCapture();
  }
  add(emitter) {
    if (emitter.domain === this) return;
    if (emitter.domain) emitter.domain.remove(emitter);
    // No domain contains itself.
    if (this.domain && emitter instanceof Domain) {
      for (let above = this.domain; above; above = above.domain) if (emitter === above) return;
    }
    Object.defineProperty(emitter, 'domain', { configurable: true, enumerable: false, value: this, writable: true });
    this.members.push(emitter);
  }
  remove(emitter) {
    emitter.domain = null;
    const at = this.members.indexOf(emitter);
    if (at !== -1) this.members.splice(at, 1);
  }
  run(fn, ...args) {
    this.enter();
    const result = Reflect.apply(fn, this, args);
    this.exit();
    return result;
  }
  intercept(callback) {
    const domain = this;
    return function runIntercepted(error, ...args) {
      if (error instanceof Error) {
        mark(error, domain, { domainBound: callback, domainThrown: false });
        domain.emit('error', error);
        return undefined;
      }
      return runIn(domain, callback, this, args);
    };
  }
  bind(callback) {
    const domain = this;
    function runBound(...args) { return runIn(domain, callback, this, args); }
    Object.defineProperty(runBound, 'domain', { configurable: true, enumerable: false, value: this, writable: true });
    return runBound;
  }
}

function onListenersChange(name) {
  if (name === 'error') require('internal/ticks').nextTick(() => updateCapture());
}

function runIn(domain, fn, self, args) {
  domain.enter();
  const result = Reflect.apply(fn, self, args);
  domain.exit();
  return result;
}

// ---- operations

let hooked = false;
function hook() {
  if (hooked) return;
  hooked = true;
  ids.enable({
    trackPromises: true,
    init(id, type, trigger, resource) {
      if (active === null || active === undefined) return;
      // Held by a symbol: many resources are objects that people see.
      Object.defineProperty(resource, kDomain, { configurable: true, enumerable: false, value: active, writable: true });
      if (resource.domain === undefined) Object.defineProperty(resource, 'domain', { configurable: true, enumerable: false, value: active, writable: true });
    },
    before() {
      const domain = ids.executionAsyncResource()[kDomain];
      if (domain !== undefined) domain.enter();
    },
    after() {
      const domain = ids.executionAsyncResource()[kDomain];
      if (domain !== undefined) domain.exit();
    },
  });
}

// ---- emitters

EventEmitter.usingDomains = true;
const initialize = EventEmitter.init;
EventEmitter.init = function init(options) {
  Object.defineProperty(this, 'domain', { configurable: true, enumerable: false, value: null, writable: true });
  if (active && !(this instanceof Domain)) this.domain = active;
  return Reflect.apply(initialize, this, [options]);
};

const emitPlainly = EventEmitter.prototype.emit;
EventEmitter.prototype.emit = function emit(name, ...args) {
  const { domain } = this;
  if (domain === null || domain === undefined || this === process) return Reflect.apply(emitPlainly, this, [name, ...args]);
  if (name !== 'error' || this.listenerCount('error') > 0) {
    domain.enter();
    const result = Reflect.apply(emitPlainly, this, [name, ...args]);
    domain.exit();
    return result;
  }
  const error = args.length > 0 && args[0] ? args[0] : new codes.ERR_UNHANDLED_ERROR(args[0]);
  if (typeof error === 'object') mark(error, domain, { domainEmitter: this, domainThrown: false });
  // The listeners of the domain run outside of it, as for an error that was thrown.
  const before = [stack.slice(), active];
  let top = stack.length - 1;
  while (top > -1 && stack[top] === domain) top--;
  stack.length = top + 1;
  active = top > -1 ? stack[top] : null;
  updateCapture();
  domain.emit('error', error);
  stack.splice(0, stack.length, ...before[0]);
  [, active] = before;
  updateCapture();
  return false;
};

module.exports = {
  Domain,
  create: () => new Domain(),
  createDomain: () => new Domain(),
  get active() { return active; },
  set active(value) { active = value; },
  _stack: stack,
};
