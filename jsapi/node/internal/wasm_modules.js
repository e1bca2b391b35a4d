// SPDX-License-Identifier: Apache-2.0
// WebAssembly files as ES modules: a text module is made whose imports are the file's, and whose exports are the instance's.
'use strict';

const compiled = new Map();  // URL -> WebAssembly.Module, of those that are loaded

function textOf(url, path, source) {
  const bytes = source ?? require('node:fs').readFileSync(path);
  const module = new WebAssembly.Module(bytes);
  compiled.set(url, module);
  const imports = [...new Set(WebAssembly.Module.imports(module).map((each) => each.module))];
  const names = WebAssembly.Module.exports(module).map((each) => each.name);
  for (const name of [...imports, ...WebAssembly.Module.imports(module).map((each) => each.name), ...names]) {
    if (name.startsWith('wasm:') || name.startsWith('wasm-js:')) {
      throw new WebAssembly.LinkError(`Invalid Wasm ${imports.includes(name) ? 'import' : 'export'} name "${name}"`);
    }
  }
  const lines = imports.map((name, i) => `import * as i${i} from ${JSON.stringify(name)};`);
  lines.push(`const e = import.meta.instantiate({ __proto__: null, ${imports.map((name, i) => `${JSON.stringify(name)}: i${i}`).join(', ')} });`);
  names.forEach((name, i) => lines.push(`const v${i} = e[${JSON.stringify(name)}]; export { v${i} as ${JSON.stringify(name)} };`));
  return lines.join(' ');
}

// What import.meta.instantiate of such a module is.
const instantiatorOf = (url) => (imports) => instantiate(compiled.get(url), imports);

function instantiate(module, imports) {
  const { exports } = new WebAssembly.Instance(module, imports);
  // A global stands for its value.
  const values = { __proto__: null };
  for (const name of Object.keys(exports)) {
    values[name] = exports[name] instanceof WebAssembly.Global ? valueOf(exports[name]) : exports[name];
  }
  return values;
}

function valueOf(global) {
  try {
    return global.value;
  } catch {
    return undefined;  // v128 has no value in JavaScript
  }
}

module.exports = { textOf, instantiatorOf };
