// SPDX-License-Identifier: Apache-2.0
// The first built-in module: knows all others. What every program needs is evaluated into the start-up snapshot and woken
// once an isolate is there; the rest (core modules, by their ids below) is compiled and evaluated when first required.
'use strict';

const modules = { __proto__: null };  // id -> { factory, module }
const order = [];                     // of those in the snapshot
const publicIds = [];
let bind = null;     // internalBinding of this isolate, from C++
let compile = null;  // (id) => factory of a module that is not in the snapshot
let bindings = { __proto__: null };

function internalBinding(name) {
  const known = bindings[name];
  if (known !== undefined) return known;
  if (bind === null) throw new Error(`internalBinding('${name}') while the snapshot is built`);
  return bindings[name] = bind(name);
}

function requireBuiltin(id) {
  const entry = modules[id];
  if (entry === undefined) throw new Error(`no built-in module '${id}'`);
  if (entry.module === null) {
    if (entry.factory === null) {
      if (compile === null) throw new Error(`built-in module '${id}' is asked for while the snapshot is built`);
      entry.factory = compile(id);
    }
    const module = entry.module = { id, exports: {} };
    let done = false;
    try {
      entry.factory(module.exports, entry.require || requireBuiltin, internalBinding, module);
      done = true;
    } finally {
      if (!done) entry.module = null;
    }
    entry.factory = null;
  }
  return entry.module.exports;
}

// Files of a package from npm ("npm/NAME/path") name each other relatively.
function requireWithin(base) {
  const directory = base.slice(0, base.lastIndexOf('/')).split('/');
  return function require(specifier) {
    specifier = specifier.replace(/\/$/, '');
    if (modules[specifier] !== undefined) return requireBuiltin(specifier);
    if (modules[`node:${specifier}`] !== undefined) return requireBuiltin(`node:${specifier}`);
    const parts = specifier.startsWith('.') ? directory.slice() : ['npm'];
    for (const part of specifier.replace(/\.js$/, '').split('/')) {
      if (part === '..') parts.pop();
      else if (part !== '.' && part !== '') parts.push(part);
    }
    const path = parts.join('/');
    return requireBuiltin(modules[path] !== undefined ? path : `${path}/index`);
  };
}

// `table`: [id, factory or null, id, factory or null, ...]; null: not in the snapshot.
exports.evaluate = function evaluate(table) {
  modules['internal/bootstrap'] = { factory: null, module: { id: 'internal/bootstrap', exports } };
  for (let i = 0; i < table.length; i += 2) {
    const id = table[i];
    modules[id] = { factory: table[i + 1], module: null, require: id.startsWith('npm/') ? requireWithin(id) : undefined };
    if (table[i + 1] !== null) order.push(id);
    if (id.startsWith('sluice:') || id.startsWith('node:')) publicIds.push(id);
  }
  for (const id of order) requireBuiltin(id);
};

// Once per isolate, with what only exists there.
exports.wake = function wake(nativeBind, words, compileModule) {
  bind = nativeBind;
  compile = compileModule;
  requireBuiltin('internal/events').attach(words);
  for (let i = 0; i < order.length; i++) {
    const { init } = modules[order[i]].module.exports;
    if (typeof init === 'function') init();
  }
};

exports.has = (id) => modules[id] !== undefined;
exports.requireBuiltin = requireBuiltin;
exports.publicIds = () => publicIds;

// Core modules that only have a name with "node:" in front.
const SCHEME_ONLY = ['node:sea', 'node:sqlite', 'node:test', 'node:test/reporters'];
// The id that a user's name of a built-in module means; undefined: there is none.
exports.idOf = function idOf(name) {
  if (name.startsWith('node:') || name.startsWith('sluice:')) return publicIds.includes(name) ? name : undefined;
  const id = `node:${name}`;
  return publicIds.includes(id) && !SCHEME_ONLY.includes(id) ? id : undefined;
};
// As module.builtinModules lists them.
exports.names = () => publicIds.map((id) => id.startsWith('node:') && !SCHEME_ONLY.includes(id) ? id.slice(5) : id);
