// SPDX-License-Identifier: Apache-2.0
// Mock functions of node:test: they note their calls and can be given another behaviour.
'use strict';

const { codes } = require('internal/errors');
const { validateFunction, validateInteger, validateObject } = require('internal/validators');

class MockFunctionContext {
  #calls = []; #implementation; #once = new Map(); #restore;
  constructor(implementation, restore) {
    this.#implementation = implementation;
    this.#restore = restore;
  }
  get calls() { return this.#calls.slice(); }
  callCount() { return this.#calls.length; }
  mockImplementation(fn) {
    validateFunction(fn, 'implementation');
    this.#implementation = fn;
  }
  mockImplementationOnce(fn, onCall = this.#calls.length) {
    validateFunction(fn, 'implementation');
    validateInteger(onCall, 'onCall', this.#calls.length);
    this.#once.set(onCall, fn);
  }
  resetCalls() { this.#calls = []; }
  restore() { this.#restore?.(); }
  // For the mock itself.
  static implementationOf(context) {
    const number = context.#calls.length;
    const once = context.#once.get(number);
    context.#once.delete(number);
    return once ?? context.#implementation;
  }
  static note(context, call) { context.#calls.push(call); }
  static setRestore(context, restore) { context.#restore = restore; }
}
const { implementationOf, note, setRestore } = MockFunctionContext;
delete MockFunctionContext.implementationOf;
delete MockFunctionContext.note;
delete MockFunctionContext.setRestore;

function makeMock(original, implementation, restore) {
  const context = new MockFunctionContext(implementation, restore);
  return new Proxy(original, {
    apply(target, self, args) {
      const fn = implementationOf(context);
      let result;
      let error;
      try {
        result = Reflect.apply(fn, self, args);
        return result;
      } catch (caught) {
        error = caught;
        throw caught;
      } finally {
        note(context, { arguments: args, error, result, stack: new Error(), target: undefined, this: self });
      }
    },
    construct(target, args, newTarget) {
      const fn = implementationOf(context);
      let result;
      let error;
      try {
        result = Reflect.construct(fn, args, newTarget);
        return result;
      } catch (caught) {
        error = caught;
        throw caught;
      } finally {
        note(context, { arguments: args, error, result, stack: new Error(), target, this: result });
      }
    },
    get(target, key, receiver) { return key === 'mock' ? context : Reflect.get(target, key, receiver); },
  });
}

// An object like t.mock: what it made can be undone together.
exports.createMocks = function createMocks() {
  const made = [];
  function limited(implementation, original, times) {
    if (times === undefined) return implementation;
    validateInteger(times, 'options.times', 1);
    let left = times;
    return function(...args) { return Reflect.apply(left-- > 0 ? implementation : original, this, args); };
  }
  const mocks = {
    fn(original = function() {}, implementation = original, options = {}) {
      if (original !== null && typeof original === 'object') {
        options = original;
        original = function() {};
        implementation = original;
      } else if (implementation !== null && typeof implementation === 'object') {
        options = implementation;
        implementation = original;
      }
      validateFunction(original, 'original');
      validateFunction(implementation, 'implementation');
      const mock = makeMock(original, limited(implementation, original, options.times));
      setRestore(mock.mock, () => mock.mock.mockImplementation(original));
      made.push(mock.mock);
      return mock;
    },
    method(object, name, implementation, options = {}) {
      if (object === null || (typeof object !== 'object' && typeof object !== 'function')) validateObject(object, 'object');
      if (implementation !== null && typeof implementation === 'object') {
        options = implementation;
        implementation = undefined;
      }
      const { getter = false, setter = false } = options;
      let holder = object;
      let descriptor;
      while (holder !== null && (descriptor = Object.getOwnPropertyDescriptor(holder, name)) === undefined) holder = Object.getPrototypeOf(holder);
      const original = getter ? descriptor?.get : setter ? descriptor?.set : descriptor?.value ?? object[name];
      if (typeof original !== 'function') throw new codes.ERR_INVALID_ARG_VALUE('methodName', original, 'must be a method');
      implementation ??= original;
      validateFunction(implementation, 'implementation');
      const own = Object.getOwnPropertyDescriptor(object, name);
      const restore = () => {
        if (own !== undefined) Object.defineProperty(object, name, own);
        else delete object[name];
      };
      const mock = makeMock(original, limited(implementation, original, options.times), restore);
      const replaced = { configurable: true, enumerable: descriptor?.enumerable ?? true };
      if (getter) Object.assign(replaced, { get: mock, set: descriptor.set });
      else if (setter) Object.assign(replaced, { get: descriptor.get, set: mock });
      else Object.assign(replaced, { value: mock, writable: true });
      Object.defineProperty(object, name, replaced);
      made.push(mock.mock);
      return mock;
    },
    getter(object, name, implementation, options) { return mocks.method(object, name, implementation, { ...options, getter: true }); },
    setter(object, name, implementation, options) { return mocks.method(object, name, implementation, { ...options, setter: true }); },
    property(object, name, value) {
      const own = Object.getOwnPropertyDescriptor(object, name);
      object[name] = value;
      made.push({ restore() { if (own !== undefined) Object.defineProperty(object, name, own); else delete object[name]; } });
      return object;
    },
    reset() {
      mocks.restoreAll();
      made.length = 0;
    },
    restoreAll() { for (const each of made) each.restore(); },
  };
  return mocks;
};
