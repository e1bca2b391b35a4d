// SPDX-License-Identifier: Apache-2.0
// Hash, Hmac and hash().
'use strict';

const LazyTransform = require('internal/node/crypto_stream');
const { Buffer } = require('node:buffer');
const { codes } = require('internal/errors');
const { validateEncoding, validateString, validateUint32, validateObject } = require('internal/validators');
const { encoded, inputOf, getStringOption } = require('internal/node/crypto_util');
const { normalizeEncoding } = require('internal/node/encodings');
const { process } = require('internal/process');
const native = internalBinding('crypto');

const kHandle = Symbol('kHandle');
const kFinalized = Symbol('kFinalized');
const kAlgorithm = Symbol('kAlgorithm');
const kLength = Symbol('kLength');
const kResult = Symbol('kResult');  // what a stream has given

const warned = new Set();
function warnOnce(code, text) {
  if (warned.has(code)) return;
  warned.add(code);
  process.emitWarning(text, 'DeprecationWarning', code);
}
const isShake = (name) => /^shake-?(128|256)$/i.test(name);
function warnOfShake(algorithm, length) {
  if (length === undefined && isShake(algorithm)) {
    warnOnce('DEP0198', 'Creating SHAKE128/256 digests without an explicit options.outputLength is deprecated.');
  }
}

function Hash(algorithm, options) {
  if (!new.target && !(this instanceof Hash)) {
    warnOnce('DEP0179', 'crypto.Hash constructor is deprecated.');
    return new Hash(algorithm, options);
  }
  init(this, algorithm, options);
}
function init(hash, algorithm, options) {
  const copied = typeof algorithm === 'object' && algorithm !== null && algorithm[kHandle] !== undefined;
  if (!copied) validateString(algorithm, 'algorithm');
  const length = typeof options === 'object' && options !== null ? options.outputLength : undefined;
  if (length !== undefined) validateUint32(length, 'options.outputLength');
  const handle = native.hashMake(copied ? algorithm[kHandle] : algorithm, length);
  if (handle === undefined) throw new Error('Digest method not supported');
  hash[kHandle] = handle;
  hash[kFinalized] = false;
  hash[kAlgorithm] = copied ? algorithm[kAlgorithm] : algorithm;
  hash[kLength] = length;
  if (!copied) warnOfShake(algorithm, length);
  Reflect.apply(LazyTransform, hash, [options]);
}
Object.setPrototypeOf(Hash.prototype, LazyTransform.prototype);
Object.setPrototypeOf(Hash, LazyTransform);

Hash.prototype.copy = function copy(options) {
  if (this[kFinalized]) throw new codes.ERR_CRYPTO_HASH_FINALIZED();
  const hash = Object.create(Hash.prototype);
  init(hash, this, options);
  return hash;
};
Hash.prototype._transform = function _transform(chunk, encoding, callback) {
  native.hashUpdate(this[kHandle], inputOf(chunk, encoding));
  callback();
};
// digest() may still be asked for what the stream gave.
Hash.prototype._flush = function _flush(callback) {
  this[kResult] = native.hashDigest(this[kHandle], this[kLength], false);
  this.push(encoded(this[kResult].slice()));
  callback();
};

function checkData(data, encoding) {
  if (typeof data === 'string') {
    if (encoding !== undefined && encoding !== null && encoding !== 'utf8') validateEncoding(data, encoding);
  } else if (!ArrayBuffer.isView(data)) {
    throw new codes.ERR_INVALID_ARG_TYPE('data', ['string', 'Buffer', 'TypedArray', 'DataView'], data);
  }
}
Hash.prototype.update = function update(data, encoding) {
  if (this[kFinalized]) throw new codes.ERR_CRYPTO_HASH_FINALIZED();
  checkData(data, encoding);
  if (!native.hashUpdate(this[kHandle], inputOf(data, encoding))) throw new codes.ERR_CRYPTO_HASH_UPDATE_FAILED();
  return this;
};
Hash.prototype.digest = function digest(encoding) {
  if (this[kFinalized]) throw new codes.ERR_CRYPTO_HASH_FINALIZED();
  if (encoding !== undefined && encoding !== null && typeof encoding !== 'string') encoding = `${encoding}`;
  this[kFinalized] = true;
  if (this[kResult] !== undefined) return encoded(this[kResult], encoding);
  if (encoding === 'hex') return native.hashDigest(this[kHandle], this[kLength], true);
  return encoded(native.hashDigest(this[kHandle], this[kLength], false), encoding);
};

// ---- hash()

function hash(algorithm, input, options) {
  validateString(algorithm, 'algorithm');
  if (typeof input !== 'string' && !ArrayBuffer.isView(input)) throw new codes.ERR_INVALID_ARG_TYPE('input', ['Buffer', 'TypedArray', 'DataView', 'string'], input);
  let encoding, length;
  if (options === undefined) {
    encoding = 'hex';
  } else if (typeof options === 'string') {
    encoding = options;
  } else {
    validateObject(options, 'options');
    ({ outputLength: length, outputEncoding: encoding = 'hex' } = options);
    if (length !== undefined) validateUint32(length, 'options.outputLength');
    validateString(encoding, 'options.outputEncoding');
  }
  if (encoding !== 'hex' && encoding !== 'buffer') {
    const known = normalizeEncoding(encoding);
    if (known === undefined) throw new codes.ERR_INVALID_ARG_VALUE('options.outputEncoding', encoding);
    encoding = known;
  }
  const result = native.hashOnce(algorithm, input, encoding === 'hex', length);
  if (result === undefined) {
    const error = new Error('error:0308010C:digital envelope routines::unsupported');
    error.library = 'digital envelope routines';
    error.reason = 'unsupported';
    error.code = 'ERR_OSSL_EVP_UNSUPPORTED';
    throw error;
  }
  if (result === false) throw new Error(`Output length ${length} is invalid for ${algorithm}, which does not support XOF`);
  warnOfShake(algorithm, length);
  return encoding === 'hex' ? result : encoded(result, encoding);
}

// ---- Hmac

function Hmac(algorithm, key, options) {
  if (!new.target && !(this instanceof Hmac)) {
    warnOnce('DEP0181', 'crypto.Hmac constructor is deprecated.');
    return new Hmac(algorithm, key, options);
  }
  validateString(algorithm, 'hmac');
  const encoding = getStringOption(options, 'encoding');
  const secret = require('internal/node/crypto_keys').prepareSecretKey(key, encoding);
  const handle = native.hmacMake(algorithm, secret);
  if (handle === undefined) throw new codes.ERR_CRYPTO_INVALID_DIGEST(`Invalid digest: ${algorithm}`);
  this[kHandle] = handle;
  this[kFinalized] = false;
  Reflect.apply(LazyTransform, this, [options]);
}
Object.setPrototypeOf(Hmac.prototype, LazyTransform.prototype);
Object.setPrototypeOf(Hmac, LazyTransform);
Hmac.prototype.update = function update(data, encoding) {
  if (this[kFinalized]) throw new codes.ERR_CRYPTO_HASH_FINALIZED();
  checkData(data, encoding);
  if (!native.hmacUpdate(this[kHandle], inputOf(data, encoding))) throw new codes.ERR_CRYPTO_HASH_UPDATE_FAILED();
  return this;
};
Hmac.prototype.digest = function digest(encoding) {
  if (this[kFinalized]) return encoded(Buffer.alloc(0), encoding);
  this[kFinalized] = true;
  if (encoding === 'hex') return native.hmacDigest(this[kHandle], true);
  return encoded(native.hmacDigest(this[kHandle], false), encoding);
};
Hmac.prototype._transform = function _transform(chunk, encoding, callback) {
  native.hmacUpdate(this[kHandle], inputOf(chunk, encoding));
  callback();
};
Hmac.prototype._flush = function _flush(callback) {
  this.push(this.digest());
  callback();
};

module.exports = {
  Hash, Hmac, hash, warnOnce,
  createHash: (algorithm, options) => new Hash(algorithm, options),
  createHmac: (algorithm, key, options) => new Hmac(algorithm, key, options),
  getHashes: () => native.digestNames(),
};
Object.defineProperty(module.exports.createHash, 'name', { value: 'createHash' });
