// SPDX-License-Identifier: Apache-2.0
// What is loaded beside plain files: TypeScript, data: URLs, other queries, WebAssembly, hooks; and what require() gives for ES modules.
import assert from 'node:assert';
import fs, { existsSync } from 'node:fs';
import { createRequire, findPackageJSON, register, registerHooks, syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);

// TypeScript: the types go, lines and columns stay.
const typed = await import('../modules/typed.mts');
assert.deepStrictEqual(typed.value, [3, '3', 'x']);
assert.throws(() => typed.fails(), (error) => /typed\.mts:25:9/.test(error.stack));
assert.throws(() => require('../modules/enumerated.ts'), { code: 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' });

// URLs name modules: another query is another module, of data: URLs too.
assert.notStrictEqual(await import('../modules/b.mjs?1'), await import('../modules/b.mjs?2'));
assert.match((await import('data:text/javascript,export default import.meta.url')).default, /^data:/);
await assert.rejects(import('data:text/css,'), { code: 'ERR_UNKNOWN_MODULE_FORMAT' });
await assert.rejects(import('../modules/d.json'), { code: 'ERR_IMPORT_ATTRIBUTE_MISSING' });
await assert.rejects(import('../modules/b.mjs', { with: { type: 'json' } }), { code: 'ERR_IMPORT_ATTRIBUTE_TYPE_INCOMPATIBLE' });
await assert.rejects(import('../modules/d.json', { with: { type: 'css' } }), { code: 'ERR_IMPORT_ATTRIBUTE_UNSUPPORTED' });

// WebAssembly: (a, b) => a + b
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'loading-'));
process.on('exit', () => fs.rmSync(directory, { recursive: true }));
fs.writeFileSync(`${directory}/add.wasm`, Uint8Array.fromHex('0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b'));
assert.strictEqual((await import(`${directory}/add.wasm`)).add(2, 3), 5);

// require() of ES modules.
const write = (name, text) => fs.writeFileSync(`${directory}/${name}`, text);
write('default.mjs', 'export default 1; export let n = 1; export const inc = () => n++;');
const transpiled = require(`${directory}/default.mjs`);
assert.deepStrictEqual([transpiled.__esModule, transpiled.default, transpiled.n], [true, 1, 1]);
transpiled.inc();
assert.strictEqual(transpiled.n, 2);
write('named.mjs', 'export { f as "module.exports" }; function f() { return 7; }');
assert.strictEqual(require(`${directory}/named.mjs`)(), 7);
write('waits.mjs', 'globalThis.ran = true; await 1;');
assert.throws(() => require(`${directory}/waits.mjs`), { code: 'ERR_REQUIRE_ASYNC_MODULE' });
assert.strictEqual(globalThis.ran, undefined);
write('cycle.mjs', `import './cycle.cjs';`);
write('cycle.cjs', `require('./cycle.mjs');`);
await assert.rejects(import(`${directory}/cycle.mjs`), { code: 'ERR_REQUIRE_CYCLE_MODULE' });

// Packages: conditions in their order, what is shut, what leads out of the package, what is no JSON.
const put = (name, json) => {
  fs.mkdirSync(`${directory}/node_modules/${name}`, { recursive: true });
  write(`node_modules/${name}/package.json`, typeof json === 'string' ? json : JSON.stringify(json));
  write(`node_modules/${name}/a.js`, 'module.exports = "a"');
  write(`node_modules/${name}/b.mjs`, 'export default "b"');
};
put('both', { exports: { '.': { import: './b.mjs', require: './a.js' }, './x/*.js': './*.js', './x/secret*': null, './out': './../out.js' } });
put('broken', '{');
write('asks.mjs', `import { createRequire } from 'node:module';
  export const ask = (name) => import(name);
  export const require = createRequire(import.meta.url);`);
const from = await import(`${directory}/asks.mjs`);
assert.deepStrictEqual([(await from.ask('both')).default, from.require('both'), from.require('both/x/a.js')], ['b', 'a', 'a']);
for (const load of [from.ask, async (name) => from.require(name)]) {
  await assert.rejects(load('both/a.js'), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' });
  await assert.rejects(load('both/x/secret.js'), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' });
  await assert.rejects(load('both/out'), { code: 'ERR_INVALID_PACKAGE_TARGET' });
  await assert.rejects(load('broken'), { code: 'ERR_INVALID_PACKAGE_CONFIG' });
}
assert.strictEqual(findPackageJSON('both', `${directory}/x.js`), fs.realpathSync(`${directory}/node_modules/both/package.json`));

// Hooks.
const hooks = registerHooks({
  resolve: (specifier, context, next) => specifier === 'made:up' ? { url: specifier, format: 'module', shortCircuit: true } : next(specifier, context),
  load: (url, context, next) => url === 'made:up' ? { format: 'module', source: 'export default "made up"', shortCircuit: true } : next(url, context),
});
assert.strictEqual((await import('made:up')).default, 'made up');
assert.strictEqual(require('made:up').default, 'made up');
hooks.deregister();
await assert.rejects(import('made:other'), { code: 'ERR_UNSUPPORTED_ESM_URL_SCHEME' });
register(`data:text/javascript,${encodeURIComponent('export async function load(url, context, next) { await 1; const loaded = await next(url, context); ' +
  'return url.endsWith("?loud") ? { ...loaded, source: String(loaded.source).toUpperCase().replace("EXPORT DEFAULT", "export default") } : loaded; }')}`);
write('word.mjs', 'export default "quiet"');
assert.strictEqual((await import(`${directory}/word.mjs?loud`)).default, 'QUIET');

// A file of hooks may be registered again under another query.
write('hooks.mjs', 'export const initialize = (seen) => seen.push(import.meta.url);');
const seen = [];
for (const query of ['', '?1', '?1', '#a?2']) register(`./hooks.mjs${query}`, pathToFileURL(`${directory}/`), { data: seen });
assert.deepStrictEqual(seen, ['', '?1', '?1', '#a?2'].map((query) => pathToFileURL(`${directory}/hooks.mjs`) + query));

// Names of built-in modules follow when they are told to.
fs.existsSync = () => 'mine';
syncBuiltinESMExports();
assert.strictEqual(existsSync(), 'mine');
console.log('done');
