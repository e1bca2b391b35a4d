// SPDX-License-Identifier: Apache-2.0
// node:util/types
'use strict';

const { types } = internalBinding('types');
const tag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;

module.exports = { ...types };
module.exports.isArrayBufferView = ArrayBuffer.isView;
module.exports.isTypedArray = function isTypedArray(value) { return tag.call(value) !== undefined; };
for (const name of ['Uint8Array', 'Uint8ClampedArray', 'Uint16Array', 'Uint32Array', 'Int8Array', 'Int16Array', 'Int32Array', 'Float16Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array']) {
  module.exports[`is${name}`] = { [`is${name}`](value) { return tag.call(value) === name; } }[`is${name}`];
}
module.exports.isKeyObject = function isKeyObject() { return false; };
module.exports.isCryptoKey = function isCryptoKey() { return false; };
