// SPDX-License-Identifier: Apache-2.0
// Random bytes, numbers and UUIDs, primes, and equal in constant time.
'use strict';

const { Buffer, kMaxLength } = require('node:buffer');
const { codes } = require('internal/errors');
const { validateBoolean, validateFunction, validateInt32, validateNumber, validateObject } = require('internal/validators');
const { bound, isAnyArrayBuffer } = require('internal/node/crypto_util');
const { nextTick } = require('internal/process');
const native = internalBinding('crypto');

const kMaxInt32 = 2 ** 31 - 1;
const kMaxPossible = Math.min(kMaxLength, kMaxInt32);

function checkOffset(offset, elementSize, length) {
  validateNumber(offset, 'offset');
  offset *= elementSize;
  const most = Math.min(length, kMaxPossible);
  if (Number.isNaN(offset) || offset > most || offset < 0) throw new codes.ERR_OUT_OF_RANGE('offset', `>= 0 && <= ${most}`, offset);
  return offset >>> 0;
}
function checkSize(size, elementSize, offset, length) {
  validateNumber(size, 'size');
  size *= elementSize;
  if (Number.isNaN(size) || size > kMaxPossible || size < 0) throw new codes.ERR_OUT_OF_RANGE('size', `>= 0 && <= ${kMaxPossible}`, size);
  if (size + offset > length) throw new codes.ERR_OUT_OF_RANGE('size + offset', `<= ${length}`, size + offset);
  return size >>> 0;
}

// Small ones come out of a block that is filled at once.
const kBlock = 4096;
let block = null;
let blockAt = kBlock;
function take(size) {
  if (block === null) block = new Uint8Array(kBlock);
  if (blockAt + size > kBlock) {
    native.randomFill(undefined, block, 0, kBlock);
    blockAt = 0;
  }
  const start = blockAt;
  blockAt += size;
  return start;
}

function randomBytes(size, callback) {
  size = checkSize(size, 1, 0, Infinity);
  if (callback !== undefined) validateFunction(callback, 'callback');
  const buffer = Buffer.allocUnsafeSlow(size);
  if (callback === undefined) {
    if (size <= 64) {
      const start = take(size);
      buffer.set(block.subarray(start, blockAt));
      block.fill(0, start, blockAt);
    } else {
      native.randomFill(undefined, buffer, 0, size);
    }
    return buffer;
  }
  native.randomFill(bound((error) => { if (error) callback(error); else callback(null, buffer); }), buffer, 0, size);
}

function checkTarget(buffer) {
  if (!isAnyArrayBuffer(buffer) && !ArrayBuffer.isView(buffer)) throw new codes.ERR_INVALID_ARG_TYPE('buf', ['ArrayBuffer', 'ArrayBufferView'], buffer);
}
function randomFillSync(buffer, offset = 0, size) {
  checkTarget(buffer);
  const elementSize = buffer.BYTES_PER_ELEMENT || 1;
  offset = checkOffset(offset, elementSize, buffer.byteLength);
  size = size === undefined ? buffer.byteLength - offset : checkSize(size, elementSize, offset, buffer.byteLength);
  if (size > 0) native.randomFill(undefined, buffer, offset, size);
  return buffer;
}
function randomFill(buffer, offset, size, callback) {
  checkTarget(buffer);
  const elementSize = buffer.BYTES_PER_ELEMENT || 1;
  if (typeof offset === 'function') {
    callback = offset;
    offset = 0;
    size = undefined;
  } else if (typeof size === 'function') {
    callback = size;
    size = undefined;
  } else {
    validateFunction(callback, 'callback');
  }
  validateFunction(callback, 'callback');
  offset = checkOffset(offset, elementSize, buffer.byteLength);
  size = size === undefined ? buffer.byteLength - offset : checkSize(size, elementSize, offset, buffer.byteLength);
  if (size === 0) {
    nextTick(callback, null, buffer);
    return;
  }
  native.randomFill(bound((error) => { if (error) callback(error); else callback(null, buffer); }), buffer, offset, size);
}

const kRange = 0xffff_ffff_ffff;
// Each number of the range as often as the others: what lies above the last whole multiple is thrown away.
function pick(span) {
  const limit = kRange - (kRange + 1) % span;
  for (;;) {
    const start = take(6);
    const x = Buffer.prototype.readUIntBE.call(block, start, 6);
    block.fill(0, start, blockAt);
    if (x <= limit) return x % span;
  }
}
function randomInt(min, max, callback) {
  if (max === undefined || typeof max === 'function') {
    callback = max;
    max = min;
    min = 0;
  }
  if (callback !== undefined) validateFunction(callback, 'callback');
  if (!Number.isSafeInteger(min)) throw new codes.ERR_INVALID_ARG_TYPE('min', 'a safe integer', min);
  if (!Number.isSafeInteger(max)) throw new codes.ERR_INVALID_ARG_TYPE('max', 'a safe integer', max);
  if (max <= min) throw new codes.ERR_OUT_OF_RANGE('max', `greater than the value of "min" (${min})`, max);
  const span = max - min;
  if (!(span <= kRange)) throw new codes.ERR_OUT_OF_RANGE(min === 0 ? 'max' : 'max - min', `<= ${kRange}`, span);
  const result = pick(span) + min;
  if (callback === undefined) return result;
  nextTick(callback, undefined, result);
}

const kHex = [];
for (let i = 0; i < 256; i++) kHex.push((i + 256).toString(16).slice(1));
// RFC 9562 section 5.4
function randomUUID(options) {
  if (options !== undefined) validateObject(options, 'options');
  const { disableEntropyCache = false } = options || {};
  validateBoolean(disableEntropyCache, 'options.disableEntropyCache');
  if (disableEntropyCache) blockAt = kBlock;
  const at = take(16);
  const b = block;
  const text = `${kHex[b[at]]}${kHex[b[at + 1]]}${kHex[b[at + 2]]}${kHex[b[at + 3]]}-${kHex[b[at + 4]]}${kHex[b[at + 5]]}-` +
    `${kHex[b[at + 6] & 0x0f | 0x40]}${kHex[b[at + 7]]}-${kHex[b[at + 8] & 0x3f | 0x80]}${kHex[b[at + 9]]}-` +
    `${kHex[b[at + 10]]}${kHex[b[at + 11]]}${kHex[b[at + 12]]}${kHex[b[at + 13]]}${kHex[b[at + 14]]}${kHex[b[at + 15]]}`;
  b.fill(0, at, at + 16);
  return text;
}

function timingSafeEqual(a, b) {
  for (const [name, value] of [['buf1', a], ['buf2', b]]) {
    if (!isAnyArrayBuffer(value) && !ArrayBuffer.isView(value)) throw new codes.ERR_INVALID_ARG_TYPE(name, ['ArrayBuffer', 'Buffer', 'TypedArray', 'DataView'], value);
  }
  if (a.byteLength !== b.byteLength) throw new codes.ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH();
  return native.equal(a, b);
}

// ---- primes

const toBigInt = (bytes) => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return text === '' ? 0n : BigInt(`0x${text}`);
};
function fromBigInt(number, name) {
  if (number < 0n) throw new codes.ERR_OUT_OF_RANGE(name, '>= 0', number);
  const text = number.toString(16);
  return Buffer.from(text.padStart(text.length + text.length % 2, '0'), 'hex');
}
function numberOption(value, name) {
  if (value === undefined) return undefined;
  if (typeof value === 'bigint') return fromBigInt(value, name);
  if (!isAnyArrayBuffer(value) && !ArrayBuffer.isView(value)) throw new codes.ERR_INVALID_ARG_TYPE(name, ['ArrayBuffer', 'TypedArray', 'Buffer', 'DataView', 'bigint'], value);
  return value;
}
const exactBuffer = (bytes) => bytes.buffer;

function makePrime(size, options, done) {
  validateInt32(size, 'size', 1);
  validateObject(options, 'options');
  const { safe = false, bigint = false, add, rem } = options;
  const addBytes = numberOption(add, 'options.add');
  const remBytes = numberOption(rem, 'options.rem');
  validateBoolean(safe, 'options.safe');
  validateBoolean(bigint, 'options.bigint');
  const give = bigint ? toBigInt : exactBuffer;
  if (done === undefined) return give(native.primeMake(undefined, size, safe, addBytes, remBytes));
  native.primeMake(bound((error, bytes) => { if (error) done(error); else done(undefined, give(bytes)); }), size, safe, addBytes, remBytes);
}
function generatePrime(size, options, callback) {
  if (typeof options === 'function') {
    callback = options;
    options = {};
  }
  validateFunction(callback, 'callback');
  makePrime(size, options ?? {}, callback);
}
const generatePrimeSync = (size, options = {}) => makePrime(size, options);

function checkIt(candidate, options, done) {
  if (typeof candidate === 'bigint') candidate = fromBigInt(candidate, 'candidate');
  if (!isAnyArrayBuffer(candidate) && !ArrayBuffer.isView(candidate)) {
    throw new codes.ERR_INVALID_ARG_TYPE('candidate', ['ArrayBuffer', 'TypedArray', 'Buffer', 'DataView', 'bigint'], candidate);
  }
  validateObject(options, 'options');
  const { checks = 0 } = options;
  validateInt32(checks, 'options.checks', 0);
  return native.primeCheck(done && bound((error, value) => { if (error) done(error); else done(undefined, value); }), candidate, checks);
}
function checkPrime(candidate, options = {}, callback) {
  if (typeof options === 'function') {
    callback = options;
    options = {};
  }
  validateFunction(callback, 'callback');
  checkIt(candidate, options, callback);
}
const checkPrimeSync = (candidate, options = {}) => checkIt(candidate, options, undefined);

module.exports = {
  randomBytes, randomFill, randomFillSync, randomInt, randomUUID, timingSafeEqual, generatePrime, generatePrimeSync, checkPrime, checkPrimeSync,
};
