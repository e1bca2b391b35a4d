// SPDX-License-Identifier: Apache-2.0
// Headers (Fetch Standard): a list, because messages have few fields and order is cheap that way.
'use strict';

const { coded } = require('internal/sluice/errors');
const { lowerName, checkValue } = require('internal/sluice/header_blocks');

function normalized(name, value) {
  value = `${value}`.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
  checkValue(name, value);
  return value;
}

class Headers {
  #list = [];  // lower-cased name, value, ...
  constructor(init = undefined) {
    if (init === undefined || init === null) return;
    if (typeof init !== 'object') throw new TypeError('Headers are made of an object, a list of pairs or Headers');
    if (init instanceof Headers) {
      this.#list = init.#list.slice();
    } else if (typeof init[Symbol.iterator] === 'function') {
      for (const pair of init) {
        const two = [...pair];
        if (two.length !== 2) throw new TypeError('Each header must be a [name, value] pair');
        this.append(two[0], two[1]);
      }
    } else {
      for (const name of Object.keys(init)) this.append(name, init[name]);
    }
  }
  // The list itself, for those who send it.
  static listOf(headers) { return headers.#list; }
  static fromRaw(pairs) {
    const headers = new Headers();
    for (let i = 0; i + 1 < pairs.length; i += 2) headers.append(pairs[i], pairs[i + 1]);
    return headers;
  }
  #find(lower) {
    const list = this.#list;
    for (let i = 0; i < list.length; i += 2) if (list[i] === lower) return i;
    return -1;
  }
  append(name, value) {
    const lower = lowerName(`${name}`);
    value = normalized(name, value);
    const at = lower === 'set-cookie' ? -1 : this.#find(lower);
    if (at < 0) this.#list.push(lower, value);
    else this.#list[at + 1] += `${lower === 'cookie' ? '; ' : ', '}${value}`;
  }
  set(name, value) {
    const lower = lowerName(`${name}`);
    value = normalized(name, value);
    const at = this.#find(lower);
    if (at >= 0 && lower !== 'set-cookie') {
      this.#list[at + 1] = value;
      return;
    }
    if (at >= 0) this.delete(lower);
    this.#list.push(lower, value);
  }
  get(name) {
    const lower = lowerName(`${name}`);
    if (lower === 'set-cookie') {
      const all = this.getSetCookie();
      return all.length > 0 ? all.join(', ') : null;
    }
    const at = this.#find(lower);
    return at < 0 ? null : this.#list[at + 1];
  }
  getSetCookie() {
    const values = [];
    for (let i = 0; i < this.#list.length; i += 2) if (this.#list[i] === 'set-cookie') values.push(this.#list[i + 1]);
    return values;
  }
  has(name) { return this.#find(lowerName(`${name}`)) >= 0; }
  delete(name) {
    const lower = lowerName(`${name}`);
    const kept = [];
    for (let i = 0; i < this.#list.length; i += 2) if (this.#list[i] !== lower) kept.push(this.#list[i], this.#list[i + 1]);
    this.#list = kept;
  }
  #sorted() {
    const pairs = [];
    for (let i = 0; i < this.#list.length; i += 2) pairs.push([this.#list[i], this.#list[i + 1]]);
    return pairs.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  }
  forEach(callback, self) { for (const [name, value] of this.#sorted()) Reflect.apply(callback, self, [value, name, this]); }
  * entries() { yield* this.#sorted(); }
  * keys() { for (const [name] of this.#sorted()) yield name; }
  * values() { for (const [, value] of this.#sorted()) yield value; }
  [Symbol.iterator]() { return this.entries(); }
  [Symbol.for('nodejs.util.inspect.custom')]() { return Object.fromEntries(this.#sorted()); }
}
const { listOf, fromRaw } = Headers;
delete Headers.listOf;
delete Headers.fromRaw;
Object.defineProperty(Headers.prototype, Symbol.toStringTag, { value: 'Headers', configurable: true });
Object.defineProperty(globalThis, 'Headers', { value: Headers, writable: true, configurable: true, enumerable: false });

Object.assign(exports, { Headers, listOf, fromRaw });
