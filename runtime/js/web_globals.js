// SPDX-License-Identifier: Apache-2.0
// The small globals of the web platform: structuredClone, performance; and those that are made when first touched.
'use strict';

const { DOMException } = require('internal/event_target');

// V8 does not know these yet.
for (const name of ['dispose', 'asyncDispose']) {
  if (Symbol[name] === undefined) Object.defineProperty(Symbol, name, { value: Symbol(`Symbol.${name}`), writable: false, configurable: false, enumerable: false });
}

function structuredClone(value, options) {
  if (arguments.length === 0) throw new (require('internal/errors').codes.ERR_MISSING_ARGS)('value');
  const transfer = options && options.transfer ? [...options.transfer] : [];
  const failure = {};
  const result = internalBinding('clone').clone(value, transfer, failure);
  if (failure.message !== undefined) throw new DOMException(failure.message, 'DataCloneError');
  return result;
}

class Performance {
  now() { return internalBinding('process').now(); }
  get timeOrigin() { return internalBinding('process').timeOrigin(); }
  toJSON() { return { timeOrigin: this.timeOrigin }; }
  get [Symbol.toStringTag]() { return 'Performance'; }
}

for (const [name, value] of Object.entries({ structuredClone, performance: new Performance(), Performance })) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  exports[name] = value;
}

// Core modules that are globals: materialised when first touched.
for (const [name, id, key] of [
  ['Buffer', 'node:buffer', 'Buffer'], ['crypto', 'internal/node/webcrypto', 'crypto'], ['Crypto', 'internal/node/webcrypto', 'Crypto'],
  ['CryptoKey', 'internal/node/webcrypto', 'CryptoKey'], ['SubtleCrypto', 'internal/node/webcrypto', 'SubtleCrypto'],
]) {
  Object.defineProperty(globalThis, name, {
    configurable: true, enumerable: false,
    get() {
      const value = require('internal/bootstrap').requireBuiltin(id)[key];
      Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
      return value;
    },
    set(value) { Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false }); },
  });
}
