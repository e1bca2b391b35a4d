// SPDX-License-Identifier: Apache-2.0
// Sign and Verify, sign() and verify().
'use strict';

const { Writable } = require('node:stream');
const { codes } = require('internal/errors');
const { validateEncoding, validateFunction, validateString } = require('internal/validators');
const { asBuffer, bound, encoded, getArrayBufferOrView, inputOf } = require('internal/node/crypto_util');
const { preparePrivateKey, preparePublicOrPrivateKey, keyHandleOf } = require('internal/node/crypto_keys');
const native = internalBinding('crypto');

const kHash = Symbol('kHash');
const kAlgorithm = Symbol('kAlgorithm');
const kDone = Symbol('kDone');

function construct(self, algorithm, options) {
  validateString(algorithm, 'algorithm');
  self[kHash] = native.hashMake(algorithm, undefined);
  if (self[kHash] === undefined) throw new codes.ERR_CRYPTO_INVALID_DIGEST(`Invalid digest: ${algorithm}`);
  self[kAlgorithm] = algorithm;
  self[kDone] = false;
  Reflect.apply(Writable, self, [options]);
}

const methods = {
  _write(chunk, encoding, callback) {
    this.update(chunk, encoding);
    callback();
  },
  update(data, encoding) {
    if (typeof data === 'string') validateEncoding(data, encoding);
    else if (!ArrayBuffer.isView(data)) throw new codes.ERR_INVALID_ARG_TYPE('data', ['string', 'Buffer', 'TypedArray', 'DataView'], data);
    if (this[kDone]) throw new Error('Not initialised');
    native.hashUpdate(this[kHash], inputOf(data, encoding));
    return this;
  },
};
function digestOf(self) {
  if (self[kDone]) throw new Error('Not initialised');
  self[kDone] = true;
  return native.hashDigest(self[kHash], undefined, false);
}

function intOption(options, name) {
  const value = options[name];
  if (value === undefined || value === value >> 0) return value;
  throw new codes.ERR_INVALID_ARG_VALUE(name, value);
}
// [padding, salt, ieee]
function mannerOf(options) {
  if (typeof options !== 'object' || options === null) return [undefined, undefined, false];
  const padding = intOption(options, 'padding');
  const salt = intOption(options, 'saltLength');
  const { dsaEncoding } = options;
  if (dsaEncoding !== undefined && dsaEncoding !== 'der' && dsaEncoding !== 'ieee-p1363') throw new codes.ERR_INVALID_ARG_VALUE('dsaEncoding', dsaEncoding);
  return [padding, salt, dsaEncoding === 'ieee-p1363'];
}

function Sign(algorithm, options) {
  if (!new.target && !(this instanceof Sign)) return new Sign(algorithm, options);
  construct(this, algorithm, options);
}
Object.setPrototypeOf(Sign.prototype, Writable.prototype);
Object.setPrototypeOf(Sign, Writable);
Object.assign(Sign.prototype, methods);
Sign.prototype.sign = function sign(options, encoding) {
  if (!options) throw new codes.ERR_CRYPTO_SIGN_KEY_REQUIRED();
  const prepared = preparePrivateKey(options);
  const manner = mannerOf(options);
  const handle = keyHandleOf(prepared, false);
  return encoded(native.signDigest(undefined, handle, this[kAlgorithm], ...manner, digestOf(this)), encoding);
};

function Verify(algorithm, options) {
  if (!new.target && !(this instanceof Verify)) return new Verify(algorithm, options);
  construct(this, algorithm, options);
}
Object.setPrototypeOf(Verify.prototype, Writable.prototype);
Object.setPrototypeOf(Verify, Writable);
Object.assign(Verify.prototype, methods);
Verify.prototype.verify = function verify(options, signature, encoding) {
  const prepared = preparePublicOrPrivateKey(options);
  const manner = mannerOf(options);
  signature = getArrayBufferOrView(signature, 'signature', encoding);
  const handle = keyHandleOf(prepared, true);
  return native.verifyDigest(undefined, handle, this[kAlgorithm], ...manner, digestOf(this), signature);
};

function sign(algorithm, data, key, callback) {
  if (algorithm != null) validateString(algorithm, 'algorithm');
  if (callback !== undefined) validateFunction(callback, 'callback');
  data = getArrayBufferOrView(data, 'data');
  if (!key) throw new codes.ERR_CRYPTO_SIGN_KEY_REQUIRED();
  const manner = mannerOf(key);
  const handle = keyHandleOf(preparePrivateKey(key), false);
  checkDigest(algorithm);
  if (callback === undefined) return asBuffer(native.signWhole(undefined, handle, algorithm ?? undefined, ...manner, data));
  native.signWhole(bound((error, bytes) => { if (error) callback(error); else callback(null, asBuffer(bytes)); }), handle, algorithm ?? undefined, ...manner, data);
}
function verify(algorithm, data, key, signature, callback) {
  if (algorithm != null) validateString(algorithm, 'algorithm');
  if (callback !== undefined) validateFunction(callback, 'callback');
  data = getArrayBufferOrView(data, 'data');
  if (!ArrayBuffer.isView(data)) data = new Uint8Array(data);
  const manner = mannerOf(key);
  if (!ArrayBuffer.isView(signature) && !(signature instanceof ArrayBuffer)) {
    throw new codes.ERR_INVALID_ARG_TYPE('signature', ['Buffer', 'TypedArray', 'DataView'], signature);
  }
  const handle = keyHandleOf(preparePublicOrPrivateKey(key), true);
  checkDigest(algorithm);
  if (callback === undefined) return native.verifyWhole(undefined, handle, algorithm ?? undefined, ...manner, data, signature);
  native.verifyWhole(bound((error, result) => { if (error) callback(error); else callback(null, result); }), handle, algorithm ?? undefined, ...manner, data, signature);
}
function checkDigest(algorithm) {
  if (algorithm != null && native.digestInfo(algorithm) === undefined) throw new codes.ERR_CRYPTO_INVALID_DIGEST(`Invalid digest: ${algorithm}`);
}

module.exports = {
  Sign, Verify, sign, verify,
  createSign: (algorithm, options) => new Sign(algorithm, options),
  createVerify: (algorithm, options) => new Verify(algorithm, options),
};
