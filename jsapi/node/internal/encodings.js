// SPDX-License-Identifier: Apache-2.0
// The names of Buffer's encodings, and their numbers in jsapi/native/node/buffer.cc.
'use strict';

const UTF8 = 0, UTF16 = 1, LATIN1 = 2, ASCII = 3, BASE64 = 4, BASE64URL = 5, HEX = 6;
const NAMES = ['utf8', 'utf16le', 'latin1', 'ascii', 'base64', 'base64url', 'hex'];
const NUMBERS = {
  '__proto__': null,
  'utf8': UTF8, 'utf-8': UTF8, 'ucs2': UTF16, 'ucs-2': UTF16, 'utf16le': UTF16, 'utf-16le': UTF16, 'latin1': LATIN1, 'binary': LATIN1, 'ascii': ASCII,
  'base64': BASE64, 'base64url': BASE64URL, 'hex': HEX,
};

// undefined: there is no such encoding.
function numberOf(name) {
  const known = NUMBERS[name];
  return known !== undefined ? known : typeof name === 'string' ? NUMBERS[name.toLowerCase()] : undefined;
}

// The name in Node's one way of writing it; nothing means UTF-8; undefined: there is no such encoding.
function normalizeEncoding(name) {
  if (name == null || name === '' || name === 'utf8' || name === 'utf-8') return 'utf8';
  const number = numberOf(name);
  return number === undefined ? undefined : NAMES[number];
}

Object.assign(exports, { UTF8, UTF16, LATIN1, ASCII, BASE64, BASE64URL, HEX, numberOf, normalizeEncoding });
