// SPDX-License-Identifier: Apache-2.0
// node:punycode (deprecated): RFC 3492, and the domain names of RFC 3490 by it.
'use strict';

const BASE = 36, T_MIN = 1, T_MAX = 26, SKEW = 38, DAMP = 700, INITIAL_BIAS = 72, INITIAL_N = 128;
const LARGEST = 0x7fffffff;

function fail(what) {
  throw new RangeError({
    overflow: 'Overflow: input needs wider integers to process', notBasic: 'Illegal input >= 0x80 (not a basic code point)', invalid: 'Invalid input',
  }[what]);
}

// RFC 3492 section 6.1
function adapt(delta, points, first) {
  delta = first ? Math.floor(delta / DAMP) : delta >> 1;
  delta += Math.floor(delta / points);
  let k = 0;
  for (; delta > ((BASE - T_MIN) * T_MAX) >> 1; k += BASE) delta = Math.floor(delta / (BASE - T_MIN));
  return Math.floor(k + (BASE - T_MIN + 1) * delta / (delta + SKEW));
}

const threshold = (k, bias) => k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;
const digitOf = (value) => String.fromCharCode(value < 26 ? value + 97 : value + 22);
function valueOf(code) {
  if (code >= 0x30 && code < 0x3a) return 26 + code - 0x30;
  if (code >= 0x41 && code < 0x5b) return code - 0x41;
  if (code >= 0x61 && code < 0x7b) return code - 0x61;
  return BASE;
}

const ucs2 = {
  decode(text) {
    const points = [];
    for (let i = 0; i < text.length; i++) {
      const point = text.codePointAt(i);
      points.push(point);
      if (point > 0xffff) i++;
    }
    return points;
  },
  encode(points) { return String.fromCodePoint(...points); },
};

// Section 6.2
function decode(input) {
  const output = [];
  const basic = Math.max(input.lastIndexOf('-'), 0);
  for (let i = 0; i < basic; i++) {
    if (input.charCodeAt(i) >= 0x80) fail('notBasic');
    output.push(input.charCodeAt(i));
  }
  let n = INITIAL_N;
  let i = 0;
  let bias = INITIAL_BIAS;
  for (let at = basic > 0 ? basic + 1 : 0; at < input.length;) {
    const before = i;
    for (let weight = 1, k = BASE; ; k += BASE) {
      if (at >= input.length) fail('invalid');
      const digit = valueOf(input.charCodeAt(at++));
      if (digit >= BASE) fail('invalid');
      if (digit > Math.floor((LARGEST - i) / weight)) fail('overflow');
      i += digit * weight;
      const t = threshold(k, bias);
      if (digit < t) break;
      if (weight > Math.floor(LARGEST / (BASE - t))) fail('overflow');
      weight *= BASE - t;
    }
    const size = output.length + 1;
    bias = adapt(i - before, size, before === 0);
    if (Math.floor(i / size) > LARGEST - n) fail('overflow');
    n += Math.floor(i / size);
    i %= size;
    output.splice(i++, 0, n);
  }
  return String.fromCodePoint(...output);
}

// Section 6.3
function encode(input) {
  const points = ucs2.decode(input);
  let output = points.filter((point) => point < 0x80).map((point) => String.fromCharCode(point)).join('');
  const basic = output.length;
  let handled = basic;
  if (basic > 0) output += '-';
  let n = INITIAL_N;
  let delta = 0;
  let bias = INITIAL_BIAS;
  while (handled < points.length) {
    let next = LARGEST;
    for (const point of points) if (point >= n && point < next) next = point;
    if (next - n > Math.floor((LARGEST - delta) / (handled + 1))) fail('overflow');
    delta += (next - n) * (handled + 1);
    n = next;
    for (const point of points) {
      if (point < n && ++delta > LARGEST) fail('overflow');
      if (point !== n) continue;
      let rest = delta;
      for (let k = BASE; ; k += BASE) {
        const t = threshold(k, bias);
        if (rest < t) break;
        output += digitOf(t + (rest - t) % (BASE - t));
        rest = Math.floor((rest - t) / (BASE - t));
      }
      output += digitOf(rest);
      bias = adapt(delta, handled + 1, handled === basic);
      delta = 0;
      ++handled;
    }
    ++delta;
    ++n;
  }
  return output;
}

// Each label of a domain name, or of the part of a mail address behind the "@".
function eachLabel(domain, change) {
  const at = domain.indexOf('@');
  const user = at === -1 ? '' : domain.slice(0, at + 1);
  const labels = domain.slice(at + 1).replace(/[\u002e\u3002\uff0e\uff61]/g, '.').split('.');
  return user + labels.map(change).join('.');
}

module.exports = {
  version: '2.1.0', ucs2, decode, encode,
  toASCII: (domain) => eachLabel(domain, (label) => /[^\0-\u007f]/.test(label) ? `xn--${encode(label)}` : label),
  toUnicode: (domain) => eachLabel(domain, (label) => label.startsWith('xn--') ? decode(label.slice(4).toLowerCase()) : label),
};
