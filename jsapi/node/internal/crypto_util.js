// SPDX-License-Identifier: Apache-2.0
// What the parts of node:crypto share: bytes from arguments, results in an encoding, work on the pool with a callback.
'use strict';

const { Buffer } = require('node:buffer');
const { codes } = require('internal/errors');
const { validateString } = require('internal/validators');
const context = require('internal/async_context');
const { types } = internalBinding('types');

const isStringOrBuffer = (value) => typeof value === 'string' || ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value);

function getArrayBufferOrView(value, name, encoding) {
  if (typeof value === 'string') return Buffer.from(value, encoding === 'buffer' ? 'utf8' : encoding);
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return value;
  throw new codes.ERR_INVALID_ARG_TYPE(name, ['string', 'ArrayBuffer', 'Buffer', 'TypedArray', 'DataView'], value);
}

const asBuffer = (bytes) => Object.setPrototypeOf(bytes, Buffer.prototype);
// A result of C++ in the encoding asked for: no encoding, or "buffer", gives the bytes.
function encoded(bytes, encoding) {
  asBuffer(bytes);
  return encoding && encoding !== 'buffer' ? bytes.toString(encoding) : bytes;
}

// What goes to C++ as it is: bytes, or a text that is UTF-8 there.
function inputOf(data, encoding) {
  if (typeof data !== 'string') return data;
  if (encoding === undefined || encoding === null || encoding === 'utf8' || encoding === 'utf-8' || encoding === 'buffer') return data;
  return Buffer.from(data, encoding);
}

function getStringOption(options, name) {
  const value = options ? options[name] : undefined;
  if (value != null) validateString(value, `options.${name}`);
  return value;
}
function getUintOption(options, name) {
  const value = options ? options[name] : undefined;
  if (value == null) return undefined;
  if (value >>> 0 !== value) throw new codes.ERR_INVALID_ARG_VALUE(`options.${name}`, value);
  return value;
}

// A callback that C++ may call, in the context of now.
const bound = (callback) => context.isUsed() ? context.bind(callback) : callback;

// native(done, ...args) as a promise.
const promised = (native, ...args) => new Promise((resolve, reject) => {
  native((error, value) => { if (error) reject(error); else resolve(value); }, ...args);
});

// An error of C++ begins where the user called.
function fromHere(error, here) {
  Error.captureStackTrace(error, here);
  return error;
}

module.exports = {
  isStringOrBuffer, getArrayBufferOrView, asBuffer, encoded, inputOf, getStringOption, getUintOption, bound, promised, fromHere, isAnyArrayBuffer: types.isAnyArrayBuffer,
  isUint8Array: types.isUint8Array,
};
