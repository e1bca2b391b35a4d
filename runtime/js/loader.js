// SPDX-License-Identifier: Apache-2.0
// CommonJS: Module, require() of files, JSON, directories and packages. What "exports" and "imports" say, and everything about ES
// modules, is C++'s. node:module adds what few programs use.
'use strict';

const bootstrap = require('internal/bootstrap');
const { requireBuiltin: builtin } = bootstrap;
const { codes } = require('internal/errors');
const { validateString } = require('internal/validators');

const native = () => internalBinding('loader');
const loadedExports = new WeakMap();  // of each Module, when it was loaded
let resolvedFrom = { __proto__: null };  // directory of the parent and request -> path, as long as it is in the cache
let symlinkOptions = null;
let main;
let wrapperPatched = false;

function keepsSymlinks(isMain) {
  symlinkOptions ??= native().options();
  return symlinkOptions[isMain ? 2 : 1];
}

function dirname(path) {
  const at = path.lastIndexOf('/');
  if (at < 0) return '.';
  return at === 0 ? '/' : path.slice(0, at);
}

// Without "." and ".."; absolute when the first is.
function join(base, request) {
  const whole = request.charCodeAt(0) === 47 ? request : `${base}/${request}`;
  const parts = [];
  for (const part of whole.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

const cwd = () => internalBinding('process').cwd();

function updateChildren(parent, child, scan) {
  const children = parent?.children;
  if (children && !(scan && children.includes(child))) children.push(child);
}

function Module(id = '', parent) {
  this.id = id;
  this.path = dirname(id);
  Object.defineProperty(this, 'exports', { __proto__: null, value: {}, writable: true, configurable: true, enumerable: true });
  Object.defineProperty(this, 'parent', { __proto__: null, value: parent, writable: true, configurable: true, enumerable: false });
  updateChildren(parent, this, false);
  this.filename = null;
  this.loaded = false;
  this.children = [];
}

Module._cache = { __proto__: null };
Module._pathCache = { __proto__: null };
Module._extensions = { __proto__: null };
let modulePaths = null;  // of NODE_PATH and such, once asked for
Module._debug = function() {};
Module.Module = Module;

// ---- where to look

function nodeModulePaths(from) {
  from = join(cwd(), from);
  const paths = [];
  for (let at = from; ; at = dirname(at)) {
    if (!at.endsWith('/node_modules')) paths.push(at === '/' ? '/node_modules' : `${at}/node_modules`);
    if (at === '/') return paths;
  }
}
Module._nodeModulePaths = nodeModulePaths;

const isRelative = (request) => request === '.' || request === '..' || request.startsWith('./') || request.startsWith('../');

Module._resolveLookupPaths = function(request, parent) {
  if (bootstrap.idOf(request) !== undefined) return null;
  if (!isRelative(request)) {
    if (modulePaths === null) Module._initPaths();
    const paths = parent?.paths?.length ? parent.paths.concat(modulePaths) : modulePaths.slice();
    return paths.length > 0 ? paths : null;
  }
  if (!parent || !parent.id || !parent.filename) return ['.'];
  return [dirname(parent.filename)];
};

Module._initPaths = function() {
  const { env } = process;
  const paths = [];
  if (env.NODE_PATH) for (const path of env.NODE_PATH.split(':')) if (path !== '') paths.push(path);
  if (env.HOME) paths.push(`${env.HOME}/.node_modules`, `${env.HOME}/.node_libraries`);
  paths.push(join(dirname(process.execPath), '../lib/node'));
  modulePaths = paths;
  globalPaths = paths.slice();
};
let globalPaths = null;
Object.defineProperty(Module, 'globalPaths', {
  __proto__: null, configurable: true, enumerable: true,
  get() {
    if (globalPaths === null) Module._initPaths();
    return globalPaths;
  },
  set(value) { globalPaths = value; },
});

Module._stat = (path) => native().stat(path);

function readPackage(directory) {
  const found = native().readPackage(directory);
  if (found === undefined) return undefined;
  const [name, mainField, type, hasExports, invalid] = found;
  if (invalid !== '') throw new codes.ERR_INVALID_PACKAGE_CONFIG(`${directory}/package.json`, undefined, invalid);
  return { name, main: mainField, type, hasExports, directory };
}
Module._readPackage = readPackage;

const realpath = (path) => native().realpath(path);

function asFile(path, isMain) {
  if (Module._stat(path) !== 0) return false;
  return keepsSymlinks(isMain) ? path : realpath(path);
}

function withExtensions(path, extensions, isMain) {
  for (let i = 0; i < extensions.length; i++) {
    const found = asFile(path + extensions[i], isMain);
    if (found) return found;
  }
  return false;
}

function asDirectory(path, extensions, isMain, request) {
  const field = readPackage(path)?.main;
  if (!field) return withExtensions(`${path}/index`, extensions, isMain);
  const wanted = join(path, field);
  let found = asFile(wanted, isMain) || withExtensions(wanted, extensions, isMain) || withExtensions(`${wanted}/index`, extensions, isMain);
  if (found) return found;
  found = withExtensions(`${path}/index`, extensions, isMain);
  if (!found) {
    const error = new Error(`Cannot find module '${wanted}'. Please verify that the package.json has a valid "main" entry`);
    error.code = 'MODULE_NOT_FOUND';
    error.path = `${path}/package.json`;
    error.requestPath = request;
    throw error;
  }
  process.emitWarning(`Invalid 'main' field in '${path}/package.json' of '${field}'. Please either fix that or report it to the module author`,
    'DeprecationWarning', 'DEP0128');
  return found;
}

// What "exports" or "imports" gave: a path, or what to require instead.
function finish(found, parent) {
  if (typeof found === 'string') return found;
  return Module._resolveFilename(found[0], parent, false);
}

const PACKAGE = /^((?:@[^/\\%]+\/)?[^./\\%][^/\\%]*)(\/.*)?$/;

function packageExports(paths, request) {
  const match = PACKAGE.exec(request);
  if (match === null) return undefined;
  const directory = `${paths}/${match[1]}`;
  const found = readPackage(directory);
  if (found === undefined || !found.hasExports) return undefined;
  return native().packageExports(directory, `.${match[2] ?? ''}`);
}

Module._findPath = function(request, paths, isMain) {
  const absolute = request.charCodeAt(0) === 47;
  if (absolute) paths = [''];
  else if (!paths || paths.length === 0) return false;
  const key = `${request}\x00${paths.join('\x00')}`;
  const known = Module._pathCache[key];
  if (known) return known;
  const trailing = request.endsWith('/') || request === '.' || request === '..' || request.endsWith('/.') || request.endsWith('/..');
  let extensions;
  // "../x" may be there when the directory itself is gone.
  const inside = !request.startsWith('..');
  for (const path of paths) {
    if (inside && path && Module._stat(path) < 1) continue;
    if (!absolute) {
      const exported = packageExports(join(cwd(), path), request);
      if (exported) return Module._pathCache[key] = exported;
    }
    const base = absolute ? join('/', request) : join(join(cwd(), path), request);
    const what = Module._stat(base);
    let found;
    if (!trailing) {
      if (what === 0) found = keepsSymlinks(isMain) ? base : realpath(base);
      if (!found) found = withExtensions(base, extensions ??= Object.keys(Module._extensions), isMain);
    }
    if (!found && what === 1) found = asDirectory(base, extensions ??= Object.keys(Module._extensions), isMain, request);
    if (found) return Module._pathCache[key] = found;
  }
  return false;
};

// A package may require itself by its name.
function resolveSelf(parent, request) {
  const parentPath = parent?.filename ?? (parent?.id === '<repl>' || parent?.id === 'internal/preload' ? `${cwd()}/x` : undefined);
  if (!parentPath) return false;
  const directory = native().nearestPackage(parentPath);
  if (directory === undefined) return false;
  const own = readPackage(directory);
  if (!own.hasExports || own.name === '') return false;
  let subpath;
  if (request === own.name) subpath = '.';
  else if (request.startsWith(`${own.name}/`)) subpath = `.${request.slice(own.name.length)}`;
  else return false;
  return native().packageExports(directory, subpath);
}

Module._resolveFilename = function(request, parent, isMain, options) {
  if (bootstrap.idOf(request) !== undefined) return request;
  let paths;
  if (typeof options === 'object' && options !== null) {
    if (Array.isArray(options.paths)) {
      if (isRelative(request)) {
        paths = options.paths;
      } else {
        const fake = new Module('', null);
        paths = [];
        for (const path of options.paths) {
          fake.paths = Module._nodeModulePaths(path);
          for (const each of Module._resolveLookupPaths(request, fake) ?? []) if (!paths.includes(each)) paths.push(each);
        }
      }
    } else if (options.paths === undefined) {
      paths = Module._resolveLookupPaths(request, parent);
    } else {
      throw new codes.ERR_INVALID_ARG_VALUE('options.paths', options.paths);
    }
  } else {
    paths = Module._resolveLookupPaths(request, parent);
  }
  if (request.charCodeAt(0) === 35 && (parent?.filename || parent?.id === '<repl>')) {
    const from = parent.filename ?? `${cwd()}/x`;
    const directory = native().nearestPackage(from);
    if (directory !== undefined) readPackage(directory);
    return finish(native().packageImports(request, from), parent);
  }
  const own = resolveSelf(parent, request);
  if (own) return own;
  const found = Module._findPath(request, paths, isMain);
  if (found) return found;
  const requireStack = [];
  for (let at = parent; at; at = at.parent) requireStack.push(at.filename || at.id);
  let message = `Cannot find module '${request}'`;
  if (requireStack.length > 0) message += `\nRequire stack:\n- ${requireStack.join('\n- ')}`;
  const error = new Error(message);
  error.code = 'MODULE_NOT_FOUND';
  error.requireStack = requireStack;
  throw error;
};

// ---- cycles: what is not there yet is warned of

let proxyTarget;
function circularProxy() {
  function warn(property) {
    process.emitWarning(`Accessing non-existent property '${String(property)}' of module exports inside circular dependency`);
  }
  return proxyTarget ??= new Proxy({}, {
    __proto__: null,
    get(target, property) {
      // Asked for by those who look whether a module is a transpiled one.
      if (property in target || property === '__esModule') return target[property];
      warn(property);
      return undefined;
    },
    getOwnPropertyDescriptor(target, property) {
      if (Object.hasOwn(target, property) || property === '__esModule') return Object.getOwnPropertyDescriptor(target, property);
      warn(property);
      return undefined;
    },
  });
}

function exportsInCycle(module) {
  const { exports } = module;
  if (exports && typeof exports === 'object' && !internalBinding('types').types.isProxy(exports) &&
      Object.getPrototypeOf(exports) === Object.prototype && !exports.__esModule) {
    Object.setPrototypeOf(exports, circularProxy());
  }
  return exports;
}

// ---- loading

let hooks = null;  // of module.registerHooks, once there are any

Module._load = function(request, parent, isMain) {
  let key;
  if (parent && hooks === null) {
    key = `${parent.path}\x00${request}`;
    const filename = resolvedFrom[key];
    if (filename !== undefined) {
      const known = Module._cache[filename];
      if (known !== undefined) {
        updateChildren(parent, known, true);
        return known.loaded ? known.exports : exportsInCycle(known);
      }
      delete resolvedFrom[key];
    }
  }
  if (hooks !== null) {
    const answer = hooks.require(request, parent, isMain);
    if (answer !== undefined) return answer.exports;
  }
  if (request.startsWith('node:') || request.startsWith('sluice:')) {
    const id = bootstrap.idOf(request);
    if (id === undefined) throw new codes.ERR_UNKNOWN_BUILTIN_MODULE(request);
    return builtin(id);
  }
  const filename = Module._resolveFilename(request, parent, isMain);
  const known = Module._cache[filename];
  if (known !== undefined) {
    updateChildren(parent, known, true);
    return known.loaded ? known.exports : exportsInCycle(known);
  }
  const id = bootstrap.idOf(filename);
  if (id !== undefined) return builtin(id);
  if (key !== undefined) resolvedFrom[key] = filename;
  return loadFile(filename, parent, isMain, key).exports;
};

function loadFile(filename, parent, isMain, key, source) {
  const module = new Module(filename, parent);
  if (isMain) {
    main = module;
    module.id = '.';
    process.mainModule = module;
    Object.defineProperty(process, 'mainModule', { enumerable: true });
  }
  if (source !== undefined) sources.set(module, source);
  Module._cache[filename] = module;
  let failed = true;
  try {
    module.load(filename);
    failed = false;
  } finally {
    if (failed) {
      delete Module._cache[filename];
      if (key !== undefined) delete resolvedFrom[key];
      const children = parent?.children;
      if (Array.isArray(children) && children.includes(module)) children.splice(children.indexOf(module), 1);
    } else if (proxyTarget !== undefined && module.exports && typeof module.exports === 'object' &&
               !internalBinding('types').types.isProxy(module.exports) && Object.getPrototypeOf(module.exports) === proxyTarget) {
      Object.setPrototypeOf(module.exports, Object.prototype);
    }
  }
  return module;
}

const sources = new WeakMap();  // texts that stand for the files' (hooks): { source, format }

function extensionFor(filename) {
  const name = filename.slice(filename.lastIndexOf('/') + 1);
  for (let at = name.indexOf('.', 1); at >= 0; at = name.indexOf('.', at + 1)) {
    const extension = name.slice(at);
    if (Module._extensions[extension]) return extension;
  }
  return '.js';
}

Module.prototype.load = function(filename) {
  this.filename ??= filename;
  this.paths ??= Module._nodeModulePaths(dirname(filename));
  Reflect.apply(Module._extensions[extensionFor(filename)], Module._extensions, [this, filename]);
  this.loaded = true;
  // What `import` of it gives, whatever is done to the cache later.
  loadedExports.set(this, this.exports);
};

Module.prototype.require = function(id) {
  validateString(id, 'id');
  if (id === '') throw new codes.ERR_INVALID_ARG_VALUE('id', id, 'must be a non-empty string');
  return Module._load(id, this, false);
};

// module.isPreloading: while --require runs.
let preloading = false;
Object.defineProperty(Module.prototype, 'isPreloading', { __proto__: null, configurable: true, enumerable: true, get: () => preloading });
Module._preloadModules = function(requests) {
  if (!Array.isArray(requests)) return;
  preloading = true;
  const parent = new Module('internal/preload', null);
  parent.paths = Module._nodeModulePaths(cwd());
  try {
    for (const request of requests) parent.require(request);
  } finally {
    preloading = false;
  }
};

function requireEsModule(module, filename, source) {
  module.exports = native().requireEsModule(filename, module.parent?.filename ?? undefined, source);
}

Module._extensions['.js'] = function(module, filename) {
  const given = sources.get(module);
  if (given !== undefined && given.source !== undefined) {
    if (given.format === 'module') return requireEsModule(module, filename, given.source);
    if (given.format === 'json') return void (module.exports = JSON.parse(given.source));
    return module._compile(given.source, filename, given.format);
  }
  if (native().isEsModule(filename)) requireEsModule(module, filename);
  else module._compile(native().readSource(filename), filename, undefined);
};
Module._extensions['.json'] = function(module, filename) {
  const given = sources.get(module);
  if (given?.source !== undefined) module.exports = JSON.parse(given.source);
  else module.exports = native().readJson(filename);
};
Module._extensions['.node'] = function(module, filename) { return process.dlopen(module, filename); };
// Found by their names, not tried for a name without extension.
for (const extension of ['.ts', '.cts', '.mts']) {
  Object.defineProperty(Module._extensions, extension, {
    __proto__: null, configurable: true, enumerable: false, writable: true, value(module, filename) { Module._extensions['.js'](module, filename); },
  });
}

let wrap = (script) => `${Module.wrapper[0]}${script}${Module.wrapper[1]}`;
let wrapper = new Proxy(['(function (exports, require, module, __filename, __dirname) { ', '\n});'], {
  __proto__: null,
  set(target, property, value) {
    wrapperPatched = true;
    return Reflect.set(target, property, value);
  },
  defineProperty(target, property, descriptor) {
    wrapperPatched = true;
    return Object.defineProperty(target, property, descriptor);
  },
});
Object.defineProperties(Module, {
  wrap: {
    __proto__: null, configurable: true, enumerable: true,
    get() { return wrap; },
    set(value) {
      wrapperPatched = true;
      wrap = value;
    },
  },
  wrapper: {
    __proto__: null, configurable: true, enumerable: true,
    get() { return wrapper; },
    set(value) {
      wrapperPatched = true;
      wrapper = value;
    },
  },
});

Module.prototype._compile = function(content, filename, format) {
  let compiled;
  if (wrapperPatched) {
    compiled = require('node:vm').runInThisContext(Module.wrap(content.replace(/^#!.*/, '')), { filename });
  } else {
    compiled = native().compileFunction(typeof content === 'string' ? content : `${content}`, filename);
    if (compiled === undefined) return requireEsModule(this, filename, content);  // has the syntax of an ES module
  }
  if (process.sourceMapsEnabled) require('internal/node/source_maps').note(filename, content);
  const { exports } = this;
  const result = Reflect.apply(compiled, exports, [exports, makeRequire(this), this, filename, dirname(filename)]);
  return result;
};

function makeRequire(module) {
  function require(path) {
    return Reflect.apply(module.require ?? Module.prototype.require, module, [path]);
  }
  require.resolve = function resolve(request, options) {
    validateString(request, 'request');
    if (hooks !== null) {
      const answer = hooks.resolve(request, module, options);
      if (answer !== undefined) return answer;
    }
    return Module._resolveFilename(request, module, false, options);
  };
  require.resolve.paths = function paths(request) {
    validateString(request, 'request');
    return Module._resolveLookupPaths(request, module);
  };
  require.main = main;
  require.extensions = Module._extensions;
  require.cache = Module._cache;
  return require;
}

function createRequireFromPath(filename) {
  // "x/" is a directory.
  const path = filename.endsWith('/') ? `${filename}noop.js` : filename;
  const module = new Module(path);
  module.filename = path;
  module.paths = Module._nodeModulePaths(dirname(path));
  return makeRequire(module);
}

// The program: gives [path of an ES module], or [undefined, exports] of what has run.
Module.runMain = function(name = process.argv[1]) {
  let path = name.startsWith('file:') ? require('node:url').fileURLToPath(name) : join(cwd(), name);
  if (name.endsWith('/') && !path.endsWith('/')) path += '/';
  const found = Module._findPath(path, null, true);
  if (found && bootstrapIsModule(found)) return [found];
  return [undefined, Module._load(found || path, null, true)];
};

function bootstrapIsModule(path) {
  const at = path.lastIndexOf('.');
  const extension = at > path.lastIndexOf('/') + 1 ? path.slice(at) : '';
  if (extension === '.mjs' || extension === '.mts' || extension === '.wasm') return true;
  if (extension === '.cjs' || extension === '.cts' || extension === '.json' || extension === '.node') return false;
  if (extension !== '.js' && extension !== '.ts' && extension !== '') return false;
  if (Module._extensions['.js'] !== ownJs && extension === '.js') return native().isEsModule(path);
  return native().formatOf(path) === 'module' || native().formatOf(path) === 'wasm';
}
const ownJs = Module._extensions['.js'];

Module.createRequire = function createRequire(filename) {
  let path = filename;
  if (path instanceof URL || (typeof path === 'string' && !path.startsWith('/'))) {
    try {
      path = require('node:url').fileURLToPath(path);
    } catch {
      path = undefined;
    }
  }
  if (typeof path !== 'string') {
    throw new codes.ERR_INVALID_ARG_VALUE('filename', filename, 'must be a file URL object, file URL string, or absolute path string');
  }
  return createRequireFromPath(path);
};

exports.Module = Module;
exports.setHooks = (made) => { hooks = made; };
exports.makeRequire = makeRequire;
exports.exportsInCycle = exportsInCycle;
exports.loadFile = loadFile;
exports.updateChildren = updateChildren;
// For `import` of a CommonJS or JSON file.
exports.load = function load(path, isMain, source) {
  const known = Module._cache[path];
  if (known !== undefined) {
    if (!known.loaded) return exportsInCycle(known);
    return loadedExports.has(known) ? loadedExports.get(known) : known.exports;
  }
  return loadFile(path, undefined, isMain, undefined, source === undefined ? undefined : { source, format: 'commonjs' }).exports;
};
exports.runMain = (name) => Module.runMain(name);
exports.resolveFrom = function resolveFrom(specifier, filename) {
  const parent = new Module(filename);
  parent.filename = filename;
  parent.paths = Module._nodeModulePaths(parent.path);
  return Module._resolveFilename(specifier, parent, false);
};
exports.importMetaResolve = function importMetaResolve(specifier, path) {
  specifier = `${specifier}`;
  if (hooks !== null) return hooks.resolveImport(specifier, path);
  return exports.resolveUrl(specifier, path);
};
// The URL that an import means. A file that is not there has one, too.
exports.resolveUrl = function resolveUrl(specifier, path) {
  let found;
  try {
    found = native().resolveImport(specifier, path);
  } catch (error) {
    if ((error?.code === 'ERR_MODULE_NOT_FOUND' || error?.code === 'ERR_UNSUPPORTED_DIR_IMPORT') && error.url !== undefined) return error.url;
    if (error?.code === 'ERR_UNSUPPORTED_ESM_URL_SCHEME') return new URL(specifier).href;
    throw error;
  }
  if (!found.startsWith('/')) return found;
  const mark = /[?#]/.exec(specifier);
  const suffix = mark === null ? '' : specifier.slice(mark.index);
  return require('node:url').pathToFileURL(suffix === '' ? found : found.slice(0, found.length - suffix.length)).href + suffix;
};
// -e, -p and standard input: `require` as if from a file in the working directory.
exports.evaluationGlobals = function evaluationGlobals(name) {
  const path = `${cwd()}/${name}`;
  const module = new Module(name, undefined);
  module.filename = path;
  module.path = cwd();
  module.paths = Module._nodeModulePaths(cwd());
  const requireFunction = makeRequire(module);
  requireFunction.main = undefined;
  for (const [key, value] of Object.entries({ require: requireFunction, module, exports: module.exports, __filename: name, __dirname: '.' })) {
    Object.defineProperty(globalThis, key, { __proto__: null, value, writable: true, configurable: true, enumerable: true });
  }
};
exports.createRequire = createRequireFromPath;
