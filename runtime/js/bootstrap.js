// SPDX-License-Identifier: Apache-2.0
// The first built-in module: evaluates all others into the start-up snapshot, and wakes them once an isolate is there.
'use strict';

const modules = { __proto__: null };  // id -> { factory, module, ready }
const order = [];
let bind = null;  // internalBinding of this isolate, from C++
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
    entry.module = { id, exports: {} };
    entry.factory(entry.module.exports, requireBuiltin, internalBinding, entry.module);
  }
  return entry.module.exports;
}

// `table`: [id, factory, id, factory, ...]
exports.evaluate = function evaluate(table) {
  for (let i = 0; i < table.length; i += 2) {
    modules[table[i]] = { factory: table[i + 1], module: null };
    order.push(table[i]);
  }
  for (const id of order) requireBuiltin(id);
};

// Once per isolate, with what only exists there.
exports.wake = function wake(nativeBind, words) {
  bind = nativeBind;
  requireBuiltin('internal/events').attach(words);
  for (let i = 0; i < order.length; i++) {
    const { init } = modules[order[i]].module.exports;
    if (typeof init === 'function') init();
  }
};

exports.has = (id) => modules[id] !== undefined;
exports.requireBuiltin = requireBuiltin;
exports.publicIds = () => order.filter((id) => id.startsWith('sluice:'));
