// SPDX-License-Identifier: Apache-2.0
// CommonJS: require() of files, JSON, directories and packages. Finding files is C++'s, shared with ES modules.
'use strict';

const { requireBuiltin: builtin } = require('internal/bootstrap');
const cache = { __proto__: null };
let main;

function dirname(path) {
  const at = path.lastIndexOf('/');
  return at <= 0 ? '/' : path.slice(0, at);
}

class Module {
  constructor(id, parent) {
    this.id = id;
    this.path = dirname(id);
    this.exports = {};
    Object.defineProperty(this, 'parent', { value: parent, writable: true, configurable: true, enumerable: false });
    this.filename = id;
    this.loaded = false;
    this.children = [];
    this.paths = pathsOf(this.path);
    if (parent) parent.children.push(this);
  }
  require(specifier) { return requireFrom(this, specifier); }
  _compile(source, filename) { compile(this, source, filename); }
}
Module._cache = cache;
Module._extensions = { __proto__: null, '.js': loadJavaScript, '.json': loadJson, '.node': loadAddon };
Module.Module = Module;
Module._nodeModulePaths = (from) => pathsOf(from);

function pathsOf(directory) {
  const paths = [];
  for (let at = directory; ; at = dirname(at)) {
    if (!at.endsWith('/node_modules')) paths.push(at === '/' ? '/node_modules' : `${at}/node_modules`);
    if (at === '/') return paths;
  }
}

function requireStack(module) {
  const stack = [];
  for (let at = module; at && at.filename; at = at.parent) stack.push(at.filename);
  return stack;
}

function resolve(module, specifier) {
  if (typeof specifier !== 'string' || specifier === '') {
    const error = new TypeError(`The argument 'id' must be a non-empty string. Received ${require('internal/inspect').inspect(specifier)}`);
    error.code = 'ERR_INVALID_ARG_VALUE';
    throw error;
  }
  const path = internalBinding('loader').resolve(specifier, module.filename);
  if (path !== undefined) return path;
  const stack = requireStack(module);
  let message = `Cannot find module '${specifier}'`;
  if (stack.length > 0) message += `\nRequire stack:\n- ${stack.join('\n- ')}`;
  const error = new Error(message);
  error.code = 'MODULE_NOT_FOUND';
  error.requireStack = stack;
  throw error;
}

function makeRequire(module) {
  const requireFunction = function require(specifier) { return requireFrom(module, specifier); };
  requireFunction.resolve = (specifier) => resolve(module, specifier);
  requireFunction.resolve.paths = (specifier) => /^\.{0,2}\//.test(specifier) ? [module.path] : pathsOf(module.path);
  requireFunction.cache = cache;
  requireFunction.main = main;
  requireFunction.extensions = Module._extensions;
  return requireFunction;
}

function requireFrom(module, specifier) {
  const path = resolve(module, specifier);
  if (path.charCodeAt(0) !== 47) return builtin(path);
  const known = cache[path];
  if (known !== undefined) {
    if (module && !module.children.includes(known)) module.children.push(known);
    return known.exports;
  }
  return load(path, module).exports;
}

function load(path, parent, isMain = false) {
  const module = new Module(path, parent);
  if (isMain) {
    main = module;
    module.id = '.';
    require('internal/process').process.mainModule = module;
  }
  cache[path] = module;
  let failed = true;
  try {
    if (path.endsWith('.json')) loadJson(module, path);
    else if (path.endsWith('.node')) loadAddon(module, path);
    else loadJavaScript(module, path);
    failed = false;
  } finally {
    if (failed) {
      delete cache[path];
      if (parent) parent.children = parent.children.filter((child) => child !== module);
    }
  }
  module.loaded = true;
  return module;
}

function loadJson(module, path) {
  module.exports = internalBinding('loader').readJson(path);
}

function loadAddon(module, path) {
  return require('internal/process').process.dlopen(module, path);
}

function loadJavaScript(module, path) {
  const native = internalBinding('loader');
  if (native.isEsModule(path)) {
    module.exports = native.requireEsModule(path);
    return;
  }
  compile(module, native.readText(path), path);
}

function compile(module, source, path) {
  const native = internalBinding('loader');
  const wrapper = native.compileFunction(source, path);
  if (wrapper === undefined) {  // has the syntax of an ES module
    module.exports = native.requireEsModule(path);
    return;
  }
  const requireFunction = makeRequire(module);
  if (module === main) requireFunction.main = module;
  Reflect.apply(wrapper, module.exports, [module.exports, requireFunction, module, path, module.path]);
}

exports.Module = Module;
// For `import` of a CommonJS file, and for the program itself.
exports.load = (path, isMain) => (cache[path] || load(path, undefined, isMain)).exports;
exports.has = (path) => cache[path] !== undefined;
// -e, -p and standard input: `require` as if from a file in the working directory.
exports.evaluationGlobals = function evaluationGlobals(name) {
  const path = `${internalBinding('process').cwd()}/${name}`;
  const module = new Module(path, undefined);
  module.id = name;
  main = module;
  Object.assign(globalThis, { require: makeRequire(module), module, exports: module.exports, __filename: name, __dirname: '.' });
};
exports.createRequire = (path) => makeRequire(new Module(path, undefined));
