// SPDX-License-Identifier: Apache-2.0
// Cipheriv and Decipheriv, getCipherInfo, and RSA as a cipher.
'use strict';

const LazyTransform = require('internal/node/crypto_stream');
const { StringDecoder } = require('node:string_decoder');
const { Buffer } = require('node:buffer');
const { codes } = require('internal/errors');
const { validateEncoding, validateInt32, validateObject, validateString } = require('internal/validators');
const { asBuffer, getArrayBufferOrView, getStringOption, getUintOption, inputOf } = require('internal/node/crypto_util');
const { prepareSecretKey, preparePrivateKey, preparePublicOrPrivateKey, keyHandleOf } = require('internal/node/crypto_keys');
const { warnOnce } = require('internal/node/crypto_hash');
const { normalizeEncoding } = require('internal/node/encodings');
const native = internalBinding('crypto');

const kHandle = Symbol('kHandle');
const kGcmWithoutLength = Symbol('kGcmWithoutLength');

function construct(self, cipher, key, iv, options, encrypts) {
  validateString(cipher, 'cipher');
  const encoding = getStringOption(options, 'encoding');
  const secret = prepareSecretKey(key, encoding);
  const vector = iv === null ? null : getArrayBufferOrView(iv, 'iv');
  const tagLength = getUintOption(options, 'authTagLength');
  self[kHandle] = native.cipherMake(cipher, secret, vector, encrypts, tagLength);
  self[kGcmWithoutLength] = tagLength === undefined && /gcm/i.test(cipher);
  self._decoder = null;
  Reflect.apply(LazyTransform, self, [options]);
}

function decoderOf(self, encoding) {
  const normalized = normalizeEncoding(encoding);
  if (self._decoder === null) {
    if (normalized === undefined) throw new codes.ERR_UNKNOWN_ENCODING(encoding);
    self._decoder = new StringDecoder(encoding);
  } else if (self._decoder.encoding !== normalized) {
    if (normalized === undefined) throw new codes.ERR_UNKNOWN_ENCODING(encoding);
    throw new codes.ERR_INTERNAL_ASSERTION('Cannot change encoding');
  }
  return self._decoder;
}

const methods = {
  _transform(chunk, encoding, callback) {
    try {
      this.push(update(this, chunk, encoding));
    } catch (error) {
      callback(error);
      return;
    }
    callback();
  },
  _flush(callback) {
    try {
      this.push(final(this));
    } catch (error) {
      callback(error);
      return;
    }
    callback();
  },
  update(data, inputEncoding, outputEncoding) {
    if (typeof data === 'string') validateEncoding(data, inputEncoding);
    else if (!ArrayBuffer.isView(data)) throw new codes.ERR_INVALID_ARG_TYPE('data', ['string', 'Buffer', 'TypedArray', 'DataView'], data);
    const result = update(this, data, inputEncoding);
    return outputEncoding && outputEncoding !== 'buffer' ? decoderOf(this, outputEncoding).write(result) : result;
  },
  final(outputEncoding) {
    const result = final(this);
    return outputEncoding && outputEncoding !== 'buffer' ? decoderOf(this, outputEncoding).end(result) : result;
  },
  setAutoPadding(on) {
    if (!native.cipherAutoPadding(this[kHandle], on === undefined ? true : !!on)) throw new codes.ERR_CRYPTO_INVALID_STATE('setAutoPadding');
    return this;
  },
  setAAD(bytes, options) {
    const encoding = getStringOption(options, 'encoding');
    const plaintextLength = getUintOption(options, 'plaintextLength');
    bytes = getArrayBufferOrView(bytes, 'aadbuf', encoding);
    const result = native.cipherAad(this[kHandle], bytes, plaintextLength ?? -1);
    if (result === 1) throw Object.assign(new TypeError('options.plaintextLength required for CCM mode with AAD'), { code: 'ERR_MISSING_ARGS' });
    if (result === 2) throw new codes.ERR_CRYPTO_INVALID_MESSAGELEN();
    if (result === false) throw new codes.ERR_CRYPTO_INVALID_STATE('setAAD');
    return this;
  },
};
function update(self, data, encoding) {
  const result = native.cipherUpdate(self[kHandle], inputOf(data, encoding));
  if (result === 1) throw new Error('Trying to add data in unsupported state');
  if (result === 2) throw new codes.ERR_CRYPTO_INVALID_MESSAGELEN();
  return asBuffer(result);
}
function final(self) {
  const result = native.cipherFinal(self[kHandle]);
  if (result === 1) throw new codes.ERR_CRYPTO_INVALID_STATE('final');
  return asBuffer(result);
}

function declare(name, encrypts, more) {
  const Class = {
    [name]: function(cipher, key, iv, options) {
      if (!new.target && !(this instanceof Class)) return new Class(cipher, key, iv, options);
      construct(this, cipher, key, iv, options, encrypts);
    },
  }[name];
  Object.setPrototypeOf(Class.prototype, LazyTransform.prototype);
  Object.setPrototypeOf(Class, LazyTransform);
  Object.assign(Class.prototype, methods, more);
  return Class;
}
const Cipheriv = declare('Cipheriv', true, {
  getAuthTag() {
    const tag = native.cipherTag(this[kHandle]);
    if (tag === undefined) throw new codes.ERR_CRYPTO_INVALID_STATE('getAuthTag');
    return asBuffer(tag);
  },
});
const Decipheriv = declare('Decipheriv', false, {
  setAuthTag(tag, encoding) {
    tag = getArrayBufferOrView(tag, 'buffer', encoding);
    if (!native.cipherSetTag(this[kHandle], tag)) throw new codes.ERR_CRYPTO_INVALID_STATE('setAuthTag');
    if (this[kGcmWithoutLength] && tag.byteLength < 16) {
      warnOnce('DEP0182', 'Using AES-GCM authentication tags of less than 128 bits without specifying the authTagLength option when initializing decryption is deprecated.');
    }
    return this;
  },
});

function getCipherInfo(nameOrNid, options) {
  if (typeof nameOrNid !== 'string' && typeof nameOrNid !== 'number') throw new codes.ERR_INVALID_ARG_TYPE('nameOrNid', ['string', 'number'], nameOrNid);
  if (typeof nameOrNid === 'number') validateInt32(nameOrNid, 'nameOrNid');
  let keyLength, ivLength;
  if (options !== undefined) {
    validateObject(options, 'options');
    ({ keyLength, ivLength } = options);
    if (keyLength !== undefined) validateInt32(keyLength, 'options.keyLength');
    if (ivLength !== undefined) validateInt32(ivLength, 'options.ivLength');
  }
  const parts = native.cipherInfo(nameOrNid, keyLength, ivLength);
  if (parts === undefined) return undefined;
  const [name, nid, mode, keyBytes, ivBytes, blockSize] = parts;
  const result = { __proto__: null };
  if (mode !== '') result.mode = mode;
  result.name = name.toLowerCase();
  if (nid !== 0) result.nid = nid;
  if (mode !== 'stream') result.blockSize = blockSize;
  if (ivBytes !== 0) result.ivLength = ivBytes;
  result.keyLength = keyBytes;
  return Object.setPrototypeOf(result, Object.prototype);
}

// ---- RSA

const RSA_PKCS1_PADDING = 1;
const RSA_PKCS1_OAEP_PADDING = 4;

function rsaFunction(operation, standardPadding, isPublic) {
  return function(options, buffer) {
    const prepared = isPublic ? preparePublicOrPrivateKey(options) : preparePrivateKey(options);
    const padding = (options && options.padding) || standardPadding;
    const { oaepHash, encoding } = options && typeof options === 'object' ? options : {};
    let { oaepLabel } = options && typeof options === 'object' ? options : {};
    if (oaepHash !== undefined) validateString(oaepHash, 'key.oaepHash');
    if (oaepLabel !== undefined) oaepLabel = getArrayBufferOrView(oaepLabel, 'key.oaepLabel', encoding);
    buffer = getArrayBufferOrView(buffer, 'buffer', encoding);
    return asBuffer(native.rsaCipher(undefined, operation, keyHandleOf(prepared, isPublic), padding, oaepHash, oaepLabel, buffer));
  };
}
const publicEncrypt = rsaFunction(0, RSA_PKCS1_OAEP_PADDING, true);
const privateDecrypt = rsaFunction(1, RSA_PKCS1_OAEP_PADDING, false);
const privateEncrypt = rsaFunction(2, RSA_PKCS1_PADDING, false);
const publicDecrypt = rsaFunction(3, RSA_PKCS1_PADDING, true);

module.exports = {
  Cipheriv, Decipheriv, getCipherInfo, publicEncrypt, privateDecrypt, privateEncrypt, publicDecrypt,
  createCipheriv: (cipher, key, iv, options) => new Cipheriv(cipher, key, iv, options),
  createDecipheriv: (cipher, key, iv, options) => new Decipheriv(cipher, key, iv, options),
  getCiphers: () => native.cipherNames(),
};
