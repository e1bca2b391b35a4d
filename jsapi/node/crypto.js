// SPDX-License-Identifier: Apache-2.0
// node:crypto over OpenSSL 3 (jsapi/native/node/crypto/). Missing, because OpenSSL 3.0 has none of it: argon2, ML-KEM, ML-DSA, SLH-DSA
// and encapsulation. Engines are not loaded.
'use strict';

const { codes } = require('internal/errors');
const hashes = require('internal/node/crypto_hash');
const random = require('internal/node/crypto_random');
const { process } = require('internal/process');
const native = internalBinding('crypto');

const exported = {
  createHash: hashes.createHash, createHmac: hashes.createHmac, getHashes: hashes.getHashes, hash: hashes.hash, Hash: hashes.Hash, Hmac: hashes.Hmac, ...random,
  getFips: () => native.fips() ? 1 : 0,
  setFips(value) { if (!!value !== native.fips()) native.setFips(!!value); },
  setEngine(id, flags) {
    require('internal/validators').validateString(id, 'id');
    if (flags) require('internal/validators').validateNumber(flags, 'flags');
    throw new codes.ERR_CRYPTO_CUSTOM_ENGINE_NOT_SUPPORTED();
  },
  secureHeapUsed() {
    // Never initialised: no option of the command line asks for it.
    return { total: 0, used: 0, utilization: 0, min: 0 };
  },
};

// What is rarely needed is evaluated when it is first touched.
function lazily(id, names) {
  for (const name of names) {
    Object.defineProperty(exported, name, {
      configurable: true, enumerable: true,
      get() {
        const value = require(id)[name];
        Object.defineProperty(exported, name, { value, configurable: true, enumerable: true, writable: true });
        return value;
      },
      set(value) { Object.defineProperty(exported, name, { value, configurable: true, enumerable: true, writable: true }); },
    });
  }
}
lazily('internal/node/crypto_cipher', [
  'Cipheriv', 'Decipheriv', 'createCipheriv', 'createDecipheriv', 'getCipherInfo', 'getCiphers', 'publicEncrypt', 'privateDecrypt', 'privateEncrypt', 'publicDecrypt',
]);
lazily('internal/node/crypto_keys', ['KeyObject', 'createSecretKey', 'createPublicKey', 'createPrivateKey']);
lazily('internal/node/crypto_keygen', ['generateKey', 'generateKeySync', 'generateKeyPair', 'generateKeyPairSync']);
lazily('internal/node/crypto_sign', ['Sign', 'Verify', 'createSign', 'createVerify', 'sign', 'verify']);
lazily('internal/node/crypto_kdf', ['pbkdf2', 'pbkdf2Sync', 'scrypt', 'scryptSync', 'hkdf', 'hkdfSync', 'argon2', 'argon2Sync']);
lazily('internal/node/crypto_dh', [
  'DiffieHellman', 'DiffieHellmanGroup', 'ECDH', 'createDiffieHellman', 'createDiffieHellmanGroup', 'createECDH', 'diffieHellman', 'getCurves',
]);
exported.getDiffieHellman = (name) => exported.createDiffieHellmanGroup(name);
lazily('internal/node/crypto_x509', ['X509Certificate', 'Certificate']);
lazily('internal/node/crypto_constants', ['constants']);

Object.defineProperties(exported, {
  fips: {
    configurable: true, enumerable: true,
    get() {
      hashes.warnOnce('DEP0093', 'The crypto.fips is deprecated. Please use crypto.setFips() and crypto.getFips()');
      return exported.getFips();
    },
    set(value) { exported.setFips(value); },
  },
  webcrypto: {
    configurable: false, enumerable: true,
    get() { return require('internal/node/webcrypto').crypto; },
    set: undefined,
  },
  subtle: {
    configurable: false, enumerable: true,
    get() { return require('internal/node/webcrypto').crypto.subtle; },
    set: undefined,
  },
  getRandomValues: {
    configurable: false, enumerable: true,
    get: () => (array) => require('internal/node/webcrypto').crypto.getRandomValues(array),
    set: undefined,
  },
});
// Old names of randomBytes.
for (const name of ['prng', 'pseudoRandomBytes', 'rng']) {
  Object.defineProperty(exported, name, { configurable: true, enumerable: false, writable: true, value: exported.randomBytes });
}
void process;

module.exports = exported;
