// SPDX-License-Identifier: Apache-2.0
// Crypto, the class of globalThis.crypto. What is below `subtle` is evaluated when it is first touched.
'use strict';

const { codes } = require('internal/errors');
const { DOMException } = require('internal/event_target');
const { inspect } = require('internal/inspect');
const native = internalBinding('crypto');

const INTEGERS = new Set(['Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'BigInt64Array', 'BigUint64Array']);
const tagOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;

const kSlot = Symbol('kSlot');
let made = false;

class Crypto {
  constructor() {
    if (made) throw new codes.ERR_ILLEGAL_CONSTRUCTOR();
    made = true;
    Object.defineProperty(this, kSlot, { value: true });
  }
  get subtle() {
    check(this);
    return require('internal/node/webcrypto_subtle').subtle;
  }
  getRandomValues(array) {
    check(this);
    if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('array');
    if (!INTEGERS.has(tagOf.call(array))) throw new DOMException('The data argument must be an integer-type TypedArray', 'TypeMismatchError');
    if (array.byteLength > 65536) throw new DOMException(`The requested length exceeds 65,536 bytes`, 'QuotaExceededError');
    if (array.byteLength > 0) native.randomFill(undefined, array, 0, array.byteLength);
    return array;
  }
  randomUUID(options) {
    check(this);
    return require('internal/node/crypto_random').randomUUID(options);
  }
  [inspect.custom](depth, options) { return depth < 0 ? this : `Crypto ${inspect({}, options)}`; }
}
function check(self) {
  if (typeof self !== 'object' || self === null || self[kSlot] !== true) throw new codes.ERR_INVALID_THIS('Crypto');
}
Object.defineProperty(Crypto.prototype, Symbol.toStringTag, { configurable: true, value: 'Crypto' });
for (const name of ['subtle', 'getRandomValues', 'randomUUID']) Object.defineProperty(Crypto.prototype, name, { enumerable: true });

module.exports = {
  Crypto, crypto: new Crypto(),
  get SubtleCrypto() { return require('internal/node/webcrypto_subtle').SubtleCrypto; },
  get CryptoKey() { return require('internal/node/webcrypto_keys').CryptoKey; },
  toCryptoKey: (...given) => require('internal/node/webcrypto_subtle').toCryptoKey(...given),
};
