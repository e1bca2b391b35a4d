// SPDX-License-Identifier: Apache-2.0
// module.registerHooks and module.register: functions that stand before resolving and loading, for require() and import alike.
// Hooks of register() run on this thread, and only promise jobs run until what they return is settled: those that wait for files
// or timers cannot be used (Node has a thread of its own for them).
'use strict';

const { codes } = require('internal/errors');
const { validateFunction, validateObject } = require('internal/validators');
const loader = require('internal/loader');
const bootstrap = require('internal/bootstrap');
const { fileURLToPath, pathToFileURL } = require('node:url');
const native = internalBinding('loader');

const { Module } = loader;
const resolveChain = [];  // the last one is asked first
const loadChain = [];

const pathOf = (url) => typeof url === 'string' && url.startsWith('file:') ? fileURLToPath(url) : url;
const conditions = (kind) => [...native.options()[0], 'node', kind, 'module-sync', 'node-addons'];

// ---- what stands at the end of each chain

function resolveByDefault(specifier, context) {
  const builtinId = bootstrap.idOf(specifier);
  if (builtinId !== undefined) return { url: builtinId, format: 'builtin' };
  if (context[requiring] !== undefined) {
    const { parent, isMain, options } = context[requiring];
    const found = Module._resolveFilename(specifier.startsWith('file:') ? fileURLToPath(specifier) : specifier, parent, isMain, options);
    if (!found.startsWith('/')) return { url: found.startsWith('node:') || bootstrap.idOf(found) === undefined ? found : bootstrap.idOf(found), format: 'builtin' };
    return { url: pathToFileURL(found).href, format: formatFor(found) };
  }
  const parent = pathOf(context.parentURL) ?? `${process.cwd()}/[eval1]`;
  const found = native.resolveImport(specifier, parent);
  if (!found.startsWith('/')) return { url: found, format: found.startsWith('data:') ? undefined : 'builtin' };
  const url = loader.resolveUrl(specifier, parent);
  return { url, format: formatFor(fileURLToPath(url)), importAttributes: context.importAttributes };
}

function formatFor(path) {
  try {
    return native.formatOf(path);
  } catch {
    return undefined;
  }
}

function loadByDefault(url, context) {
  if (url.startsWith('node:') || url.startsWith('sluice:')) return { format: 'builtin', source: null };
  if (!url.startsWith('file:')) {
    if (url.startsWith('data:')) return { format: undefined, source: undefined };
    throw new codes.ERR_UNSUPPORTED_ESM_URL_SCHEME(new URL(url).protocol);
  }
  const path = fileURLToPath(url);
  const format = context.format ?? formatFor(path);
  return { format, source: require('node:fs').readFileSync(path) };
}

// ---- chains

const requiring = Symbol('required by');

function run(chain, name, last, first, context, check) {
  const call = (at, argument, given) => {
    const merged = { ...context, ...given };
    if (context[requiring] !== undefined) merged[requiring] = context[requiring];
    if (at < 0) return last(argument, merged);
    const entry = chain[at];
    let went = false;
    const next = (nextArgument, nextContext) => {
      went = true;
      return call(at - 1, nextArgument ?? argument, { ...merged, ...nextContext });
    };
    const finish = (result) => {
      if (typeof result !== 'object' || result === null) throw new codes.ERR_INVALID_RETURN_VALUE('an object', `${name} hook`, result);
      if (!went && result.shortCircuit !== true) {
        throw new codes.ERR_LOADER_CHAIN_INCOMPLETE(`"${name}" did not call the next hook in its chain and did not explicitly signal a short circuit. ` +
          'If this is intentional, include `shortCircuit: true` in the hook\'s return.');
      }
      check(result, argument);
      return result;
    };
    const shown = { ...merged };
    delete shown[requiring];
    const result = entry.hook(argument, shown, entry.asynchronous ? async (...args) => settled(next(...args)) : next);
    return finish(entry.asynchronous ? settled(result) : result);
  };
  return call(chain.length - 1, first, {});
}

// What a promise comes to, when promise jobs alone bring it there.
function settled(value) {
  if (value === null || typeof value !== 'object' || typeof value.then !== 'function') return value;
  let state = 0;
  let outcome;
  Promise.prototype.then.call(Promise.resolve(value), (result) => {
    state = 1;
    outcome = result;
  }, (error) => {
    state = 2;
    outcome = error;
  });
  for (let i = 0; i < 100 && state === 0; i++) native.runMicrotasks();
  if (state === 0) throw new codes.ERR_METHOD_NOT_IMPLEMENTED('module.register() with hooks that wait for more than promises');
  if (state === 2) throw outcome;
  return outcome;
}

function resolveWith(specifier, context) {
  return run(resolveChain, 'resolve', resolveByDefault, specifier, context, (result) => {
    if (typeof result.url !== 'string') throw new codes.ERR_INVALID_RETURN_PROPERTY_VALUE('a URL string', 'resolve', 'url', result.url);
    if (result.format != null && typeof result.format !== 'string') throw new codes.ERR_INVALID_RETURN_PROPERTY_VALUE('a string', 'resolve', 'format', result.format);
  });
}

function loadWith(url, context) {
  const loaded = run(loadChain, 'load', loadByDefault, url, context, (result) => {
    if (result.format != null && typeof result.format !== 'string') throw new codes.ERR_INVALID_RETURN_PROPERTY_VALUE('a string', 'load', 'format', result.format);
    const { source } = result;
    if (source != null && typeof source !== 'string' && !ArrayBuffer.isView(source) && !require('node:util').types.isAnyArrayBuffer(source)) {
      throw new codes.ERR_INVALID_RETURN_PROPERTY_VALUE('a string, an ArrayBuffer, or a TypedArray', 'load', 'source', source);
    }
  });
  return loaded;
}

function textOf(source) {
  if (source == null || typeof source === 'string') return source ?? undefined;
  return Buffer.from(ArrayBuffer.isView(source) ? source.buffer : source, source.byteOffset ?? 0, source.byteLength).toString();
}

// For the ES module loader.
function resolveImport(specifier, parentURL, importAttributes) {
  const resolved = resolveWith(specifier, { conditions: conditions('import'), importAttributes, parentURL });
  let { url } = resolved;
  if (bootstrap.idOf(url) !== undefined) url = bootstrap.idOf(url);
  return [url, resolved.format, resolved.importAttributes ?? importAttributes];
}
function loadImport(url, format, importAttributes) {
  const loaded = loadWith(url, { conditions: conditions('import'), format, importAttributes });
  if (loaded.format === 'wasm') return [loaded.format, loaded.source];
  return [loaded.format ?? undefined, textOf(loaded.source)];
}

// For CommonJS.
function resolveRequired(specifier, parent, isMain, options) {
  const context = { conditions: conditions('require'), importAttributes: {}, parentURL: parent?.filename ? pathToFileURL(parent.filename).href : undefined };
  context[requiring] = { parent, isMain, options };
  return resolveWith(specifier, context);
}

const forCommonJs = {
  require(request, parent, isMain) {
    if (resolveChain.length === 0 && loadChain.length === 0) return undefined;
    const { url, format } = resolveRequired(request, parent, isMain);
    const id = bootstrap.idOf(url);
    const builtinUrl = id !== undefined;
    const filename = builtinUrl ? id : pathOf(url);
    const known = Module._cache[filename];
    if (known !== undefined) {
      loader.updateChildren(parent, known, true);
      return { exports: known.loaded ? known.exports : loader.exportsInCycle(known) };
    }
    const context = { conditions: conditions('require'), format, importAttributes: {} };
    const loaded = loadWith(builtinUrl ? id : url, context);
    if (builtinUrl && (loaded.format === 'builtin' || loaded.format == null)) return { exports: bootstrap.requireBuiltin(id) };
    const source = textOf(loaded.source);
    return { exports: loader.loadFile(filename, parent, isMain, undefined, { source, format: loaded.format ?? format }).exports };
  },
  resolve(request, parent, options) {
    if (resolveChain.length === 0) return undefined;
    const { url } = resolveRequired(request, parent, false, options);
    return pathOf(url);
  },
  resolveImport(specifier, path) {
    const parentURL = path.startsWith('/') ? pathToFileURL(path).href : path;
    return resolveImport(specifier, parentURL, {})[0];
  },
};

function update() {
  const any = resolveChain.length > 0 || loadChain.length > 0;
  loader.setHooks(any ? forCommonJs : null);
  native.setHooks(any ? resolveImport : undefined, any ? loadImport : undefined);
}

function add(chain, hook, asynchronous) {
  if (hook === undefined) return () => {};
  const entry = { hook, asynchronous };
  chain.push(entry);
  return () => {
    const at = chain.indexOf(entry);
    if (at >= 0) chain.splice(at, 1);
  };
}

function registerHooks(hooks) {
  validateObject(hooks, 'hooks');
  const { resolve, load } = hooks;
  if (resolve !== undefined) validateFunction(resolve, 'hooks.resolve');
  if (load !== undefined) validateFunction(load, 'hooks.load');
  const removes = [add(resolveChain, resolve, false), add(loadChain, load, false)];
  update();
  return {
    __proto__: { deregister() {
      for (const remove of removes) remove();
      update();
    } },
  };
}

function register(specifier, parentURL = undefined, options = undefined) {
  if (parentURL != null && typeof parentURL === 'object' && !(parentURL instanceof URL)) {
    options = parentURL;
    parentURL = options.parentURL;
  }
  const base = parentURL === undefined ? 'data:' : `${parentURL}`;
  const name = `${specifier}`;
  const from = base.startsWith('data:') ? `${process.cwd()}/[eval1]` : pathOf(base);
  const resolved = name.startsWith('data:') ? name : native.resolveImport(name, from);
  // What follows the path tells two registrations of one file apart.
  const suffix = /^(?:\.|\/|file:)/.test(name) ? /[?#].*$/s.exec(name)?.[0] : undefined;
  const apart = suffix !== undefined && resolved.endsWith(suffix);
  const exports = native.requireEsModule(apart ? resolved.slice(0, -suffix.length) : resolved, undefined, undefined, apart ? suffix : undefined);
  const hooks = exports?.default !== undefined && exports.resolve === undefined && exports.load === undefined && exports.initialize === undefined ?
    exports.default : exports;
  const result = typeof hooks.initialize === 'function' ? settled(hooks.initialize(options?.data)) : undefined;
  add(resolveChain, typeof hooks.resolve === 'function' ? hooks.resolve : undefined, true);
  add(loadChain, typeof hooks.load === 'function' ? hooks.load : undefined, true);
  update();
  return result;
}

module.exports = { registerHooks, register };
