// SPDX-License-Identifier: Apache-2.0
// In place of readable-stream's own substitutes for what util offers.
'use strict';

const util = require('node:util');
const { addAbortListener } = require('node:events');

module.exports = {
  AggregateError,
  kEmptyObject: Object.freeze({ __proto__: null }),
  once(callback) {
    let called = false;
    return function(...args) {
      if (called) return undefined;
      called = true;
      return Reflect.apply(callback, this, args);
    };
  },
  createDeferredPromise() {
    const deferred = {};
    deferred.promise = new Promise((resolve, reject) => Object.assign(deferred, { resolve, reject }));
    return deferred;
  },
  // Not util.promisify: gives the promise of one call.
  promisify: Object.assign((fn) => new Promise((resolve, reject) => {
    fn((error, ...values) => error ? reject(error) : resolve(...values));
  }), { custom: util.promisify.custom }),
  debuglog: util.debuglog, format: util.format, inspect: util.inspect,
  types: { isAsyncFunction: util.types.isAsyncFunction, isArrayBufferView: ArrayBuffer.isView },
  isBlob: (value) => typeof Blob === 'function' && value instanceof Blob,
  deprecate: util.deprecate,
  addAbortListener,
  AbortSignalAny: (signals) => AbortSignal.any(signals),
};
