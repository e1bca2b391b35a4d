// SPDX-License-Identifier: Apache-2.0
// A Transform that becomes a stream when it is first used as one: hashes and ciphers are mostly not.
'use strict';

const { Transform } = require('node:stream');

function LazyTransform(options) { this._options = options; }
Object.setPrototypeOf(LazyTransform.prototype, Transform.prototype);
Object.setPrototypeOf(LazyTransform, Transform);

for (const name of ['_readableState', '_writableState']) {
  Object.defineProperty(LazyTransform.prototype, name, {
    configurable: true, enumerable: true,
    get() {
      Reflect.apply(Transform, this, [this._options]);
      if (!this._options || !this._options.defaultEncoding) this._writableState.defaultEncoding = 'buffer';
      this._writableState.decodeStrings = false;
      return this[name];
    },
    set(value) { Object.defineProperty(this, name, { value, configurable: true, enumerable: true, writable: true }); },
  });
}

module.exports = LazyTransform;
