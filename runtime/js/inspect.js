// SPDX-License-Identifier: Apache-2.0
// Values as text for people, in the form that Node's util.inspect prints: what console, uncaught errors and -p show.
'use strict';

const kCustom = Symbol.for('nodejs.util.inspect.custom');

const hasOwn = (object, key) => Object.prototype.hasOwnProperty.call(object, key);

// Names of styles and their sequences: [begin, end].
const COLORS = {
  __proto__: null,
  reset: [0, 0], bold: [1, 22], dim: [2, 22], italic: [3, 23], underline: [4, 24], blink: [5, 25], inverse: [7, 27], hidden: [8, 28], strikethrough: [9, 29],
  doubleunderline: [21, 24], black: [30, 39], red: [31, 39], green: [32, 39], yellow: [33, 39], blue: [34, 39], magenta: [35, 39], cyan: [36, 39], white: [37, 39],
  bgBlack: [40, 49], bgRed: [41, 49], bgGreen: [42, 49], bgYellow: [43, 49], bgBlue: [44, 49], bgMagenta: [45, 49], bgCyan: [46, 49], bgWhite: [47, 49],
  framed: [51, 54], overlined: [53, 55], gray: [90, 39], redBright: [91, 39], greenBright: [92, 39], yellowBright: [93, 39], blueBright: [94, 39],
  magentaBright: [95, 39], cyanBright: [96, 39], whiteBright: [97, 39], bgGray: [100, 49], bgRedBright: [101, 49], bgGreenBright: [102, 49],
  bgYellowBright: [103, 49], bgBlueBright: [104, 49], bgMagentaBright: [105, 49], bgCyanBright: [106, 49], bgWhiteBright: [107, 49],
};
for (const [alias, name] of [['gray', 'grey'], ['bgGray', 'bgGrey'], ['dim', 'faint'], ['strikethrough', 'crossedout'], ['strikethrough', 'strikeThrough'],
  ['strikethrough', 'crossedOut'], ['hidden', 'conceal'], ['inverse', 'swapColors'], ['inverse', 'swapcolors'], ['doubleunderline', 'doubleUnderline'], ['gray', 'blackBright'], ['bgGray', 'bgBlackBright']]) {
  Object.defineProperty(COLORS, name, {
    get() { return COLORS[alias]; },
    set(value) { COLORS[alias] = value; },
    configurable: true, enumerable: false,
  });
}

const STYLES = {
  __proto__: null,
  special: 'cyan', number: 'yellow', bigint: 'yellow', boolean: 'yellow', undefined: 'grey', null: 'bold', string: 'green', symbol: 'green', date: 'magenta',
  regexp: 'red', module: 'underline',
};

const DEFAULTS = {
  showHidden: false, depth: 2, colors: false, customInspect: true, showProxy: false, maxArrayLength: 100, maxStringLength: 10000,
  breakLength: 128, compact: 3, sorted: false, getters: false, numericSeparator: false,
};

const plainStyle = (text) => text;
function colorStyle(text, style) {
  const sequence = COLORS[STYLES[style]];
  return sequence === undefined ? text : `\u001b[${sequence[0]}m${text}\u001b[${sequence[1]}m`;
}

const CONTROL_SEQUENCES = /[\u001b\u009b][[\]()#;?]*(?:(?:(?:(?:;[-a-zA-Z\d/#&.:=?%@~_]+)*|[a-zA-Z\d]+(?:;[-a-zA-Z\d/#&.:=?%@~_]*)*)?(?:\u0007|\u001b\u005c|\u009c))|(?:(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-nq-uy=><~]))/g;
const stripVTControlCharacters = (text) => text.replace(CONTROL_SEQUENCES, '');

// Columns of a terminal that a text takes.
function textWidth(text, removeControl = true) {
  if (removeControl) text = stripVTControlCharacters(text);
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text.normalize('NFC')) {
    const code = character.codePointAt(0);
    if (isFullWidth(code)) width += 2;
    else if (!isZeroWidth(code)) width++;
  }
  return width;
}
const isFullWidth = (code) => code >= 0x1100 && (
  code <= 0x115f || code === 0x2329 || code === 0x232a || (code >= 0x2e80 && code <= 0x3247 && code !== 0x303f) || (code >= 0x3250 && code <= 0x4dbf) ||
  (code >= 0x4e00 && code <= 0xa4c6) || (code >= 0xa960 && code <= 0xa97c) || (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
  (code >= 0xfe10 && code <= 0xfe19) || (code >= 0xfe30 && code <= 0xfe6b) || (code >= 0xff01 && code <= 0xff60) || (code >= 0xffe0 && code <= 0xffe6) ||
  (code >= 0x1b000 && code <= 0x1b001) || (code >= 0x1f200 && code <= 0x1f251) || (code >= 0x1f300 && code <= 0x1f64f) || (code >= 0x1f900 && code <= 0x1f9ff) ||
  (code >= 0x20000 && code <= 0x3fffd));
const isZeroWidth = (code) => code <= 0x1f || (code >= 0x7f && code <= 0x9f) || (code >= 0x300 && code <= 0x36f) || (code >= 0x200b && code <= 0x200f) ||
  (code >= 0x20d0 && code <= 0x20ff) || (code >= 0xfe00 && code <= 0xfe0f) || (code >= 0xfe20 && code <= 0xfe2f) || (code >= 0xe0100 && code <= 0xe01ef);

const visibleLength = (context, text) => context.colors ? text.replace(/\u001b\[\d\d?m/g, '').length : text.length;

// ---- texts and numbers

const ESCAPABLE = /[\u0000-\u001f\u007f-\u009f\\']|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const SHORT_ESCAPES = { '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r', '\\': '\\\\', "'": "\\'" };
function escapeCharacter(c) {
  const short = SHORT_ESCAPES[c];
  if (short !== undefined) return short;
  const code = c.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).toUpperCase().padStart(2, '0')}` : `\\u${code.toString(16)}`;
}

function quote(text) {
  let mark = "'";
  if (text.includes("'")) {
    if (!text.includes('"')) mark = '"';
    else if (!text.includes('`') && !text.includes('${')) mark = '`';
  }
  ESCAPABLE.lastIndex = 0;
  if (!ESCAPABLE.test(text)) return mark + text + mark;
  return mark + text.replace(ESCAPABLE, mark === "'" ? escapeCharacter : (c) => c === "'" ? c : escapeCharacter(c)) + mark;
}
const escapeName = (text) => text.replace(ESCAPABLE, escapeCharacter);

const groupBack = (digits) => digits.replace(/\B(?=(\d{3})+(?!\d))/g, '_');
const groupForth = (digits) => digits.replace(/(\d{3})(?=\d)/g, '$1_');

function formatNumber(stylize, value, separated) {
  let text = Object.is(value, -0) ? '-0' : `${value}`;
  if (separated && /^-?\d+(\.\d+)?$/.test(text)) {
    const [whole, fraction] = text.split('.');
    text = groupBack(whole) + (fraction === undefined ? '' : `.${groupForth(fraction)}`);
  }
  return stylize(text, 'number');
}
const formatBigInt = (stylize, value, separated) => stylize(`${separated ? groupBack(`${value}`) : value}n`, 'bigint');

const plural = (count, what) => `${count} ${what}${count > 1 ? 's' : ''}`;
const more = (count, what = 'item') => `... ${count} more ${what}${count > 1 ? 's' : ''}`;

function formatPrimitive(stylize, value, context) {
  switch (typeof value) {
    case 'string': {
      let tail = '';
      if (value.length > context.maxStringLength) {
        tail = more(value.length - context.maxStringLength, 'character');
        value = value.slice(0, context.maxStringLength);
      }
      // A long text with several lines is shown line by line.
      if (context.compact !== true && value.length > 16 && value.length > context.breakLength - context.indentation - 4 && value.includes('\n')) {
        return value.split(/(?<=\n)/).map((line) => stylize(quote(line), 'string')).join(` +\n${' '.repeat(context.indentation + 2)}`) + tail;
      }
      return stylize(quote(value), 'string') + tail;
    }
    case 'number': return formatNumber(stylize, value, context.numericSeparator);
    case 'bigint': return formatBigInt(stylize, value, context.numericSeparator);
    case 'boolean': return stylize(`${value}`, 'boolean');
    case 'undefined': return stylize('undefined', 'undefined');
  }
  return stylize(Symbol.prototype.toString.call(value), 'symbol');
}

// ---- what an object is

function isInstance(object, constructor) {
  try {
    return object instanceof constructor;
  } catch {
    return false;
  }
}

// Names of the engine's own constructors; found when first needed.
let builtinNames;
const isBuiltinName = (name) => {
  builtinNames ??= new Set(Object.getOwnPropertyNames(globalThis).filter((each) => /^[A-Z][a-zA-Z0-9]+$/.test(each) &&
    ENGINE_GLOBALS.has(each)));
  return builtinNames.has(name);
};
const ENGINE_GLOBALS = new Set(['Object', 'Function', 'Array', 'Number', 'Boolean', 'String', 'Symbol', 'Date', 'Promise', 'RegExp', 'Error', 'AggregateError', 'EvalError',
  'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError', 'ArrayBuffer', 'Uint8Array', 'Int8Array', 'Uint16Array', 'Int16Array', 'Uint32Array',
  'Int32Array', 'Float32Array', 'Float64Array', 'Uint8ClampedArray', 'BigUint64Array', 'BigInt64Array', 'DataView', 'Map', 'BigInt', 'Set', 'WeakMap', 'WeakSet',
  'WeakRef', 'Proxy', 'FinalizationRegistry', 'SharedArrayBuffer', 'Iterator']);

// The name of the class; null where there is no prototype. With `found`, properties of the classes between are collected there.
function constructorName(object, context, depth, found) {
  let first;
  const start = object;
  let current = object;
  while (current !== null && current !== undefined) {
    const descriptor = Object.getOwnPropertyDescriptor(current, 'constructor');
    if (descriptor !== undefined && typeof descriptor.value === 'function' && descriptor.value.name !== '' && isInstance(start, descriptor.value)) {
      const name = String(descriptor.value.name);
      if (found !== undefined && (first !== current || !isBuiltinName(name))) collectInherited(context, start, first || start, depth, found);
      return name;
    }
    current = Object.getPrototypeOf(current);
    if (first === undefined) first = current;
  }
  if (first === null) return null;
  const own = context.native === null ? 'Object' : context.native.constructorName(start);
  if (context.depth !== null && depth > context.depth) return `${own} <Complex prototype>`;
  const above = constructorName(first, context, depth + 1, found);
  if (above === null) return `${own} <${inspect(first, { ...context.given, colors: context.colors, showHidden: context.showHidden, customInspect: false, depth: -1 })}>`;
  return `${own} <${above}>`;
}

function collectInherited(context, main, object, depth, out) {
  let keys;
  const below = new Set();
  for (let level = 0; level < 3; level++) {
    if (level !== 0 || main === object) {
      object = Object.getPrototypeOf(object);
      if (object === null) return;
      const descriptor = Object.getOwnPropertyDescriptor(object, 'constructor');
      if (descriptor !== undefined && typeof descriptor.value === 'function' && isBuiltinName(descriptor.value.name)) return;
    }
    if (level !== 0) for (const key of keys) below.add(key);
    keys = Reflect.ownKeys(object);
    context.seen.push(main);
    for (const key of keys) {
      if (key === 'constructor' || hasOwn(main, key) || below.has(key)) continue;
      const descriptor = Object.getOwnPropertyDescriptor(object, key);
      if (typeof descriptor.value === 'function') continue;
      const text = formatProperty(context, object, depth, key, IN_OBJECT, descriptor, main);
      out.push(context.colors ? `\u001b[2m${text}\u001b[22m` : text);
    }
    context.seen.pop();
  }
}

function prefixOf(name, tag, fallback, size = '') {
  if (name === null) return tag !== '' && fallback !== tag ? `[${fallback}${size}: null prototype] [${tag}] ` : `[${fallback}${size}: null prototype] `;
  return tag !== '' && name !== tag ? `${name}${size} [${tag}] ` : `${name}${size} `;
}

function keysOf(value, showHidden) {
  const symbols = Object.getOwnPropertySymbols(value);
  let keys;
  if (showHidden) {
    keys = Object.getOwnPropertyNames(value);
    if (symbols.length !== 0) keys.push(...symbols);
    return keys;
  }
  try {
    keys = Object.keys(value);
  } catch (error) {
    // A module whose names are not all initialized.
    if (!(error instanceof ReferenceError)) throw error;
    keys = Object.getOwnPropertyNames(value);
  }
  for (const symbol of symbols) if (Object.prototype.propertyIsEnumerable.call(value, symbol)) keys.push(symbol);
  return keys;
}

function nonIndexKeys(context, value) {
  if (context.native !== null) return context.native.ownNonIndexProperties(value, !context.showHidden);
  return keysOf(value, context.showHidden).filter((key) => typeof key === 'symbol' || !/^(0|[1-9]\d*)$/.test(key));
}

// ---- properties

const IN_OBJECT = 0;
const IN_ARRAY = 1;        // an entry of an array: without its name
const AROUND_ARRAY = 2;    // a named property of an array

function formatProperty(context, object, depth, key, kind, descriptor, original = object) {
  const { stylize } = context;
  descriptor = descriptor || Object.getOwnPropertyDescriptor(object, key) || { value: object[key], configurable: true, enumerable: true };
  let text;
  let gap = ' ';
  if (descriptor.value !== undefined) {
    const inner = context.compact !== true || kind !== IN_OBJECT ? 2 : 3;
    context.indentation += inner;
    text = formatValue(context, descriptor.value, depth);
    if (inner === 3 && context.breakLength < visibleLength(context, text)) gap = `\n${' '.repeat(context.indentation)}`;
    context.indentation -= inner;
  } else if (descriptor.get !== undefined) {
    text = formatGetter(context, original, depth, descriptor);
  } else if (descriptor.set !== undefined) {
    text = stylize('[Setter]', 'special');
  } else {
    text = stylize('undefined', 'undefined');
  }
  if (kind === IN_ARRAY) return text;
  let name;
  if (typeof key === 'symbol') name = `[${stylize(escapeName(Symbol.prototype.toString.call(key)), 'symbol')}]`;
  else if (key === '__proto__') name = "['__proto__']";
  else if (descriptor.enumerable === false) name = `[${escapeName(key)}]`;
  else if (/^[a-zA-Z_][a-zA-Z_0-9]*$/.test(key)) name = stylize(key, 'name');
  else name = stylize(quote(key), 'string');
  return `${name}:${gap}${text}`;
}

function formatGetter(context, object, depth, descriptor) {
  const { stylize, getters } = context;
  const label = descriptor.set !== undefined ? 'Getter/Setter' : 'Getter';
  if (!(getters && (getters === true || (getters === 'get' && descriptor.set === undefined) || (getters === 'set' && descriptor.set !== undefined)))) {
    return stylize(`[${label}]`, 'special');
  }
  let value;
  context.indentation += 2;
  try {
    value = Reflect.apply(descriptor.get, object, []);
    if (value === null) return `${stylize(`[${label}:`, 'special')} ${stylize('null', 'null')}${stylize(']', 'special')}`;
    if (typeof value === 'object') return `${stylize(`[${label}]`, 'special')} ${formatValue(context, value, depth)}`;
    return `${stylize(`[${label}:`, 'special')} ${formatPrimitive(stylize, value, context)}${stylize(']', 'special')}`;
  } catch (error) {
    return `${stylize(`[${label}:`, 'special')} <Inspection threw (${error === null || error === undefined ? error : error.message})>${stylize(']', 'special')}`;
  } finally {
    context.indentation -= 2;
  }
}

// ---- collections: each gives the texts of its entries

const typedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype);
const typedArrayTag = Object.getOwnPropertyDescriptor(typedArrayPrototype, Symbol.toStringTag).get;
const typedArrayLength = Object.getOwnPropertyDescriptor(typedArrayPrototype, 'length').get;
const mapSize = Object.getOwnPropertyDescriptor(Map.prototype, 'size').get;
const setSize = Object.getOwnPropertyDescriptor(Set.prototype, 'size').get;

const limitOf = (context, length) => Math.min(Math.max(0, context.maxArrayLength), length);

function arrayItems(context, value, depth) {
  const { length } = value;
  const shown = limitOf(context, length);
  const out = [];
  for (let i = 0; i < shown; i++) {
    const descriptor = Object.getOwnPropertyDescriptor(value, i);
    if (descriptor === undefined) return sparseItems(context, value, depth, shown, out, i);
    out.push(formatProperty(context, value, depth, i, IN_ARRAY, descriptor));
  }
  if (length > shown) out.push(more(length - shown));
  return out;
}

// From the first hole on. An array may have very few of very many entries: by its keys, then.
function sparseItems(context, value, depth, shown, out, index) {
  const hole = (count) => out.push(context.stylize(`<${plural(count, 'empty item')}>`, 'undefined'));
  const keys = Object.keys(value);
  for (let i = index; i < keys.length && out.length < shown; i++) {
    const at = Number(keys[i]);
    if (!(at <= 2 ** 32 - 2) || !/^(0|[1-9]\d*)$/.test(keys[i])) break;
    if (at !== index) {
      hole(at - index);
      index = at;
      if (out.length === shown) break;
    }
    out.push(formatProperty(context, value, depth, keys[i], IN_ARRAY));
    index++;
  }
  const rest = value.length - index;
  if (rest > 0) {
    if (out.length !== shown) hole(rest);
    else out.push(more(rest));
  }
  return out;
}

function typedArrayItems(context, value, depth, length) {
  const shown = limitOf(context, length);
  const format = length > 0 && typeof value[0] === 'bigint' ? formatBigInt : formatNumber;
  const out = new Array(shown);
  for (let i = 0; i < shown; i++) out[i] = format(context.stylize, value[i], context.numericSeparator);
  if (length > shown) out.push(more(length - shown));
  if (context.showHidden) {
    context.indentation += 2;
    for (const key of ['BYTES_PER_ELEMENT', 'length', 'byteLength', 'byteOffset', 'buffer']) out.push(`[${key}]: ${formatValue(context, value[key], depth, true)}`);
    context.indentation -= 2;
  }
  return out;
}

function setItems(context, values, size, depth) {
  const shown = limitOf(context, size);
  const out = [];
  context.indentation += 2;
  for (const each of values) {
    if (out.length >= shown) break;
    out.push(formatValue(context, each, depth));
  }
  context.indentation -= 2;
  if (size > shown) out.push(more(size - shown));
  return out;
}

function mapItems(context, entries, size, depth) {
  const shown = limitOf(context, size);
  const out = [];
  context.indentation += 2;
  for (const [key, each] of entries) {
    if (out.length >= shown) break;
    out.push(`${formatValue(context, key, depth)} => ${formatValue(context, each, depth)}`);
  }
  context.indentation -= 2;
  if (size > shown) out.push(more(size - shown));
  return out;
}

// What an iterator has left, and what a weak collection has now (in no order: sorted by text).
function previewItems(context, entries, pairs, weak, depth) {
  const count = pairs ? entries.length / 2 : entries.length;
  const shown = limitOf(context, count);
  let out = [];
  context.indentation += 2;
  for (let i = 0; i < shown; i++) {
    if (!pairs) {
      out.push(formatValue(context, entries[i], depth));
    } else if (weak) {
      out.push(`${formatValue(context, entries[2 * i], depth)} => ${formatValue(context, entries[2 * i + 1], depth)}`);
    } else {
      const both = [formatValue(context, entries[2 * i], depth), formatValue(context, entries[2 * i + 1], depth)];
      out.push(join(context, both, '', '[', ']', AROUND_ARRAY, depth));
    }
  }
  context.indentation -= 2;
  if (weak && !context.sorted) out = out.sort();
  if (count > shown) out.push(more(count - shown));
  return out;
}

function bufferItems(context, value) {
  let bytes;
  try {
    bytes = new Uint8Array(value);
  } catch {
    return [context.stylize('(detached)', 'special')];
  }
  const shown = limitOf(context, bytes.length);
  let text = '';
  for (let i = 0; i < shown; i++) text += `${i === 0 ? '' : ' '}${bytes[i].toString(16).padStart(2, '0')}`;
  if (bytes.length > shown) text += ` ${more(bytes.length - shown, 'byte')}`;
  return [`${context.stylize('[Uint8Contents]', 'special')}: <${text}>`];
}

function promiseItems(context, value, depth) {
  const [state, result] = context.native.promiseDetails(value);
  if (state === 0) return [context.stylize('<pending>', 'special')];
  context.indentation += 2;
  const text = formatValue(context, result, depth);
  context.indentation -= 2;
  return [state === 2 ? `${context.stylize('<rejected>', 'special')} ${text}` : text];
}

function namespaceItems(context, value, keys, depth) {
  const out = keys.map((key) => {
    try {
      return formatProperty(context, value, depth, key, IN_OBJECT);
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      const empty = formatProperty(context, { [key]: '' }, depth, key, IN_OBJECT);
      return `${empty.slice(0, empty.lastIndexOf(' ') + 1)}${context.stylize('<uninitialized>', 'special')}`;
    }
  });
  keys.length = 0;
  return out;
}

// ---- functions, errors, boxes

function functionText(context, value, name, tag) {
  const source = Function.prototype.toString.call(value);
  if (source.startsWith('class') && source.endsWith('}')) {
    const head = source.slice(5, source.indexOf('{'));
    if (source.includes('{') && (!head.includes('(') || /^(\s+[^(]*?)\s*\{/.test(source.slice(5).replace(/(\/\/.*?\n)|(\/\*(.|\n)*?\*\/)/g, '')))) return classText(value, name, tag);
  }
  const isGenerator = context.native !== null && context.native.isGeneratorFunction(value);
  const isAsync = context.native !== null && context.native.isAsyncFunction(value);
  const type = `${isAsync ? 'Async' : ''}${isGenerator ? 'Generator' : ''}Function`;
  let text = `[${type}`;
  if (name === null) text += ' (null prototype)';
  if (value.name === '') text += ' (anonymous)';
  else text += `: ${typeof value.name === 'string' ? value.name : formatValue(context, value.name, context.depth)}`;
  text += ']';
  if (name !== type && name !== null) text += ` ${name}`;
  if (tag !== '' && name !== tag) text += ` [${tag}]`;
  return text;
}

function classText(value, name, tag) {
  let text = `class ${(hasOwn(value, 'name') && value.name) || '(anonymous)'}`;
  if (name !== 'Function' && name !== null) text += ` [${name}]`;
  if (tag !== '' && name !== tag) text += ` [${tag}]`;
  if (name === null) return `[${text} extends null]`;
  const parent = Object.getPrototypeOf(value).name;
  if (parent) text += ` extends ${parent}`;
  return `[${text}]`;
}

function isError(value) {
  if (value === null || typeof value !== 'object') return false;
  return isInstance(value, Error) || Object.prototype.toString.call(value) === '[object Error]' || isNativeError(value);
}
function isNativeError(value) {
  try {
    return internalBinding('inspect').isNativeError(value);
  } catch {
    return false;
  }
}

function stackOf(context, error) {
  let stack;
  try {
    ({ stack } = error);
  } catch {}
  if (stack) {
    if (typeof stack === 'string') return stack;
    context.seen.push(error);
    context.indentation += 4;
    const text = formatValue(context, stack, 0);
    context.indentation -= 4;
    context.seen.pop();
    return `${Error.prototype.toString.call(error)}\n    ${text}`;
  }
  return Error.prototype.toString.call(error);
}

// A stack is fixed when the error is made: put right what its head says of the class.
function improveStack(stack, constructor, name, tag) {
  let length = name.length;
  if (!(constructor === null || (name.endsWith('Error') && stack.startsWith(name) && (stack.length === length || stack[length] === ':' || stack[length] === '\n')))) return stack;
  let fallback = 'Error';
  if (constructor === null) {
    const start = /^([A-Z][a-z_ A-Z0-9[\]()-]+)(?::|\n\s+at)/.exec(stack) || /^([a-z_A-Z0-9-]*Error)$/.exec(stack);
    fallback = (start && start[1]) || '';
    length = fallback.length;
    fallback ||= 'Error';
  }
  const prefix = prefixOf(constructor, tag, fallback).slice(0, -1);
  if (name === prefix) return stack;
  if (prefix.includes(name)) return length === 0 ? `${prefix}: ${stack}` : `${prefix}${stack.slice(length)}`;
  return `${prefix} [${name}]${stack.slice(length)}`;
}

// Where the frames of an error are those of its cause, they are not shown again.
function overlap(frames, causeFrames) {
  for (let i = 0; i < frames.length - 3; i++) {
    const at = causeFrames.indexOf(frames[i]);
    if (at === -1) continue;
    const rest = causeFrames.length - at;
    if (rest > 3) {
      let count = 1;
      const end = Math.min(rest, frames.length - i);
      while (count < end && frames[i + count] === causeFrames[at + count]) count++;
      if (count > 3) return [count, i];
    }
  }
  return [0, 0];
}

// The same frames again and again (a recursion) are shown once.
function collapseRepeats(context, frames) {
  const out = [];
  for (let i = 0; i < frames.length;) {
    let best = 0;
    let times = 0;
    for (let size = 1; size <= 10 && i + 2 * size <= frames.length; size++) {
      let count = 1;
      while (i + (count + 1) * size <= frames.length && frames.slice(i, i + size).every((frame, at) => frame === frames[i + count * size + at])) count++;
      if (count > 1 && (count - 1) * size > (times - 1) * best && (count - 1) * size >= 3) [best, times] = [size, count];
    }
    if (best === 0) {
      out.push(frames[i++]);
      continue;
    }
    out.push(...frames.slice(i, i + best));
    out.push(context.stylize(`    ... collapsed ${(times - 1) * best} duplicate lines matching above ${best > 1 ? `${best} lines ${times - 1} times` : `1 lines ${times - 1} times`}...`, 'undefined'));
    i += best * times;
  }
  return out;
}

function framesOf(context, error, text) {
  const frames = text.split('\n');
  let cause;
  try {
    ({ cause } = error);
  } catch {}
  if (cause !== null && cause !== undefined && isError(cause)) {
    const causeStack = stackOf(context, cause);
    const start = causeStack.indexOf('\n    at');
    if (start !== -1) {
      const [count, at] = overlap(frames, causeStack.slice(start + 1).split('\n'));
      if (count > 3) frames.splice(at + 1, count - 2, context.stylize(`    ... ${count - 2} lines matching cause stack trace ...`, 'undefined'));
    }
  }
  return frames.length > 10 ? collapseRepeats(context, frames) : frames;
}

function colorFrame(context, line) {
  // Our own and the engine's frames are grey, packages underlined.
  if (/^    at (?:[^/\\(]+ \(|)node:.+:\d+:\d+\)?$/.test(line)) return context.stylize(line, 'undefined');
  let directory;
  try {
    directory = internalBinding('process').cwd();
  } catch {}
  line = line.replace(/([/\\]node_modules[/\\])((?:@[^/\\]+[/\\])?[^/\\]+)/g, (all, folder, name) => `${folder}${context.stylize(name, 'module')}`);
  if (directory !== undefined && directory.length > 1) {
    for (const prefix of [`file://${directory}/`, `${directory}/`]) {
      const at = line.indexOf(prefix);
      if (at !== -1) return line.slice(0, at) + context.stylize(line.slice(at, at + prefix.length), 'undefined') + line.slice(at + prefix.length);
    }
  }
  return line;
}

function errorText(context, error, constructor, tag, keys) {
  let name;
  let message;
  try {
    name = error.name !== null && error.name !== undefined ? String(error.name) : 'Error';
    ({ message } = error);
  } catch {
    name = 'Error';
  }
  let stack = stackOf(context, error);
  if (!context.showHidden && keys.length !== 0) {
    for (const key of ['name', 'message', 'stack']) {
      const at = keys.indexOf(key);
      if (at !== -1 && (typeof error[key] !== 'string' || stack.includes(error[key]))) keys.splice(at, 1);
    }
  }
  if ('cause' in error && !keys.includes('cause')) keys.push('cause');
  let errors;
  try {
    ({ errors } = error);
  } catch {}
  if (Array.isArray(errors) && !keys.includes('errors')) keys.push('errors');
  stack = improveStack(stack, constructor, name, tag);
  let at = (message && stack.indexOf(message)) || -1;
  if (at !== -1) at += message.length;
  const start = stack.indexOf('\n    at', at);
  if (start === -1) {
    stack = `[${stack}]`;
  } else {
    let frames = framesOf(context, error, stack.slice(start + 1));
    if (context.colors) frames = frames.map((line) => colorFrame(context, line));
    stack = `${stack.slice(0, start)}\n${frames.join('\n')}`;
  }
  if (context.indentation !== 0) stack = stack.replaceAll('\n', `\n${' '.repeat(context.indentation)}`);
  return stack;
}

// What a boxed primitive holds, whatever its methods say.
function unboxed(value) {
  for (const kind of [Number, String, Boolean, BigInt, Symbol]) {
    try {
      return [kind.name, kind.prototype.valueOf.call(value)];
    } catch {}
  }
  return ['Object', undefined];
}

function boxedText(context, value, keys, name, tag) {
  const [type, inner] = unboxed(value);
  // The characters of a text are no properties to show.
  if (type === 'String') keys.splice(0, value.length);
  let text = `[${type}`;
  if (type !== name) text += name === null ? ' (null prototype)' : ` (${name})`;
  text += `: ${formatPrimitive(plainStyle, inner, context)}]`;
  if (tag !== '' && tag !== name) text += ` [${tag}]`;
  if (keys.length !== 0) return text;
  return context.stylize(text, type.toLowerCase());
}

const iteratorOpen = (type, tag) => `[${tag !== `${type} Iterator` ? (tag === '' ? `${type} Iterator` : `${tag}] [${type} Iterator`) : tag}] {`;

// ---- values

function formatValue(context, value, depth, typed) {
  if (value === null) return context.stylize('null', 'null');
  if (typeof value !== 'object' && typeof value !== 'function') return formatPrimitive(context.stylize, value, context);
  const given = value;
  const { native } = context;
  let foreign = false;
  if (native !== null) {
    let details = native.proxyDetails(value);
    if (details !== undefined) {
      if (details[0] === null) return context.stylize('<Revoked Proxy>', 'special');
      if (context.showProxy) return formatProxy(context, details, depth);
      // A proxy of a proxy.
      while (details !== undefined) {
        value = details[0];
        if (value === null) return context.stylize('<Revoked Proxy>', 'special');
        details = native.proxyDetails(value);
      }
      foreign = true;
    }
  }
  if (context.customInspect) {
    const custom = value[kCustom];
    if (typeof custom === 'function' && custom !== inspect && !isPrototypeOfClass(value)) {
      const room = context.depth === null ? null : context.depth - depth;
      const result = Reflect.apply(custom, given, [room, userOptions(context, foreign || !(given instanceof Object)), inspect]);
      if (result !== given) {
        if (typeof result !== 'object') return `${result}`.replaceAll('\n', `\n${' '.repeat(context.indentation)}`);
        return formatValue(context, result, depth);
      }
    }
  }
  if (context.seen.includes(value)) {
    context.circular ??= new Map();
    let number = context.circular.get(value);
    if (number === undefined) context.circular.set(value, number = context.circular.size + 1);
    return context.stylize(`[Circular *${number}]`, 'special');
  }
  return formatObject(context, value, depth, typed);
}

function isPrototypeOfClass(value) {
  const { constructor } = value;
  return constructor !== null && constructor !== undefined && constructor.prototype === value;
}

function formatProxy(context, details, depth) {
  if (context.depth !== null && depth > context.depth) return context.stylize('Proxy [Array]', 'special');
  depth++;
  context.indentation += 2;
  const both = [formatValue(context, details[0], depth), formatValue(context, details[1], depth)];
  context.indentation -= 2;
  return join(context, both, '', 'Proxy [', ']', AROUND_ARRAY, depth);
}

// How an object is shown: braces, the text in front of them (`base`), its keys, and what gives its entries. A text: it is that.
function describe(context, value, depth, name, tag, inherited, typed) {
  const { native, stylize } = context;
  const view = { base: '', open: '{', close: '}', kind: IN_OBJECT, keys: null, items: null };
  const bare = () => view.keys.length === 0 && inherited === undefined;
  const tooDeep = () => context.depth !== null && depth > context.depth;
  if (name === null || Symbol.iterator in value) {
    if (Array.isArray(value)) {
      view.open = `${name !== 'Array' || tag !== '' ? prefixOf(name, tag, 'Array', `(${value.length})`) : ''}[`;
      view.close = ']';
      view.keys = nonIndexKeys(context, value);
      if (value.length === 0 && bare()) return `${view.open}]`;
      view.kind = AROUND_ARRAY;
      view.items = (inner) => arrayItems(context, value, inner);
      return view;
    }
    if (native !== null && native.isSet(value)) {
      const size = setSize.call(value);
      view.open = `${prefixOf(name, tag, 'Set', `(${size})`)}{`;
      view.keys = keysOf(value, context.showHidden);
      if (size === 0 && bare()) return `${view.open}}`;
      view.items = (inner) => setItems(context, Set.prototype.values.call(value), size, inner);
      return view;
    }
    if (native !== null && native.isMap(value)) {
      const size = mapSize.call(value);
      view.open = `${prefixOf(name, tag, 'Map', `(${size})`)}{`;
      view.keys = keysOf(value, context.showHidden);
      if (size === 0 && bare()) return `${view.open}}`;
      view.items = (inner) => mapItems(context, Map.prototype.entries.call(value), size, inner);
      return view;
    }
    const typedName = ArrayBuffer.isView(value) ? typedArrayTag.call(value) : undefined;
    if (typedName !== undefined) {
      const length = typedArrayLength.call(value);
      view.keys = nonIndexKeys(context, value);
      view.open = `${prefixOf(name, tag, name === null ? typedName : '', `(${length})`)}[`;
      view.close = ']';
      if (length === 0 && view.keys.length === 0 && !context.showHidden) return `${view.open}]`;
      view.kind = AROUND_ARRAY;
      const readable = name === null ? new globalThis[typedName](value) : value;
      view.items = (inner) => typedArrayItems(context, readable, inner, length);
      return view;
    }
    if (native !== null && (native.isMapIterator(value) || native.isSetIterator(value))) {
      view.keys = keysOf(value, context.showHidden);
      view.open = iteratorOpen(native.isMapIterator(value) ? 'Map' : 'Set', tag);
      view.items = (inner) => {
        const [entries, pairs] = native.previewEntries(value);
        if (pairs) view.open = view.open.replace(/ Iterator\] \{$/, ' Entries] {');
        return previewItems(context, entries, pairs, false, inner);
      };
      return view;
    }
  }
  view.keys = keysOf(value, context.showHidden);
  if (native !== null && native.isArguments(value)) {
    view.open = `${name === 'Object' || name === null ? '' : `${name} `}[Arguments] {`;
    if (bare()) return `${view.open}}`;
    return view;
  }
  if (name === 'Object' && typeof value !== 'function') {
    if (tag !== '') view.open = `${prefixOf(name, tag, 'Object')}{`;
    if (bare()) return `${view.open}}`;
    return view;
  }
  if (typeof value === 'function') {
    view.base = functionText(context, value, name, tag);
    if (bare()) return stylize(view.base, 'special');
  } else if (isRegExp(value)) {
    view.base = RegExp.prototype.toString.call(name !== null ? value : new RegExp(value));
    const prefix = prefixOf(name, tag, 'RegExp');
    if (prefix !== 'RegExp ') view.base = `${prefix}${view.base}`;
    if (bare() || tooDeep()) return stylize(view.base, 'regexp');
  } else if (native !== null && native.isDate(value)) {
    view.base = Number.isNaN(Date.prototype.getTime.call(value)) ? Date.prototype.toString.call(value) : Date.prototype.toISOString.call(value);
    const prefix = prefixOf(name, tag, 'Date');
    if (prefix !== 'Date ') view.base = `${prefix}${view.base}`;
    if (bare()) return stylize(view.base, 'date');
  } else if (isError(value)) {
    view.base = errorText(context, value, name, tag, view.keys);
    if (bare()) return view.base;
  } else if (native !== null && (native.isArrayBuffer(value) || native.isSharedArrayBuffer(value))) {
    const prefix = prefixOf(name, tag, native.isArrayBuffer(value) ? 'ArrayBuffer' : 'SharedArrayBuffer');
    if (typed !== true) view.items = () => bufferItems(context, value);
    else if (bare()) return `${prefix}{ byteLength: ${formatNumber(stylize, value.byteLength, false)} }`;
    view.open = `${prefix}{`;
    view.keys.unshift('byteLength');
  } else if (ArrayBuffer.isView(value)) {
    view.open = `${prefixOf(name, tag, 'DataView')}{`;
    view.keys.unshift('byteLength', 'byteOffset', 'buffer');
  } else if (native !== null && native.isPromise(value)) {
    view.open = `${prefixOf(name, tag, 'Promise')}{`;
    view.items = (inner) => promiseItems(context, value, inner);
  } else if (native !== null && (native.isWeakSet(value) || native.isWeakMap(value))) {
    const isMap = native.isWeakMap(value);
    view.open = `${prefixOf(name, tag, isMap ? 'WeakMap' : 'WeakSet')}{`;
    view.items = context.showHidden ? (inner) => previewItems(context, native.previewEntries(value)[0], isMap, true, inner) : () => [stylize('<items unknown>', 'special')];
  } else if (native !== null && native.isModuleNamespace(value)) {
    view.open = `${prefixOf(name, tag, 'Module')}{`;
    view.items = (inner) => namespaceItems(context, value, view.keys, inner);
  } else if (native !== null && native.isBoxed(value)) {
    view.base = boxedText(context, value, view.keys, name, tag);
    if (bare()) return view.base;
  } else if (typeof URL === 'function' && value instanceof URL && !tooDeep()) {
    view.base = value.href;
    if (bare()) return view.base;
  } else {
    if (bare()) {
      if (native !== null && native.isExternal(value)) return stylize(`[External: ${native.externalAddress(value)}]`, 'special');
      return `${prefixOf(name, tag, 'Object')}{}`;
    }
    view.open = `${prefixOf(name, tag, 'Object')}{`;
  }
  return view;
}

function formatObject(context, value, depth, typed) {
  let inherited;
  if (context.showHidden && (context.depth === null || depth <= context.depth)) inherited = [];
  const name = constructorName(value, context, depth, inherited);
  if (inherited !== undefined && inherited.length === 0) inherited = undefined;
  let tag = '';
  try {
    tag = value[Symbol.toStringTag];
  } catch {}
  // What is an own property is shown as one.
  if (typeof tag !== 'string' || (tag !== '' && (context.showHidden ? hasOwn(value, Symbol.toStringTag) : Object.prototype.propertyIsEnumerable.call(value, Symbol.toStringTag)))) tag = '';

  const view = describe(context, value, depth, name, tag, inherited, typed);
  if (typeof view === 'string') return view;

  const className = () => prefixOf(name, tag, view.kind === AROUND_ARRAY ? 'Array' : 'Object').slice(0, -1);
  if (context.depth !== null && depth > context.depth) {
    const short = className();
    return context.stylize(name === null ? short : `[${short}]`, 'special');
  }
  depth++;
  context.seen.push(value);
  context.currentDepth = depth;
  const { indentation } = context;
  let out;
  try {
    out = view.items === null ? [] : view.items(depth);
    for (const key of view.keys) out.push(formatProperty(context, value, depth, key, view.kind));
    if (inherited !== undefined) out.push(...inherited);
  } catch (error) {
    if (!(error instanceof RangeError) || !String(error.message).includes('call stack')) throw error;
    context.seen.pop();
    context.indentation = indentation;
    return context.stylize(`[${className()}: Inspection interrupted prematurely. Maximum call stack size exceeded.]`, 'special');
  }
  if (context.circular !== undefined) {
    const number = context.circular.get(value);
    if (number !== undefined) {
      const mark = context.stylize(`<ref *${number}>`, 'special');
      if (context.compact !== true) view.base = view.base === '' ? mark : `${mark} ${view.base}`;
      else view.open = `${mark} ${view.open}`;
    }
  }
  context.seen.pop();
  if (context.sorted) {
    const compare = context.sorted === true ? undefined : context.sorted;
    if (view.kind === IN_OBJECT) out.sort(compare);
    else if (view.keys.length > 1) out.push(...out.splice(out.length - view.keys.length).sort(compare));
  }
  const text = join(context, out, view.base, view.open, view.close, view.kind, depth, value);
  // An upper bound, so that a graph of objects that share much does not take all memory: then only the top is shown.
  const spent = (context.spent[context.indentation] || 0) + text.length;
  context.spent[context.indentation] = spent;
  if (spent > 2 ** 27) context.depth = -1;
  return text;
}

const regExpSource = Object.getOwnPropertyDescriptor(RegExp.prototype, 'source').get;
function isRegExp(value) {
  try {
    regExpSource.call(value);
    return value !== RegExp.prototype;
  } catch {
    return false;
  }
}

// ---- lines

// Many short entries are set in columns.
function groupItems(context, out, value) {
  let total = 0;
  let longest = 0;
  // The line that says how many more there are stays alone.
  const count = value !== undefined && context.maxArrayLength < value.length ? out.length - 1 : out.length;
  const lengths = new Array(count);
  for (let i = 0; i < count; i++) {
    const length = context.colors ? textWidth(out[i]) : textWidth(out[i], false);
    lengths[i] = length;
    total += length + 2;
    if (longest < length) longest = length;
  }
  const width = longest + 2;
  if (!(width * 3 + context.indentation < context.breakLength && (total / width > 5 || longest <= 6))) return out;
  // About as wide as it is high: a character is 2.5 times as high as it is wide.
  const usual = Math.max(width - 3 - Math.sqrt(width - total / out.length), 1);
  const columns = Math.min(Math.round(Math.sqrt(2.5 * usual * count) / usual), Math.floor((context.breakLength - context.indentation) / width), context.compact * 4, 15);
  if (columns <= 1) return out;
  const widths = [];
  for (let column = 0; column < columns; column++) {
    let widest = 0;
    for (let i = column; i < count; i += columns) widest = Math.max(widest, lengths[i]);
    widths.push(widest + 2);
  }
  let numeric = value !== undefined;
  for (let i = 0; numeric && i < out.length; i++) numeric = typeof value[i] === 'number' || typeof value[i] === 'bigint';
  const rows = [];
  for (let begin = 0; begin < count; begin += columns) {
    const end = Math.min(begin + columns, count);
    let line = '';
    for (let i = begin; i < end; i++) {
      const last = i === end - 1;
      const text = last ? out[i] : `${out[i]}, `;
      const room = widths[i - begin] - lengths[i] - 2;
      if (numeric) line += ' '.repeat(room) + text;
      else line += last ? text : text + ' '.repeat(room);
    }
    rows.push(line);
  }
  for (let i = count; i < out.length; i++) rows.push(out[i]);
  return rows;
}

function fitsOneLine(context, out, start, base) {
  let total = out.length + start;
  if (total + out.length > context.breakLength) return false;
  for (let i = 0; i < out.length; i++) {
    total += visibleLength(context, out[i]);
    if (total > context.breakLength) return false;
  }
  return base === '' || !base.includes('\n');
}

function join(context, out, base, open, close, kind, depth, value) {
  const indent = `\n${' '.repeat(context.indentation)}`;
  if (context.compact !== true) {
    if (typeof context.compact === 'number' && context.compact >= 1) {
      const entries = out.length;
      if (kind === AROUND_ARRAY && entries > 6) out = groupItems(context, out, value);
      // The innermost levels stand on one line, as many as `compact` says.
      if (context.currentDepth - depth < context.compact && entries === out.length) {
        const start = out.length + context.indentation + open.length + base.length + 10;
        if (fitsOneLine(context, out, start, base)) {
          const text = out.join(', ');
          if (!text.includes('\n')) return `${base ? `${base} ` : ''}${open} ${text} ${close}`;
        }
      }
    }
    return `${base ? `${base} ` : ''}${open}${indent}  ${out.join(`,${indent}  `)}${indent}${close}`;
  }
  if (fitsOneLine(context, out, 0, base)) return `${open}${base ? ` ${base}` : ''} ${out.join(', ')} ${close}`;
  const begin = base === '' && open.length === 1 ? ' ' : `${base ? ` ${base}` : ''}${indent}  `;
  return `${open}${begin}${out.join(`,${indent}  `)} ${close}`;
}

// ---- options

// What a custom inspector is given: the options as they are now, and `stylize`.
function userOptions(context, foreign) {
  const options = { stylize: context.stylize, showHidden: context.showHidden, depth: context.depth, colors: context.colors, customInspect: context.customInspect,
    showProxy: context.showProxy, maxArrayLength: context.maxArrayLength, maxStringLength: context.maxStringLength, breakLength: context.breakLength,
    compact: context.compact, sorted: context.sorted, getters: context.getters, numericSeparator: context.numericSeparator, ...context.given };
  if (foreign) {
    // For code of another realm nothing of this one may be reached.
    Object.setPrototypeOf(options, null);
    for (const key of Object.keys(options)) {
      if ((typeof options[key] === 'object' || typeof options[key] === 'function') && options[key] !== null) delete options[key];
    }
    options.stylize = Object.setPrototypeOf((text, style) => {
      let styled;
      try {
        styled = `${context.stylize(text, style)}`;
      } catch {}
      return typeof styled === 'string' ? styled : text;
    }, null);
  }
  return options;
}

function inspect(value, options) {
  let native = null;
  try {
    native = internalBinding('inspect');
  } catch {}
  const context = {
    native, given: undefined, indentation: 0, currentDepth: 0, seen: [], circular: undefined, spent: {}, stylize: plainStyle,
    ...DEFAULTS, breakLength: DEFAULTS.breakLength === 128 ? 80 : DEFAULTS.breakLength,
  };
  if (arguments.length > 1) {
    if (arguments.length > 2) {
      if (arguments[2] !== undefined) context.depth = arguments[2];
      if (arguments.length > 3 && arguments[3] !== undefined) context.colors = arguments[3];
    }
    if (typeof options === 'boolean') {
      context.showHidden = options;
    } else if (options) {
      for (const key of Object.keys(options)) {
        if (hasOwn(DEFAULTS, key) || key === 'stylize') context[key] = options[key];
        else if (context.given === undefined) context.given = options;
      }
    }
  }
  if (context.colors) context.stylize = colorStyle;
  if (context.maxArrayLength === null) context.maxArrayLength = Infinity;
  if (context.maxStringLength === null) context.maxStringLength = Infinity;
  return formatValue(context, value, 0);
}
inspect.custom = kCustom;
Object.defineProperty(inspect, 'defaultOptions', {
  get() { return DEFAULTS; },
  set(options) {
    require('internal/validators').validateObject(options, 'options');
    return Object.assign(DEFAULTS, options);
  },
  configurable: true, enumerable: true,
});
inspect.colors = COLORS;
inspect.styles = STYLES;

// ---- printf-like: %s %d %i %f %j %o %O %c %%

function format(...args) { return formatAll(undefined, args); }
function formatWithOptions(options, ...args) {
  require('internal/validators').validateObject(options, 'inspectOptions', 1);
  return formatAll(options, args);
}

function json(value) {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof TypeError && String(error.message).startsWith('Converting circular structure to JSON')) return '[Circular]';
    throw error;
  }
}

// Whether String(value) would only say "[object Object]" or the like.
function hasBuiltinToString(value) {
  let details;
  try {
    const native = internalBinding('inspect');
    while ((details = native.proxyDetails(value)) !== undefined) {
      if (details[0] === null) return true;
      [value] = details;
    }
  } catch {}
  const isOwn = hasOwn(value, 'toString');
  if (hasOwn(value, Symbol.toPrimitive) || typeof value[Symbol.toPrimitive] === 'function' && !isInstance(value, Date)) {
    if (typeof value[Symbol.toPrimitive] === 'function') return false;
  }
  if (typeof value.toString !== 'function') return true;
  if (isOwn) return false;
  let holder = value;
  do {
    holder = Object.getPrototypeOf(holder);
    if (holder === null) return true;
  } while (!hasOwn(holder, 'toString'));
  const descriptor = Object.getOwnPropertyDescriptor(holder, 'constructor');
  return descriptor !== undefined && typeof descriptor.value === 'function' && isBuiltinName(descriptor.value.name);
}

function formatArgument(spec, value, options) {
  switch (spec) {
    case '%s':
      if (typeof value === 'number') return formatNumber(plainStyle, value, options?.numericSeparator ?? DEFAULTS.numericSeparator);
      if (typeof value === 'bigint') return formatBigInt(plainStyle, value, options?.numericSeparator ?? DEFAULTS.numericSeparator);
      if (typeof value !== 'object' || value === null || !hasBuiltinToString(value)) return String(value);
      return inspect(value, { ...options, compact: 3, colors: false, depth: 0 });
    case '%d':
      if (typeof value === 'bigint') return formatBigInt(plainStyle, value, options?.numericSeparator ?? DEFAULTS.numericSeparator);
      return typeof value === 'symbol' ? 'NaN' : formatNumber(plainStyle, Number(value), options?.numericSeparator ?? DEFAULTS.numericSeparator);
    case '%i':
      if (typeof value === 'bigint') return formatBigInt(plainStyle, value, options?.numericSeparator ?? DEFAULTS.numericSeparator);
      return typeof value === 'symbol' ? 'NaN' : formatNumber(plainStyle, Number.parseInt(value), options?.numericSeparator ?? DEFAULTS.numericSeparator);
    case '%f': return typeof value === 'symbol' ? 'NaN' : formatNumber(plainStyle, Number.parseFloat(value), false);
    case '%j': return `${json(value)}`;
    case '%O': return inspect(value, options);
    case '%o': return inspect(value, { ...options, showHidden: true, showProxy: true, depth: 4 });
  }
  return '';
}

function formatAll(options, args) {
  let text = '';
  let index = 0;
  if (typeof args[0] === 'string') {
    if (args.length === 1) return args[0];
    index = 1;
    const pattern = args[0];
    text = pattern.includes('%') ? pattern.replace(/%[sdifjoOc%]/g, (spec) => {
      if (spec === '%%') return '%';
      return index < args.length ? formatArgument(spec, args[index++], options) : spec;
    }) : pattern;
  }
  for (let first = index === 0; index < args.length; index++, first = false) {
    if (!first) text += ' ';
    text += typeof args[index] === 'string' ? args[index] : inspect(args[index], options);
  }
  return text;
}

Object.assign(exports, { inspect, format, formatWithOptions, isError, stripVTControlCharacters, textWidth });
