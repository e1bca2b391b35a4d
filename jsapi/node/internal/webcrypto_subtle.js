// SPDX-License-Identifier: Apache-2.0
// SubtleCrypto (https://w3c.github.io/webcrypto/), with the modern algorithms that OpenSSL 3.0 has. Missing: KMAC, Argon2 and what is
// post-quantum.
'use strict';

const { Buffer } = require('node:buffer');
const { codes } = require('internal/errors');
const { inspect } = require('internal/inspect');
const { promised } = require('internal/node/crypto_util');
const { SecretKeyObject, PublicKeyObject, PrivateKeyObject, createPublicKey, createPrivateKey, exportJwk, kHandle, CURVES, isKeyObject } = require('internal/node/crypto_keys');
const { makeCryptoKey, slotsOf, normalize, failed, bytesOf, snapshot, isBytes, USAGES, OPERATIONS } = require('internal/node/webcrypto_keys');
const native = internalBinding('crypto');

const isAes = (name) => name.startsWith('AES-');
const isRsa = (name) => name.startsWith('RSA');
const isOkp = (name) => name === 'Ed25519' || name === 'Ed448' || name === 'X25519' || name === 'X448';
const isEc = (name) => name === 'ECDSA' || name === 'ECDH';
const HASH_BITS = { '__proto__': null, 'SHA-1': 512, 'SHA-256': 512, 'SHA-384': 1024, 'SHA-512': 1024, 'SHA3-256': 1088, 'SHA3-384': 832, 'SHA3-512': 576 };
const opensslHash = (hash) => hash.name.startsWith('SHA3-') ? hash.name.toLowerCase() : hash.name.replace('-', '').toLowerCase();
const bytesOfKey = (slots) => native.keySecretBytes(slots.handle);

// OpenSSL's reasons are of no use to a script, but to who looks at the cause.
async function operation(work, message = 'The operation failed for an operation-specific reason') {
  try {
    return await work();
  } catch (error) {
    throw error?.name && error.constructor.name === 'DOMException' ? error : failed(message, 'OperationError', error);
  }
}

// ---- usages

const SECRET_USAGES = {
  '__proto__': null, 'AES-CBC': ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'], 'AES-CTR': ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'],
  'AES-GCM': ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'], 'AES-OCB': ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'], 'AES-KW': ['wrapKey', 'unwrapKey'],
  'ChaCha20-Poly1305': ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'], 'HMAC': ['sign', 'verify'], 'HKDF': ['deriveKey', 'deriveBits'], 'PBKDF2': ['deriveKey', 'deriveBits'],
};
function pairUsages(name) {
  if (name === 'RSA-OAEP') return { public: ['encrypt', 'wrapKey'], private: ['decrypt', 'unwrapKey'] };
  if (name === 'ECDH' || name === 'X25519' || name === 'X448') return { public: [], private: ['deriveKey', 'deriveBits'] };
  return { public: ['verify'], private: ['sign'] };
}
function checkUsages(name, usages, allowed) {
  for (const usage of usages) if (!allowed.includes(usage)) throw failed(`Unsupported key usage for ${/^(HMAC|HKDF|PBKDF2|AES|ChaCha)/.test(name) ? name.replace(/^AES-.*/, name) : name} key`, 'SyntaxError');
}
function usagesOf(value) {
  if (value === null || typeof value !== 'object' || typeof value[Symbol.iterator] !== 'function') {
    const error = new TypeError('keyUsages cannot be converted to sequence.');
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }
  const list = [...value].map(String);
  for (const usage of list) {
    if (!USAGES.includes(usage)) {
      const error = new TypeError(`'${usage}' is not a valid enum value of type KeyUsage.`);
      error.code = 'ERR_INVALID_ARG_VALUE';
      throw error;
    }
  }
  return list;
}
const FORMATS = ['raw', 'raw-public', 'raw-private', 'raw-seed', 'raw-secret', 'pkcs8', 'spki', 'jwk'];
function formatOf(value) {
  const format = `${value}`;
  if (!FORMATS.includes(format)) {
    const error = new TypeError(`'${format}' is not a valid enum value of type KeyFormat.`);
    error.code = 'ERR_INVALID_ARG_VALUE';
    throw error;
  }
  return format;
}
function keyOf(value, name) {
  const slots = slotsOf(value);
  if (slots === undefined) {
    const error = new TypeError(`${name} is not of type CryptoKey.`);
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }
  return slots;
}
function checkKey(slots, algorithm, usage) {
  if (slots.algorithm.name !== algorithm.name) throw failed('Key algorithm mismatch', 'InvalidAccessError');
  if (!slots.usages.includes(usage)) throw failed(`Unable to use this key to ${usage}`, 'InvalidAccessError');
}
function given(count, needed, method) {
  if (count >= needed) return;
  const error = new TypeError(`Failed to execute '${method}' on 'SubtleCrypto': ${needed} arguments required, but only ${count} present.`);
  error.code = 'ERR_MISSING_ARGS';
  throw error;
}

// ---- digest

async function digest(algorithm, data) {
  const { name } = algorithm;
  if (name.startsWith('cSHAKE')) {
    if (algorithm.functionName?.byteLength || algorithm.customization?.byteLength) throw failed('Non zero-length functionName or customization is not supported', 'NotSupportedError');
    if (algorithm.length % 8 !== 0) throw failed('Unsupported CShakeParams length', 'NotSupportedError');
    return promised(native.hashLater, `shake${name.slice(6)}`, data, algorithm.length / 8).then((bytes) => bytes.buffer);
  }
  // A short one costs less than the way to the pool.
  if (data.byteLength <= 4096) return native.hashOnce(opensslHash(algorithm), data, false, undefined).buffer;
  return (await promised(native.hashLater, opensslHash(algorithm), data, undefined)).buffer;
}

// ---- encrypt, decrypt

function tagBytes(algorithm) {
  const { name, tagLength = 128 } = algorithm;
  const allowed = name === 'AES-GCM' ? [32, 64, 96, 104, 112, 120, 128] : name === 'AES-OCB' ? [64, 96, 128] : [128];
  if (!allowed.includes(tagLength)) throw failed(`${tagLength} is not a valid ${name} tag length`, 'OperationError');
  return tagLength / 8;
}
function checkAead(algorithm) {
  tagBytes(algorithm);
  const { name, iv } = algorithm;
  if (name === 'AES-OCB' && (iv.byteLength === 0 || iv.byteLength > 15)) throw failed('AES-OCB algorithm.iv must be no more than 15 bytes', 'OperationError');
  if (name === 'ChaCha20-Poly1305' && iv.byteLength !== 12) throw failed('ChaCha20-Poly1305 algorithm.iv must contain exactly 12 bytes', 'OperationError');
}
async function cipher(encrypts, algorithm, slots, data) {
  const { name } = algorithm;
  const fail = encrypts ? undefined : 'The operation failed for an operation-specific reason';
  const bits = slots.algorithm.length;
  switch (name) {
    case 'RSA-OAEP': {
      if (slots.type !== (encrypts ? 'public' : 'private')) throw failed('The requested operation is not valid for the provided key', 'InvalidAccessError');
      return operation(async () =>
        (await promised(native.rsaCipher, encrypts ? 0 : 1, slots.handle, 4, opensslHash(slots.algorithm.hash), algorithm.label, data)).buffer, fail);
    }
    case 'AES-CBC': return operation(async () => (await promised(native.cipherWhole, encrypts, `aes-${bits}-cbc`, slots.handle, algorithm.iv, data, undefined, 0)).buffer, fail);
    case 'AES-CTR': return operation(() => counterMode(encrypts, algorithm, slots, data), fail);
    default: {
      checkAead(algorithm);
      const tag = tagBytes(algorithm);
      if (!encrypts && data.byteLength < tag) throw failed('The provided data is too small.', 'OperationError');
      const word = name === 'ChaCha20-Poly1305' ? 'chacha20-poly1305' : `aes-${bits}-${name.slice(4).toLowerCase()}`;
      return operation(async () => (await promised(native.cipherWhole, encrypts, word, slots.handle, algorithm.iv, data, algorithm.additionalData, tag)).buffer, fail);
    }
  }
}
// The counter is the last `length` bits of the block; where it wraps within the data, OpenSSL would carry into the others.
async function counterMode(encrypts, { counter, length }, slots, data) {
  const bytes = snapshot(data);
  const word = `aes-${slots.algorithm.length}-ctr`;
  const whole = BigInt(`0x${Buffer.from(counter).toString('hex')}`);
  const span = 1n << BigInt(length);
  const start = whole % span;
  const blocks = BigInt(Math.ceil(bytes.length / 16));
  if (blocks > span) throw failed('The counter is too small for the data', 'OperationError');
  const run = (at, part) => promised(native.cipherWhole, encrypts, word, slots.handle, at, part, undefined, 0);
  if (start + blocks <= span) return (await run(counter, bytes)).buffer;
  const cut = Number(span - start) * 16;
  const wrapped = Buffer.from((whole - start).toString(16).padStart(32, '0'), 'hex');
  const parts = await Promise.all([run(counter, bytes.subarray(0, cut)), run(wrapped, bytes.subarray(cut))]);
  const result = new Uint8Array(bytes.length);
  result.set(parts[0]);
  result.set(parts[1], cut);
  return result.buffer;
}

// ---- sign, verify

// Arguments of native.signWhole behind the key: digest, padding, salt, ieee
function mannerOf(algorithm, slots) {
  switch (algorithm.name) {
    case 'RSASSA-PKCS1-v1_5': return [opensslHash(slots.algorithm.hash), 1, undefined, false];
    case 'RSA-PSS': return [opensslHash(slots.algorithm.hash), 6, algorithm.saltLength, false];
    case 'ECDSA': return [opensslHash(algorithm.hash), undefined, undefined, true];
    default:
      if (algorithm.context?.byteLength) throw failed('Non zero-length context parameter is not supported', 'NotSupportedError');
      return [undefined, undefined, undefined, false];
  }
}
async function sign(algorithm, slots, data) {
  if (algorithm.name === 'HMAC') return operation(async () => (await promised(native.hmacLater, opensslHash(slots.algorithm.hash), slots.handle, data)).buffer);
  if (slots.type !== 'private') throw failed('Key must be a private key', 'InvalidAccessError');
  const manner = mannerOf(algorithm, slots);
  return operation(async () => (await promised(native.signWhole, slots.handle, ...manner, data)).buffer);
}
async function verify(algorithm, slots, signature, data) {
  if (algorithm.name === 'HMAC') {
    const copy = snapshot(signature);
    return operation(async () => native.equal(await promised(native.hmacLater, opensslHash(slots.algorithm.hash), slots.handle, data), copy));
  }
  if (slots.type !== 'public') throw failed('Key must be a public key', 'InvalidAccessError');
  const manner = mannerOf(algorithm, slots);
  return operation(() => promised(native.verifyWhole, slots.handle, ...manner, data, signature));
}

// ---- deriveBits

function lengthInBytes(length) {
  if (length === null || length === undefined) throw failed('length cannot be null', 'OperationError');
  if (length % 8 !== 0) throw failed('length must be a multiple of 8', 'OperationError');
  return length / 8;
}
async function deriveBits(algorithm, slots, length) {
  switch (algorithm.name) {
    case 'HKDF': {
      const size = lengthInBytes(length);
      const hash = opensslHash(algorithm.hash);
      return operation(async () => (await promised(native.hkdf, hash, slots.handle, algorithm.salt, algorithm.info, size)).buffer);
    }
    case 'PBKDF2': {
      const size = lengthInBytes(length);
      return operation(async () => (await promised(native.pbkdf2, slots.handle, algorithm.salt, algorithm.iterations, size, opensslHash(algorithm.hash))).buffer);
    }
    default: {
      const other = slotsOf(algorithm.public);
      if (slots.type !== 'private') throw failed('baseKey must be a private key', 'InvalidAccessError');
      if (other.type !== 'public') throw failed('algorithm.public must be a public key', 'InvalidAccessError');
      if (other.algorithm.name !== slots.algorithm.name) throw failed(`algorithm.public must be an ${slots.algorithm.name} key`, 'InvalidAccessError');
      if (other.algorithm.namedCurve !== slots.algorithm.namedCurve) throw failed('Named curve mismatch', 'InvalidAccessError');
      const secret = await operation(() => promised(native.agree, slots.handle, other.handle));
      if (length === null || length === undefined) return secret.buffer;
      const size = Math.ceil(length / 8);
      if (size > secret.length) throw failed('derived bit length is too small', 'OperationError');
      const bits = secret.slice(0, size);
      if (length % 8 !== 0) bits[size - 1] &= 0xff << 8 - length % 8;
      return bits.buffer;
    }
  }
}
function keyLength(algorithm) {
  const { name, length } = algorithm;
  if (isAes(name)) return length;
  if (name === 'ChaCha20-Poly1305') return 256;
  if (name === 'HMAC') {
    if (length === undefined) return HASH_BITS[algorithm.hash.name];
    if (length === 0) throw failed('Invalid length', 'OperationError');
    return length;
  }
  return null;
}

// ---- generateKey

const OPENSSL_CURVES = { '__proto__': null, 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' };

function secretKey(bytes) { return new SecretKeyObject(native.keySecret(bytes)); }
function randomSecret(bits) {
  const bytes = new Uint8Array(Math.ceil(bits / 8));
  native.randomFill(undefined, bytes, 0, bytes.length);
  return secretKey(bytes);
}
function checkHmacLength(length, word) {
  if (length === 0) throw failed(`${word}.length cannot be 0`, word === 'HmacKeyGenParams' ? 'OperationError' : 'DataError');
  if (length % 8 !== 0) throw failed(`Unsupported ${word}.length`, 'NotSupportedError');
}
async function generateKey(algorithm, extractable, usages) {
  const { name } = algorithm;
  if (SECRET_USAGES[name] !== undefined) {
    checkUsages(name, usages, SECRET_USAGES[name]);
    let bits, result;
    if (name === 'HMAC') {
      if (algorithm.length !== undefined) checkHmacLength(algorithm.length, 'HmacKeyGenParams');
      bits = algorithm.length ?? HASH_BITS[algorithm.hash.name];
      result = { name, hash: { name: algorithm.hash.name }, length: bits };
    } else if (name === 'ChaCha20-Poly1305') {
      bits = 256;
      result = { name };
    } else {
      bits = algorithm.length;
      result = { name, length: bits };
    }
    if (usages.length === 0) throw failed('Usages cannot be empty when creating a key.', 'SyntaxError');
    return makeCryptoKey(randomSecret(bits), result, usages, extractable);
  }
  const allowed = pairUsages(name);
  checkUsages(name, usages, [...allowed.public, ...allowed.private]);
  let order, result;
  if (isRsa(name)) {
    const { modulusLength, publicExponent } = algorithm;
    const exponent = Number(BigInt(`0x0${Buffer.from(publicExponent).toString('hex')}`));
    if (exponent !== 3 && exponent !== 65537) throw failed('The publicExponent must be equivalent to an unsigned 32-bit value', 'OperationError');
    order = [native.generateRsa, modulusLength, exponent, false];
    result = { name, modulusLength, publicExponent, hash: { name: algorithm.hash.name } };
  } else if (isEc(name)) {
    order = [native.generateEc, OPENSSL_CURVES[algorithm.namedCurve], false];
    result = { name, namedCurve: algorithm.namedCurve };
  } else {
    order = [native.generateNamed, name.toUpperCase()];
    result = { name };
  }
  const kept = usages.filter((usage) => allowed.private.includes(usage));
  if (kept.length === 0) throw failed('Usages cannot be empty when creating a key.', 'SyntaxError');
  const pair = await operation(() => promised(...order));
  return {
    publicKey: makeCryptoKey(new PublicKeyObject(pair[0]), result, usages.filter((usage) => allowed.public.includes(usage)), true),
    privateKey: makeCryptoKey(new PrivateKeyObject(pair[1]), { ...result }, kept, extractable),
  };
}

// ---- importKey

const dataError = (message, cause) => failed(message, 'DataError', cause);
function checkJwk(jwk, kty, usages, extractable, use) {
  if (jwk.kty !== kty) throw dataError('Invalid JWK "kty" Parameter');
  if (usages.length > 0 && jwk.use !== undefined && jwk.use !== use) throw dataError('Invalid JWK "use" Parameter');
  if (jwk.key_ops !== undefined) {
    if (!Array.isArray(jwk.key_ops)) throw dataError('Invalid JWK "key_ops" Parameter');
    if (new Set(jwk.key_ops).size !== jwk.key_ops.length) throw dataError('Duplicate key operation');
    for (const usage of usages) if (!jwk.key_ops.includes(usage)) throw dataError('Key operations and usage mismatch');
  }
  if (jwk.ext !== undefined && jwk.ext === false && extractable) throw dataError('JWK "ext" Parameter and extractable mismatch');
}
const useOf = (name) => /^(AES|RSA-OAEP|ECDH|X|ChaCha)/.test(name) ? 'enc' : 'sig';
function bytesFromJwk(text, name) {
  if (typeof text !== 'string') throw dataError('Invalid JWK keyData');
  void name;
  return Buffer.from(text, 'base64url');
}
const AES_WORDS = { '__proto__': null, 'AES-CBC': 'CBC', 'AES-CTR': 'CTR', 'AES-GCM': 'GCM', 'AES-KW': 'KW', 'AES-OCB': 'OCB' };
const hashDigits = (hash) => hash.name.replace('SHA-', '').replace('SHA3-', 'S3-');
function jwkAlgorithm(name, hash) {
  switch (name) {
    case 'RSASSA-PKCS1-v1_5': return `RS${hashDigits(hash)}`;
    case 'RSA-PSS': return `PS${hashDigits(hash)}`;
    case 'RSA-OAEP': return hash.name === 'SHA-1' ? 'RSA-OAEP' : `RSA-OAEP-${hashDigits(hash)}`;
    default: return undefined;
  }
}

function importSecret(format, data, algorithm, extractable, usages) {
  const { name } = algorithm;
  checkUsages(name, usages, SECRET_USAGES[name]);
  let bytes;
  if (format === 'raw' || format === 'raw-secret') {
    if (format === 'raw' && (name === 'ChaCha20-Poly1305' || name === 'AES-OCB')) throw failed(`Unable to import ${name} using raw format`, 'NotSupportedError');
    bytes = snapshot(data);
  } else if (format === 'jwk' && name !== 'HKDF' && name !== 'PBKDF2') {
    checkJwk(data, 'oct', usages, extractable, useOf(name));
    bytes = bytesFromJwk(data.k);
  } else {
    throw failed(`Unable to import ${name} using ${format} format`, 'NotSupportedError');
  }
  const bits = bytes.byteLength * 8;
  let result;
  if (name === 'HKDF' || name === 'PBKDF2') {
    if (extractable) throw failed(`${name} keys are not extractable`, 'SyntaxError');
    result = { name };
  } else if (name === 'HMAC') {
    if (algorithm.length !== undefined) checkHmacLength(algorithm.length, 'HmacImportParams');
    if (bits === 0) throw dataError('Zero-length key is not supported');
    if (algorithm.length !== undefined && algorithm.length !== bits) throw dataError('Invalid key length');
    if (format === 'jwk' && data.alg !== undefined && data.alg !== `HS${hashDigits(algorithm.hash)}`) throw dataError('JWK "alg" does not match the requested algorithm');
    result = { name, hash: { name: algorithm.hash.name }, length: bits };
  } else if (name === 'ChaCha20-Poly1305') {
    if (bits !== 256) throw dataError('Invalid key length');
    if (format === 'jwk' && data.alg !== undefined && data.alg !== 'C20P') throw dataError('JWK "alg" does not match the requested algorithm');
    result = { name };
  } else {
    if (bits !== 128 && bits !== 192 && bits !== 256) throw dataError('Invalid key length');
    if (format === 'jwk' && data.alg !== undefined && data.alg !== `A${bits}${AES_WORDS[name]}`) throw dataError('JWK "alg" does not match the requested algorithm');
    result = { name, length: bits };
  }
  if (usages.length === 0) throw failed('Usages cannot be empty when importing a secret key.', 'SyntaxError');
  return makeCryptoKey(secretKey(bytes), result, usages, extractable);
}

function parsed(work) {
  try {
    return work();
  } catch (error) {
    throw dataError('Invalid keyData', error);
  }
}
function importPair(format, data, algorithm, extractable, usages) {
  const { name } = algorithm;
  const allowed = pairUsages(name);
  const check = (isPublic) => checkUsages(name, usages, isPublic ? allowed.public : allowed.private);
  let key;
  if (format === 'spki') {
    check(true);
    key = parsed(() => createPublicKey({ key: Buffer.from(snapshot(data)), format: 'der', type: 'spki' }));
  } else if (format === 'pkcs8') {
    check(false);
    key = parsed(() => createPrivateKey({ key: Buffer.from(snapshot(data)), format: 'der', type: 'pkcs8' }));
  } else if (format === 'jwk') {
    const isPublic = data.d === undefined;
    const kty = isRsa(name) ? 'RSA' : isOkp(name) ? 'OKP' : 'EC';
    if (data.kty !== kty) throw dataError('Invalid JWK "kty" Parameter');
    if (isEc(name) && data.crv !== algorithm.namedCurve) throw dataError('JWK "crv" does not match the requested algorithm');
    if (isOkp(name) && data.crv !== name) throw dataError('JWK "crv" Parameter and algorithm name mismatch');
    check(isPublic);
    checkJwk(data, kty, usages, extractable, useOf(name));
    if (data.alg !== undefined) {
      if (isRsa(name) && data.alg !== jwkAlgorithm(name, algorithm.hash)) throw dataError('JWK "alg" does not match the requested algorithm');
      if (name === 'ECDSA' && data.alg !== { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' }[data.crv]) throw dataError('JWK "alg" does not match the requested algorithm');
      if ((name === 'Ed25519' || name === 'Ed448') && data.alg !== name && data.alg !== 'EdDSA') throw dataError('JWK "alg" does not match the requested algorithm');
    }
    if (isOkp(name) && typeof data.x !== 'string') throw dataError('Invalid JWK keyData');
    const jwk = { ...data };
    key = parsed(() => isPublic ? createPublicKey({ key: jwk, format: 'jwk' }) : createPrivateKey({ key: jwk, format: 'jwk' }));
    if (isOkp(name) && !isPublic && native.keyParts(key[kHandle]).length > 0 && Buffer.from(native.keyParts(key[kHandle])[0]).toString('base64url') !== data.x) {
      throw dataError('Invalid keyData');
    }
  } else if ((format === 'raw' || format === 'raw-public') && !isRsa(name)) {
    check(true);
    const bytes = snapshot(data);
    const handle = isOkp(name) ? native.okpMake(name.toUpperCase(), bytes, false) : native.ecMake(CURVES[algorithm.namedCurve][0], bytes, undefined);
    if (handle === undefined) throw dataError('Invalid keyData');
    key = new PublicKeyObject(handle);
  } else {
    throw failed(`Unable to import ${name} using ${format} format`, 'NotSupportedError');
  }
  const type = key.asymmetricKeyType;
  const wanted = isRsa(name) ? 'rsa' : isEc(name) ? 'ec' : name.toLowerCase();
  if (type !== wanted) throw dataError('Invalid key type');
  let result;
  if (isRsa(name)) {
    const { modulusLength, publicExponent } = key.asymmetricKeyDetails;
    const hex = publicExponent.toString(16);
    result = { name, modulusLength, publicExponent: new Uint8Array(Buffer.from(hex.padStart(hex.length + hex.length % 2, '0'), 'hex')), hash: { name: algorithm.hash.name } };
  } else if (isEc(name)) {
    if (key.asymmetricKeyDetails.namedCurve !== CURVES[algorithm.namedCurve][0]) throw dataError('Named curve mismatch');
    if (key.type === 'public' && !native.keyCheck(key[kHandle])) throw dataError('Invalid keyData');
    result = { name, namedCurve: algorithm.namedCurve };
  } else {
    result = { name };
  }
  if (key.type === 'private' && usages.length === 0) throw failed('Usages cannot be empty when importing a private key.', 'SyntaxError');
  return makeCryptoKey(key, result, usages, extractable);
}
function importKey(format, data, algorithm, extractable, usages) {
  return SECRET_USAGES[algorithm.name] !== undefined ? importSecret(format, data, algorithm, extractable, usages)
    : importPair(format, data, algorithm, extractable, usages);
}
function checkKeyData(format, data) {
  if (format === 'jwk') {
    if (isBytes(data)) {
      const error = new TypeError('Key data must be an object for JWK import');
      error.code = 'ERR_INVALID_ARG_TYPE';
      throw error;
    }
    if (typeof data !== 'object' || data === null) throw dataError('Invalid keyData');
    return data;
  }
  return bytesOf(data, 'keyData');
}

// ---- exportKey

function exportKey(format, slots) {
  const { name } = slots.algorithm;
  const unsupported = () => failed(`Unable to export ${name} ${slots.type} key using ${format} format`, 'NotSupportedError');
  const wrong = () => failed(`Unable to export a ${format} key from a ${slots.type} key`, 'InvalidAccessError');
  if (slots.type === 'secret') {
    if (format === 'raw-secret' || (format === 'raw' && name !== 'ChaCha20-Poly1305' && name !== 'AES-OCB')) return bytesOfKey(slots).buffer;
    if (format !== 'jwk') throw unsupported();
    const jwk = { key_ops: [...slots.usages], ext: slots.extractable, kty: 'oct', k: Buffer.from(bytesOfKey(slots)).toString('base64url') };
    if (name === 'HMAC') jwk.alg = `HS${hashDigits(slots.algorithm.hash)}`;
    else if (name === 'ChaCha20-Poly1305') jwk.alg = 'C20P';
    else jwk.alg = `A${slots.algorithm.length}${AES_WORDS[name]}`;
    return jwk;
  }
  switch (format) {
    case 'spki':
      if (slots.type !== 'public') throw wrong();
      return exact(slots.object.export({ format: 'der', type: 'spki' }));
    case 'pkcs8':
      if (slots.type !== 'private') throw wrong();
      return exact(slots.object.export({ format: 'der', type: 'pkcs8' }));
    case 'raw':
    case 'raw-public': {
      if (isRsa(name)) throw unsupported();
      if (slots.type !== 'public') throw wrong();
      const parts = native.keyParts(slots.handle);
      if (isOkp(name)) return exact(parts[0]);
      return exact(Buffer.concat([Buffer.from([4]), parts[1], parts[2]]));
    }
    case 'jwk': {
      const jwk = { key_ops: [...slots.usages], ext: slots.extractable, ...exportJwk(slots.object) };
      const alg = jwkAlgorithm(name, slots.algorithm.hash);
      if (alg !== undefined) jwk.alg = alg;
      else if (name === 'Ed25519' || name === 'Ed448') jwk.alg = name;
      return jwk;
    }
    default: throw unsupported();
  }
}
const exact = (bytes) => bytes.buffer.byteLength === bytes.byteLength ? bytes.buffer : snapshot(bytes).buffer;

// ---- the class

class SubtleCrypto {
  constructor() { throw new codes.ERR_ILLEGAL_CONSTRUCTOR(); }
  async digest(algorithm, data) {
    check(this);
    given(arguments.length, 2, 'digest');
    data = bytesOf(data, 'data');
    return digest(normalize(algorithm, 'digest'), data);
  }
  async encrypt(algorithm, key, data) {
    check(this);
    given(arguments.length, 3, 'encrypt');
    const slots = keyOf(key, 'key');
    data = bytesOf(data, 'data');
    const normal = normalize(algorithm, 'encrypt');
    checkKey(slots, normal, 'encrypt');
    return cipher(true, normal, slots, data);
  }
  async decrypt(algorithm, key, data) {
    check(this);
    given(arguments.length, 3, 'decrypt');
    const slots = keyOf(key, 'key');
    data = bytesOf(data, 'data');
    const normal = normalize(algorithm, 'decrypt');
    checkKey(slots, normal, 'decrypt');
    return cipher(false, normal, slots, data);
  }
  async sign(algorithm, key, data) {
    check(this);
    given(arguments.length, 3, 'sign');
    const slots = keyOf(key, 'key');
    data = bytesOf(data, 'data');
    const normal = normalize(algorithm, 'sign');
    checkKey(slots, normal, 'sign');
    return sign(normal, slots, data);
  }
  async verify(algorithm, key, signature, data) {
    check(this);
    given(arguments.length, 4, 'verify');
    const slots = keyOf(key, 'key');
    signature = bytesOf(signature, 'signature');
    data = bytesOf(data, 'data');
    const normal = normalize(algorithm, 'verify');
    checkKey(slots, normal, 'verify');
    return verify(normal, slots, signature, data);
  }
  async generateKey(algorithm, extractable, keyUsages) {
    check(this);
    given(arguments.length, 3, 'generateKey');
    const usages = usagesOf(keyUsages);
    return generateKey(normalize(algorithm, 'generateKey'), !!extractable, usages);
  }
  async deriveBits(algorithm, baseKey, length = null) {
    check(this);
    given(arguments.length, 2, 'deriveBits');
    const slots = keyOf(baseKey, 'baseKey');
    const normal = normalize(algorithm, 'deriveBits');
    if (length !== null) length = Number(length) >>> 0;
    checkKey(slots, normal, 'deriveBits');
    return deriveBits(normal, slots, length);
  }
  async deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
    check(this);
    given(arguments.length, 5, 'deriveKey');
    const slots = keyOf(baseKey, 'baseKey');
    const usages = usagesOf(keyUsages);
    const normal = normalize(algorithm, 'deriveBits');
    const imported = normalize(derivedKeyType, 'importKey');
    const sized = normalize(derivedKeyType, 'getKeyLength');
    checkKey(slots, normal, 'deriveKey');
    const length = keyLength(sized);
    const bits = await deriveBits(normal, slots, length);
    return importKey('raw-secret', bits, imported, !!extractable, usages);
  }
  async importKey(format, keyData, algorithm, extractable, keyUsages) {
    check(this);
    given(arguments.length, 4, 'importKey');
    format = formatOf(format);
    keyData = checkKeyData(format, keyData);
    const usages = usagesOf(keyUsages);
    return importKey(format, keyData, normalize(algorithm, 'importKey'), !!extractable, usages);
  }
  async exportKey(format, key) {
    check(this);
    given(arguments.length, 2, 'exportKey');
    format = formatOf(format);
    const slots = keyOf(key, 'key');
    if (OPERATIONS.exportKey[slots.algorithm.name] === undefined) throw failed(`${slots.algorithm.name} key export is not supported`, 'NotSupportedError');
    if (!slots.extractable) throw failed('key is not extractable', 'InvalidAccessError');
    return exportKey(format, slots);
  }
  async wrapKey(format, key, wrappingKey, wrapAlgorithm) {
    check(this);
    given(arguments.length, 4, 'wrapKey');
    format = formatOf(format);
    const slots = keyOf(key, 'key');
    const wrapping = keyOf(wrappingKey, 'wrappingKey');
    const normal = either(wrapAlgorithm, 'wrapKey', 'encrypt');
    checkKey(wrapping, normal, 'wrapKey');
    if (!slots.extractable) throw failed('key is not extractable', 'InvalidAccessError');
    let bytes = exportKey(format, slots);
    if (format === 'jwk') {
      let text = JSON.stringify(bytes);
      // AES-KW takes whole blocks of eight bytes only.
      if (normal.name === 'AES-KW') text = text.padEnd(Math.ceil(text.length / 8) * 8, ' ');
      bytes = Buffer.from(text);
    }
    if (normal.name === 'AES-KW') return operation(async () => (await promised(native.cipherWhole, true, wrapName(wrapping), wrapping.handle, undefined, bytes, undefined, 0)).buffer);
    return cipher(true, normal, wrapping, bytes);
  }
  async unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm, extractable, keyUsages) {
    check(this);
    given(arguments.length, 7, 'unwrapKey');
    format = formatOf(format);
    wrappedKey = bytesOf(wrappedKey, 'wrappedKey');
    const wrapping = keyOf(unwrappingKey, 'unwrappingKey');
    const usages = usagesOf(keyUsages);
    const normal = either(unwrapAlgorithm, 'unwrapKey', 'decrypt');
    const imported = normalize(unwrappedKeyAlgorithm, 'importKey');
    checkKey(wrapping, normal, 'unwrapKey');
    let bytes = normal.name === 'AES-KW'
      ? await operation(async () => (await promised(native.cipherWhole, false, wrapName(wrapping), wrapping.handle, undefined, wrappedKey, undefined, 0)).buffer)
      : await cipher(false, normal, wrapping, wrappedKey);
    if (format === 'jwk') {
      try {
        bytes = JSON.parse(Buffer.from(bytes).toString());
      } catch (error) {
        throw failed('Invalid wrapped JWK key', 'DataError', error);
      }
    }
    return importKey(format, bytes, imported, !!extractable, usages);
  }
  async getPublicKey(key, keyUsages) {
    check(this);
    given(arguments.length, 2, 'getPublicKey');
    const slots = keyOf(key, 'key');
    const usages = usagesOf(keyUsages);
    if (slots.type !== 'private') throw failed('key must be a private key', slots.type === 'secret' ? 'NotSupportedError' : 'InvalidAccessError');
    checkUsages(slots.algorithm.name, usages, pairUsages(slots.algorithm.name).public);
    return makeCryptoKey(new PublicKeyObject(native.keyPublicOf(slots.handle)), slots.algorithm, usages, true);
  }
  static supports(operationName, algorithm, more = null) {
    if (arguments.length < 2) given(arguments.length, 2, 'supports');
    return supports(`${operationName}`, algorithm, more);
  }
  [inspect.custom](depth, options) { return depth < 0 ? this : `SubtleCrypto ${inspect({}, options)}`; }
}
const wrapName = (slots) => `id-aes${slots.algorithm.length}-wrap`;
function either(algorithm, first, second) {
  try {
    return normalize(algorithm, first);
  } catch {
    return normalize(algorithm, second);
  }
}
function check(self) {
  if (self !== subtle) throw new codes.ERR_INVALID_THIS('SubtleCrypto');
}
for (const name of ['digest', 'encrypt', 'decrypt', 'sign', 'verify', 'generateKey', 'deriveBits', 'deriveKey', 'importKey', 'exportKey', 'wrapKey', 'unwrapKey', 'getPublicKey']) {
  Object.defineProperty(SubtleCrypto.prototype, name, { enumerable: true });
}
Object.defineProperty(SubtleCrypto.prototype, Symbol.toStringTag, { configurable: true, value: 'SubtleCrypto' });
const subtle = Object.create(SubtleCrypto.prototype);

// https://wicg.github.io/webcrypto-modern-algos/#SubtleCrypto-method-supports
function supports(name, algorithm, more) {
  const can = (work) => {
    try {
      return work() !== false;
    } catch {
      return false;
    }
  };
  switch (name) {
    case 'encrypt':
    case 'decrypt': return can(() => {
      const normal = normalize(algorithm, 'encrypt');
      if (normal.iv !== undefined && normal.name !== 'AES-CBC') checkAead(normal);
    });
    case 'sign':
    case 'verify': return can(() => normalize(algorithm, 'sign'));
    case 'digest': return can(() => {
      const normal = normalize(algorithm, 'digest');
      if (normal.length !== undefined && normal.length % 8 !== 0) return false;
    });
    case 'generateKey': return can(() => {
      const normal = normalize(algorithm, 'generateKey');
      if (normal.name === 'HMAC' && normal.length !== undefined) checkHmacLength(normal.length, 'HmacKeyGenParams');
    });
    case 'importKey': return can(() => {
      const normal = normalize(algorithm, 'importKey');
      if (normal.name === 'HMAC' && normal.length !== undefined) checkHmacLength(normal.length, 'HmacImportParams');
    });
    case 'exportKey': return can(() => normalize(algorithm, 'exportKey'));
    case 'deriveBits': return can(() => derivable(normalize(algorithm, 'deriveBits'), more));
    case 'deriveKey': return can(() => {
      if (more === null) return false;
      normalize(more, 'importKey');
      return derivable(normalize(algorithm, 'deriveBits'), keyLength(normalize(more, 'getKeyLength')));
    });
    case 'wrapKey': return can(() => {
      const known = can(() => normalize(algorithm, 'wrapKey')) || supports('encrypt', algorithm);
      return known && (more === null || can(() => normalize(more, 'exportKey')));
    });
    case 'unwrapKey': return can(() => {
      const known = can(() => normalize(algorithm, 'unwrapKey')) || supports('decrypt', algorithm);
      return known && (more === null || supports('importKey', more, null));
    });
    case 'getPublicKey': return can(() => {
      const normal = normalize(algorithm, 'exportKey');
      return SECRET_USAGES[normal.name] === undefined;
    });
    default: return false;
  }
}
function derivable(normal, length) {
  if (normal.name === 'HKDF' || normal.name === 'PBKDF2') {
    if (length === null) return false;
    return Number(length) % 8 === 0;
  }
  const other = slotsOf(normal.public);
  if (other.type !== 'public' || other.algorithm.name !== normal.name) return false;
  if (length === null) return true;
  const most = { '__proto__': null, 'X25519': 256, 'X448': 448, 'P-256': 256, 'P-384': 384, 'P-521': 528 }[other.algorithm.namedCurve ?? normal.name];
  return Number(length) <= most;
}

// KeyObject.prototype.toCryptoKey
function toCryptoKey(key, algorithm, extractable, keyUsages) {
  if (!isKeyObject(key)) throw new codes.ERR_INVALID_THIS('KeyObject');
  const usages = usagesOf(keyUsages);
  const normal = normalize(algorithm, 'importKey');
  if (key.type === 'secret') return importKey('raw-secret', key.export(), normal, !!extractable, usages);
  return key.type === 'public' ? importKey('spki', key.export({ format: 'der', type: 'spki' }), normal, !!extractable, usages)
    : importKey('pkcs8', key.export({ format: 'der', type: 'pkcs8' }), normal, !!extractable, usages);
}

module.exports = { SubtleCrypto, subtle, toCryptoKey };
