// SPDX-License-Identifier: Apache-2.0
// The small globals of the web platform: structuredClone; and those of core modules, which are made when first touched.
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

for (const [name, value] of Object.entries({ structuredClone })) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  exports[name] = value;
}

// Core modules that are globals: materialised when first touched.
const PERFORMANCE = ['performance', 'Performance', 'PerformanceEntry', 'PerformanceMark', 'PerformanceMeasure', 'PerformanceObserver', 'PerformanceObserverEntryList', 'PerformanceResourceTiming'];
const CRYPTO = ['crypto', 'Crypto', 'CryptoKey', 'SubtleCrypto'];
for (const [name, id, key] of [
  ['Buffer', 'node:buffer', 'Buffer'],
  ...PERFORMANCE.map((each) => [each, 'node:perf_hooks', each]),
  ...CRYPTO.map((each) => [each, 'internal/node/webcrypto', each]),
]) {
  let value;
  Object.defineProperty(globalThis, name, {
    configurable: true, enumerable: false,
    get() { return value ??= require('internal/bootstrap').requireBuiltin(id)[key]; },
    set(value) { Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false }); },
  });
}
