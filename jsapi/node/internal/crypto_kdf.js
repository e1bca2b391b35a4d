// SPDX-License-Identifier: Apache-2.0
// pbkdf2, scrypt and hkdf; argon2 says that OpenSSL 3.0 has none.
'use strict';

const { codes } = require('internal/errors');
const { validateFunction, validateInt32, validateInteger, validateString, validateUint32 } = require('internal/validators');
const { asBuffer, bound, getArrayBufferOrView, isAnyArrayBuffer } = require('internal/node/crypto_util');
const { isKeyObject, isCryptoKey, prepareSecretKey, kHandle, kKeyObject } = require('internal/node/crypto_keys');
const native = internalBinding('crypto');

const kMaxInt32 = 2 ** 31 - 1;

function pbkdf2Order(password, salt, iterations, keylen, digest) {
  validateString(digest, 'digest');
  password = getArrayBufferOrView(password, 'password');
  salt = getArrayBufferOrView(salt, 'salt');
  validateInt32(iterations, 'iterations', 1);
  validateInt32(keylen, 'keylen', 0);
  if (native.digestInfo(digest) === undefined) throw new codes.ERR_CRYPTO_INVALID_DIGEST(`Invalid digest: ${digest}`);
  return [password, salt, iterations, keylen, digest];
}
function pbkdf2(password, salt, iterations, keylen, digest, callback) {
  if (typeof digest === 'function') {
    callback = digest;
    digest = undefined;
  }
  const order = pbkdf2Order(password, salt, iterations, keylen, digest);
  validateFunction(callback, 'callback');
  native.pbkdf2(bound((error, bytes) => { if (error) callback(error); else callback(null, asBuffer(bytes)); }), ...order);
}
const pbkdf2Sync = (password, salt, iterations, keylen, digest) =>
  asBuffer(native.pbkdf2(undefined, ...pbkdf2Order(password, salt, iterations, keylen, digest)));

function scryptOrder(password, salt, keylen, options) {
  password = getArrayBufferOrView(password, 'password');
  salt = getArrayBufferOrView(salt, 'salt');
  validateInt32(keylen, 'keylen', 0);
  let N = 16384, r = 8, p = 1, maxmem = 32 << 20;
  if (options && options !== undefined) {
    const pair = (short, long, standard) => {
      const isShort = options[short] !== undefined;
      const isLong = options[long] !== undefined;
      if (isShort && isLong) throw new codes.ERR_INCOMPATIBLE_OPTION_PAIR(short, long);
      if (isShort) validateUint32(options[short], short);
      if (isLong) validateUint32(options[long], long);
      return (isShort ? options[short] : isLong ? options[long] : undefined) || standard;
    };
    N = pair('N', 'cost', N);
    r = pair('r', 'blockSize', r);
    p = pair('p', 'parallelization', p);
    if (options.maxmem !== undefined) {
      maxmem = options.maxmem;
      validateInteger(maxmem, 'maxmem', 0);
    }
  }
  const problem = native.scryptCheck(N, r, p, maxmem);
  if (problem !== undefined) throw new codes.ERR_CRYPTO_INVALID_SCRYPT_PARAMS(problem);
  return [password, salt, N, r, p, maxmem, keylen];
}
function scrypt(password, salt, keylen, options, callback) {
  if (callback === undefined) {
    callback = options;
    options = undefined;
  }
  const order = scryptOrder(password, salt, keylen, options);
  validateFunction(callback, 'callback');
  native.scrypt(bound((error, bytes) => { if (error) callback(error); else callback(null, asBuffer(bytes)); }), ...order);
}
const scryptSync = (password, salt, keylen, options) => asBuffer(native.scrypt(undefined, ...scryptOrder(password, salt, keylen, options)));

function hkdfOrder(digest, key, salt, info, length) {
  validateString(digest, 'digest');
  if (isKeyObject(key)) key = key[kHandle];
  else if (isCryptoKey(key)) key = key[kKeyObject][kHandle];
  else if (typeof key === 'string' || ArrayBuffer.isView(key) || isAnyArrayBuffer(key)) key = native.keySecret(prepareSecretKey(key));
  else throw new codes.ERR_INVALID_ARG_TYPE('ikm', ['string', 'SecretKeyObject', 'ArrayBuffer', 'TypedArray', 'DataView', 'Buffer'], key);
  const bytes = (value, name) => {
    if (typeof value !== 'string' && !ArrayBuffer.isView(value) && !isAnyArrayBuffer(value)) {
      throw new codes.ERR_INVALID_ARG_TYPE(name, ['string', 'ArrayBuffer', 'TypedArray', 'DataView', 'Buffer'], value);
    }
    return getArrayBufferOrView(value, name);
  };
  salt = bytes(salt, 'salt');
  info = bytes(info, 'info');
  validateInteger(length, 'length', 0, kMaxInt32);
  if (info.byteLength > 1024) throw new codes.ERR_OUT_OF_RANGE('info', 'must not contain more than 1024 bytes', info.byteLength);
  const known = native.digestInfo(digest);
  if (known === undefined) throw new codes.ERR_CRYPTO_INVALID_DIGEST(`Invalid digest: ${digest}`);
  // RFC 5869 section 2.3
  if (length > known[1] * 255) throw new codes.ERR_CRYPTO_INVALID_KEYLEN();
  return [digest, key, salt, info, length];
}
function hkdf(digest, key, salt, info, length, callback) {
  const order = hkdfOrder(digest, key, salt, info, length);
  validateFunction(callback, 'callback');
  native.hkdf(bound((error, bytes) => { if (error) callback(error); else callback(null, bytes.buffer); }), ...order);
}
const hkdfSync = (digest, key, salt, info, length) => native.hkdf(undefined, ...hkdfOrder(digest, key, salt, info, length)).buffer;

function argon2() { throw new codes.ERR_CRYPTO_ARGON2_NOT_SUPPORTED(); }
const argon2Sync = argon2;

module.exports = { pbkdf2, pbkdf2Sync, scrypt, scryptSync, hkdf, hkdfSync, argon2, argon2Sync };
