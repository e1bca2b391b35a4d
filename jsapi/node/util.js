// SPDX-License-Identifier: Apache-2.0
// node:util.
'use strict';

const { codes } = require('internal/errors');
const { validateAbortSignal, validateArray, validateBoolean, validateFunction, validateInteger, validateNumber, validateObject, validateOneOf, validateString } = require('internal/validators');
const { inspect, format, formatWithOptions, stripVTControlCharacters: strip } = require('internal/inspect');
const { process, nextTick } = require('internal/process');
const types = require('node:util/types');

// ---- promises and callbacks

const kCustomPromisify = Symbol.for('nodejs.util.promisify.custom');
const kCustomArgs = Symbol.for('nodejs.util.promisify.customArgs');

function promisify(original) {
  validateFunction(original, 'original');
  const custom = original[kCustomPromisify];
  if (custom) {
    validateFunction(custom, 'util.promisify.custom');
    return Object.defineProperty(custom, kCustomPromisify, { value: custom, enumerable: false, writable: false, configurable: true });
  }
  const names = original[kCustomArgs];
  function promisified(...args) {
    return new Promise((resolve, reject) => {
      const result = Reflect.apply(original, this, [...args, (error, ...values) => {
        if (error) return reject(error);
        if (names !== undefined && values.length > 1) {
          const object = {};
          for (let i = 0; i < names.length; i++) object[names[i]] = values[i];
          return resolve(object);
        }
        return resolve(values[0]);
      }]);
      if (types.isPromise(result)) {
        process.emitWarning('Calling promisify on a function that returns a Promise is likely a mistake.', 'DeprecationWarning', 'DEP0174');
      }
    });
  }
  Object.setPrototypeOf(promisified, Object.getPrototypeOf(original));
  Object.defineProperty(promisified, kCustomPromisify, { value: promisified, enumerable: false, writable: false, configurable: true });
  const descriptors = Object.getOwnPropertyDescriptors(original);
  for (const key of Reflect.ownKeys(descriptors)) Object.defineProperty(promisified, key, descriptors[key]);
  return promisified;
}
promisify.custom = kCustomPromisify;

function callbackify(original) {
  validateFunction(original, 'original');
  function callbackified(...args) {
    const callback = args.pop();
    validateFunction(callback, 'last argument');
    const done = callback.bind(this);
    Reflect.apply(original, this, args).then(
      (value) => nextTick(done, null, value),
      (reason) => {
        if (!reason) {
          const error = new codes.ERR_FALSY_VALUE_REJECTION(reason);
          nextTick(done, error);
        } else {
          nextTick(done, reason);
        }
      });
  }
  const descriptors = Object.getOwnPropertyDescriptors(original);
  if (typeof descriptors.length.value === 'number') descriptors.length.value++;
  if (typeof descriptors.name.value === 'string') descriptors.name.value += 'Callbackified';
  for (const key of Reflect.ownKeys(descriptors)) Object.defineProperty(callbackified, key, { __proto__: null, ...descriptors[key] });
  return callbackified;
}

// ---- deprecation

const deprecated = new Set();

function deprecate(fn, message, code, options = {}) {
  const { modifyPrototype = true } = options;
  if (code !== undefined) validateString(code, 'code');
  let warned = false;
  function wrapper(...args) {
    if (!warned && !process.noDeprecation) {
      warned = true;
      if (code !== undefined) {
        if (!deprecated.has(code)) {
          deprecated.add(code);
          process.emitWarning(message, 'DeprecationWarning', code, wrapper);
        }
      } else {
        process.emitWarning(message, 'DeprecationWarning', wrapper);
      }
    }
    if (new.target) return Reflect.construct(fn, args, new.target);
    return Reflect.apply(fn, this, args);
  }
  if (modifyPrototype) {
    Object.setPrototypeOf(wrapper, fn);
    if (fn.prototype) wrapper.prototype = fn.prototype;
    Object.defineProperty(wrapper, 'length', { ...Object.getOwnPropertyDescriptor(fn, 'length') });
  }
  return wrapper;
}

// ---- debuglog

const NEVER = () => {};
const debugLogs = new Map();
let debugTest;

function isDebugged(set) {
  if (debugTest === undefined) {
    const given = process.env.NODE_DEBUG;
    const expression = given && new RegExp(`^(?:${given.replace(/[|\\{}()[\]^$+?.]/g, '\\$&').replaceAll('*', '.*').replaceAll(',', '|')})$`, 'i');
    debugTest = expression ? (name) => expression.test(name) : () => false;
  }
  return debugTest(set);
}

function debuglog(set, callback) {
  set = `${set}`.toUpperCase();
  let write;
  const enabled = () => isDebugged(set);
  const logger = (...args) => {
    if (write === undefined) {
      write = debugLogs.get(set);
      if (write === undefined) {
        write = enabled() ? (...values) => {
          const text = formatWithOptions({ colors: !!process.stderr.isTTY }, ...values);
          process.stderr.write(`${set} ${process.pid}: ${text}\n`);
        } : NEVER;
        debugLogs.set(set, write);
      }
      if (typeof callback === 'function') callback(write);
    }
    write(...args);
  };
  Object.defineProperty(logger, 'enabled', { get: enabled, configurable: true, enumerable: true });
  return logger;
}

// ---- classes and objects

function inherits(constructor, superConstructor) {
  if (constructor === undefined || constructor === null) throw new codes.ERR_INVALID_ARG_TYPE('ctor', 'Function', constructor);
  if (superConstructor === undefined || superConstructor === null) throw new codes.ERR_INVALID_ARG_TYPE('superCtor', 'Function', superConstructor);
  if (superConstructor.prototype === undefined) throw new codes.ERR_INVALID_ARG_TYPE('superCtor.prototype', 'Object', superConstructor.prototype);
  Object.defineProperty(constructor, 'super_', { value: superConstructor, writable: true, configurable: true });
  Object.setPrototypeOf(constructor.prototype, superConstructor.prototype);
}

function _extend(target, source) {
  if (source === null || typeof source !== 'object') return target;
  for (const key of Object.keys(source)) target[key] = source[key];
  return target;
}

// ---- text

const STYLE_NAMES = inspect.colors;
const sequence = (code) => `\u001b[${code}m`;

function hexColor(text) {
  let digits = text.slice(1);
  if (digits.length === 3) digits = [...digits].map((c) => c + c).join('');
  const value = Number.parseInt(digits, 16);
  return `38;2;${value >> 16};${value >> 8 & 255};${value & 255}`;
}

function styleText(style, text, options = undefined) {
  const { validateStream = true, stream = process.stdout } = options ?? {};
  validateString(text, 'text');
  if (options !== undefined) validateObject(options, 'options');
  validateBoolean(validateStream, 'options.validateStream');
  let plain = false;
  if (validateStream) {
    if (stream === null || typeof stream !== 'object' || typeof stream.write !== 'function') {
      throw new codes.ERR_INVALID_ARG_TYPE('stream', ['ReadableStream', 'WritableStream', 'Stream'], stream);
    }
    plain = !wantsColor(stream);
  }
  const names = Array.isArray(style) ? style : [style];
  let left = '';
  let right = '';
  let body = text;
  for (const name of names) {
    if (name === 'none') continue;
    if (typeof name === 'string' && /^#(?:[0-9a-f]{3}|[0-9a-f]{6})$/i.test(name)) {
      left += sequence(hexColor(name));
      right = sequence(39) + right;
      continue;
    }
    const codesOfStyle = typeof name === 'string' ? STYLE_NAMES[name] : undefined;
    if (codesOfStyle === undefined) validateOneOf(name, 'style', Object.keys(STYLE_NAMES));
    const close = sequence(codesOfStyle[1]);
    // A style of the same kind that ends inside must not end this one.
    body = body.replaceAll(close, name === 'bold' || name === 'dim' ? `${close}${sequence(codesOfStyle[0])}` : sequence(codesOfStyle[0]));
    left += sequence(codesOfStyle[0]);
    right = close + right;
  }
  return plain ? text : `${left}${body}${right}`;
}

function wantsColor(stream) {
  const { env } = process;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0';
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  if (env.NODE_DISABLE_COLORS !== undefined && env.NODE_DISABLE_COLORS !== '') return false;
  return !!stream?.isTTY && (typeof stream.getColorDepth === 'function' ? stream.getColorDepth() > 2 : env.TERM !== 'dumb');
}

function stripVTControlCharacters(text) {
  validateString(text, 'str');
  return strip(text);
}

function toUSVString(text) { return `${text}`.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd'); }

// ---- the system

function checkErrno(number) {
  validateNumber(number, 'err');
  if (number >= 0 || !Number.isSafeInteger(number)) throw new codes.ERR_OUT_OF_RANGE('err', 'a negative integer', number);
}
function getSystemErrorName(number) {
  checkErrno(number);
  const [name] = internalBinding('errno').describe(-number);
  return name === 'UNKNOWN' && number !== -4094 ? `Unknown system error ${number}` : name;
}
function getSystemErrorMessage(number) {
  checkErrno(number);
  const [name, words] = internalBinding('errno').describe(-number);
  return name === 'UNKNOWN' && number !== -4094 ? `Unknown system error ${number}` : words;
}
function getSystemErrorMap() {
  const list = internalBinding('errno').list();
  const map = new Map();
  for (let i = 0; i < list.length; i += 2) map.set(-list[i], list[i + 1]);
  return map;
}

function _errnoException(number, syscall, original) {
  validateNumber(number, 'err');
  if (number >= 0 || !Number.isSafeInteger(number)) throw new codes.ERR_OUT_OF_RANGE('err', 'a negative integer', number);
  const error = new Error(`${syscall} ${getSystemErrorName(number)}${original ? ` ${original}` : ''}`);
  error.errno = number;
  error.code = getSystemErrorName(number);
  error.syscall = syscall;
  return error;
}
function _exceptionWithHostPort(number, syscall, address, port, additional) {
  const code = getSystemErrorName(number);
  let details = '';
  if (port && port > 0) details = ` ${address}:${port}`;
  else if (address) details = ` ${address}`;
  if (additional) details += ` - Local (${additional})`;
  const error = new Error(`${syscall} ${code}${details}`);
  error.errno = number;
  error.code = code;
  error.syscall = syscall;
  error.address = address;
  if (port) error.port = port;
  return error;
}

// ---- where the caller is

function getCallSites(count = 10, options = undefined) {
  if (options === undefined && typeof count === 'object') {
    options = count;
    validateObject(options, 'options');
    count = 10;
  }
  validateInteger(count, 'frameCount', 1, 200);
  if (options !== undefined) {
    validateObject(options, 'options');
    if (options.sourceMap !== undefined) validateBoolean(options.sourceMap, 'options.sourceMap');
  }
  const flat = internalBinding('types').callSites(count + 1);
  const sites = [];
  for (let i = 5; i < flat.length; i += 5) {
    sites.push({ functionName: flat[i], scriptId: String(flat[i + 4]), scriptName: flat[i + 1], lineNumber: flat[i + 2], columnNumber: flat[i + 3], column: flat[i + 3] });
  }
  return sites;
}

// ---- MIME types (WHATWG MIME Sniffing Standard, section 4)

const NOT_TOKEN = /[^!#$%&'*+\-.^_`|~A-Za-z0-9]/;
const NOT_VALUE = /[^\t\u0020-~\u0080-\u00ff]/;

class MIMEParams {
  #map = new Map();
  delete(name) { this.#map.delete(`${name}`); }
  get(name) { return this.#map.has(`${name}`) ? this.#map.get(`${name}`) : null; }
  has(name) { return this.#map.has(`${name}`); }
  set(name, value) {
    name = `${name}`;
    value = `${value}`;
    const badName = name.search(NOT_TOKEN);
    if (name.length === 0 || badName !== -1) throw new codes.ERR_INVALID_MIME_SYNTAX('parameter name', name, badName);
    const badValue = value.search(NOT_VALUE);
    if (badValue !== -1) throw new codes.ERR_INVALID_MIME_SYNTAX('parameter value', value, badValue);
    this.#map.set(name, value);
  }
  *entries() { yield* this.#map.entries(); }
  *keys() { yield* this.#map.keys(); }
  *values() { yield* this.#map.values(); }
  toString() {
    let text = '';
    for (const [name, value] of this.#map) {
      const quoted = value.length === 0 || NOT_TOKEN.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : value;
      text += `${text === '' ? '' : ';'}${name}=${quoted}`;
    }
    return text;
  }
  static parse(params, text) {
    for (let at = 0; at < text.length;) {
      at += /^[;\r\n\t ]*/.exec(text.slice(at))[0].length;
      let end = at;
      while (end < text.length && text[end] !== ';' && text[end] !== '=') end++;
      const name = text.slice(at, end).toLowerCase();
      at = end;
      if (text[at] !== '=') continue;
      at++;
      let value = '';
      if (text[at] === '"') {
        for (at++; at < text.length && text[at] !== '"'; at++) {
          if (text[at] === '\\' && at + 1 < text.length) at++;
          value += text[at];
        }
        while (at < text.length && text[at] !== ';') at++;
      } else {
        end = text.indexOf(';', at);
        if (end === -1) end = text.length;
        value = text.slice(at, end).replace(/[\r\n\t ]+$/, '');
        at = end;
        if (value === '') continue;
      }
      if (name !== '' && !NOT_TOKEN.test(name) && !NOT_VALUE.test(value) && !params.has(name)) params.#map.set(name, value);
    }
    return params;
  }
}
Object.defineProperty(MIMEParams.prototype, Symbol.iterator, { value: MIMEParams.prototype.entries, writable: true, configurable: true });
Object.defineProperty(MIMEParams.prototype, 'toJSON', { value: MIMEParams.prototype.toString, writable: true, configurable: true });
const parseParams = MIMEParams.parse;
delete MIMEParams.parse;

class MIMEType {
  #type; #subtype; #parameters;
  constructor(input) {
    const text = `${input}`.replace(/^[\r\n\t ]+/, '');
    const slash = text.indexOf('/');
    const type = slash === -1 ? text : text.slice(0, slash);
    const badType = type.search(NOT_TOKEN);
    if (type === '' || badType !== -1 || slash === -1) throw new codes.ERR_INVALID_MIME_SYNTAX('type', `${input}`, badType);
    const semicolon = text.indexOf(';', slash);
    const subtype = (semicolon === -1 ? text.slice(slash + 1) : text.slice(slash + 1, semicolon)).replace(/[\r\n\t ]+$/, '');
    const badSubtype = subtype.search(NOT_TOKEN);
    if (subtype === '' || badSubtype !== -1) throw new codes.ERR_INVALID_MIME_SYNTAX('subtype', `${input}`, badSubtype);
    this.#type = type.toLowerCase();
    this.#subtype = subtype.toLowerCase();
    this.#parameters = parseParams(new MIMEParams(), semicolon === -1 ? '' : text.slice(semicolon + 1));
  }
  get type() { return this.#type; }
  set type(value) {
    value = `${value}`;
    const bad = value.search(NOT_TOKEN);
    if (value.length === 0 || bad !== -1) throw new codes.ERR_INVALID_MIME_SYNTAX('type', value, bad);
    this.#type = value.toLowerCase();
  }
  get subtype() { return this.#subtype; }
  set subtype(value) {
    value = `${value}`;
    const bad = value.search(NOT_TOKEN);
    if (value.length === 0 || bad !== -1) throw new codes.ERR_INVALID_MIME_SYNTAX('subtype', value, bad);
    this.#subtype = value.toLowerCase();
  }
  get essence() { return `${this.#type}/${this.#subtype}`; }
  get params() { return this.#parameters; }
  toString() {
    const parameters = this.#parameters.toString();
    return `${this.#type}/${this.#subtype}${parameters === '' ? '' : `;${parameters}`}`;
  }
}
Object.defineProperty(MIMEType.prototype, 'toJSON', { value: MIMEType.prototype.toString, writable: true, configurable: true });

// ---- parseArgs

function parseArgs(config = {}) {
  validateObject(config, 'config');
  const { args = process.argv.slice(require('internal/process').programArgumentsAt()), options = {}, strict = true, allowPositionals = !strict, allowNegative = false, tokens: wantsTokens = false } = config;
  validateArray(args, 'args');
  validateBoolean(strict, 'strict');
  validateBoolean(allowPositionals, 'allowPositionals');
  validateBoolean(wantsTokens, 'tokens');
  validateBoolean(allowNegative, 'allowNegative');
  validateObject(options, 'options');
  for (const [name, option] of Object.entries(options)) {
    validateObject(option, `options.${name}`);
    validateUnion(option.type, `options.${name}.type`, ['string', 'boolean']);
    if (Object.hasOwn(option, 'short')) {
      validateString(option.short, `options.${name}.short`);
      if (option.short.length !== 1) throw new codes.ERR_INVALID_ARG_VALUE(`options.${name}.short`, option.short, 'must be a single character');
    }
    if (Object.hasOwn(option, 'multiple')) validateBoolean(option.multiple, `options.${name}.multiple`);
    if (option.default !== undefined) {
      const check = option.type === 'string' ? validateString : validateBoolean;
      if (option.multiple) {
        validateArray(option.default, `options.${name}.default`);
        option.default.forEach((each, i) => check(each, `options.${name}.default[${i}]`));
      } else {
        check(option.default, `options.${name}.default`);
      }
    }
  }
  const tokens = tokenize(args, options);
  const result = { values: { __proto__: null }, positionals: [] };
  if (wantsTokens) result.tokens = tokens;
  for (const token of tokens) {
    if (token.kind === 'option') {
      if (strict) {
        checkKnown(token, options, allowPositionals, allowNegative);
        checkUse(token, options, allowNegative);
      }
      store(token, options, result.values, strict, allowNegative);
    } else if (token.kind === 'positional') {
      if (!allowPositionals) throw new codes.ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL(token.value);
      result.positionals.push(token.value);
    }
  }
  for (const [name, option] of Object.entries(options)) {
    if (option.default !== undefined && result.values[name] === undefined) result.values[name] = option.default;
  }
  return result;
}

function validateUnion(value, name, union) {
  if (!union.includes(value)) throw new codes.ERR_INVALID_ARG_TYPE(name, `('${union.join('|')}')`, value);
}

function optionOf(options, short) {
  for (const [name, option] of Object.entries(options)) if (option.short === short) return name;
  return short;
}

function tokenize(args, options) {
  const tokens = [];
  const queue = [...args];
  let index = -1;
  let grouped = 0;
  while (queue.length > 0) {
    const arg = queue.shift();
    const next = queue[0];
    if (grouped > 0) grouped--;
    else index++;
    if (arg === '--') {
      tokens.push({ kind: 'option-terminator', index });
      for (const value of queue) tokens.push({ kind: 'positional', index: ++index, value });
      break;
    }
    if (/^-[^-]$/s.test(arg)) {
      const name = optionOf(options, arg[1]);
      let value;
      let inlineValue;
      if (options[name]?.type === 'string' && next != null) {
        value = queue.shift();
        inlineValue = false;
      }
      tokens.push({ kind: 'option', name, rawName: arg, index, value, inlineValue });
      if (value != null) ++index;
      continue;
    }
    if (/^-[^-]./s.test(arg)) {
      // -abc, or -fVALUE
      const first = optionOf(options, arg[1]);
      if (options[first]?.type !== 'string') {
        const expanded = [];
        for (let i = 1; i < arg.length; i++) {
          const name = optionOf(options, arg[i]);
          if (options[name]?.type !== 'string' || i === arg.length - 1) {
            expanded.push(`-${arg[i]}`);
          } else {
            expanded.push(`-${arg.slice(i)}`);
            break;
          }
        }
        queue.unshift(...expanded);
        grouped = expanded.length;
        continue;
      }
      tokens.push({ kind: 'option', name: first, rawName: `-${arg[1]}`, index, value: arg.slice(2), inlineValue: true });
      continue;
    }
    if (/^--[^=]+$/s.test(arg)) {
      const name = arg.slice(2);
      let value;
      let inlineValue;
      if (options[name]?.type === 'string' && next != null) {
        value = queue.shift();
        inlineValue = false;
      }
      tokens.push({ kind: 'option', name, rawName: arg, index, value, inlineValue });
      if (value != null) ++index;
      continue;
    }
    if (/^--.+=/s.test(arg)) {
      const equals = arg.indexOf('=', 3);
      tokens.push({ kind: 'option', name: arg.slice(2, equals), rawName: `--${arg.slice(2, equals)}`, index, value: arg.slice(equals + 1), inlineValue: true });
      continue;
    }
    tokens.push({ kind: 'positional', index, value: arg });
  }
  return tokens;
}

const positiveName = (token) => token.rawName.startsWith('--no-') ? token.name.slice(3) : undefined;

function checkKnown(token, options, allowPositionals, allowNegative) {
  if (Object.hasOwn(options, token.name)) return;
  if (allowNegative && token.name.startsWith('no-') && Object.hasOwn(options, token.name.slice(3)) && options[token.name.slice(3)].type === 'boolean') return;
  throw new codes.ERR_PARSE_ARGS_UNKNOWN_OPTION(token.rawName, allowPositionals);
}

function checkUse(token, options, allowNegative) {
  const { name, value, rawName, inlineValue } = token;
  let option = options[name];
  if (option === undefined && allowNegative) option = options[positiveName(token)];
  const both = option.short ? `-${option.short}, --${name}` : `--${name}`;
  if (option.type === 'string' && typeof value !== 'string') {
    throw new codes.ERR_PARSE_ARGS_INVALID_OPTION_VALUE(`Option '${both} <value>' argument missing`);
  }
  if (option.type === 'boolean' && value != null) throw new codes.ERR_PARSE_ARGS_INVALID_OPTION_VALUE(`Option '${both}' does not take an argument`);
  if (option.type === 'string' && !inlineValue && value.length > 1 && value[0] === '-') {
    const example = rawName.startsWith('--') ? `'${rawName}=-XYZ'` : `'--${name}=-XYZ' or '${rawName}-XYZ'`;
    throw new codes.ERR_PARSE_ARGS_INVALID_OPTION_VALUE(
      `Option '${rawName}' argument is ambiguous.\nDid you forget to specify the option argument for '${rawName}'?\nTo specify an option argument starting with a dash use ${example}.`);
  }
}

function store(token, options, values, strict, allowNegative) {
  let { name, value } = token;
  if (name === '__proto__') return;
  if (allowNegative && value === undefined) {
    const positive = positiveName(token);
    if (positive !== undefined && (Object.hasOwn(options, positive) ? options[positive].type === 'boolean' && !Object.hasOwn(options, name) : !strict)) {
      name = positive;
      value = false;
    }
  }
  const final = value ?? true;
  if (options[name]?.multiple) {
    if (values[name]) values[name].push(final);
    else values[name] = [final];
  } else {
    values[name] = final;
  }
}

// ---- the rest

function aborted(signal, resource) {
  if (signal === undefined) return Promise.reject(new codes.ERR_INVALID_ARG_TYPE('signal', 'AbortSignal', signal));
  try {
    validateAbortSignal(signal, 'signal');
    validateObject(resource, 'resource', 3);
  } catch (error) {
    return Promise.reject(error);
  }
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    // Held weakly: waiting must not keep the resource.
    const held = new WeakRef(resource);
    signal.addEventListener('abort', () => { if (held.deref() !== undefined) resolve(); }, { once: true });
  });
}

function parseEnv(content) {
  validateString(content, 'content');
  const result = {};
  const expression = /^\s*(?:export\s+)?([\w.-]+)\s*=\s*(?:"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|`([^`]*)`|([^#\r\n]*))?.*$/gm;
  for (const [, name, double, single, back, plain] of content.matchAll(expression)) {
    result[name] = double !== undefined ? double.replaceAll('\\n', '\n') : single ?? back ?? (plain ?? '').trim();
  }
  return result;
}

function convertProcessSignalToExitCode(name) {
  validateString(name, 'signalCode');
  const { signals } = require('node:os').constants;
  if (signals[name] === undefined) throw new codes.ERR_UNKNOWN_SIGNAL(name);
  return 128 + signals[name];
}

function diff(actual, expected) {
  const asList = (value, name) => {
    if (!Array.isArray(value)) validateString(value, name);
    else value.forEach((each, i) => validateString(each, `${name}[${i}]`));
    return value;
  };
  asList(actual, 'actual');
  asList(expected, 'expected');
  if (actual === expected) return [];
  return require('internal/node/difference').difference(actual, expected).map(([kind, text]) => [-kind || 0, text]);
}

function setTraceSigInt(enable) { validateBoolean(enable, 'enable'); }

module.exports = {
  _errnoException, _exceptionWithHostPort,
  _extend: deprecate(_extend, 'The `util._extend` API is deprecated. Please use Object.assign() instead.', 'DEP0060'),
  aborted, callbackify, convertProcessSignalToExitCode, debug: debuglog, debuglog, deprecate, diff, format, styleText, formatWithOptions, getCallSites,
  getSystemErrorMap, getSystemErrorName, getSystemErrorMessage, inherits, inspect,
  isArray: deprecate(Array.isArray, 'The `util.isArray` API is deprecated. Please use `Array.isArray()` instead.', 'DEP0044'),
  isDeepStrictEqual(a, b, options) { return require('internal/node/comparisons').isDeepStrictEqual(a, b, (typeof options === 'object' ? options?.skipPrototype : options) ?? false); },
  promisify, stripVTControlCharacters, toUSVString, types, parseArgs, parseEnv, setTraceSigInt,
  TextDecoder, TextEncoder, MIMEType, MIMEParams,
};
