// SPDX-License-Identifier: Apache-2.0
// CommonJS: files, directories, packages, JSON, cycles, the cache, what cannot be found.
console.log(require('../modules/cyc1'));
console.log(require('../modules/uses_dual.cjs'));
for (const specifier of ['./missing', 'nopkg', '../modules/bad.json', '']) {
  try {
    require(specifier);
  } catch (error) {
    console.log(error.name, error.code, error.message);
  }
}
try {
  require('../modules/uses_private.cjs');
} catch (error) {
  console.log(error.code);
}
console.log(require.main === module, module.id, this === module.exports, __dirname, __filename);
console.log(require.resolve('../modules/sub'), require.cache[__filename] === module, module.loaded);
console.log(require('../modules/b.mjs').default.name, typeof require('sluice:http').serve);
import('../modules/b.mjs').then((namespace) => console.log(namespace.v));
