// SPDX-License-Identifier: Apache-2.0
// KeyObject and its kinds; what users may give where a key is asked for.
'use strict';

const { Buffer } = require('node:buffer');
const { codes } = require('internal/errors');
const { validateObject, validateOneOf, validateString } = require('internal/validators');
const { asBuffer, getArrayBufferOrView, isStringOrBuffer, isAnyArrayBuffer } = require('internal/node/crypto_util');
const native = internalBinding('crypto');

// As jsapi/native/node/crypto/keys.cc numbers them.
const DER = 0, PEM = 1, JWK = 2;
const PKCS1 = 0, PKCS8 = 1, SPKI = 2, SEC1 = 3;
const ENCODING_NAMES = ['pkcs1', 'pkcs8', 'spki', 'sec1'];
// What is done with a key decides what is taken for one.
const CONSUME_PUBLIC = 0, CONSUME_PRIVATE = 1, CREATE_PUBLIC = 2, CREATE_PRIVATE = 3;

const kHandle = Symbol('kHandle');
const kType = Symbol('kType');
const kAsymmetricType = Symbol('kAsymmetricType');
const kDetails = Symbol('kDetails');
// Of a CryptoKey: its KeyObject.
const kKeyObject = Symbol('kKeyObject');

class KeyObject {
  constructor(type, handle) {
    if (type !== 'secret' && type !== 'public' && type !== 'private') throw new codes.ERR_INVALID_ARG_VALUE('type', type);
    if (typeof handle !== 'object' || handle === null) throw new codes.ERR_INVALID_ARG_TYPE('handle', 'object', handle);
    Object.defineProperty(this, kType, { __proto__: null, value: type });
    Object.defineProperty(this, kHandle, { __proto__: null, value: handle });
  }
  get type() { return this[kType]; }
  static from(key) {
    if (!isCryptoKey(key)) throw new codes.ERR_INVALID_ARG_TYPE('key', 'CryptoKey', key);
    return key[kKeyObject];
  }
  equals(other) {
    if (!isKeyObject(other)) throw new codes.ERR_INVALID_ARG_TYPE('otherKeyObject', 'KeyObject', other);
    return other.type === this.type && native.keyEquals(this[kHandle], other[kHandle]);
  }
}
Object.defineProperty(KeyObject.prototype, Symbol.toStringTag, { configurable: true, value: 'KeyObject' });

class SecretKeyObject extends KeyObject {
  constructor(handle) { super('secret', handle); }
  get symmetricKeySize() { return native.keySecretSize(this[kHandle]); }
  export(options) {
    if (options !== undefined) {
      validateObject(options, 'options');
      validateOneOf(options.format, 'options.format', [undefined, 'buffer', 'jwk']);
      if (options.format === 'jwk') return { kty: 'oct', k: asBuffer(native.keySecretBytes(this[kHandle])).toString('base64url') };
    }
    return asBuffer(native.keySecretBytes(this[kHandle]));
  }
  toCryptoKey(algorithm, extractable, usages) {
    return require('internal/node/webcrypto').toCryptoKey(this, algorithm, extractable, usages);
  }
}

function detailsOf(key) {
  const parts = native.keyDetails(key[kHandle]);
  if (parts === undefined) return {};
  switch (key.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss': {
      const details = { modulusLength: parts[0], publicExponent: BigInt(`0x${asBuffer(parts[1]).toString('hex')}`) };
      if (parts.length > 2) {
        details.hashAlgorithm = digestWord(parts[2]);
        details.mgf1HashAlgorithm = digestWord(parts[3]);
        details.saltLength = parts[4];
      }
      return details;
    }
    case 'dsa': return { modulusLength: parts[0], divisorLength: parts[1] };
    case 'ec': return parts[0] === undefined ? {} : { namedCurve: parts[0] };
    default: return {};
  }
}
// OpenSSL's SHA2-256 is Node's sha256.
const digestWord = (name) => name.toLowerCase().replace(/^sha2-/, 'sha').replace('/', '-');

class AsymmetricKeyObject extends KeyObject {
  get asymmetricKeyType() {
    if (this[kAsymmetricType] === undefined) Object.defineProperty(this, kAsymmetricType, { value: native.keyType(this[kHandle]), writable: true });
    return this[kAsymmetricType];
  }
  get asymmetricKeyDetails() {
    if (this[kDetails] === undefined) Object.defineProperty(this, kDetails, { value: detailsOf(this), writable: true });
    return { ...this[kDetails] };
  }
  toCryptoKey(algorithm, extractable, usages) {
    return require('internal/node/webcrypto').toCryptoKey(this, algorithm, extractable, usages);
  }
}
class PublicKeyObject extends AsymmetricKeyObject {
  constructor(handle) { super('public', handle); }
  export(options) {
    if (options && options.format === 'jwk') return exportJwk(this);
    const { format, type } = parsePublicKeyEncoding(options, this.asymmetricKeyType);
    return exportHandle(this[kHandle], format, type);
  }
}
class PrivateKeyObject extends AsymmetricKeyObject {
  constructor(handle) { super('private', handle); }
  export(options) {
    if (options && options.passphrase !== undefined && options.format === 'jwk') {
      throw new codes.ERR_CRYPTO_INCOMPATIBLE_KEY_OPTIONS('jwk', 'does not support encryption');
    }
    if (options && options.format === 'jwk') return exportJwk(this);
    const { format, type, cipher, passphrase } = parsePrivateKeyEncoding(options, this.asymmetricKeyType);
    return exportHandle(this[kHandle], format, type, cipher, passphrase);
  }
}
function exportHandle(handle, format, type, cipher, passphrase) {
  const result = native.keyExport(handle, format, type, cipher ?? undefined, passphrase);
  return typeof result === 'string' ? result : asBuffer(result);
}

const isKeyObject = (value) => typeof value === 'object' && value !== null && value[kHandle] !== undefined && value instanceof KeyObject;
const isCryptoKey = (value) => typeof value === 'object' && value !== null && value[kKeyObject] !== undefined;

// ---- JWK (RFC 7517)

const CURVES = { '__proto__': null, 'P-256': ['prime256v1', 32], 'P-384': ['secp384r1', 48], 'P-521': ['secp521r1', 66], 'secp256k1': ['secp256k1', 32] };
const CURVE_WORDS = { __proto__: null, prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521', secp256k1: 'secp256k1' };
const OKP_WORDS = { __proto__: null, ed25519: 'Ed25519', ed448: 'Ed448', x25519: 'X25519', x448: 'X448' };
const RSA_WORDS = ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'];
const text64 = (bytes) => asBuffer(bytes).toString('base64url');

function exportJwk(key) {
  const type = key.asymmetricKeyType;
  const parts = native.keyParts(key[kHandle]);
  switch (type) {
    case 'rsa': {
      const jwk = { kty: 'RSA' };
      parts.forEach((bytes, i) => { jwk[RSA_WORDS[i]] = text64(bytes); });
      return jwk;
    }
    case 'ec': {
      const crv = CURVE_WORDS[parts[0]];
      if (crv === undefined) throw new codes.ERR_CRYPTO_JWK_UNSUPPORTED_CURVE(parts[0]);
      const jwk = { kty: 'EC', crv, x: text64(parts[1]), y: text64(parts[2]) };
      if (parts.length > 3) jwk.d = text64(parts[3]);
      return jwk;
    }
    case 'ed25519': case 'ed448': case 'x25519': case 'x448': {
      const jwk = { crv: OKP_WORDS[type], x: text64(parts[0]), kty: 'OKP' };
      if (parts.length > 1) jwk.d = text64(parts[1]);
      return jwk;
    }
    default: throw new codes.ERR_CRYPTO_JWK_UNSUPPORTED_KEY_TYPE();
  }
}

function importJwk(jwk, context) {
  validateObject(jwk, 'key.key');
  validateOneOf(jwk.kty, 'key.key.kty', ['RSA', 'EC', 'OKP']);
  const isPublic = context === CONSUME_PUBLIC || context === CREATE_PUBLIC;
  const part = (name) => {
    validateString(jwk[name], `key.key.${name}`);
    return Buffer.from(jwk[name], 'base64url');
  };
  let handle;
  if (jwk.kty === 'OKP') {
    validateOneOf(jwk.crv, 'key.key.crv', ['Ed25519', 'Ed448', 'X25519', 'X448']);
    validateString(jwk.x, 'key.key.x');
    if (!isPublic) validateString(jwk.d, 'key.key.d');
    const bytes = Buffer.from(isPublic ? jwk.x : jwk.d, 'base64url');
    handle = native.okpMake(jwk.crv.toUpperCase(), bytes, !isPublic);
  } else if (jwk.kty === 'EC') {
    validateOneOf(jwk.crv, 'key.key.crv', ['P-256', 'secp256k1', 'P-384', 'P-521']);
    const [curve, size] = CURVES[jwk.crv];
    const x = part('x');
    const y = part('y');
    const d = isPublic ? undefined : part('d');
    if (x.length > size || y.length > size) throw new codes.ERR_CRYPTO_INVALID_JWK('Invalid JWK EC key');
    const point = Buffer.alloc(1 + 2 * size);
    point[0] = 4;
    point.set(x, 1 + size - x.length);
    point.set(y, 1 + 2 * size - y.length);
    handle = native.ecMake(curve, point, d);
    if (handle === undefined) throw new codes.ERR_CRYPTO_INVALID_JWK('Invalid JWK EC key');
  } else if (jwk.kty === 'RSA') {
    const names = isPublic || jwk.d === undefined ? ['n', 'e'] : RSA_WORDS;
    if (!isPublic && jwk.d === undefined) part('d');
    handle = native.rsaMake(names.map(part));
    if (handle === undefined) throw new codes.ERR_CRYPTO_INVALID_JWK('Invalid JWK RSA key');
  }
  if (handle === undefined) throw new codes.ERR_CRYPTO_INVALID_JWK('Invalid JWK data');
  return handle;
}

// ---- raw keys

function importRaw(key, format, context) {
  const { asymmetricKeyType: type, namedCurve } = key;
  const bytes = getArrayBufferOrView(key.key, 'key.key');
  const isPrivate = format === 'raw-private' || format === 'raw-seed';
  validateString(type, 'key.asymmetricKeyType');
  let handle;
  if (OKP_WORDS[type] !== undefined && format !== 'raw-seed') handle = native.okpMake(type.toUpperCase(), bytes, isPrivate);
  else if (type === 'ec' && format !== 'raw-seed') {
    validateString(namedCurve, 'key.namedCurve');
    handle = native.ecMake(CURVES[namedCurve]?.[0] ?? namedCurve, isPrivate ? undefined : bytes, isPrivate ? bytes : undefined);
  } else {
    throw new codes.ERR_INVALID_ARG_VALUE('key.asymmetricKeyType', type);
  }
  if (handle === undefined) throw new codes.ERR_INVALID_ARG_VALUE('key.key', key.key);
  return isPrivate && (context === CREATE_PUBLIC || context === CONSUME_PUBLIC) ? native.keyPublicOf(handle) : handle;
}

// ---- encodings

const optionName = (name, object) => object === undefined ? `options.${name}` : `options.${object}.${name}`;

function parseKeyFormat(text, standard, name) {
  if (text === undefined && standard !== undefined) return standard;
  if (text === 'pem') return PEM;
  if (text === 'der') return DER;
  if (text === 'jwk') return JWK;
  throw new codes.ERR_INVALID_ARG_VALUE(name, text);
}
function parseKeyType(text, required, keyType, isPublic, name) {
  if (text === undefined && !required) return undefined;
  if (text === 'pkcs1') {
    if (keyType !== undefined && keyType !== 'rsa') throw new codes.ERR_CRYPTO_INCOMPATIBLE_KEY_OPTIONS(text, 'can only be used for RSA keys');
    return PKCS1;
  }
  if (text === 'spki' && isPublic !== false) return SPKI;
  if (text === 'pkcs8' && isPublic !== true) return PKCS8;
  if (text === 'sec1' && isPublic !== true) {
    if (keyType !== undefined && keyType !== 'ec') throw new codes.ERR_CRYPTO_INCOMPATIBLE_KEY_OPTIONS(text, 'can only be used for EC keys');
    return SEC1;
  }
  throw new codes.ERR_INVALID_ARG_VALUE(name, text);
}
function parseFormatAndType(options, keyType, isPublic, object) {
  const isInput = keyType === undefined;
  const format = parseKeyFormat(options.format, isInput ? PEM : undefined, optionName('format', object));
  const required = (!isInput || format === DER) && format !== JWK;
  return { format, type: parseKeyType(options.type, required, keyType, isPublic, optionName('type', object)) };
}
function parseKeyEncoding(options, keyType, isPublic, object) {
  validateObject(options, 'options');
  const isInput = keyType === undefined;
  const { format, type } = parseFormatAndType(options, keyType, isPublic, object);
  let cipher, passphrase, encoding;
  if (isPublic !== true) {
    ({ cipher, passphrase, encoding } = options);
    if (!isInput) {
      if (cipher != null) {
        if (typeof cipher !== 'string') throw new codes.ERR_INVALID_ARG_VALUE(optionName('cipher', object), cipher);
        if (format === DER && (type === PKCS1 || type === SEC1)) {
          throw new codes.ERR_CRYPTO_INCOMPATIBLE_KEY_OPTIONS(ENCODING_NAMES[type], 'does not support encryption');
        }
      } else if (passphrase !== undefined) {
        throw new codes.ERR_INVALID_ARG_VALUE(optionName('cipher', object), cipher);
      }
    }
    if ((isInput && passphrase !== undefined && !isStringOrBuffer(passphrase)) || (!isInput && cipher != null && !isStringOrBuffer(passphrase))) {
      throw new codes.ERR_INVALID_ARG_VALUE(optionName('passphrase', object), passphrase);
    }
  }
  if (passphrase !== undefined) passphrase = getArrayBufferOrView(passphrase, 'key.passphrase', encoding);
  return { format, type, cipher, passphrase };
}
const parsePublicKeyEncoding = (options, keyType, object) => parseKeyEncoding(options, keyType, keyType ? true : undefined, object);
const parsePrivateKeyEncoding = (options, keyType, object) => parseKeyEncoding(options, keyType, false, object);

// ---- what users give for a key

function keyTypes(allowKeyObject, bufferOnly = false) {
  const list = ['ArrayBuffer', 'Buffer', 'TypedArray', 'DataView', 'string', 'KeyObject', 'CryptoKey'];
  return bufferOnly ? list.slice(0, 4) : allowKeyObject ? list : list.slice(0, 5);
}
function handleOfObject(key, context) {
  if (context === CREATE_PRIVATE) throw new codes.ERR_INVALID_ARG_TYPE('key', ['string', 'ArrayBuffer', 'Buffer', 'TypedArray', 'DataView'], key);
  if (key.type !== 'private') {
    if (context === CONSUME_PRIVATE || context === CREATE_PUBLIC) throw new codes.ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE(key.type, 'private');
    if (key.type !== 'public') throw new codes.ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE(key.type, 'private or public');
  }
  return key[kHandle];
}
// { handle } or { format, data, type, passphrase }
function prepareAsymmetricKey(key, context) {
  if (isKeyObject(key)) return { handle: handleOfObject(key, context) };
  if (isCryptoKey(key)) return { handle: handleOfObject(key[kKeyObject], context) };
  if (isStringOrBuffer(key)) return { format: PEM, data: getArrayBufferOrView(key, 'key') };
  if (typeof key === 'object' && key !== null) {
    const { key: data, encoding, format } = key;
    if (isKeyObject(data)) return { handle: handleOfObject(data, context) };
    if (isCryptoKey(data)) return { handle: handleOfObject(data[kKeyObject], context) };
    if (format === 'jwk') {
      validateObject(data, 'key.key');
      return { handle: importJwk(data, context) };
    }
    if (format === 'raw-public' || format === 'raw-private' || format === 'raw-seed') return { handle: importRaw(key, format, context) };
    if (!isStringOrBuffer(data)) throw new codes.ERR_INVALID_ARG_TYPE('key.key', keyTypes(context !== CREATE_PRIVATE), data);
    const isPublic = context === CONSUME_PRIVATE || context === CREATE_PRIVATE ? false : undefined;
    return { data: getArrayBufferOrView(data, 'key', encoding), ...parseKeyEncoding(key, undefined, isPublic) };
  }
  throw new codes.ERR_INVALID_ARG_TYPE('key', keyTypes(context !== CREATE_PRIVATE), key);
}
// The handle of what prepareAsymmetricKey gave.
function keyHandleOf(prepared, isPublic) {
  if (prepared.handle !== undefined) return prepared.handle;
  const { data, format, type, passphrase } = prepared;
  const handle = native.keyParse(isPublic, data, format, type, passphrase);
  if (handle === undefined) throw new codes.ERR_MISSING_PASSPHRASE('Passphrase required for encrypted key');
  return handle;
}
const preparePrivateKey = (key) => prepareAsymmetricKey(key, CONSUME_PRIVATE);
const preparePublicOrPrivateKey = (key) => prepareAsymmetricKey(key, CONSUME_PUBLIC);

// A handle, or bytes.
function prepareSecretKey(key, encoding, bufferOnly = false) {
  if (!bufferOnly) {
    if (isKeyObject(key)) {
      if (key.type !== 'secret') throw new codes.ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE(key.type, 'secret');
      return key[kHandle];
    }
    if (isCryptoKey(key)) {
      if (key.type !== 'secret') throw new codes.ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE(key.type, 'secret');
      return key[kKeyObject][kHandle];
    }
  }
  if (typeof key !== 'string' && !ArrayBuffer.isView(key) && !isAnyArrayBuffer(key)) {
    throw new codes.ERR_INVALID_ARG_TYPE('key', keyTypes(!bufferOnly, bufferOnly), key);
  }
  return getArrayBufferOrView(key, 'key', encoding);
}

function createSecretKey(key, encoding) {
  return new SecretKeyObject(native.keySecret(prepareSecretKey(key, encoding, typeof key !== 'string')));
}
function createPublicKey(key) {
  const prepared = prepareAsymmetricKey(key, CREATE_PUBLIC);
  // Of a private key: its public half.
  if (prepared.handle !== undefined) return new PublicKeyObject(native.keyPublicOf(prepared.handle));
  return new PublicKeyObject(keyHandleOf(prepared, true));
}
function createPrivateKey(key) {
  return new PrivateKeyObject(keyHandleOf(prepareAsymmetricKey(key, CREATE_PRIVATE), false));
}

module.exports = {
  KeyObject, SecretKeyObject, PublicKeyObject, PrivateKeyObject, createSecretKey, createPublicKey, createPrivateKey, isKeyObject, isCryptoKey,
  prepareSecretKey, preparePrivateKey, preparePublicOrPrivateKey, keyHandleOf, parsePublicKeyEncoding, parsePrivateKeyEncoding, exportHandle, exportJwk, importJwk,
  kHandle, kKeyObject, JWK, CURVES, CURVE_WORDS, CREATE_PUBLIC, CREATE_PRIVATE,
};
