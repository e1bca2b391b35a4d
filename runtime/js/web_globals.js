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
const LAZY = {
  'node:buffer': ['Buffer'],
  'node:perf_hooks': [
    'performance', 'Performance', 'PerformanceEntry', 'PerformanceMark', 'PerformanceMeasure', 'PerformanceObserver', 'PerformanceObserverEntryList',
    'PerformanceResourceTiming',
  ],
  'internal/node/webcrypto': ['crypto', 'Crypto', 'CryptoKey', 'SubtleCrypto'],
  'internal/node/messaging': ['MessageChannel', 'MessagePort', 'MessageEvent', 'BroadcastChannel'],
  'internal/node/url_pattern': ['URLPattern'],
  'internal/node/blob': ['Blob', 'File', 'FormData'],
  'node:stream/web': [
    'ReadableStream', 'ReadableStreamDefaultReader', 'ReadableStreamBYOBReader', 'ReadableStreamBYOBRequest', 'ReadableByteStreamController',
    'ReadableStreamDefaultController', 'TransformStream', 'TransformStreamDefaultController', 'WritableStream', 'WritableStreamDefaultController',
    'WritableStreamDefaultWriter', 'ByteLengthQueuingStrategy', 'CountQueuingStrategy', 'TextEncoderStream', 'TextDecoderStream', 'CompressionStream', 'DecompressionStream',
  ],
};
for (const [id, names] of Object.entries(LAZY)) for (const name of names) {
  let value;
  Object.defineProperty(globalThis, name, {
    configurable: true, enumerable: false,
    get() { return value ??= require('internal/bootstrap').requireBuiltin(id)[name]; },
    set(value) { Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false }); },
  });
}
