// SPDX-License-Identifier: Apache-2.0
// Which names a CommonJS file exports, told from its text, so that `import { name }` can be linked before the file runs: what
// cjs-module-lexer finds, of the file and of those that it exports again.
'use strict';

const FILES_LIMIT = 64;

let parse;

function namesOf(path, source) {
  parse ??= require('npm/cjs-module-lexer/lexer').parse;
  const { resolveFrom } = require('internal/loader');
  const native = internalBinding('loader');
  const names = new Set();
  const seen = new Set();
  const waiting = [path];
  while (waiting.length > 0 && seen.size < FILES_LIMIT) {
    const file = waiting.pop();
    if (seen.has(file)) continue;
    let found;
    try {
      found = parse(seen.size === 0 && source !== undefined ? source : native.readSource(file));
    } catch {
      found = undefined;  // no JavaScript: that is told when it runs
    }
    seen.add(file);
    if (found === undefined) continue;
    for (const name of found.exports) if (name !== 'default' && name !== 'module.exports' && name.isWellFormed?.() !== false) names.add(name);
    for (const specifier of found.reexports) {
      try {
        const again = resolveFrom(specifier, file);
        if (again.startsWith('/') && /\.(js|cjs|ts|cts)$|\/[^./]+$/.test(again) && !native.isEsModule(again)) waiting.push(again);
      } catch {
        // Not there: that is told when it is required.
      }
    }
  }
  return [...names];
}

module.exports = { namesOf };
