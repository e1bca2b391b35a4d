// SPDX-License-Identifier: Apache-2.0
// TextEncoder, TextDecoder (Encoding Standard, UTF-8, UTF-16LE and Latin-1), atob and btoa (HTML Standard).
'use strict';

const native = () => internalBinding('encoding');

class TextEncoder {
  get encoding() { return 'utf-8'; }
  encode(text = '') { return native().encode(`${text}`); }
  encodeInto(text, target) {
    if (!(target instanceof Uint8Array)) throw new TypeError('The "dest" argument must be an instance of Uint8Array.');
    const [read, written] = native().encodeInto(`${text}`, target);
    return { read, written };
  }
}

const LABELS = {
  'utf-8': 'utf-8', 'utf8': 'utf-8', 'unicode-1-1-utf-8': 'utf-8', 'x-unicode20utf8': 'utf-8', 'unicode11utf8': 'utf-8', 'unicode20utf8': 'utf-8',
  'utf-16le': 'utf-16le', 'utf-16': 'utf-16le', 'ucs-2': 'utf-16le', 'unicode': 'utf-16le', 'csunicode': 'utf-16le', 'iso-10646-ucs-2': 'utf-16le', 'unicodefeff': 'utf-16le',
  'latin1': 'windows-1252', 'ascii': 'windows-1252', 'us-ascii': 'windows-1252', 'iso-8859-1': 'windows-1252', 'windows-1252': 'windows-1252', 'cp1252': 'windows-1252', 'iso8859-1': 'windows-1252', 'l1': 'windows-1252', 'x-cp1252': 'windows-1252',
};
const WINDOWS_1252 = '\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178';

function bytesOf(input) {
  if (input === undefined) return new Uint8Array(0);
  if (input instanceof Uint8Array) return input;
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  if (input instanceof ArrayBuffer || (typeof SharedArrayBuffer === 'function' && input instanceof SharedArrayBuffer)) return new Uint8Array(input);
  const error = new TypeError('The "list" argument must be an instance of SharedArrayBuffer, ArrayBuffer or ArrayBufferView.');
  error.code = 'ERR_INVALID_ARG_TYPE';
  throw error;
}

// Bytes at the end of `bytes` that may be the beginning of a character whose rest has not come yet.
function incompleteTail(bytes) {
  const length = bytes.length;
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back];
    if ((byte & 0xc0) === 0x80) continue;
    const need = byte >= 0xf0 && byte <= 0xf4 ? 4 : byte >= 0xe0 ? (byte <= 0xef ? 3 : 0) : byte >= 0xc2 ? 2 : 0;
    if (need <= back) return 0;
    if (back >= 2) {  // the second byte decides whether this can still become a character
      const second = bytes[length - back + 1];
      if (byte === 0xe0 && second < 0xa0 || byte === 0xed && second > 0x9f || byte === 0xf0 && second < 0x90 || byte === 0xf4 && second > 0x8f) return 0;
    }
    return back;
  }
  return 0;
}

class TextDecoder {
  #encoding; #fatal; #ignoreBom; #rest = null; #bomSeen = false;
  constructor(label = 'utf-8', options = {}) {
    this.#encoding = LABELS[`${label}`.replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, '').toLowerCase()];
    if (this.#encoding === undefined) {
      const error = new RangeError(`The "${label}" encoding is not supported`);
      error.code = 'ERR_ENCODING_NOT_SUPPORTED';
      throw error;
    }
    this.#fatal = !!(options && options.fatal);
    this.#ignoreBom = !!(options && options.ignoreBOM);
  }
  get encoding() { return this.#encoding; }
  get fatal() { return this.#fatal; }
  get ignoreBOM() { return this.#ignoreBom; }
  decode(input, options) {
    let bytes = bytesOf(input);
    const stream = !!(options && options.stream);
    if (this.#rest !== null) {
      const joined = new Uint8Array(this.#rest.length + bytes.length);
      joined.set(this.#rest);
      joined.set(bytes, this.#rest.length);
      bytes = joined;
      this.#rest = null;
    }
    if (stream) {
      const tail = this.#encoding === 'utf-8' ? incompleteTail(bytes) : this.#encoding === 'utf-16le' ? bytes.length & 1 : 0;
      if (tail !== 0) {
        this.#rest = bytes.slice(bytes.length - tail);
        bytes = bytes.subarray(0, bytes.length - tail);
      }
    }
    let text;
    if (this.#encoding === 'utf-8') {
      text = native().decodeUtf8(bytes, this.#fatal);
      if (text === undefined) {
        this.#bomSeen = false;
        const error = new TypeError('The encoded data was not valid for encoding utf-8');
        error.code = 'ERR_ENCODING_INVALID_ENCODED_DATA';
        throw error;
      }
    } else if (this.#encoding === 'utf-16le') {
      text = native().decodeUtf16(bytes) + (bytes.length & 1 ? '\ufffd' : '');
    } else {
      text = native().decodeLatin1(bytes).replace(/[\u0080-\u009f]/g, (c) => WINDOWS_1252[c.charCodeAt(0) - 0x80]);
    }
    if (!this.#bomSeen && text.length > 0) {
      this.#bomSeen = true;
      if (!this.#ignoreBom && text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    if (!stream) this.#bomSeen = false;
    return text;
  }
}

function btoa(text) {
  if (arguments.length === 0) throw new (require('internal/errors').codes.ERR_MISSING_ARGS)('input');
  text = `${text}`;
  const result = native().btoa(text);
  if (result !== undefined) return result;
  const { DOMException } = require('internal/event_target');
  throw new DOMException('Invalid character', 'InvalidCharacterError');
}

function atob(text) {
  if (arguments.length === 0) throw new (require('internal/errors').codes.ERR_MISSING_ARGS)('input');
  const clean = `${text}`.replace(/[\t\n\f\r ]+/g, '');
  const result = /^[A-Za-z0-9+/]*={0,2}$/.test(clean) ? native().atob(clean) : undefined;
  if (result !== undefined) return result;
  const { DOMException } = require('internal/event_target');
  throw new DOMException('The string to be decoded is not correctly encoded.', 'InvalidCharacterError');
}

for (const [name, value] of Object.entries({ TextEncoder, TextDecoder, atob, btoa })) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  exports[name] = value;
}
for (const each of [TextEncoder, TextDecoder]) {
  Object.defineProperty(each.prototype, Symbol.toStringTag, { value: each.name, configurable: true });
}
