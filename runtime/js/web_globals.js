// SPDX-License-Identifier: Apache-2.0
// The small globals of the web platform: structuredClone; and those of core modules, which are made when first touched.
'use strict';

// V8 does not know these yet.
for (const name of ['dispose', 'asyncDispose']) {
  if (Symbol[name] === undefined) Object.defineProperty(Symbol, name, { value: Symbol(`Symbol.${name}`), writable: false, configurable: false, enumerable: false });
}

function structuredClone(value, options) {
  return Reflect.apply(require('internal/node/messaging').structuredClone, undefined, arguments);
}

for (const [name, value] of Object.entries({ structuredClone })) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  exports[name] = value;
}

// Core modules that are globals: materialised when first touched.
const PERFORMANCE = ['performance', 'Performance', 'PerformanceEntry', 'PerformanceMark', 'PerformanceMeasure', 'PerformanceObserver', 'PerformanceObserverEntryList', 'PerformanceResourceTiming'];
const CRYPTO = ['crypto', 'Crypto', 'CryptoKey', 'SubtleCrypto'];
const MESSAGING = ['MessageChannel', 'MessagePort', 'MessageEvent', 'BroadcastChannel'];
for (const [name, id, key] of [
  ['Buffer', 'node:buffer', 'Buffer'],
  ...PERFORMANCE.map((each) => [each, 'node:perf_hooks', each]),
  ...CRYPTO.map((each) => [each, 'internal/node/webcrypto', each]),
  ...MESSAGING.map((each) => [each, 'internal/node/messaging', each]),
]) {
  let value;
  Object.defineProperty(globalThis, name, {
    configurable: true, enumerable: false,
    get() { return value ??= require('internal/bootstrap').requireBuiltin(id)[key]; },
    set(value) { Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false }); },
  });
}
