// SPDX-License-Identifier: Apache-2.0
// URLPattern (WHATWG URL Pattern): checks of arguments as Node has them, in front of the package that matches. V8 here has no `v` flag of
// regular expressions; the package uses `u`, so set operations inside a pattern's own groups are not there.
'use strict';

const { codes } = require('internal/errors');
const { URLPattern: Pattern } = require('npm/urlpattern-polyfill/dist/urlpattern');

const isObject = (value) => value !== null && typeof value === 'object';

function checkInput(input) {
  if (input !== undefined && typeof input !== 'string' && !isObject(input)) throw new codes.ERR_INVALID_ARG_TYPE('input', ['string', 'Object'], input);
}
function checkText(value, name) {
  if (typeof value !== 'string') throw new codes.ERR_INVALID_ARG_TYPE(name, 'string', value);
}

class Checked {
  #pattern;
  constructor(input, baseURL, options) {
    checkInput(input);
    if (arguments.length > 1 && baseURL !== undefined && typeof baseURL !== 'string') {
      if (!isObject(baseURL)) throw new codes.ERR_INVALID_ARG_TYPE('baseURL', ['string', 'Object'], baseURL);
      if (arguments.length > 2 && options !== undefined) throw new codes.ERR_INVALID_ARG_TYPE('baseURL', 'string', baseURL);
      options = baseURL;
      baseURL = undefined;
    }
    if (options !== undefined) {
      if (!isObject(options)) throw new codes.ERR_INVALID_ARG_TYPE('options', 'Object', options);
      if (options.ignoreCase !== undefined && typeof options.ignoreCase !== 'boolean') throw new codes.ERR_INVALID_ARG_TYPE('options.ignoreCase', 'boolean', options.ignoreCase);
    }
    const given = [input ?? {}];
    if (baseURL !== undefined) given.push(baseURL);
    if (options !== undefined) given.push(options);
    try {
      this.#pattern = new Pattern(...given);
    } catch (error) {
      throw new codes.ERR_INVALID_URL_PATTERN(error.message);
    }
  }

  get protocol() { return this.#pattern.protocol; }
  get username() { return this.#pattern.username; }
  get password() { return this.#pattern.password; }
  get hostname() { return this.#pattern.hostname; }
  get port() { return this.#pattern.port; }
  get pathname() { return this.#pattern.pathname; }
  get search() { return this.#pattern.search; }
  get hash() { return this.#pattern.hash; }
  get hasRegExpGroups() { return this.#pattern.hasRegExpGroups; }

  exec(input, baseURL) {
    const pattern = this.#pattern;
    checkInput(input);
    if (baseURL === undefined) return pattern.exec(input ?? {});
    checkText(baseURL, 'baseURL');
    return pattern.exec(input ?? {}, baseURL);
  }
  test(input, baseURL) {
    const pattern = this.#pattern;
    checkInput(input);
    if (baseURL === undefined) return pattern.test(input ?? {});
    checkText(baseURL, 'baseURL');
    return pattern.test(input ?? {}, baseURL);
  }
}

// A class would say something else when it is called without `new`.
function URLPattern(input, baseURL, options) {
  if (new.target === undefined) throw new codes.ERR_CONSTRUCT_CALL_REQUIRED('URLPattern');
  return Reflect.construct(Checked, arguments, new.target);
}
Object.defineProperty(URLPattern, 'length', { value: 0, configurable: true });
Object.defineProperty(URLPattern, 'prototype', { value: Checked.prototype, writable: false });
Object.defineProperty(URLPattern.prototype, 'constructor', { value: URLPattern, writable: true, configurable: true, enumerable: false });
Object.defineProperty(URLPattern.prototype, Symbol.toStringTag, { value: 'URLPattern', configurable: true });
for (const name of ['protocol', 'username', 'password', 'hostname', 'port', 'pathname', 'search', 'hash', 'hasRegExpGroups', 'exec', 'test']) {
  Object.defineProperty(URLPattern.prototype, name, { enumerable: true });
}

module.exports = { URLPattern };
