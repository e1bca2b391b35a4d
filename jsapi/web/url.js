// SPDX-License-Identifier: Apache-2.0
// URL and URLSearchParams (URL Standard). Parsing is that of the ada library inside libnode, reached through its C functions.
'use strict';

const { coded } = require('internal/sluice/errors');

// Positions in what native.urlParse() gives.
const HREF = 0, PROTOCOL = 1, USERNAME = 2, PASSWORD = 3, HOST = 4, HOSTNAME = 5, PORT = 6, PATHNAME = 7, SEARCH = 8, HASH = 9, ORIGIN = 10;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

let native = null;
function binding() { return native === null ? native = internalBinding('url') : native; }

function invalid(input, base) {
  const error = coded(TypeError, 'ERR_INVALID_URL', 'Invalid URL');
  error.input = input;
  if (base !== undefined) error.base = base;
  return error;
}

class URL {
  #parts;
  #params = null;
  constructor(input, base) {
    if (arguments.length === 0) throw coded(TypeError, 'ERR_MISSING_ARGS', 'The "url" argument must be specified');
    const text = `${input}`;
    const parts = binding().urlParse(text, base === undefined ? undefined : `${base}`);
    if (parts === undefined) throw invalid(text, base === undefined ? undefined : `${base}`);
    this.#parts = parts;
  }
  static createObjectURL(object) { return require('internal/node/blob').createObjectURL(object); }
  static revokeObjectURL(url) { return Reflect.apply(require('internal/node/blob').revokeObjectURL, undefined, arguments); }
  static canParse(input, base) { return binding().urlParse(`${input}`, base === undefined ? undefined : `${base}`) !== undefined; }
  static parse(input, base) {
    try {
      return new URL(input, base);
    } catch {
      return null;
    }
  }

  // What is no URL fails here, and where #parts is read, with the engine's words (and those that Node has at each place).
  #own() { return this.#parts; }
  #set(which, value) {
    const parts = binding().urlSet(this.#parts[HREF], which, `${value}`);
    if (parts === undefined) return false;
    this.#parts = parts;
    if (this.#params !== null) URLSearchParams.reset(this.#params, parts[SEARCH]);
    return true;
  }
  get href() { return this.#own()[HREF]; }
  set href(value) {
    void this.#parts;
    if (!this.#set(HREF, value)) throw invalid(`${value}`);
  }
  get origin() { return this.#parts[ORIGIN]; }
  get protocol() { return this.#parts[PROTOCOL]; }
  set protocol(value) { void this.#parts; this.#set(PROTOCOL, value); }
  get username() { return this.#parts[USERNAME]; }
  set username(value) { void this.#parts; this.#set(USERNAME, value); }
  get password() { return this.#parts[PASSWORD]; }
  set password(value) { void this.#parts; this.#set(PASSWORD, value); }
  get host() { return this.#parts[HOST]; }
  set host(value) { void this.#parts; this.#set(HOST, value); }
  get hostname() { return this.#parts[HOSTNAME]; }
  set hostname(value) { void this.#parts; this.#set(HOSTNAME, value); }
  get port() { return this.#parts[PORT]; }
  set port(value) { void this.#parts; this.#set(PORT, value); }
  get pathname() { return this.#parts[PATHNAME]; }
  set pathname(value) { void this.#parts; this.#set(PATHNAME, value); }
  get search() { return this.#own()[SEARCH]; }
  set search(value) { void this.#parts; this.#set(SEARCH, value); }
  get hash() { return this.#parts[HASH]; }
  set hash(value) { void this.#parts; this.#set(HASH, value); }
  get searchParams() {
    if (this.#params === null) {
      this.#params = new URLSearchParams(this.#parts[SEARCH]);
      URLSearchParams.attach(this.#params, (text) => {
        const parts = binding().urlSet(this.#parts[HREF], SEARCH, text);
        if (parts !== undefined) this.#parts = parts;
      });
    }
    return this.#params;
  }
  toString() { return this.#own()[HREF]; }
  toJSON() { return this.#own()[HREF]; }
  [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
    void this.#own();
    if (typeof depth === 'number' && depth < 0) return this;
    const shown = Object.create({ constructor: this.constructor === undefined ? URL : this.constructor });
    for (const name of ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'searchParams', 'hash']) shown[name] = this[name];
    return typeof inspect === 'function' ? `${shown.constructor.name} ${inspect({ ...shown }, options)}` : shown;
  }
}

// Percent-decoding of one name or value; bytes that are no UTF-8 become U+FFFD.
function decode(text) {
  text = text.replace(/\+/g, ' ');
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    const bytes = [];
    for (const byte of new TextEncoder().encode(text)) bytes.push(byte);
    const out = [];
    for (let i = 0; i < bytes.length; i++) {
      const pair = bytes[i] === 0x25 && i + 2 < bytes.length ? String.fromCharCode(bytes[i + 1], bytes[i + 2]) : '';
      if (/^[0-9A-Fa-f]{2}$/.test(pair)) {
        out.push(parseInt(pair, 16));
        i += 2;
      } else {
        out.push(bytes[i]);
      }
    }
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array(out));
  }
}

function encode(text) {
  return encodeURIComponent(text.replace(LONE_SURROGATE, '\ufffd')).replace(/[!'()~]|%20/g, (c) => (c === '%20' ? '+' : `%${c.charCodeAt(0).toString(16).toUpperCase()}`));
}

function parse(text) {
  const list = [];
  if (text.startsWith('?')) text = text.slice(1);
  for (const piece of text.split('&')) {
    if (piece === '') continue;
    const at = piece.indexOf('=');
    list.push(decode(at < 0 ? piece : piece.slice(0, at)), at < 0 ? '' : decode(piece.slice(at + 1)));
  }
  return list;
}

class URLSearchParams {
  #list = [];  // name, value, ...
  #changed = null;
  constructor(init = undefined) {
    if (init === undefined || init === null) return;
    if (typeof init === 'object' || typeof init === 'function') {
      const method = init[Symbol.iterator];
      if (method !== undefined && method !== null) {
        if (typeof method !== 'function') throw coded(TypeError, 'ERR_ARG_NOT_ITERABLE', 'Query pairs must be iterable');
        for (const pair of init) {
          if (pair === null || pair === undefined || (typeof pair !== 'object' && typeof pair !== 'function') || typeof pair[Symbol.iterator] !== 'function') {
            throw coded(TypeError, 'ERR_INVALID_TUPLE', 'Each query pair must be an iterable [name, value] tuple');
          }
          const two = [...pair];
          if (two.length !== 2) throw coded(TypeError, 'ERR_INVALID_TUPLE', 'Each query pair must be an iterable [name, value] tuple');
          this.#list.push(`${two[0]}`, `${two[1]}`);
        }
      } else {
        for (const name of Reflect.ownKeys(init)) {
          if (Object.prototype.propertyIsEnumerable.call(init, name)) this.#list.push(`${name}`, `${init[name]}`);
        }
      }
    } else {
      this.#list = parse(`${init}`);
    }
  }
  static attach(params, changed) { params.#changed = changed; }
  static reset(params, search) { params.#list = parse(search); }
  #update() {
    if (this.#changed !== null) this.#changed(this.toString());
  }
  get size() { return this.#list.length / 2; }
  append(name, value) {
    this.#list.push(`${name}`, `${value}`);
    this.#update();
  }
  delete(name, value) {
    name = `${name}`;
    const kept = [];
    for (let i = 0; i < this.#list.length; i += 2) {
      if (this.#list[i] !== name || (value !== undefined && this.#list[i + 1] !== `${value}`)) kept.push(this.#list[i], this.#list[i + 1]);
    }
    this.#list = kept;
    this.#update();
  }
  get(name) {
    name = `${name}`;
    for (let i = 0; i < this.#list.length; i += 2) if (this.#list[i] === name) return this.#list[i + 1];
    return null;
  }
  getAll(name) {
    name = `${name}`;
    const values = [];
    for (let i = 0; i < this.#list.length; i += 2) if (this.#list[i] === name) values.push(this.#list[i + 1]);
    return values;
  }
  has(name, value) {
    name = `${name}`;
    for (let i = 0; i < this.#list.length; i += 2) if (this.#list[i] === name && (value === undefined || this.#list[i + 1] === `${value}`)) return true;
    return false;
  }
  set(name, value) {
    name = `${name}`;
    const kept = [];
    let done = false;
    for (let i = 0; i < this.#list.length; i += 2) {
      if (this.#list[i] !== name) {
        kept.push(this.#list[i], this.#list[i + 1]);
      } else if (!done) {
        kept.push(name, `${value}`);
        done = true;
      }
    }
    if (!done) kept.push(name, `${value}`);
    this.#list = kept;
    this.#update();
  }
  sort() {
    const pairs = [...this.entries()];
    pairs.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    this.#list = pairs.flat();
    this.#update();
  }
  forEach(callback, self) {
    for (let i = 0; i < this.#list.length; i += 2) Reflect.apply(callback, self, [this.#list[i + 1], this.#list[i], this]);
  }
  entries() { return iterate(this, 'entries'); }
  keys() { return iterate(this, 'keys'); }
  values() { return iterate(this, 'values'); }
  static has(value) { return value !== null && typeof value === 'object' && #list in value; }
  static listOf(params) { return params.#list; }
  toString() {
    let text = '';
    for (let i = 0; i < this.#list.length; i += 2) text += `${i === 0 ? '' : '&'}${encode(this.#list[i])}=${encode(this.#list[i + 1])}`;
    return text;
  }
  [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
    const shown = [...this].map(([name, value]) => `'${name}' => '${value}'`).join(', ');
    return `URLSearchParams {${shown ? ` ${shown} ` : ''}}`;
  }
}
// An iterator over what the list holds when it is asked, as Web IDL has it.
const kState = Symbol('state');
const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
const ParamsIteratorPrototype = Object.create(IteratorPrototype, {
  next: {
    value: function next() {
      if (this === null || typeof this !== 'object' || !(kState in this)) throw coded(TypeError, 'ERR_INVALID_THIS', 'Value of "this" must be of type URLSearchParamsIterator');
      const state = this[kState];
      const list = listOf(state.params);
      if (state.at >= list.length) return { value: undefined, done: true };
      const name = list[state.at];
      const value = list[state.at + 1];
      state.at += 2;
      return { value: state.kind === 'keys' ? name : state.kind === 'values' ? value : [name, value], done: false };
    },
    writable: true, configurable: true, enumerable: true,
  },
  [Symbol.toStringTag]: { value: 'URLSearchParams Iterator', configurable: true },
  [Symbol.for('nodejs.util.inspect.custom')]: {
    value: function(depth, options, inspect) {
      const { params, at, kind } = this[kState];
      const list = listOf(params).slice(at);
      const shown = [];
      for (let i = 0; i < list.length; i += 2) shown.push(kind === 'keys' ? list[i] : kind === 'values' ? list[i + 1] : [list[i], list[i + 1]]);
      const items = shown.map((each) => inspect(each, options));
      return `URLSearchParams Iterator {${items.length === 0 ? '' : ` ${items.join(', ')} `}}`;
    },
  },
});
function iterate(params, kind) {
  return Object.create(ParamsIteratorPrototype, { [kState]: { value: { params, at: 0, kind } } });
}

const { attach, reset, has: isParams, listOf } = URLSearchParams;
delete URLSearchParams.has;
delete URLSearchParams.listOf;

// Methods are enumerable, and speak of a wrong `this` or missing arguments in Node's words.
const NEEDED = { append: ['name', 'value'], delete: ['name'], get: ['name'], getAll: ['name'], has: ['name'], set: ['name', 'value'], forEach: [] };
for (const name of ['append', 'delete', 'get', 'getAll', 'has', 'set', 'sort', 'entries', 'forEach', 'keys', 'values', 'toString']) {
  const method = URLSearchParams.prototype[name];
  const needed = NEEDED[name] || [];
  const checked = { [name](...args) {
    if (!isParams(this)) throw coded(TypeError, 'ERR_INVALID_THIS', 'Value of "this" must be of type URLSearchParams');
    if (args.length < needed.length) {
      throw coded(TypeError, 'ERR_MISSING_ARGS', needed.length === 1 ? `The "${needed[0]}" argument must be specified` : `The "${needed[0]}" and "${needed[1]}" arguments must be specified`);
    }
    if (name === 'forEach' && typeof args[0] !== 'function') throw new (require('internal/errors').codes.ERR_INVALID_ARG_TYPE)('callback', 'Function', args[0]);
    return Reflect.apply(method, this, args);
  } }[name];
  Object.defineProperty(checked, 'length', { value: method.length, configurable: true });
  Object.defineProperty(URLSearchParams.prototype, name, { value: checked, writable: true, configurable: true, enumerable: true });
}
Object.defineProperty(URLSearchParams.prototype, Symbol.iterator, { value: URLSearchParams.prototype.entries, writable: true, configurable: true, enumerable: false });
Object.defineProperty(URLSearchParams.prototype, 'size', { ...Object.getOwnPropertyDescriptor(URLSearchParams.prototype, 'size'), enumerable: true });
for (const name of ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'searchParams', 'hash', 'toString', 'toJSON']) {
  const descriptor = Object.getOwnPropertyDescriptor(URL.prototype, name);
  if (descriptor !== undefined) Object.defineProperty(URL.prototype, name, { ...descriptor, enumerable: true });
}

Object.defineProperty(URLSearchParams, 'attach', { value: attach, enumerable: false });
Object.defineProperty(URLSearchParams, 'reset', { value: reset, enumerable: false });

for (const value of [URL, URLSearchParams]) {
  Object.defineProperty(value.prototype, Symbol.toStringTag, { value: value.name, configurable: true });
  Object.defineProperty(globalThis, value.name, { value, writable: true, configurable: true, enumerable: false });
  exports[value.name] = value;
}
