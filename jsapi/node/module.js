// SPDX-License-Identifier: Apache-2.0
// node:module. The compile cache keeps nothing and says so (V8 10.2 compiles lazily, and start-up has its snapshot).
'use strict';

const { Module } = require('internal/loader');
const { codes } = require('internal/errors');
const { validateBoolean, validateObject, validateOneOf, validateString } = require('internal/validators');
const bootstrap = require('internal/bootstrap');

const lazily = (name, load) => Object.defineProperty(Module, name, {
  __proto__: null, configurable: true, enumerable: true,
  get() {
    const value = load();
    Object.defineProperty(Module, name, { __proto__: null, configurable: true, enumerable: true, writable: true, value });
    return value;
  },
  set(value) { Object.defineProperty(Module, name, { __proto__: null, configurable: true, enumerable: true, writable: true, value }); },
});

Module.builtinModules = Object.freeze(bootstrap.names());
Module.isBuiltin = function isBuiltin(name) { return typeof name === 'string' && bootstrap.idOf(name) !== undefined; };

Module.syncBuiltinESMExports = function syncBuiltinESMExports() { internalBinding('loader').syncBuiltins(); };

// The package.json of the package that `specifier` names, or of the one that `base` lies in.
Module.findPackageJSON = function findPackageJSON(specifier, base = 'data:') {
  if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('specifier');
  const { fileURLToPath } = require('node:url');
  let text = specifier;
  if (specifier instanceof URL) text = specifier.href;
  else validateString(specifier, 'specifier');
  const native = internalBinding('loader');
  const jsonOf = (path) => {
    const directory = native.nearestPackage(path);
    return directory === undefined ? undefined : `${directory === '/' ? '' : directory}/package.json`;
  };
  let from = base;
  if (base instanceof URL) from = fileURLToPath(base);
  else {
    validateString(base, 'base');
    if (base.startsWith('file:')) from = fileURLToPath(base);
  }
  const insideOf = (path) => native.stat(path) === 1 ? `${path}/x` : path;
  if (text.startsWith('file:')) return jsonOf(insideOf(fileURLToPath(text)));
  if (text.startsWith('/')) return jsonOf(insideOf(text));
  if (text.startsWith('./') || text.startsWith('../') || text === '.' || text === '..') {
    return jsonOf(insideOf(require('node:path').resolve(native.stat(from) === 1 ? from : require('node:path').dirname(from), text)));
  }
  // A package by its name: its root, whatever "exports" says.
  const match = /^(@[^/]+\/[^/]+|[^@/][^/]*)/.exec(text);
  if (match !== null) {
    const start = native.stat(from) === 1 ? from : require('node:path').dirname(from);
    for (const each of Module._nodeModulePaths(start)) {
      if (native.readPackage(`${each}/${match[1]}`) !== undefined) return `${native.realpath(`${each}/${match[1]}`)}/package.json`;
    }
    const own = native.nearestPackage(insideOf(from));
    if (own !== undefined && native.readPackage(own)[0] === match[1]) return `${own}/package.json`;
  }
  throw new codes.ERR_MODULE_NOT_FOUND(`Cannot find package '${text}' imported from ${from}`);
};

const compileCacheStatus = Object.freeze({ __proto__: null, FAILED: 0, ENABLED: 1, ALREADY_ENABLED: 2, DISABLED: 3 });
Module.constants = Object.freeze({ __proto__: null, compileCacheStatus });
Module.enableCompileCache = function enableCompileCache(options) {
  if (typeof options === 'object' && options !== null) options = options.directory;
  if (options !== undefined) validateString(options, 'cacheDir');
  if (process.env.NODE_DISABLE_COMPILE_CACHE) return { status: compileCacheStatus.DISABLED, message: 'Disabled by NODE_DISABLE_COMPILE_CACHE' };
  return { status: compileCacheStatus.FAILED, message: 'Sluice keeps no compile cache' };
};
Module.getCompileCacheDir = function getCompileCacheDir() { return undefined; };
Module.flushCompileCache = function flushCompileCache() {};

Module.stripTypeScriptTypes = function stripTypeScriptTypes(code, options = { __proto__: null }) {
  validateString(code, 'code');
  validateObject(options, 'options');
  const { mode = 'strip', sourceUrl = '', sourceMap = false } = options;
  validateOneOf(mode, 'options.mode', ['strip', 'transform']);
  validateString(sourceUrl, 'options.sourceUrl');
  if (mode === 'transform') validateBoolean(sourceMap, 'options.sourceMap');
  else if (sourceMap !== false) validateOneOf(sourceMap, 'options.sourceMap', [false, undefined]);
  return require('internal/node/typescript').stripTypeScriptTypes(code, { mode, sourceUrl, sourceMap });
};

Module.getSourceMapsSupport = function getSourceMapsSupport() { return require('internal/node/source_maps').getSupport(); };
Module.setSourceMapsSupport = function setSourceMapsSupport(enabled, options = { __proto__: null }) {
  validateBoolean(enabled, 'enabled');
  validateObject(options, 'options');
  const { nodeModules = false, generatedCode = false } = options;
  validateBoolean(nodeModules, 'options.nodeModules');
  validateBoolean(generatedCode, 'options.generatedCode');
  require('internal/node/source_maps').setSupport(enabled, nodeModules, generatedCode);
};
lazily('SourceMap', () => require('internal/node/source_maps').SourceMap);
Module.findSourceMap = function findSourceMap(path) { return require('internal/node/source_maps').findSourceMap(path); };

Module.registerHooks = function registerHooks(hooks) { return require('internal/node/module_hooks').registerHooks(hooks); };
Module.register = function register(specifier, parentURL, options) { return require('internal/node/module_hooks').register(specifier, parentURL, options); };

module.exports = Module;
