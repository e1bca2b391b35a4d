// SPDX-License-Identifier: Apache-2.0
// node:querystring.
'use strict';

const { codes } = require('internal/errors');

const HEX = [];
for (let i = 0; i < 256; i++) HEX.push(`%${i < 16 ? '0' : ''}${i.toString(16).toUpperCase()}`);
const PLAIN = /^[A-Za-z0-9!'()*\-._~]*$/;

function qsEscape(text) {
  if (typeof text !== 'string') text = typeof text === 'object' ? String(text) : `${text}`;
  if (PLAIN.test(text)) return text;
  let out = '';
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code < 0x80) {
      out += PLAIN.test(text[i]) ? text[i] : HEX[code];
    } else if (code < 0x800) {
      out += HEX[0xc0 | code >> 6] + HEX[0x80 | code & 63];
    } else if (code < 0xd800 || code >= 0xe000) {
      out += HEX[0xe0 | code >> 12] + HEX[0x80 | code >> 6 & 63] + HEX[0x80 | code & 63];
    } else {
      if (++i >= text.length) throw new codes.ERR_INVALID_URI();
      code = 0x10000 + ((code & 0x3ff) << 10 | text.charCodeAt(i) & 0x3ff);
      out += HEX[0xf0 | code >> 18] + HEX[0x80 | code >> 12 & 63] + HEX[0x80 | code >> 6 & 63] + HEX[0x80 | code & 63];
    }
  }
  return out;
}

// The bytes of a text whose escapes are undone; what is no escape stays.
function unescapeBuffer(text, plus = false) {
  const { Buffer } = require('node:buffer');
  const out = Buffer.allocUnsafe(text.length);
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x25 && /^[0-9a-fA-F]{2}$/.test(text.slice(i + 1, i + 3))) {
      out[at++] = Number.parseInt(text.slice(i + 1, i + 3), 16);
      i += 2;
    } else {
      out[at++] = plus && code === 0x2b ? 0x20 : code;
    }
  }
  return out.subarray(0, at);
}

function unescape(text, plus) {
  try {
    return decodeURIComponent(text);
  } catch {
    return module.exports.unescapeBuffer(text, plus).toString();
  }
}

function primitiveText(value) {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return `${value}`;
  if (typeof value === 'bigint') return `${value}`;
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  return '';
}

function stringify(object, separator = '&', equals = '=', options = undefined) {
  separator ||= '&';
  equals ||= '=';
  const custom = options && typeof options.encodeURIComponent === 'function' ? options.encodeURIComponent : undefined;
  const encode = custom ?? module.exports.escape;
  // Numbers and alike need no escaping by our own function, but a user's one sees them.
  const text = (value) => custom ? encode(primitiveText(value)) : typeof value === 'string' ? value.length > 0 ? encode(value) : '' : typeof value === 'number' && Number.isFinite(value) ? Math.abs(value) < 1e21 ? `${value}` : encode(`${value}`) : primitiveText(value);
  if (object === null || typeof object !== 'object') return '';
  const parts = [];
  for (const key of Object.keys(object)) {
    const name = `${text(key)}${equals}`;
    const value = object[key];
    if (Array.isArray(value)) for (const each of value) parts.push(name + text(each));
    else parts.push(name + text(value));
  }
  return parts.join(separator);
}

function parse(text, separator, equals, options) {
  const result = { __proto__: null };
  if (typeof text !== 'string' || text.length === 0) return result;
  separator = separator ? `${separator}` : '&';
  equals = equals ? `${equals}` : '=';
  let most = 1000;
  if (options && typeof options.maxKeys === 'number') most = options.maxKeys > 0 ? options.maxKeys : Infinity;
  let decode = module.exports.unescape;
  if (options && typeof options.decodeURIComponent === 'function') decode = options.decodeURIComponent;
  const custom = decode !== unescape;
  const part = (value) => {
    const spaced = value.replaceAll('+', custom ? '%20' : ' ');
    if (!custom && !spaced.includes('%')) return spaced;
    try {
      return decode(spaced);
    } catch {
      return unescape(spaced, true);
    }
  };
  let pairs = 0;
  for (const each of text.split(separator)) {
    if (each === '') continue;
    if (pairs++ >= most) break;
    const at = each.indexOf(equals);
    const key = part(at === -1 ? each : each.slice(0, at));
    const value = at === -1 ? '' : part(each.slice(at + equals.length));
    const known = result[key];
    if (known === undefined) result[key] = value;
    else if (Array.isArray(known)) known.push(value);
    else result[key] = [known, value];
  }
  return result;
}

module.exports = { unescapeBuffer, unescape, escape: qsEscape, stringify, encode: stringify, parse, decode: parse };
