// SPDX-License-Identifier: Apache-2.0
// node:string_decoder: text out of pieces of bytes; a character that two pieces share is kept until it is whole.
'use strict';

const { Buffer } = require('node:buffer');
const { codes } = require('internal/errors');
const { normalizeEncoding } = require('internal/node/encodings');

const kPending = Symbol('pending');  // bytes of an unfinished character
const kMissing = Symbol('missing');  // how many are still missing of it, as far as it can be told

const EMPTY = Buffer.alloc(0);

// How many bytes at the end of `bytes` begin a character that is not whole; [count, missing].
function unfinishedUtf8(bytes) {
  const { length } = bytes;
  for (let back = 1; back <= Math.min(3, length); back++) {
    const byte = bytes[length - back];
    if ((byte & 0xc0) === 0x80) continue;
    const size = byte >= 0xc2 && byte <= 0xdf ? 2 : byte >= 0xe0 && byte <= 0xef ? 3 : byte >= 0xf0 && byte <= 0xf4 ? 4 : 1;
    if (size <= back) return [0, 0];
    if (back >= 2) {
      const second = bytes[length - back + 1];
      if ((byte === 0xe0 && second < 0xa0) || (byte === 0xed && second > 0x9f) || (byte === 0xf0 && second < 0x90) || (byte === 0xf4 && second > 0x8f)) return [0, 0];
    }
    return [back, size - back];
  }
  return [0, 0];
}

function unfinished(encoding, bytes) {
  const { length } = bytes;
  switch (encoding) {
    case 'utf8': return unfinishedUtf8(bytes);
    case 'utf16le': {
      if (length % 2 === 1) {
        // The odd byte, and a high surrogate before it.
        if (length >= 3 && (bytes[length - 2] & 0xfc) === 0xd8) return [3, 1];
        return [1, 1];
      }
      return length >= 2 && (bytes[length - 1] & 0xfc) === 0xd8 ? [2, 2] : [0, 0];
    }
    case 'base64':
    case 'base64url': {
      const rest = length % 3;
      return rest === 0 ? [0, 0] : [rest, 3 - rest];
    }
    default: return [0, 0];
  }
}

function StringDecoder(encoding) {
  const name = normalizeEncoding(encoding);
  if (name === undefined) throw new codes.ERR_UNKNOWN_ENCODING(encoding);
  this.encoding = name;
  Object.defineProperty(this, kPending, { value: EMPTY, writable: true, enumerable: false });
  Object.defineProperty(this, kMissing, { value: 0, writable: true, enumerable: false });
}

StringDecoder.prototype.write = function write(input) {
  if (typeof input === 'string') return input;
  if (!ArrayBuffer.isView(input)) throw new codes.ERR_INVALID_ARG_TYPE('buf', ['Buffer', 'TypedArray', 'DataView'], input);
  if (this[kPending] === undefined) throw new codes.ERR_INVALID_THIS('StringDecoder');
  let bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  const pending = this[kPending];
  if (pending.length > 0) bytes = Buffer.concat([pending, bytes]);
  const [count, missing] = unfinished(this.encoding, bytes);
  this[kPending] = count === 0 ? EMPTY : Buffer.from(bytes.subarray(bytes.length - count));
  this[kMissing] = missing;
  return bytes.toString(this.encoding, 0, bytes.length - count);
};

StringDecoder.prototype.end = function end(input) {
  let text = input === undefined ? '' : this.write(input);
  const pending = this[kPending];
  if (pending.length > 0) {
    // Half a unit of UTF-16 is nothing.
    text += this.encoding === 'utf16le' ? pending.toString('utf16le', 0, pending.length & ~1) : pending.toString(this.encoding);
    this[kPending] = EMPTY;
    this[kMissing] = 0;
  }
  return text;
};

StringDecoder.prototype.text = function text(bytes, offset) {
  this[kPending] = EMPTY;
  this[kMissing] = 0;
  return this.write(bytes.slice(offset));
};

Object.defineProperties(StringDecoder.prototype, {
  lastChar: {
    configurable: true, enumerable: true,
    get() {
      const whole = Buffer.alloc(4);
      this[kPending].copy(whole);
      return whole;
    },
  },
  lastNeed: { configurable: true, enumerable: true, get() { return this[kMissing]; } },
  lastTotal: { configurable: true, enumerable: true, get() { return this[kPending].length === 0 ? 0 : this[kPending].length + this[kMissing]; } },
});

exports.StringDecoder = StringDecoder;
