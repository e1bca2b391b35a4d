// SPDX-License-Identifier: Apache-2.0
// generateKey and generateKeyPair.
'use strict';

const { codes } = require('internal/errors');
const { validateFunction, validateInt32, validateInteger, validateObject, validateOneOf, validateString, validateUint32 } = require('internal/validators');
const { bound, fromHere } = require('internal/node/crypto_util');
const { SecretKeyObject, PublicKeyObject, PrivateKeyObject, parsePublicKeyEncoding, parsePrivateKeyEncoding, exportHandle, exportJwk, JWK } = require('internal/node/crypto_keys');
const { warnOnce } = require('internal/node/crypto_hash');
const { nextTick } = require('internal/process');
const native = internalBinding('crypto');

// How each half is given back: a KeyObject, or what it is exported as.
function encodingsOf(keyType, options) {
  const { publicKeyEncoding, privateKeyEncoding } = options;
  let shown, kept;
  if (publicKeyEncoding == null) shown = undefined;
  else if (typeof publicKeyEncoding === 'object') shown = parsePublicKeyEncoding(publicKeyEncoding, keyType, 'publicKeyEncoding');
  else throw new codes.ERR_INVALID_ARG_VALUE('options.publicKeyEncoding', publicKeyEncoding);
  if (privateKeyEncoding == null) kept = undefined;
  else if (typeof privateKeyEncoding === 'object') {
    kept = parsePrivateKeyEncoding(privateKeyEncoding, keyType, 'privateKeyEncoding');
    if (kept.format === JWK && kept.passphrase !== undefined) throw new codes.ERR_CRYPTO_INCOMPATIBLE_KEY_OPTIONS('jwk', 'does not support encryption');
  } else throw new codes.ERR_INVALID_ARG_VALUE('options.privateKeyEncoding', privateKeyEncoding);
  return { shown, kept };
}
function half(handle, Class, encoding) {
  if (encoding === undefined) return new Class(handle);
  if (encoding.format === JWK) return exportJwk(new Class(handle));
  return exportHandle(handle, encoding.format, encoding.type, encoding.cipher, encoding.passphrase);
}

// [native function, ...arguments] of a type and its options.
function orderOf(type, options) {
  switch (type) {
    case 'rsa':
    case 'rsa-pss': {
      validateObject(options, 'options');
      const { modulusLength, publicExponent = 0x10001 } = options;
      validateUint32(modulusLength, 'options.modulusLength');
      validateUint32(publicExponent, 'options.publicExponent');
      if (type === 'rsa') return [native.generateRsa, modulusLength, publicExponent, false];
      const { hash, mgf1Hash, hashAlgorithm, mgf1HashAlgorithm, saltLength } = options;
      if (saltLength !== undefined) validateInt32(saltLength, 'options.saltLength', 0);
      if (hashAlgorithm !== undefined) validateString(hashAlgorithm, 'options.hashAlgorithm');
      if (mgf1HashAlgorithm !== undefined) validateString(mgf1HashAlgorithm, 'options.mgf1HashAlgorithm');
      if (hash !== undefined) {
        warnOnce('DEP0154', '"options.hash" is deprecated, use "options.hashAlgorithm" instead.');
        validateString(hash, 'options.hash');
        if (hashAlgorithm && hash !== hashAlgorithm) throw new codes.ERR_INVALID_ARG_VALUE('options.hash', hash);
      }
      if (mgf1Hash !== undefined) {
        warnOnce('DEP0154', '"options.mgf1Hash" is deprecated, use "options.mgf1HashAlgorithm" instead.');
        validateString(mgf1Hash, 'options.mgf1Hash');
        if (mgf1HashAlgorithm && mgf1Hash !== mgf1HashAlgorithm) throw new codes.ERR_INVALID_ARG_VALUE('options.mgf1Hash', mgf1Hash);
      }
      const digest = hashAlgorithm || hash;
      const mask = mgf1HashAlgorithm || mgf1Hash;
      if (digest !== undefined && native.digestInfo(digest) === undefined) throw new codes.ERR_CRYPTO_INVALID_DIGEST(`Invalid digest: ${digest}`);
      if (mask !== undefined && native.digestInfo(mask) === undefined) throw new codes.ERR_CRYPTO_INVALID_DIGEST(`Invalid MGF1 digest: ${mask}`);
      return [native.generateRsa, modulusLength, publicExponent, true, digest, mask, saltLength];
    }
    case 'dsa': {
      validateObject(options, 'options');
      const { modulusLength, divisorLength } = options;
      validateUint32(modulusLength, 'options.modulusLength');
      if (divisorLength != null) validateInt32(divisorLength, 'options.divisorLength', 0);
      return [native.generateDsa, modulusLength, divisorLength ?? -1];
    }
    case 'ec': {
      validateObject(options, 'options');
      const { namedCurve, paramEncoding } = options;
      validateString(namedCurve, 'options.namedCurve');
      if (paramEncoding != null && paramEncoding !== 'named' && paramEncoding !== 'explicit') {
        throw new codes.ERR_INVALID_ARG_VALUE('options.paramEncoding', paramEncoding);
      }
      if (!native.curveKnown(namedCurve)) throw new codes.ERR_CRYPTO_INVALID_CURVE();
      return [native.generateEc, namedCurve, paramEncoding === 'explicit'];
    }
    case 'ed25519': case 'ed448': case 'x25519': case 'x448': return [native.generateNamed, type.toUpperCase()];
    case 'dh': {
      validateObject(options, 'options');
      const { group, primeLength, prime, generator } = options;
      if (group != null) {
        if (prime != null) throw new codes.ERR_INCOMPATIBLE_OPTION_PAIR('group', 'prime');
        if (primeLength != null) throw new codes.ERR_INCOMPATIBLE_OPTION_PAIR('group', 'primeLength');
        if (generator != null) throw new codes.ERR_INCOMPATIBLE_OPTION_PAIR('group', 'generator');
        validateString(group, 'options.group');
        const handle = native.dhGroup(group);
        if (handle === undefined) throw new codes.ERR_CRYPTO_UNKNOWN_DH_GROUP();
        return [native.generateDh, native.dhGet(handle, 0), 2];
      }
      if (prime != null) {
        if (primeLength != null) throw new codes.ERR_INCOMPATIBLE_OPTION_PAIR('prime', 'primeLength');
        if (!ArrayBuffer.isView(prime)) throw new codes.ERR_INVALID_ARG_TYPE('options.prime', ['Buffer', 'TypedArray', 'DataView'], prime);
      } else if (primeLength != null) {
        validateInt32(primeLength, 'options.primeLength', 0);
      } else {
        throw new codes.ERR_MISSING_OPTION('At least one of the group, prime, or primeLength options');
      }
      if (generator != null) validateInt32(generator, 'options.generator', 0);
      return [native.generateDh, prime ?? primeLength, generator ?? 2];
    }
    default: throw new codes.ERR_INVALID_ARG_VALUE('type', type, 'must be a supported key type');
  }
}

function generateKeyPair(type, options, callback) {
  if (typeof options === 'function') {
    callback = options;
    options = undefined;
  }
  validateString(type, 'type');
  if (options !== undefined && options !== null) validateObject(options, 'options');
  const { shown, kept } = encodingsOf(type, options ?? {});
  const [start, ...order] = orderOf(type, options);
  validateFunction(callback, 'callback');
  start(bound((error, pair) => {
    let publicKey, privateKey;
    if (!error) {
      try {
        publicKey = half(pair[0], PublicKeyObject, shown);
        privateKey = half(pair[1], PrivateKeyObject, kept);
      } catch (failed) {
        error = failed;
      }
    }
    if (error) callback(error);
    else callback(null, publicKey, privateKey);
  }), ...order);
}
Object.defineProperty(generateKeyPair, Symbol.for('nodejs.util.promisify.custom'), {
  enumerable: false, configurable: true,
  value: (type, options) => new Promise((resolve, reject) => {
    generateKeyPair(type, options, (error, publicKey, privateKey) => { if (error) reject(error); else resolve({ publicKey, privateKey }); });
  }),
});
function generateKeyPairSync(type, options) {
  validateString(type, 'type');
  if (options !== undefined && options !== null) validateObject(options, 'options');
  const { shown, kept } = encodingsOf(type, options ?? {});
  const [start, ...order] = orderOf(type, options);
  let pair;
  try {
    pair = start(undefined, ...order);
  } catch (error) {
    throw fromHere(error, generateKeyPairSync);
  }
  return { publicKey: half(pair[0], PublicKeyObject, shown), privateKey: half(pair[1], PrivateKeyObject, kept) };
}

// ---- secret keys

function makeSecret(type, options) {
  validateString(type, 'type');
  validateObject(options, 'options');
  const { length } = options;
  if (type === 'hmac') validateInteger(length, 'options.length', 8, 2 ** 31 - 1);
  else if (type === 'aes') validateOneOf(length, 'options.length', [128, 192, 256]);
  else throw new codes.ERR_INVALID_ARG_VALUE('type', type, 'must be a supported key type');
  const bytes = new Uint8Array(length >>> 3);
  native.randomFill(undefined, bytes, 0, bytes.length);
  const key = new SecretKeyObject(native.keySecret(bytes));
  bytes.fill(0);
  return key;
}
function generateKey(type, options, callback) {
  if (typeof options === 'function') {
    callback = options;
    options = undefined;
  }
  validateString(type, 'type');
  validateObject(options, 'options');
  validateFunction(callback, 'callback');
  const key = makeSecret(type, options);
  nextTick(() => callback(undefined, key));
}
const generateKeySync = (type, options) => makeSecret(type, options);

module.exports = { generateKeyPair, generateKeyPairSync, generateKey, generateKeySync };
