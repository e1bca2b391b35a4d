// SPDX-License-Identifier: Apache-2.0
// Header fields of responses. A program sets the same few pairs in the same order for nearly every response, so the pairs
// set so far are a node of a tree, like the hidden class of an object: setting a pair that was set before leads to the next
// node, whose lines are already in C++. A value that changes with each response (an identifier) leaves the tree: it is
// kept in a list of that response, and its line is put together at the end.
'use strict';

const { coded } = require('internal/sluice/errors');

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;  // RFC 9110 section 5.6.2
const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;     // RFC 9110 section 5.5
const NAMES_LIMIT = 512;
const NEXT_LIMIT = 16;   // ways out of one block
const CANDIDATES = 4;    // pairs seen once that a block remembers
const VARIES = 32;       // after so many different values a field is taken for one that changes each time
const SHORT = 96;        // values up to this length are looked at in place, which is faster than the regular expression

const lowerNames = new Map();

function lowerName(name) {
  let lower = lowerNames.get(name);
  if (lower !== undefined) return lower;
  if (typeof name !== 'string' || !TOKEN.test(name)) {
    throw coded(TypeError, 'ERR_INVALID_HTTP_TOKEN', `Header name must be a valid HTTP token ["${String(name)}"]`);
  }
  lower = name.toLowerCase();
  if (lowerNames.size < NAMES_LIMIT) lowerNames.set(name, lower);
  return lower;
}

function checkValue(name, value) {
  if (typeof value === 'string') {
    const { length } = value;
    if (length <= SHORT) {
      let i = 0;
      for (; i < length; i++) {
        const code = value.charCodeAt(i);
        if (code < 0x20 || code > 0x7e) break;
      }
      if (i === length) return;
    }
  } else if (typeof value === 'number') {
    return;
  }
  if (value === undefined) {
    throw coded(TypeError, 'ERR_HTTP_INVALID_HEADER_VALUE', `Invalid value "${value}" for header "${name}"`);
  }
  if (Array.isArray(value)) {
    for (const each of value) checkValue(name, each);
    return;
  }
  if (BAD_VALUE.test(`${value}`)) {
    throw coded(TypeError, 'ERR_INVALID_CHAR', `Invalid character in header content ["${name}"]`);
  }
}

function linesOf(name, value) {
  if (!Array.isArray(value)) return `${name}: ${value}\r\n`;
  let lines = '';
  for (const each of value) lines += `${name}: ${each}\r\n`;
  return lines;
}

class HeaderBlock {
  constructor(id, lower, names, values) {
    // The two ways out that are taken most, in place.
    this.name0 = undefined;
    this.value0 = undefined;
    this.next0 = null;
    this.name1 = undefined;
    this.value1 = undefined;
    this.next1 = null;
    this.id = id;          // of the lines in C++
    this.lower = lower;    // lower-cased names, in order
    this.names = names;    // as given
    this.values = values;
    this.more = [];        // name, value, next, ...
    this.candidates = new Array(2 * CANDIDATES).fill(undefined);
    this.candidate = 0;
    this.varying = undefined;  // name of a field that changes each time
    this.misses = 0;           // values seen once, of the name `missed`
    this.missed = undefined;
  }
}

const ROOT = new HeaderBlock(0, [], [], []);
let addBlock = null;  // of C++: lines -> number, or -1 when there are as many as there may be

// The block that follows from setting a checked pair, or null when it is not to be made (seen for the first time, or full).
function nextBlock(block, lower, name, value) {
  if (block.varying === name) return null;
  const { more } = block;
  for (let i = 0; i < more.length; i += 3) {
    if (more[i] === name && more[i + 1] === value) return more[i + 2];
  }
  const { candidates } = block;
  let seen = false;
  for (let i = 0; i < candidates.length; i += 2) {
    if (candidates[i] === name && candidates[i + 1] === value) seen = true;
  }
  if (!seen) {
    if (block.missed !== name) {
      block.missed = name;
      block.misses = 0;
    } else if (++block.misses === VARIES) {
      block.varying = name;
    }
    candidates[block.candidate] = name;
    candidates[block.candidate + 1] = value;
    block.candidate = (block.candidate + 2) % candidates.length;
    return null;
  }
  if (block.next1 !== null && more.length >= 3 * NEXT_LIMIT) return null;
  const lowers = block.lower.slice(), names = block.names.slice(), values = block.values.slice();
  const at = lowers.indexOf(lower);
  if (at < 0) {
    lowers.push(lower);
    names.push(name);
    values.push(value);
  } else {
    names[at] = name;
    values[at] = value;
  }
  let lines = '';
  for (let i = 0; i < names.length; i++) lines += linesOf(names[i], values[i]);
  const id = addBlock(lines);
  if (id < 0) return null;
  const next = new HeaderBlock(id, lowers, names, values);
  if (block.next0 === null) {
    block.name0 = name;
    block.value0 = value;
    block.next0 = next;
  } else if (block.next1 === null) {
    block.name1 = name;
    block.value1 = value;
    block.next1 = next;
  } else {
    more.push(name, value, next);
  }
  return next;
}

exports.ROOT = ROOT;
exports.attach = (add) => { addBlock = add; };
exports.nextBlock = nextBlock;
exports.lowerName = lowerName;
exports.checkValue = checkValue;
exports.linesOf = linesOf;
