// SPDX-License-Identifier: Apache-2.0
// Module, SourceTextModule and SyntheticModule of node:vm.
'use strict';

const { codes } = require('internal/errors');
const { validateArray, validateBoolean, validateFunction, validateInt32, validateObject, validateString, validateUint32 } = require('internal/validators');
const { importId } = require('internal/node/vm_imports');
const native = internalBinding('vm');

// As V8 counts them; "instantiated" is what Node calls "linked".
const STATUS = ['unlinked', 'linking', 'linked', 'evaluating', 'evaluated', 'errored'];
const UNLINKED = 0;
const LINKED = 2;
const EVALUATED = 4;
const ERRORED = 5;

let created = 0;

const holders = new WeakMap();  // of each Module: its native holder
let makesModule = false;

function holderOf(module, name = 'Module') {
  const holder = (typeof module === 'object' && module !== null) || typeof module === 'function' ? holders.get(module) : undefined;
  if (holder === undefined) throw new codes.ERR_INVALID_THIS(name);
  return holder;
}

class Module {
  #identifier;
  #context;
  #linking = 'unlinked';  // until V8 knows of it
  #linkError;
  #evaluation;

  constructor(options) {
    if (!makesModule) throw new TypeError('Module is not a constructor');
    makesModule = false;
    const { context, identifier } = options;
    this.#context = context;
    this.#identifier = identifier;
  }

  get identifier() {
    holderOf(this);
    return this.#identifier;
  }

  get context() {
    holderOf(this);
    return this.#context;
  }

  get namespace() {
    const holder = holderOf(this);
    if (native.moduleStatus(holder) < LINKED) throw new codes.ERR_VM_MODULE_STATUS('must not be unlinked or linking');
    return native.moduleNamespace(holder);
  }

  get status() {
    const holder = holderOf(this);
    if (this.#linkError !== undefined) return 'errored';
    const status = native.moduleStatus(holder);
    if (status === UNLINKED && this.#linking === 'linking') return 'linking';
    return STATUS[status];
  }

  get error() {
    const holder = holderOf(this);
    if (this.#linkError !== undefined) return this.#linkError.error;
    if (native.moduleStatus(holder) !== ERRORED) throw new codes.ERR_VM_MODULE_STATUS('must be errored');
    return native.moduleError(holder);
  }

  async link(linker) {
    const holder = holderOf(this);
    validateFunction(linker, 'linker');
    if (this.status === 'linked') throw new codes.ERR_VM_MODULE_ALREADY_LINKED();
    if (this.status !== 'unlinked') throw new codes.ERR_VM_MODULE_STATUS('must be unlinked');
    await this.#linkRequests(linker);
    native.instantiateModule(holder);
  }

  async #linkRequests(linker) {
    this.#linking = 'linking';
    try {
      const requests = requestsOf(this);
      const waiting = requests.map(async ({ specifier, attributes }) => {
        const module = await linker(specifier, this, { attributes, assert: attributes });
        checkLinked(this, module, specifier);
        if (module.status === 'errored') {
          throw new codes.ERR_VM_MODULE_LINK_FAILURE(`request for '${specifier}' resolved to an errored module`, module.error);
        }
        if (module.status === 'unlinked') await module.#linkRequests(linker);
        return module;
      });
      const modules = await Promise.all(waiting);
      native.linkModule(holders.get(this), modules.map((module) => holders.get(module)));
      this.#linking = 'linked';
    } catch (error) {
      this.#linkError = { error };
      throw error;
    }
  }

  evaluate(options = {}) {
    try {
      const holder = holderOf(this);
      validateObject(options, 'options');
      let { timeout, breakOnSigint = false } = options;
      if (timeout === undefined) timeout = 0;
      else validateUint32(timeout, 'options.timeout', true);
      validateBoolean(breakOnSigint, 'options.breakOnSigint');
      const status = this.status;
      if (status !== 'linked' && status !== 'evaluated' && status !== 'errored' && status !== 'evaluating') {
        throw new codes.ERR_VM_MODULE_STATUS('must be one of linked, evaluated, or errored');
      }
      if (this.#linkError !== undefined) return Promise.reject(this.#linkError.error);
      const promise = native.evaluateModule(holder, timeout, breakOnSigint);
      return Promise.resolve(promise).then(() => undefined);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  // For SourceTextModule: what linkRequests() and instantiate() do at once.
  static attach(module, requests, modules) {
    for (let i = 0; i < requests.length; i++) checkLinked(module, modules[i], requests[i].specifier);
    module.#linking = 'linked';
    native.linkModule(holders.get(module), modules.map((each) => holders.get(each)));
  }

  [Symbol.for('nodejs.util.inspect.custom')](depth, options) {
    holderOf(this);
    if (typeof depth === 'number' && depth < 0) return this;
    const constructor = this.constructor || Module;
    const shown = { __proto__: { constructor }, status: this.status, identifier: this.identifier, context: this.context };
    return require('internal/inspect').inspect(shown, { ...options, customInspect: false });
  }
}
const { attach } = Module;
delete Module.attach;

function checkLinked(referrer, module, specifier) {
  if (!module || typeof module !== 'object' || !holders.has(module)) {
    throw new codes.ERR_VM_MODULE_NOT_MODULE();
  }
  if (module.context !== referrer.context) throw new codes.ERR_VM_MODULE_DIFFERENT_CONTEXT();
}

function requestsOf(module) {
  const flat = native.moduleRequests(holders.get(module));
  const requests = [];
  for (let i = 0; i < flat.length; i += 4) {
    const attributes = { __proto__: null };
    for (let j = 0; j < flat[i + 3].length; j += 2) attributes[flat[i + 3][j]] = flat[i + 3][j + 1];
    requests.push(Object.freeze({ __proto__: null, specifier: flat[i], attributes: Object.freeze(attributes), phase: 'evaluation' }));
  }
  return requests;
}

function checkedContext(context) {
  if (context === undefined) return;
  if (context === null || typeof context !== 'object') throw new codes.ERR_INVALID_ARG_TYPE('options.context', 'vm.Context', context);
  if (!native.isContext(context)) throw new codes.ERR_INVALID_ARG_TYPE('contextifiedObject', 'vm.Context', context);
}

function identified(identifier) {
  if (identifier !== undefined) {
    validateString(identifier, 'options.identifier');
    return identifier;
  }
  return `vm:module(${created++})`;
}

class SourceTextModule extends Module {
  #requests;
  #asynchronous;

  constructor(sourceText, options = {}) {
    validateString(sourceText, 'sourceText');
    validateObject(options, 'options');
    const { lineOffset = 0, columnOffset = 0, initializeImportMeta, importModuleDynamically, context, cachedData } = options;
    validateInt32(lineOffset, 'options.lineOffset');
    validateInt32(columnOffset, 'options.columnOffset');
    if (initializeImportMeta !== undefined) validateFunction(initializeImportMeta, 'options.initializeImportMeta');
    checkedContext(context);
    if (cachedData !== undefined && !ArrayBuffer.isView(cachedData)) {
      throw new codes.ERR_INVALID_ARG_TYPE('options.cachedData', ['Buffer', 'TypedArray', 'DataView'], cachedData);
    }
    const identifier = identified(options.identifier);
    makesModule = true;
    super({ context, identifier });
    const id = importId(importModuleDynamically, 'options.importModuleDynamically', this);
    const [holder, rejected] = native.sourceModule(sourceText, identifier, lineOffset, columnOffset, cachedData, context, id, this, initializeImportMeta);
    if (cachedData !== undefined && rejected) throw new codes.ERR_VM_MODULE_CACHED_DATA_REJECTED();
    holders.set(this, holder);
    this.#requests = Object.freeze(requestsOf(this));
    Object.defineProperty(this, 'dependencySpecifiers', {
      configurable: true, enumerable: false, value: Object.freeze([...new Set(this.#requests.map((each) => each.specifier))]),
    });
  }

  get moduleRequests() {
    holderOf(this, 'SourceTextModule');
    return this.#requests;
  }

  linkRequests(modules) {
    holderOf(this, 'SourceTextModule');
    validateArray(modules, 'modules');
    if (this.status !== 'unlinked') throw new codes.ERR_VM_MODULE_STATUS('must be unlinked');
    if (modules.length !== this.#requests.length) {
      throw new codes.ERR_MODULE_LINK_MISMATCH(`Expected ${this.#requests.length} modules, got ${modules.length}`);
    }
    const chosen = new Map();
    this.#requests.forEach((request, i) => {
      const key = JSON.stringify([request.specifier, Object.entries(request.attributes)]);
      if (chosen.has(key) && chosen.get(key) !== modules[i]) {
        throw new codes.ERR_MODULE_LINK_MISMATCH(`Module request '${request.specifier}' at index ${i} must be linked to the same module requested before`);
      }
      chosen.set(key, modules[i]);
    });
    attach(this, this.#requests, modules);
  }

  instantiate() {
    const holder = holderOf(this, 'SourceTextModule');
    if (native.moduleStatus(holder) !== UNLINKED) throw new codes.ERR_VM_MODULE_STATUS('must be unlinked');
    native.instantiateModule(holder);
  }

  hasAsyncGraph() {
    const holder = holderOf(this, 'SourceTextModule');
    if (native.moduleStatus(holder) < LINKED) throw new codes.ERR_VM_MODULE_STATUS('must be instantiated');
    return this.#asynchronous ??= native.isGraphAsync(holder);
  }

  // Only told when asked: V8 knows it of an instantiated graph.
  hasTopLevelAwait() {
    const holder = holderOf(this, 'SourceTextModule');
    return native.isGraphAsync(holder);
  }

  createCachedData() {
    const holder = holderOf(this, 'SourceTextModule');
    if (native.moduleStatus(holder) >= EVALUATED - 1) throw new codes.ERR_VM_MODULE_CANNOT_CREATE_CACHED_DATA();
    const bytes = native.createModuleCachedData(holder);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

class SyntheticModule extends Module {
  constructor(exportNames, evaluateCallback, options = {}) {
    validateArray(exportNames, 'exportNames');
    exportNames.forEach((name, i) => {
      validateString(name, `exportNames[${i}]`);
      if (exportNames.indexOf(name, i + 1) !== -1) throw new codes.ERR_INVALID_ARG_VALUE(`exportNames.${name}`, name, 'is duplicated');
    });
    validateFunction(evaluateCallback, 'evaluateCallback');
    validateObject(options, 'options');
    const { context } = options;
    checkedContext(context);
    const identifier = identified(options.identifier);
    makesModule = true;
    super({ context, identifier });
    holders.set(this, native.syntheticModule(exportNames, identifier, context, this, evaluateCallback));
    native.instantiateModule(holders.get(this));
  }

  async link() {
    holderOf(this, 'SyntheticModule');
  }

  setExport(name, value) {
    const holder = holderOf(this, 'SyntheticModule');
    validateString(name, 'name');
    if (native.moduleStatus(holder) < LINKED) throw new codes.ERR_VM_MODULE_STATUS('must be linked');
    native.setModuleExport(holder, name, value);
  }
}

module.exports = { Module, SourceTextModule, SyntheticModule };
