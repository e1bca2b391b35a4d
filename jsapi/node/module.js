// SPDX-License-Identifier: Apache-2.0
// node:module. Hooks, syncBuiltinESMExports, findPackageJSON, source maps and the compile cache are not here yet.
'use strict';

const { Module, createRequire } = require('internal/loader');
const { codes } = require('internal/errors');
const bootstrap = require('internal/bootstrap');

function isBuiltin(name) { return typeof name === 'string' && bootstrap.idOf(name) !== undefined; }

Module.builtinModules = Object.freeze(bootstrap.names());
Module.isBuiltin = isBuiltin;
Module.createRequire = function(filename) {
  let path = filename;
  if (path instanceof URL || (typeof path === 'string' && !path.startsWith('/'))) {
    try {
      path = require('node:url').fileURLToPath(path);
    } catch {
      path = undefined;
    }
  }
  if (typeof path !== 'string') throw new codes.ERR_INVALID_ARG_VALUE('filename', filename, 'must be a file URL object, file URL string, or absolute path string');
  return createRequire(path.endsWith('/') ? `${path}noop.js` : path);
};
Object.defineProperty(Module.createRequire, 'name', { value: 'createRequire' });

module.exports = Module;
