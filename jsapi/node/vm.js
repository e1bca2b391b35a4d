// SPDX-License-Identifier: Apache-2.0
// node:vm. Missing: the inspector's names of contexts (contextName and contextOrigin are checked and have no effect).
'use strict';

const { codes, hideStackFrames } = require('internal/errors');
const {
  validateArray, validateBoolean, validateBuffer, validateInt32, validateOneOf, validateObject, validateString, validateStringArray, validateUint32,
  kValidateObjectAllowArray, kValidateObjectAllowFunction, kValidateObjectAllowNullable,
} = require('internal/validators');
const native = internalBinding('vm');
const { constants, importId, DONT_CONTEXTIFY } = require('internal/node/vm_imports');

const ANY_OBJECT = kValidateObjectAllowArray | kValidateObjectAllowFunction | kValidateObjectAllowNullable;
let contexts = 0;

const validateContext = hideStackFrames((context) => {
  if (!isContext(context)) throw new codes.ERR_INVALID_ARG_TYPE('contextifiedObject', 'vm.Context', context);
});

function checkOptional(check, value, name) {
  if (value !== undefined) check(value, name);
}

function bufferOf(bytes) {
  return bytes === undefined ? undefined : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function runOptions(options, contextOptions = false) {
  if (typeof options === 'string') options = { filename: options };
  validateObject(options, 'options');
  let { breakOnSigint = false, displayErrors = true, timeout } = options;
  if (timeout === undefined) timeout = 0;
  else validateUint32(timeout, 'options.timeout', true);
  validateBoolean(displayErrors, 'options.displayErrors');
  validateBoolean(breakOnSigint, 'options.breakOnSigint');
  return { timeout, displayErrors, breakOnSigint };
}

class Script {
  #handle;
  constructor(code, options = {}) {
    code = `${code}`;
    if (typeof options === 'string') options = { filename: options };
    else validateObject(options, 'options');
    const {
      filename = 'evalmachine.<anonymous>', lineOffset = 0, columnOffset = 0, cachedData, produceCachedData = false, importModuleDynamically,
      displayErrors = true,
    } = options;
    validateString(filename, 'options.filename');
    validateInt32(lineOffset, 'options.lineOffset');
    validateInt32(columnOffset, 'options.columnOffset');
    if (cachedData !== undefined && !ArrayBuffer.isView(cachedData)) {
      throw new codes.ERR_INVALID_ARG_TYPE('options.cachedData', ['Buffer', 'TypedArray', 'DataView'], cachedData);
    }
    validateBoolean(produceCachedData, 'options.produceCachedData');
    const id = importId(importModuleDynamically, 'options.importModuleDynamically', this);
    const [handle, rejected, produced, map] = native.compileScript(
      code, filename, lineOffset, columnOffset, cachedData, produceCachedData, id, options[parsingContext], displayErrors !== false);
    this.#handle = handle;
    if (cachedData !== undefined) this.cachedDataRejected = rejected;
    if (produceCachedData) {
      this.cachedDataProduced = produced !== undefined;
      if (produced !== undefined) this.cachedData = bufferOf(produced);
    }
    this.sourceMapURL = typeof map === 'string' ? map : undefined;
  }

  createCachedData() { return bufferOf(native.createCachedData(this.#handle)); }

  runInThisContext(options = {}) {
    const { timeout, displayErrors, breakOnSigint } = runOptions(options);
    return native.runScript(this.#handle, null, timeout, displayErrors, breakOnSigint);
  }

  runInContext(contextifiedObject, options = {}) {
    validateContext(contextifiedObject);
    const { timeout, displayErrors, breakOnSigint } = runOptions(options);
    return native.runScript(this.#handle, contextifiedObject, timeout, displayErrors, breakOnSigint);
  }

  runInNewContext(contextObject, options = {}) {
    return this.runInContext(createContext(contextObject, contextOptions(options)), options);
  }
}
Object.defineProperties(Script.prototype, {
  runInThisContext: { enumerable: true }, runInContext: { enumerable: true }, runInNewContext: { enumerable: true }, createCachedData: { enumerable: true },
});

// What the convenience functions hand to the constructor beside Node's options.
const parsingContext = Symbol('parsing context');

// Of runInNewContext's options, those of createContext.
function contextOptions(options) {
  if (typeof options === 'string') return {};
  validateObject(options, 'options');
  const { contextName, contextOrigin, contextCodeGeneration, microtaskMode } = options;
  checkOptional(validateString, contextName, 'options.contextName');
  checkOptional(validateString, contextOrigin, 'options.contextOrigin');
  if (contextCodeGeneration !== undefined) {
    validateObject(contextCodeGeneration, 'options.contextCodeGeneration');
    checkOptional(validateBoolean, contextCodeGeneration.strings, 'options.contextCodeGeneration.strings');
    checkOptional(validateBoolean, contextCodeGeneration.wasm, 'options.contextCodeGeneration.wasm');
  }
  checkOptional(validateString, microtaskMode, 'options.microtaskMode');
  return { name: contextName, origin: contextOrigin, codeGeneration: contextCodeGeneration, microtaskMode, importModuleDynamically: options.importModuleDynamically };
}

function createContext(contextObject = {}, options = {}) {
  const vanilla = contextObject === DONT_CONTEXTIFY;
  if (!vanilla) {
    validateObject(contextObject, 'contextObject', kValidateObjectAllowArray | kValidateObjectAllowFunction);
    if (isContext(contextObject)) return contextObject;
  }
  validateObject(options, 'options');
  const { name = `VM Context ${++contexts}`, origin, codeGeneration, microtaskMode, importModuleDynamically } = options;
  validateString(name, 'options.name');
  checkOptional(validateString, origin, 'options.origin');
  checkOptional(validateObject, codeGeneration, 'options.codeGeneration');
  let strings = true;
  let wasm = true;
  if (codeGeneration !== undefined) {
    ({ strings = true, wasm = true } = codeGeneration);
    validateBoolean(strings, 'options.codeGeneration.strings');
    validateBoolean(wasm, 'options.codeGeneration.wasm');
  }
  checkOptional((value, what) => validateOneOf(value, what, ['afterEvaluate', undefined]), microtaskMode, 'options.microtaskMode');
  if (importModuleDynamically !== undefined) importId(importModuleDynamically, 'options.importModuleDynamically', contextObject);
  return native.makeContext(vanilla ? undefined : contextObject, strings, wasm, microtaskMode === 'afterEvaluate');
}

function createScript(code, options) { return new Script(code, options); }

function runInContext(code, contextifiedObject, options) {
  validateContext(contextifiedObject);
  options = typeof options === 'string' ? { filename: options, [parsingContext]: contextifiedObject } : { ...options, [parsingContext]: contextifiedObject };
  return createScript(code, options).runInContext(contextifiedObject, options);
}

function runInNewContext(code, contextObject, options) {
  if (typeof options === 'string') options = { filename: options };
  const sandbox = createContext(contextObject, contextOptions(options === undefined ? {} : options));
  options = { ...options, [parsingContext]: sandbox };
  return createScript(code, options).runInContext(sandbox, options);
}

function runInThisContext(code, options) {
  if (typeof options === 'string') options = { filename: options };
  return createScript(code, options).runInThisContext(options);
}

function isContext(object) {
  validateObject(object, 'object', kValidateObjectAllowArray | kValidateObjectAllowFunction);
  return native.isContext(object);
}

function compileFunction(code, params, options = {}) {
  validateString(code, 'code');
  validateObject(options, 'options');
  if (params !== undefined) validateStringArray(params, 'params');
  const {
    filename = '', columnOffset = 0, lineOffset = 0, cachedData, produceCachedData = false, parsingContext: context, contextExtensions = [],
    importModuleDynamically,
  } = options;
  validateString(filename, 'options.filename');
  validateInt32(columnOffset, 'options.columnOffset');
  validateInt32(lineOffset, 'options.lineOffset');
  if (cachedData !== undefined) validateBuffer(cachedData, 'options.cachedData');
  validateBoolean(produceCachedData, 'options.produceCachedData');
  if (context !== undefined && (typeof context !== 'object' || context === null || !isContext(context))) {
    throw new codes.ERR_INVALID_ARG_TYPE('options.parsingContext', 'Context', context);
  }
  validateArray(contextExtensions, 'options.contextExtensions');
  for (let i = 0; i < contextExtensions.length; i++) {
    validateObject(contextExtensions[i], `options.contextExtensions[${i}]`, ANY_OBJECT);
  }
  const owner = {};
  const id = importId(importModuleDynamically, 'options.importModuleDynamically', owner);
  const [made, rejected, produced, map] = native.compileFunction(
    code, filename, lineOffset, columnOffset, cachedData, produceCachedData, id, context, contextExtensions, params);
  owner.referrer = made;
  if (cachedData !== undefined) made.cachedDataRejected = rejected;
  if (produceCachedData) {
    made.cachedDataProduced = produced !== undefined;
    if (produced !== undefined) made.cachedData = bufferOf(produced);
  }
  if (typeof map === 'string') made.sourceMapURL = map;
  return made;
}

function measureMemory(options = {}) {
  process.emitWarning('vm.measureMemory is an experimental feature and might change at any time', 'ExperimentalWarning');
  validateObject(options, 'options');
  const { mode = 'summary', execution = 'default' } = options;
  validateOneOf(mode, 'options.mode', ['summary', 'detailed']);
  validateOneOf(execution, 'options.execution', ['default', 'eager']);
  return native.measureMemory(mode === 'detailed', execution === 'eager');
}

module.exports = {
  Script, createContext, createScript, runInContext, runInNewContext, runInThisContext, isContext, compileFunction, measureMemory, constants,
};
for (const name of ['Module', 'SourceTextModule', 'SyntheticModule']) {
  Object.defineProperty(module.exports, name, {
    configurable: true,
    enumerable: true,
    get() {
      const value = require('internal/node/vm_modules')[name];
      Object.defineProperty(module.exports, name, { configurable: true, enumerable: true, writable: true, value });
      return value;
    },
    set(value) { Object.defineProperty(module.exports, name, { configurable: true, enumerable: true, writable: true, value }); },
  });
}
