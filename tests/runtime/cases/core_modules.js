// SPDX-License-Identifier: Apache-2.0
// Core modules by both names, from everywhere that names modules.
const { builtinModules, isBuiltin, createRequire } = require('module');
for (const name of builtinModules) require(name);
console.log(require('fs') === require('node:fs'), process.getBuiltinModule('fs') === require('fs'), createRequire(__filename)('path') === require('path'));
console.log(isBuiltin('fs'), isBuiltin('node:fs/promises'), isBuiltin('test'), isBuiltin('node:test'), isBuiltin('nope'), isBuiltin('./fs'));
console.log(process.getBuiltinModule('nope'), builtinModules.includes('node:test'), builtinModules.includes('test'), builtinModules.includes('path/posix'));
for (const name of ['node:nope', 'nope', 'test']) {
  try {
    require(name);
  } catch (error) {
    console.log(error.code, error.message.split('\n')[0]);
  }
}
import('node:path').then(async (path) => {
  console.log(path.default === require('path'), path.join('a', '..', 'b'));
  const { readFileSync, default: fs } = await import('fs');
  console.log(readFileSync === fs.readFileSync, fs.readFileSync(__filename, 'utf8').startsWith('// SPDX'));
  await import('node:nope').catch((error) => console.log(error.code, error.message));
});
