// SPDX-License-Identifier: Apache-2.0
// DiffieHellman, DiffieHellmanGroup, ECDH and diffieHellman().
'use strict';

const { Buffer } = require('node:buffer');
const { codes } = require('internal/errors');
const { validateFunction, validateInt32, validateObject, validateString } = require('internal/validators');
const { bound, asBuffer, encoded, getArrayBufferOrView, isAnyArrayBuffer } = require('internal/node/crypto_util');
const { isKeyObject, kHandle: kKeyHandle } = require('internal/node/crypto_keys');
const { warnOnce } = require('internal/node/crypto_hash');
const native = internalBinding('crypto');

const kHandle = Symbol('kHandle');
const DEFAULT_GENERATOR = 2;
const isBytes = (value) => typeof value === 'string' || ArrayBuffer.isView(value) || isAnyArrayBuffer(value);

function DiffieHellman(sizeOrKey, keyEncoding, generator, genEncoding) {
  if (!new.target && !(this instanceof DiffieHellman)) return new DiffieHellman(sizeOrKey, keyEncoding, generator, genEncoding);
  if (typeof sizeOrKey !== 'number' && !isBytes(sizeOrKey)) {
    throw new codes.ERR_INVALID_ARG_TYPE('sizeOrKey', ['number', 'string', 'ArrayBuffer', 'Buffer', 'TypedArray', 'DataView'], sizeOrKey);
  }
  if (typeof sizeOrKey === 'number') validateInt32(sizeOrKey, 'sizeOrKey');
  if (keyEncoding && !Buffer.isEncoding(keyEncoding) && keyEncoding !== 'buffer') {
    genEncoding = generator;
    generator = keyEncoding;
    keyEncoding = false;
  }
  if (typeof sizeOrKey !== 'number') sizeOrKey = getArrayBufferOrView(sizeOrKey, 'sizeOrKey', keyEncoding || undefined);
  if (!generator) {
    generator = DEFAULT_GENERATOR;
  } else if (typeof generator === 'number') {
    validateInt32(generator, 'generator');
  } else if (isBytes(generator)) {
    generator = getArrayBufferOrView(generator, 'generator', genEncoding);
  } else {
    throw new codes.ERR_INVALID_ARG_TYPE('generator', ['number', 'string', 'ArrayBuffer', 'Buffer', 'TypedArray', 'DataView'], generator);
  }
  init(this, native.dhMake(sizeOrKey, generator));
}
function DiffieHellmanGroup(name) {
  if (!new.target && !(this instanceof DiffieHellmanGroup)) return new DiffieHellmanGroup(name);
  validateString(name, 'name');
  const handle = native.dhGroup(name);
  if (handle === undefined) throw new codes.ERR_CRYPTO_UNKNOWN_DH_GROUP();
  init(this, handle);
}
function init(self, handle) {
  self[kHandle] = handle;
  Object.defineProperty(self, 'verifyError', { enumerable: true, writable: false, value: native.dhCheck(handle) });
}

const getter = (which, missing) => function(encoding) {
  const bytes = native.dhGet(this[kHandle], which);
  if (bytes === undefined) throw Object.assign(new Error(missing), { code: 'ERR_CRYPTO_INVALID_STATE' });
  return encoded(bytes, encoding);
};
const shared = {
  generateKeys(encoding) { return encoded(native.dhGenerate(this[kHandle]), encoding); },
  computeSecret(key, inEncoding, outEncoding) {
    key = getArrayBufferOrView(key, 'otherPublicKey', inEncoding);
    const result = native.dhCompute(this[kHandle], key);
    if (result === 1) throw new codes.ERR_CRYPTO_INVALID_KEYLEN('Supplied key is too small');
    if (result === 2) throw new codes.ERR_CRYPTO_INVALID_KEYLEN('Supplied key is too large');
    if (result === 3) throw new codes.ERR_CRYPTO_INVALID_KEYTYPE('Supplied key is invalid');
    return encoded(result, outEncoding);
  },
  getPrime: getter(0, 'p is null'),
  getGenerator: getter(1, 'g is null'),
  getPublicKey: getter(2, 'No public key - did you forget to generate one?'),
  getPrivateKey: getter(3, 'No private key - did you forget to generate one?'),
};
Object.assign(DiffieHellman.prototype, shared, {
  setPublicKey(key, encoding) {
    native.dhSet(this[kHandle], 2, getArrayBufferOrView(key, 'key', encoding));
    return this;
  },
  setPrivateKey(key, encoding) {
    native.dhSet(this[kHandle], 3, getArrayBufferOrView(key, 'key', encoding));
    return this;
  },
});
Object.assign(DiffieHellmanGroup.prototype, shared);

// ---- ECDH

const FORMS = { __proto__: null, compressed: 2, uncompressed: 4, hybrid: 6 };
function formOf(format) {
  if (!format) return FORMS.uncompressed;
  const form = FORMS[format];
  if (form === undefined) throw new codes.ERR_CRYPTO_ECDH_INVALID_FORMAT(format);
  return form;
}

function ECDH(curve) {
  if (!new.target && !(this instanceof ECDH)) return new ECDH(curve);
  validateString(curve, 'curve');
  const handle = native.ecdhMake(curve);
  if (handle === undefined) throw new codes.ERR_CRYPTO_INVALID_CURVE();
  this[kHandle] = handle;
}
Object.assign(ECDH.prototype, {
  computeSecret(key, inEncoding, outEncoding) {
    key = getArrayBufferOrView(key, 'otherPublicKey', inEncoding);
    const result = native.ecdhCompute(this[kHandle], key);
    if (result === 1) throw new codes.ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY();
    if (result === 2) throw new codes.ERR_CRYPTO_INVALID_KEYPAIR();
    if (result === 3) throw new codes.ERR_CRYPTO_INVALID_KEYPAIR();
    return encoded(result, outEncoding);
  },
  generateKeys(encoding, format) {
    native.ecdhGenerate(this[kHandle]);
    return this.getPublicKey(encoding, format);
  },
  getPublicKey(encoding, format) {
    const bytes = native.ecdhPublic(this[kHandle], formOf(format));
    if (bytes === undefined) throw new Error('Failed to get ECDH public key');
    return encoded(bytes, encoding);
  },
  getPrivateKey(encoding) {
    const bytes = native.ecdhPrivate(this[kHandle]);
    if (bytes === undefined) throw new Error('Failed to get ECDH private key');
    return encoded(bytes, encoding);
  },
  setPrivateKey(key, encoding) {
    key = getArrayBufferOrView(key, 'key', encoding);
    if (!native.ecdhSetPrivate(this[kHandle], key)) throw new codes.ERR_CRYPTO_INVALID_KEYTYPE('Private key is not valid for specified curve.');
    return this;
  },
  setPublicKey(key, encoding) {
    warnOnce('DEP0031', 'ecdh.setPublicKey() is deprecated.');
    native.ecdhSetPublic(this[kHandle], getArrayBufferOrView(key, 'key', encoding));
    return this;
  },
});
ECDH.convertKey = function convertKey(key, curve, inEncoding, outEncoding, format) {
  validateString(curve, 'curve');
  key = getArrayBufferOrView(key, 'key', inEncoding);
  const bytes = native.ecdhConvert(key, curve, formOf(format));
  if (bytes === undefined) throw new codes.ERR_CRYPTO_INVALID_CURVE();
  return encoded(bytes, outEncoding);
};

// ---- between key objects

const AGREEING = new Set(['dh', 'ec', 'x448', 'x25519']);
function diffieHellman(options, callback) {
  validateObject(options, 'options');
  if (callback !== undefined) validateFunction(callback, 'callback');
  const { privateKey, publicKey } = options;
  if (!isKeyObject(privateKey)) throw new codes.ERR_INVALID_ARG_VALUE('options.privateKey', privateKey);
  if (!isKeyObject(publicKey)) throw new codes.ERR_INVALID_ARG_VALUE('options.publicKey', publicKey);
  if (privateKey.type !== 'private') throw new codes.ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE(privateKey.type, 'private');
  if (publicKey.type !== 'public' && publicKey.type !== 'private') throw new codes.ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE(publicKey.type, 'private or public');
  const { asymmetricKeyType: own } = privateKey;
  const { asymmetricKeyType: other } = publicKey;
  if (own !== other || !AGREEING.has(own)) throw new codes.ERR_CRYPTO_INCOMPATIBLE_KEY('key types for Diffie-Hellman', `${own} and ${other}`);
  if (callback === undefined) return asBuffer(native.agree(undefined, privateKey[kKeyHandle], publicKey[kKeyHandle]));
  native.agree(bound((error, bytes) => { if (error) callback(error); else callback(null, asBuffer(bytes)); }), privateKey[kKeyHandle], publicKey[kKeyHandle]);
}

module.exports = {
  DiffieHellman, DiffieHellmanGroup, ECDH, diffieHellman,
  createDiffieHellman: (sizeOrKey, keyEncoding, generator, genEncoding) => new DiffieHellman(sizeOrKey, keyEncoding, generator, genEncoding),
  createDiffieHellmanGroup: (name) => new DiffieHellmanGroup(name),
  createECDH: (curve) => new ECDH(curve),
  getCurves: () => native.curveNames().sort(),
};
