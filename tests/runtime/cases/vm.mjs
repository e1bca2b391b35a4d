// SPDX-License-Identifier: Apache-2.0
// node:vm: contexts over a sandbox, limits of time, modules linked by hand, import() answered by a callback.
import assert from 'node:assert';
import vm from 'node:vm';

// Contexts are made anew, without the program's globals, and with what the language lacks here.
const sandbox = vm.createContext({ x: 1 });
assert.strictEqual(vm.runInContext('typeof process + typeof Buffer + typeof x + [2, 1].toSorted()', sandbox), 'undefinedundefinednumber1,2');
vm.runInContext('var made = x + 1; function f() { return this === globalThis } Object.defineProperty(this, "fixed", { value: 3 })', sandbox);
assert.deepStrictEqual([sandbox.made, vm.runInContext('f()', sandbox), sandbox.fixed], [2, true, 3]);
assert.throws(() => vm.runInContext('"use strict"; fixed = 4', sandbox), { name: 'TypeError' });
assert.throws(() => vm.runInContext('"use strict"; undeclared = 4', sandbox), { name: 'ReferenceError' });
assert.deepStrictEqual(vm.runInContext('Object.keys(globalThis).sort().join()', sandbox), 'f,made,x');
const plain = vm.createContext(vm.constants.DONT_CONTEXTIFY);
assert.strictEqual(vm.runInContext('globalThis', plain), plain);

// A limit of time ends what runs, promise jobs of the context included, and nothing else.
assert.throws(() => vm.runInContext('for (;;);', sandbox, { timeout: 10 }), { code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' });
const own = vm.createContext({}, { microtaskMode: 'afterEvaluate' });
assert.throws(() => vm.runInContext('Promise.resolve().then(() => { for (;;); })', own, { timeout: 10 }), { code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' });
assert.strictEqual(vm.runInContext('1 + 1', sandbox), 2);

// A code cache is taken for the same text only.
const cachedData = new vm.Script('40 + 2').createCachedData();
assert.strictEqual(new vm.Script('40 + 2', { cachedData }).cachedDataRejected, false);
assert.strictEqual(new vm.Script('40 + 3 + 1', { cachedData }).cachedDataRejected, true);

// Modules.
const dependency = new vm.SyntheticModule(['default'], function() { this.setExport('default', 20); }, { context: sandbox });
const module = new vm.SourceTextModule('import n from "n"; export const sum = await n + made; export const { where } = import.meta;', {
  context: sandbox, identifier: 'here', initializeImportMeta(meta, { identifier }) { meta.where = identifier; },
});
await module.link((specifier) => specifier === 'n' && dependency);
await module.evaluate();
assert.deepStrictEqual({ ...module.namespace }, { sum: 22, where: 'here' });
assert.strictEqual(module.status, 'evaluated');

// import()
await assert.rejects(vm.runInThisContext('import("node:fs")'), { code: 'ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING' });
const answered = new vm.Script('import("n")', { importModuleDynamically: (specifier, referrer) => referrer === answered && inner });
const inner = new vm.SyntheticModule(['a'], function() { this.setExport('a', 5); });
assert.strictEqual((await answered.runInThisContext()).a, 5);
const usual = { importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER };
assert.strictEqual(typeof (await vm.runInThisContext('import("node:fs")', usual)).readFileSync, 'function');

// Many contexts are collected.
for (let i = 0; i < 200; i++) vm.runInNewContext('a = { b: globalThis }', { i });
console.log('done');
