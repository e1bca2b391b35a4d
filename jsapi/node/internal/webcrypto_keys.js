// SPDX-License-Identifier: Apache-2.0
// CryptoKey, and the algorithms of WebCrypto with what each takes: how a name or dictionary becomes a normal one.
'use strict';

const { codes } = require('internal/errors');
const { DOMException } = require('internal/event_target');
const { inspect } = require('internal/inspect');
const { isAnyArrayBuffer } = require('internal/node/crypto_util');
const { kKeyObject, kHandle } = require('internal/node/crypto_keys');

const failed = (message, name, cause) => cause === undefined ? new DOMException(message, name) : new DOMException(message, { name, cause });

const USAGES = ['encrypt', 'decrypt', 'sign', 'verify', 'deriveKey', 'deriveBits', 'wrapKey', 'unwrapKey'];

const copyOf = (algorithm) => {
  const copy = { ...algorithm };
  if (copy.hash !== undefined) copy.hash = { ...copy.hash };
  if (copy.publicExponent !== undefined) copy.publicExponent = new Uint8Array(copy.publicExponent);
  return copy;
};

let open = false;
class CryptoKey {
  #algorithm;
  #usages;
  #extractable;
  #shownAlgorithm;
  #shownUsages;
  constructor(keyObject, algorithm, usages, extractable) {
    if (!open) throw new codes.ERR_ILLEGAL_CONSTRUCTOR();
    Object.defineProperty(this, kKeyObject, { value: keyObject });
    this.#algorithm = algorithm;
    this.#usages = USAGES.filter((usage) => usages.includes(usage));
    this.#extractable = extractable;
  }
  get type() { return slot(this, this[kKeyObject]).type; }
  get extractable() {
    if (!(#extractable in this)) throw new codes.ERR_INVALID_THIS('CryptoKey');
    return this.#extractable;
  }
  get algorithm() {
    if (!(#algorithm in this)) throw new codes.ERR_INVALID_THIS('CryptoKey');
    return this.#shownAlgorithm ??= copyOf(this.#algorithm);
  }
  get usages() {
    if (!(#usages in this)) throw new codes.ERR_INVALID_THIS('CryptoKey');
    return this.#shownUsages ??= [...this.#usages];
  }
  [inspect.custom](depth, options) {
    if (depth < 0) return this;
    return `CryptoKey ${inspect({ type: this.type, extractable: this.#extractable, algorithm: this.#algorithm, usages: this.#usages },
      { ...options, depth: options.depth == null ? null : options.depth - 1 })}`;
  }
  // What a script has made of `algorithm` and `usages` does not count.
  static slotsOf(key) {
    if (typeof key !== 'object' || key === null || !(#algorithm in key)) return undefined;
    return { algorithm: key.#algorithm, usages: key.#usages, extractable: key.#extractable, object: key[kKeyObject], handle: key[kKeyObject][kHandle], type: key[kKeyObject].type };
  }
}
const { slotsOf } = CryptoKey;
delete CryptoKey.slotsOf;
function slot(self, object) {
  if (object === undefined) throw new codes.ERR_INVALID_THIS('CryptoKey');
  return object;
}
for (const name of ['type', 'extractable', 'algorithm', 'usages']) Object.defineProperty(CryptoKey.prototype, name, { enumerable: true });
Object.defineProperty(CryptoKey.prototype, Symbol.toStringTag, { configurable: true, value: 'CryptoKey' });

function makeCryptoKey(keyObject, algorithm, usages, extractable) {
  open = true;
  try {
    return new CryptoKey(keyObject, algorithm, usages, extractable);
  } finally {
    open = false;
  }
}

// ---- conversions (WebIDL)

const isBytes = (value) => ArrayBuffer.isView(value) || isAnyArrayBuffer(value);
function bytesOf(value, name) {
  if (!isBytes(value)) {
    const error = new TypeError(`${name} is not instance of ArrayBuffer, Buffer, TypedArray, or DataView.`);
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }
  return value;
}
const snapshot = (bytes) => ArrayBuffer.isView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength).slice() : new Uint8Array(bytes).slice();

function integer(value, name, most) {
  const number = Math.trunc(Number(value));
  if (!Number.isFinite(number) || number < 0 || number > most) {
    const error = new TypeError(`${name} is outside the expected range of 0 to ${most}.`);
    error.code = 'ERR_OUT_OF_RANGE';
    throw error;
  }
  return number;
}
const octet = (value, name) => integer(value, name, 255);
const short = (value, name) => integer(value, name, 65535);
const long = (value, name) => integer(value, name, 4294967295);
const source = (value, name) => snapshot(bytesOf(value, name));
const text = (value) => {
  if (typeof value === 'symbol') throw new TypeError('Cannot convert a Symbol value to a string');
  return `${value}`;
};
function exponent(value, name) {
  if (!(value instanceof Uint8Array)) {
    const error = new TypeError(`${name} is not instance of Uint8Array.`);
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }
  return new Uint8Array(value);
}
function publicKey(value, name) {
  if (slotsOf(value) === undefined) {
    const error = new TypeError(`${name} is not of type CryptoKey.`);
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }
  return value;
}
const hashName = (value) => normalize(value, 'digest');
function curve(value) {
  value = text(value);
  if (value !== 'P-256' && value !== 'P-384' && value !== 'P-521') throw failed('Unrecognized namedCurve', 'NotSupportedError');
  return value;
}
function aesLength(value, name) {
  const bits = short(value, name);
  if (bits !== 128 && bits !== 192 && bits !== 256) throw failed('Invalid key length', 'OperationError');
  return bits;
}
const sized = (bytes, message) => (value, name) => {
  const copy = source(value, name);
  if (copy.byteLength !== bytes) throw failed(message, 'OperationError');
  return copy;
};

// Dictionaries: [member, required, conversion]
const DICTIONARIES = {
  __proto__: null,
  none: [],
  AesKeyGenParams: [['length', true, aesLength]],
  AesDerivedKeyParams: [['length', true, aesLength]],
  AesCbcParams: [['iv', true, sized(16, 'algorithm.iv must contain exactly 16 bytes')]],
  AesCtrParams: [['counter', true, sized(16, 'algorithm.counter must contain exactly 16 bytes')], ['length', true, (value, name) => {
    const bits = octet(value, name);
    if (bits === 0 || bits > 128) throw failed('AES-CTR algorithm.length must be between 1 and 128', 'OperationError');
    return bits;
  }]],
  AeadParams: [['iv', true, source], ['tagLength', false, octet], ['additionalData', false, source]],
  RsaHashedKeyGenParams: [['modulusLength', true, long], ['publicExponent', true, exponent], ['hash', true, hashName]],
  RsaHashedImportParams: [['hash', true, hashName]],
  RsaPssParams: [['saltLength', true, long]],
  RsaOaepParams: [['label', false, source]],
  EcKeyGenParams: [['namedCurve', true, curve]],
  EcKeyImportParams: [['namedCurve', true, curve]],
  EcdsaParams: [['hash', true, hashName]],
  EcdhKeyDeriveParams: [['public', true, publicKey]],
  HmacKeyGenParams: [['hash', true, hashName], ['length', false, long]],
  HmacImportParams: [['hash', true, hashName], ['length', false, long]],
  HkdfParams: [['hash', true, hashName], ['salt', true, source], ['info', true, source]],
  Pbkdf2Params: [['hash', true, hashName], ['salt', true, source], ['iterations', true, (value, name) => {
    const count = long(value, name);
    if (count === 0) throw failed('iterations cannot be zero', 'OperationError');
    return count;
  }]],
  ContextParams: [['context', false, source]],
  CShakeParams: [['length', true, long], ['functionName', false, source], ['customization', false, source]],
};

const AES = ['AES-CBC', 'AES-CTR', 'AES-GCM', 'AES-OCB', 'AES-KW'];
const RSA = ['RSASSA-PKCS1-v1_5', 'RSA-PSS', 'RSA-OAEP'];
const EDWARDS = ['Ed25519', 'Ed448'];
const MONTGOMERY = ['X25519', 'X448'];
const each = (names, dictionary) => Object.fromEntries(names.map((name) => [name, dictionary]));
const CIPHERS = {
  'RSA-OAEP': 'RsaOaepParams', 'AES-CBC': 'AesCbcParams', 'AES-CTR': 'AesCtrParams', 'AES-GCM': 'AeadParams', 'AES-OCB': 'AeadParams', 'ChaCha20-Poly1305': 'AeadParams',
};
const SIGNATURES = { 'RSASSA-PKCS1-v1_5': 'none', 'RSA-PSS': 'RsaPssParams', 'ECDSA': 'EcdsaParams', 'Ed25519': 'none', 'Ed448': 'ContextParams', 'HMAC': 'none' };
// Of each operation: the algorithms and their dictionaries.
const OPERATIONS = {
  __proto__: null,
  digest: { ...each(['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512', 'SHA3-256', 'SHA3-384', 'SHA3-512'], 'none'), ...each(['cSHAKE128', 'cSHAKE256'], 'CShakeParams') },
  generateKey: {
    ...each(AES, 'AesKeyGenParams'), ...each(RSA, 'RsaHashedKeyGenParams'), ...each(['ECDSA', 'ECDH'], 'EcKeyGenParams'), ...each([...EDWARDS, ...MONTGOMERY], 'none'),
    'HMAC': 'HmacKeyGenParams', 'ChaCha20-Poly1305': 'none',
  },
  importKey: {
    ...each(AES, 'none'), ...each(RSA, 'RsaHashedImportParams'), ...each(['ECDSA', 'ECDH'], 'EcKeyImportParams'), ...each([...EDWARDS, ...MONTGOMERY], 'none'),
    'HMAC': 'HmacImportParams', 'HKDF': 'none', 'PBKDF2': 'none', 'ChaCha20-Poly1305': 'none',
  },
  exportKey: { ...each([...AES, ...RSA, 'ECDSA', 'ECDH', ...EDWARDS, ...MONTGOMERY, 'HMAC', 'ChaCha20-Poly1305'], 'none') },
  sign: SIGNATURES, verify: SIGNATURES, encrypt: CIPHERS, decrypt: CIPHERS,
  deriveBits: { 'HKDF': 'HkdfParams', 'PBKDF2': 'Pbkdf2Params', 'ECDH': 'EcdhKeyDeriveParams', 'X25519': 'EcdhKeyDeriveParams', 'X448': 'EcdhKeyDeriveParams' },
  wrapKey: { 'AES-KW': 'none' }, unwrapKey: { 'AES-KW': 'none' },
  getKeyLength: {
    ...each(AES, 'AesDerivedKeyParams'), 'HMAC': 'HmacImportParams', 'HKDF': 'none', 'PBKDF2': 'none', 'ChaCha20-Poly1305': 'none',
  },
};
const spellings = { __proto__: null };
for (const operation of Object.keys(OPERATIONS)) {
  spellings[operation] = { __proto__: null };
  for (const name of Object.keys(OPERATIONS[operation])) spellings[operation][name.toLowerCase()] = name;
}

// https://w3c.github.io/webcrypto/#algorithm-normalization-normalize-an-algorithm
function normalize(algorithm, operation) {
  if (typeof algorithm === 'string') {
    algorithm = { name: algorithm };
  } else if ((typeof algorithm !== 'object' && typeof algorithm !== 'function') || algorithm === null) {
    algorithm = { name: text(algorithm) };
  }
  if (algorithm.name === undefined) {
    const error = new TypeError("Failed to normalize algorithm: cannot be converted to 'Algorithm' because 'name' is required in 'Algorithm'.");
    error.code = 'ERR_MISSING_OPTION';
    throw error;
  }
  const name = spellings[operation][text(algorithm.name).toLowerCase()];
  if (name === undefined) throw failed('Unrecognized algorithm name', 'NotSupportedError');
  const dictionary = OPERATIONS[operation][name];
  const result = { name };
  for (const [member, required, convert] of DICTIONARIES[dictionary]) {
    const value = algorithm[member];
    if (value !== undefined) {
      result[member] = convert(value, `Failed to normalize algorithm: '${member}' of '${dictionary}'`);
    } else if (required) {
      const error = new TypeError(`Failed to normalize algorithm: cannot be converted to '${dictionary}' because '${member}' is required in '${dictionary}'.`);
      error.code = 'ERR_MISSING_OPTION';
      throw error;
    }
  }
  return result;
}

module.exports = { CryptoKey, makeCryptoKey, slotsOf, normalize, failed, bytesOf, snapshot, isBytes, USAGES, OPERATIONS, spellings };
