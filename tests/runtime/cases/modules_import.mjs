// SPDX-License-Identifier: Apache-2.0
// ES modules: CommonJS and JSON in the graph, packages, cycles, dynamic import, import.meta.
import whole, { named, later } from '../modules/a.cjs';
import * as namespace from '../modules/b.mjs';
import data from '../modules/d.json' with { type: 'json' };
import again from '../modules/d.json' with { type: 'json' };
import dual from '../modules/uses_dual.mjs';
import { value } from '../modules/c1.mjs';
console.log(whole, named, later, namespace, data, data === again, dual);
console.log(value(), import.meta.url, import.meta.filename, import.meta.dirname);
console.log(import.meta.resolve('../modules/b.mjs'), typeof this, typeof require);
console.log((await import('../modules/b.mjs')) === namespace, (await import('../modules/d.json', { with: { type: 'json' } })).default);
namespace.inc();
console.log(namespace.v);
const failing = ['../modules/nope.mjs', 'nopkg', '../modules/syntax.mjs', '../modules/throws.mjs', '../modules', 'https://x.test/', 'sluice:nope'];
for (const specifier of failing) {
  try {
    await import(specifier);
  } catch (error) {
    console.log(error.name, error.code, error.message);
  }
}
