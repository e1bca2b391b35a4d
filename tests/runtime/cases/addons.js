// SPDX-License-Identifier: Apache-2.0
// arguments: --v8-flags --expose-gc
// Addons by Node-API: loading, values, errors, classes, memory, work on other threads, the end.
'use strict';
const path = require('path');
const folder = path.join(path.dirname(process.execPath), 'tests/runtime');
const addon = require(path.join(folder, 'works'));
const refusal = (fn) => {
  try {
    return fn();
  } catch (error) {
    return `${error.name} ${error.code}: ${error.message.split('\n').slice(0, 3).join(' ').replaceAll(folder, 'FOLDER')}`;
  }
};

console.log(addon.add(1.5, 2), addon.repeat('dö'), addon.words(-(2n ** 70n)));
console.log([undefined, null, true, 1, '', Symbol(), {}, () => {}, 1n].map((value) => addon.describe(value)).join());
console.log(refusal(() => addon.add(1, 'x')), '|', refusal(() => addon.rangeError()));
console.log(addon.guarded(() => 7), addon.guarded(() => { throw new Error('thrown'); }).caught.message);
console.log(refusal(() => addon.callThrough(() => { throw Object.assign(new TypeError('through'), { code: 'T' }); })));

const counter = new addon.Counter(5);
counter.value += 10;
console.log(counter.next(), counter.value, Object.keys(addon.Counter.prototype), counter instanceof addon.Counter);
console.log(refusal(() => addon.Counter()), '|', refusal(() => addon.Counter.prototype.next.call({})));

const lent = addon.lent();
console.log(Buffer.isBuffer(lent), lent.toString(), addon.copied(lent.subarray(0, 6)));
console.log(addon.floats(8), refusal(() => addon.floats(4)), '|', refusal(() => addon.floats(16)));
console.log(addon.fileName() === require('url').pathToFileURL(path.join(folder, 'works.node')).href);

console.log(require(path.join(folder, 'registers.node'))(), require(path.join(folder, 'registers.node')) === require(path.join(folder, 'registers.node')));
const again = { exports: {} };
process.dlopen(again, path.join(folder, 'registers.node'), require('os').constants.dlopen.RTLD_NOW);
console.log(again.exports.name, again.exports());
console.log(refusal(() => require(path.join(folder, 'foreign.node'))));
console.log(refusal(() => process.dlopen({ exports: {} }, __filename)).includes('ERR_DLOPEN_FAILED'));
console.log(refusal(() => process.dlopen({ exports: {} })), '|', refusal(() => process.dlopen({ exports: {} }, 'x', 'y')));

// What packages choose their prebuilt addon by.
console.log(process.versions.modules, process.versions.napi, /^2\.\d+$/.test(process.report.getReport().header.glibcVersionRuntime));

const { AsyncLocalStorage } = require('async_hooks');
const storage = new AsyncLocalStorage();
const got = [];
storage.run('store', () => addon.fromThread((number) => {
  got.push(`${number} ${storage.getStore()}`);
  process.nextTick(() => got.push(`tick ${number}`));
}));
(async () => {
  console.log(await Promise.all([addon.square(3), addon.square(4)]));
  // The finalizer of the function comes when its thread has ended.
  while (addon.finalizers() < 1) await new Promise(setImmediate);
  console.log(got.join());
  (() => {
    for (let i = 0; i < 10; i++) {
      new addon.Counter(i);
      addon.lent();
    }
  })();
  while (addon.finalizers() < 21) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
  console.log('collected', addon.finalizers() === 21, counter.value, lent.length);
  addon.watchEnd();
  process.on('exit', () => console.log('exit'));
})();
