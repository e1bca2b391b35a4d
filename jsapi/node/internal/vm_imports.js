// SPDX-License-Identifier: Apache-2.0
// import() in code that node:vm compiled: which callback answers it.
'use strict';

const { codes } = require('internal/errors');
const { validateFunction } = require('internal/validators');
const native = internalBinding('vm');

const USE_MAIN_CONTEXT_DEFAULT_LOADER = Symbol('vm_dynamic_import_main_context_default');
const DONT_CONTEXTIFY = Symbol('vm_context_no_contextify');
const constants = Object.freeze({ __proto__: null, USE_MAIN_CONTEXT_DEFAULT_LOADER, DONT_CONTEXTIFY });

// Numbers of code whose import() no callback answers.
const MISSING = -1;
const DEFAULT_LOADER = -2;

const callbacks = new Map();  // number -> { callback, referrer }
let last = 0;

// The number for an option importModuleDynamically. `owner` is what the callback gets as referrer (or its property of that name).
function importId(callback, name, owner) {
  if (callback === undefined) return MISSING;
  if (callback === USE_MAIN_CONTEXT_DEFAULT_LOADER) return DEFAULT_LOADER;
  validateFunction(callback, name);
  if (++last > 0x3fffffff) last = 1;
  callbacks.set(last, { callback, owner });
  return last;
}

async function importByCallback({ callback, owner }, specifier, attributes) {
  const referrer = Object.hasOwn(owner, 'referrer') ? owner.referrer : owner;
  const found = await Reflect.apply(callback, undefined, [specifier, referrer, attributes, 'evaluation']);
  if (require('node:util').types.isModuleNamespaceObject(found)) return found;
  const { Module } = require('internal/node/vm_modules');
  if (!found || typeof found !== 'object' || !(found instanceof Module)) throw new codes.ERR_VM_MODULE_NOT_MODULE();
  if (found.status === 'errored') throw found.error;
  if (found.status === 'unlinked' || found.status === 'linking') throw new codes.ERR_VM_MODULE_STATUS('must not be unlinked or linking');
  await found.evaluate();
  return found.namespace;
}

native.setImportHooks((id, specifier, pairs, name) => {
  if (id === DEFAULT_LOADER) {
    const type = pairs.indexOf('type');
    return internalBinding('loader').importFrom(specifier, typeof name === 'string' ? name : '', type < 0 ? undefined : pairs[type + 1]);
  }
  const entry = callbacks.get(id);
  if (entry === undefined) return Promise.reject(new codes.ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING());
  const attributes = { __proto__: null };
  for (let i = 0; i < pairs.length; i += 2) attributes[pairs[i]] = pairs[i + 1];
  return importByCallback(entry, specifier, attributes);
}, (id) => { callbacks.delete(id); });

module.exports = { constants, importId, DONT_CONTEXTIFY };
