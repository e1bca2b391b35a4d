// SPDX-License-Identifier: Apache-2.0
// node:timers.
'use strict';

const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate } = require('internal/timers');

module.exports = { setTimeout, clearTimeout, setImmediate, clearImmediate, setInterval, clearInterval };
Object.defineProperty(module.exports, 'promises', {
  configurable: true, enumerable: true,
  get() { return require('node:timers/promises'); },
});
const { promisify } = require('node:util');
for (const name of ['setTimeout', 'setImmediate']) {
  Object.defineProperty(module.exports[name], promisify.custom, {
    configurable: true, enumerable: true,
    get() { return require('node:timers/promises')[name]; },
  });
}
