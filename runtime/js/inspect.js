// SPDX-License-Identifier: Apache-2.0
// Values as text for people, in the form that Node's util.inspect prints: what console, uncaught errors and -p show.
'use strict';

const kCustom = Symbol.for('nodejs.util.inspect.custom');
const BREAK_LENGTH = 80;
const COMPACT_LEVELS = 3;
const MAX_ARRAY = 100;
const MAX_STRING = 10000;

const hasOwn = (object, key) => Object.prototype.hasOwnProperty.call(object, key);
const toStringTag = (value) => Object.prototype.toString.call(value).slice(8, -1);

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
  showHidden: false, depth: 2, colors: false, customInspect: true, showProxy: false, maxArrayLength: MAX_ARRAY, maxStringLength: MAX_STRING,
  breakLength: 128, compact: COMPACT_LEVELS, sorted: false, getters: false, numericSeparator: false,
};

function paint(context, text, style) {
  if (!context.colors) return context.stylize === undefined || context.stylize === null ? text : context.stylize(text, style);
  const sequence = COLORS[STYLES[style]];
  return sequence === undefined ? text : `\u001b[${sequence[0]}m${text}\u001b[${sequence[1]}m`;
}

const stripVTControlCharacters = (text) => text.replace(/[\u001b\u009b][[\]()#;?]*(?:(?:(?:(?:;[-a-zA-Z\d/#&.:=?%@~_]+)*|[a-zA-Z\d]+(?:;[-a-zA-Z\d/#&.:=?%@~_]*)*)?(?:\u0007|\u001b\u005c|\u009c))|(?:(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-nq-uy=><~]))/g, '');

const visibleLength = (context, text) => context.colors ? text.replace(/\u001b\[\d+m/g, '').length : text.length;

function quote(text) {
  let mark = "'";
  if (text.includes("'")) {
    if (!text.includes('"')) mark = '"';
    else if (!text.includes('`') && !text.includes('${')) mark = '`';
  }
  const escaped = text.replace(/[\u0000-\u001f\u007f-\u009f\\'"`]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, (c) => {
    switch (c) {
      case '\n': return '\\n';
      case '\t': return '\\t';
      case '\r': return '\\r';
      case '\b': return '\\b';
      case '\f': return '\\f';
      case '\v': return '\\x0B';
      case '\\': return '\\\\';
      case "'": case '"': case '`': return c === mark ? `\\${c}` : c;
    }
    const code = c.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).toUpperCase().padStart(2, '0')}` : `\\u${code.toString(16).toUpperCase()}`;
  });
  return mark + escaped + mark;
}

const grouped = (digits) => digits.replace(/\B(?=(\d{3})+(?!\d))/g, '_');

function numberText(context, value) {
  if (Object.is(value, -0)) return '-0';
  const text = `${value}`;
  if (!context.numericSeparator || !/^-?\d+(\.\d+)?$/.test(text)) return text;
  const [whole, fraction] = text.replace('-', '').split('.');
  const sign = value < 0 ? '-' : '';
  return `${sign}${grouped(whole)}${fraction === undefined ? '' : `.${fraction.replace(/(\d{3})(?=\d)/g, '$1_')}`}`;
}

function formatNumber(context, value) { return paint(context, numberText(context, value), 'number'); }

function formatBigInt(context, value) {
  const text = `${value}`;
  return paint(context, `${context.numericSeparator ? `${text.startsWith('-') ? '-' : ''}${grouped(text.replace('-', ''))}` : text}n`, 'bigint');
}

function formatPrimitive(context, value, typed) {
  switch (typeof value) {
    case 'string': {
      let tail = '';
      if (value.length > context.maxStringLength) {
        const rest = value.length - context.maxStringLength;
        value = value.slice(0, context.maxStringLength);
        tail = `... ${rest} more character${rest > 1 ? 's' : ''}`;
      }
      // A long text with several lines is shown line by line.
      if (typed !== true && value.length > 16 && value.length > context.breakLength - context.indentation - 4 &&
          value.includes('\n')) {
        return value.split(/(?<=\n)/).map((line) => paint(context, quote(line), 'string'))
          .join(` +\n${' '.repeat(context.indentation + 2)}`) + tail;
      }
      return paint(context, quote(value), 'string') + tail;
    }
    case 'number': return formatNumber(context, value);
    case 'bigint': return formatBigInt(context, value);
    case 'boolean': return paint(context, `${value}`, 'boolean');
    case 'undefined': return paint(context, 'undefined', 'undefined');
    case 'symbol': return paint(context, Symbol.prototype.toString.call(value), 'symbol');
  }
  return paint(context, 'null', 'null');
}

function constructorName(object) {
  let current = object;
  while (current !== null && current !== undefined) {
    const descriptor = Object.getOwnPropertyDescriptor(current, 'constructor');
    if (descriptor !== undefined && typeof descriptor.value === 'function' && descriptor.value.name !== '' &&
        isInstance(object, descriptor.value)) {
      return descriptor.value.name;
    }
    current = Object.getPrototypeOf(current);
  }
  return null;
}

function isInstance(object, constructor) {
  try {
    return object instanceof constructor;
  } catch {
    return false;
  }
}

function prefixOf(name, tag, fallback, size = '') {
  if (name === null) {
    if (tag !== '' && fallback !== tag) return `[${fallback}${size}: null prototype] [${tag}] `;
    return `[${fallback}${size}: null prototype] `;
  }
  return tag !== '' && name !== tag ? `${name}${size} [${tag}] ` : `${name}${size} `;
}

const isIdentifier = (key) => /^[A-Za-z_$][\w$]*$/.test(key);

function keysOf(context, value) {
  const keys = context.showHidden ? Object.getOwnPropertyNames(value) : Object.keys(value);
  for (const symbol of Object.getOwnPropertySymbols(value)) {
    if (context.showHidden || Object.prototype.propertyIsEnumerable.call(value, symbol)) keys.push(symbol);
  }
  return keys;
}

function formatProperty(context, object, key, depth, inArray) {
  const descriptor = Object.getOwnPropertyDescriptor(object, key) || { value: object[key], enumerable: true };
  let text;
  if (descriptor.value !== undefined || !(descriptor.get || descriptor.set)) {
    context.indentation += 2;
    text = formatValue(context, descriptor.value, depth);
    context.indentation -= 2;
    if (inArray && descriptor.enumerable) return text;
  } else if (descriptor.get) {
    const label = descriptor.set ? 'Getter/Setter' : 'Getter';
    text = paint(context, `[${label}]`, 'special');
    const { getters } = context;
    if (getters && (getters === true || (getters === 'get' && !descriptor.set) || (getters === 'set' && descriptor.set))) {
      try {
        const value = Reflect.apply(descriptor.get, context.original ?? object, []);
        context.indentation += 2;
        if (value === null || typeof value !== 'object') {
          text = `${paint(context, `[${label}:`, 'special')} ${formatValue(context, value, depth)}${paint(context, ']', 'special')}`;
        } else {
          text = `${paint(context, `[${label}]`, 'special')} ${formatValue(context, value, depth)}`;
        }
        context.indentation -= 2;
      } catch (error) {
        text = paint(context, `[${label}: <Inspection threw (${error === null || error === undefined ? error : error.message})>]`, 'special');
      }
    }
  } else {
    text = paint(context, '[Setter]', 'special');
  }
  if (inArray) return text;
  let name;
  if (typeof key === 'symbol') name = `[${paint(context, Symbol.prototype.toString.call(key), 'symbol')}]`;
  else if (key === '__proto__') name = "['__proto__']";
  else if (!descriptor.enumerable) name = `[${key}]`;
  else if (isIdentifier(key)) name = key;
  else name = paint(context, quote(key), 'string');
  return `${name}: ${text}`;
}

const typedArrayTag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;

function more(count, what = 'item') {
  return `... ${count} more ${what}${count > 1 ? 's' : ''}`;
}

function formatArrayItems(context, value, depth) {
  const out = [];
  const length = value.length;
  const shown = Math.min(context.maxArrayLength, length);
  let index = 0;
  while (index < length && out.length < shown) {
    if (hasOwn(value, index)) {
      out.push(formatProperty(context, value, `${index}`, depth, true));
      index++;
      continue;
    }
    let end = index;
    while (end < length && !hasOwn(value, end)) end++;
    out.push(paint(context, `<${end - index} empty item${end - index > 1 ? 's' : ''}>`, 'undefined'));
    index = end;
  }
  if (index < length) out.push(more(length - index));
  return out;
}

// Many short entries are set in columns.
function groupItems(context, out, value, extra) {
  let total = 0;
  let longest = 0;
  const count = extra ? out.length - 1 : out.length;
  const lengths = new Array(count);
  for (let i = 0; i < count; i++) {
    const length = visibleLength(context, out[i]);
    lengths[i] = length;
    total += length + 2;
    if (longest < length) longest = length;
  }
  const width = longest + 2;
  if (!(width * 3 + context.indentation < context.breakLength && (total / width > 5 || longest <= 6))) return out;
  // As wide as it is high, about: a character is 2.5 times as high as it is wide.
  const usual = Math.max(width - 3 - Math.sqrt(width - total / out.length), 1);
  const columns = Math.min(
    Math.round(Math.sqrt(2.5 * usual * count) / usual),
    Math.floor((context.breakLength - context.indentation) / width),
    context.compact * 4,
    15,
  );
  if (columns <= 1) return out;
  const widths = [];
  for (let column = 0; column < columns; column++) {
    let widest = 0;
    for (let i = column; i < count; i += columns) widest = Math.max(widest, lengths[i]);
    widths.push(widest + 2);
  }
  const numeric = value !== undefined && value.every((item) => typeof item === 'number' || typeof item === 'bigint');
  const grouped = [];
  for (let row = 0; row < count; row += columns) {
    const end = Math.min(row + columns, count);
    let line = '';
    for (let i = row; i < end; i++) {
      const last = i === end - 1;
      const text = last ? out[i] : `${out[i]}, `;
      const room = widths[i - row] - (last ? 2 : 0) - (lengths[i] + (last ? 0 : 2));
      if (numeric) line += ' '.repeat(room) + text;
      else line += last ? text : text + ' '.repeat(room);
    }
    grouped.push(line);
  }
  if (extra) grouped.push(out[out.length - 1]);
  return grouped;
}

function join(context, out, base, open, close, depth, isArray, value) {
  const entries = out.length;
  if (context.compact !== true && typeof context.compact !== 'number') {
    const indent = `\n${' '.repeat(context.indentation)}`;
    return `${base ? `${base} ` : ''}${open}${indent}  ${out.join(`,${indent}  `)}${indent}${close}`;
  }
  if (isArray && entries > 6 && context.compact !== true && context.compact >= 1) out = groupItems(context, out, value, value !== undefined && value.length > context.maxArrayLength);
  if (context.compact === true) {
    const indent = `\n${' '.repeat(context.indentation)}`;
    const fits = out.length + out.reduce((sum, each) => sum + visibleLength(context, each), 0) + open.length + context.indentation <= context.breakLength && !base.includes('\n');
    if (fits) return `${open}${base ? ` ${base}` : ''} ${out.join(', ')} ${close}`;
    return `${base ? `${base} ` : ''}${open} ${out.join(`,${indent}  `)} ${close}`;
  }
  if (context.currentDepth - depth < context.compact && entries === out.length) {
    const start = out.length + context.indentation + open.length + base.length + 10;
    let total = out.length + start;
    let fits = !base.includes('\n');
    for (let i = 0; fits && i < out.length; i++) {
      total += visibleLength(context, out[i]);
      if (total > context.breakLength || out[i].includes('\n')) fits = false;
    }
    if (fits && total <= context.breakLength) return `${base ? `${base} ` : ''}${open} ${out.join(', ')} ${close}`;
  }
  const indent = `\n${' '.repeat(context.indentation)}`;
  return `${base ? `${base} ` : ''}${open}${indent}  ${out.join(`,${indent}  `)}${indent}${close}`;
}

function errorText(context, error, keys) {
  let stack = typeof error.stack === 'string' && error.stack !== '' ? error.stack : `[${Error.prototype.toString.call(error)}]`;
  // A stack is fixed when the error is made; show the name and message of a subclass that set them later.
  const name = typeof error.name === 'string' ? error.name : 'Error';
  const constructor = constructorName(error);
  if (constructor !== null && name !== constructor && name.endsWith('Error') && stack.startsWith(name) && !name.includes(constructor)) {
    if (constructor.includes(name) || !hasOwn(error, 'name')) stack = constructor + stack.slice(name.length);
  } else if (constructor !== null && name === 'Error' && constructor !== 'Error' && stack.startsWith('Error')) {
    stack = constructor + stack.slice(5);
  }
  if (error.code !== undefined && typeof error.code === 'string' && hasOwn(error, 'code') && !stack.includes(error.code) &&
      stack.startsWith(name) && error[Symbol.for('sluice.coded')] === true) {
    stack = `${name} [${error.code}]${stack.slice(name.length)}`;
  }
  for (const key of ['name', 'message', 'stack']) {
    const at = keys.indexOf(key);
    if (at !== -1 && stack.includes(String(error[key]))) keys.splice(at, 1);
  }
  if ('cause' in error && hasOwn(error, 'cause') && !keys.includes('cause')) keys.push('cause');
  if (Array.isArray(error.errors) && hasOwn(error, 'errors') && !keys.includes('errors')) keys.push('errors');
  const at = stack.indexOf('\n    at');
  if (at === -1 && !stack.startsWith('[')) stack = `[${stack}]`;
  if (context.indentation !== 0) stack = stack.replace(/\n/g, `\n${' '.repeat(context.indentation)}`);
  return stack;
}

function functionText(value, name, tag) {
  const source = Function.prototype.toString.call(value);
  if (source.startsWith('class') && source.endsWith('}')) {
    let text = hasOwn(value, 'name') && value.name !== '' ? `[class ${value.name}` : '[class (anonymous)';
    if (name !== 'Function' && name !== null) text += ` [${name}]`;
    const parent = Object.getPrototypeOf(value);
    if (typeof parent === 'function' && parent.name) text += ` extends ${parent.name}`;
    else if (parent === null) text += ' extends null';
    return `${text}]`;
  }
  const kind = { GeneratorFunction: 'GeneratorFunction', AsyncFunction: 'AsyncFunction', AsyncGeneratorFunction: 'AsyncGeneratorFunction' }[toStringTag(value)] || 'Function';
  let text = `[${kind}${value.name === '' ? ' (anonymous)' : `: ${value.name}`}]`;
  if (name === null) text += ' [null prototype]';
  if (tag !== '' && tag !== kind) text += ` [${tag}]`;
  return text;
}

function formatValue(context, value, depth, typed) {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return formatPrimitive(context, value, typed);
  const details = context.native ? context.native.proxyDetails(value) : undefined;
  if (details !== undefined) {
    if (context.showProxy) return `Proxy ${formatValue(context, details, depth)}`;
    if (details[0] === null) return paint(context, '<Revoked Proxy>', 'special');
    return formatValue(context, details[0], depth, typed);
  }
  if (context.customInspect) {
    const custom = value[kCustom];
    if (typeof custom === 'function' && custom !== inspect &&
        // Not the prototype of a class itself.
        !(value.constructor && value.constructor.prototype === value)) {
      const room = context.depth === null ? null : context.depth - depth;
      const result = Reflect.apply(custom, value, [room, userOptions(context, room), inspect]);
      if (result !== value) {
        if (typeof result !== 'object') return `${result}`.replace(/\n/g, `\n${' '.repeat(context.indentation)}`);
        return formatValue(context, result, depth);
      }
    }
  }
  if (context.seen.includes(value)) {
    if (!context.circular.has(value)) context.circular.set(value, context.circular.size + 1);
    return paint(context, `[Circular *${context.circular.get(value)}]`, 'special');
  }
  return formatObject(context, value, depth, typed);
}

function formatObject(context, value, depth) {
  const native = context.native;
  const name = constructorName(value);
  let tag = '';
  try {
    tag = value[Symbol.toStringTag];
  } catch {}
  if (typeof tag !== 'string' || tag === '' || tag === name) tag = '';
  let keys = null;
  let base = '';
  let open = '{';
  let close = '}';
  let isArray = false;
  let items = () => [];
  const plainTag = toStringTag(value);

  if (Array.isArray(value)) {
    keys = keysOf(context, value).filter((key) => typeof key === 'symbol' || !/^(0|[1-9]\d*)$/.test(key));
    if (!context.showHidden) keys = keys.filter((key) => key !== 'length');
    const prefix = name !== 'Array' || tag !== '' ? prefixOf(name, tag, 'Array', `(${value.length})`) : '';
    open = `${prefix}[`;
    close = ']';
    isArray = true;
    if (value.length === 0 && keys.length === 0) return `${open}]`;
    items = () => formatArrayItems(context, value, depth + 1);
  } else if (ArrayBuffer.isView(value) && typedArrayTag.call(value) !== undefined) {
    keys = keysOf(context, value).filter((key) => typeof key === 'symbol' || !/^(0|[1-9]\d*)$/.test(key));
    open = `${prefixOf(name, tag, typedArrayTag.call(value), `(${value.length})`)}[`;
    close = ']';
    isArray = true;
    if (value.length === 0 && keys.length === 0) return `${open}]`;
    items = () => {
      const shown = Math.min(context.maxArrayLength, value.length);
      const out = [];
      for (let i = 0; i < shown; i++) out.push(formatPrimitive(context, value[i]));
      if (value.length > shown) out.push(more(value.length - shown));
      return out;
    };
  } else if (native && native.isMap(value)) {
    keys = keysOf(context, value);
    const size = Object.getOwnPropertyDescriptor(Map.prototype, 'size').get.call(value);
    open = `${prefixOf(name, tag, 'Map', `(${size})`)}{`;
    if (size === 0 && keys.length === 0) return `${open}}`;
    items = () => {
      const out = [];
      context.indentation += 2;
      let left = context.maxArrayLength;
      for (const [key, item] of Map.prototype.entries.call(value)) {
        if (left-- <= 0) {
          out.push(more(size - context.maxArrayLength));
          break;
        }
        out.push(`${formatValue(context, key, depth + 1)} => ${formatValue(context, item, depth + 1)}`);
      }
      context.indentation -= 2;
      return out;
    };
  } else if (native && native.isSet(value)) {
    keys = keysOf(context, value);
    const size = Object.getOwnPropertyDescriptor(Set.prototype, 'size').get.call(value);
    open = `${prefixOf(name, tag, 'Set', `(${size})`)}{`;
    if (size === 0 && keys.length === 0) return `${open}}`;
    items = () => {
      const out = [];
      context.indentation += 2;
      let left = context.maxArrayLength;
      for (const item of Set.prototype.values.call(value)) {
        if (left-- <= 0) {
          out.push(more(size - context.maxArrayLength));
          break;
        }
        out.push(formatValue(context, item, depth + 1));
      }
      context.indentation -= 2;
      return out;
    };
  } else {
    keys = keysOf(context, value);
    if (typeof value === 'function') {
      base = functionText(value, name, tag);
      if (keys.length === 0) return paint(context, base, 'special');
    } else if (isError(value)) {
      base = errorText(context, value, keys);
      if (keys.length === 0) return base;
    } else if (plainTag === 'Arguments' && tag === '') {
      open = '[Arguments] {';
      if (keys.length === 0) return '[Arguments] {}';
    } else if (isRegExp(value)) {
      base = RegExp.prototype.toString.call(value);
      const prefix = prefixOf(name, tag, 'RegExp');
      if (prefix !== 'RegExp ') base = `${prefix}${base}`;
      if (keys.length === 0) return paint(context, base, 'regexp');
    } else if (value instanceof Date && native && native.isDate(value)) {
      base = Number.isNaN(value.getTime()) ? Date.prototype.toString.call(value) : Date.prototype.toISOString.call(value);
      const prefix = prefixOf(name, tag, 'Date');
      if (prefix !== 'Date ') base = `${prefix}${base}`;
      if (keys.length === 0) return paint(context, base, 'date');
    } else if (native && native.isPromise(value)) {
      open = `${prefixOf(name, tag, 'Promise')}{`;
      items = () => {
        const [state, result] = native.promiseDetails(value);
        if (state === 0) return [paint(context, '<pending>', 'special')];
        context.indentation += 2;
        const text = formatValue(context, result, depth + 1);
        context.indentation -= 2;
        return [state === 2 ? `${paint(context, '<rejected>', 'special')} ${text}` : text];
      };
    } else if (value instanceof WeakMap || value instanceof WeakSet) {
      open = `${prefixOf(name, tag, value instanceof WeakMap ? 'WeakMap' : 'WeakSet')}{`;
      items = () => [paint(context, '<items unknown>', 'special')];
    } else if (native && (native.isArrayBuffer(value))) {
      open = `${prefixOf(name, tag, 'ArrayBuffer')}{`;
      items = () => {
        const bytes = new Uint8Array(value);
        const shown = bytes.subarray(0, 50);
        let text = Array.prototype.map.call(shown, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
        if (bytes.length > 50) text += ` ... ${bytes.length - 50} more byte${bytes.length > 51 ? 's' : ''}`;
        return [`[Uint8Contents]: <${text}>`, `byteLength: ${formatNumber(context, value.byteLength)}`];
      };
    } else if (value instanceof DataView) {
      open = `${prefixOf(name, tag, 'DataView')}{`;
      items = () => ['byteLength', 'byteOffset', 'buffer'].map((key) => `${key}: ${formatValue(context, value[key], depth + 1)}`);
    } else if (native && native.isModuleNamespace(value)) {
      open = '[Module: null prototype] {';
    } else if (native && native.isBoxed(value)) {
      const inner = unboxed(value);
      const type = { number: 'Number', string: 'String', boolean: 'Boolean', bigint: 'BigInt', symbol: 'Symbol' }[typeof inner];
      if (type === 'String') keys = keys.filter((key) => typeof key === 'symbol' || !/^\d+$/.test(key));
      base = `[${type}${name !== type ? ` (${name})` : ''}: ${formatPrimitive({ ...context, colors: false }, inner, true)}]`;
      if (keys.length === 0) return paint(context, base, typeof inner);
    } else if (typeof URL === 'function' && value instanceof URL) {
      base = value.href;
      if (keys.length === 0) return base;
    } else if (native && native.isGenerator(value)) {
      open = `${prefixOf(name, tag, 'Generator')}{`;
    } else if (native && (native.isMapIterator(value) || native.isSetIterator(value))) {
      const [entries, pairs] = native.previewEntries(value);
      open = `[${pairs ? plainTag.replace('Iterator', 'Entries') : plainTag}] {`;
      items = () => {
        const out = [];
        context.indentation += 2;
        for (let i = 0; i < entries.length; i += pairs ? 2 : 1) {
          out.push(pairs ? `[ ${formatValue(context, entries[i], depth + 1)}, ${formatValue(context, entries[i + 1], depth + 1)} ]`
            : formatValue(context, entries[i], depth + 1));
        }
        context.indentation -= 2;
        return out;
      };
    } else {
      const prefix = name === 'Object' && tag === '' ? '' : prefixOf(name, tag, 'Object');
      open = `${prefix}{`;
      if (keys.length === 0) return `${open}}`;
    }
  }

  if (context.depth !== null && depth > context.depth) {
    let short = prefixOf(name, tag, isArray ? 'Array' : 'Object').slice(0, -1);
    if (name === null) return paint(context, `[${short}]`, 'special');
    if (isArray && name === 'Array') short = 'Array';
    return paint(context, `[${short}]`, 'special');
  }

  context.seen.push(value);
  context.currentDepth = depth;
  let out;
  out = items();
  for (const key of keys) {
    let text;
    try {
      text = formatProperty(context, value, key, depth + 1, false);
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      text = `${String(key)}: ${paint(context, '<uninitialized>', 'special')}`;
    }
    out.push(text);
  }
  context.seen.pop();
  if (context.sorted) {
    const compare = context.sorted === true ? undefined : context.sorted;
    if (isArray && keys.length < out.length) out = [...out.slice(0, out.length - keys.length), ...out.slice(out.length - keys.length).sort(compare)];
    else if (!isArray) out.sort(compare);
  }

  const reference = context.circular.get(value);
  if (reference !== undefined) {
    const mark = paint(context, `<ref *${reference}>`, 'special');
    if (base === '') open = `${mark} ${open}`;
    else base = `${mark} ${base}`;
  }
  if (out.length === 0 && base === '') return `${open}${close}`;
  return join(context, out, base, open, close, depth, isArray, Array.isArray(value) || ArrayBuffer.isView(value) ? value : undefined);
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

// What a boxed primitive holds, whatever its methods say.
function unboxed(value) {
  for (const kind of [Number, String, Boolean, BigInt, Symbol]) {
    try {
      return kind.prototype.valueOf.call(value);
    } catch {}
  }
  return undefined;
}

function isError(value) {
  return value instanceof Error || toStringTag(value) === 'Error';
}

function userOptions(context, room) {
  const options = {};
  for (const key of Object.keys(DEFAULTS)) options[key] = context[key];
  return { ...options, ...context.options, depth: room, stylize: (text, style) => STYLES[style] ? paint(context, text, style) : text };
}

function inspect(value, options) {
  let settings = options;
  if (typeof options === 'boolean' || arguments.length > 2) {
    settings = typeof options === 'object' && options !== null ? { ...options } : { showHidden: options };
    if (arguments[2] !== undefined) settings.depth = arguments[2];
    if (arguments[3] !== undefined) settings.colors = arguments[3];
  }
  const given = settings || {};
  let native = null;
  try {
    native = internalBinding('inspect');
  } catch {}
  const context = {
    ...DEFAULTS, breakLength: given.compact === undefined && given.breakLength === undefined && DEFAULTS.breakLength === 128 ? BREAK_LENGTH : DEFAULTS.breakLength,
    native, options: {}, stylize: null, indentation: 0, currentDepth: 0, seen: [], circular: new Map(),
  };
  for (const key of Object.keys(given)) {
    if (key in DEFAULTS) context[key] = given[key] === undefined && key !== 'depth' ? context[key] : given[key];
    else if (key === 'stylize') context.stylize = null;
    else context.options[key] = given[key];
  }
  if (given.depth === undefined && !('depth' in given)) context.depth = DEFAULTS.depth;
  if (context.depth === undefined) context.depth = given.depth === undefined && 'depth' in given ? 2 : context.depth;
  if (context.depth === Infinity) context.depth = null;
  if (context.maxArrayLength === null) context.maxArrayLength = Infinity;
  if (context.maxStringLength === null) context.maxStringLength = Infinity;
  return formatValue(context, value, 0, true);
}
inspect.colors = COLORS;
inspect.styles = STYLES;
Object.defineProperty(inspect, 'defaultOptions', {
  get() { return DEFAULTS; },
  set(options) {
    require('internal/validators').validateObject(options, 'options');
    return Object.assign(DEFAULTS, options);
  },
  configurable: true, enumerable: true,
});
inspect.custom = kCustom;

// printf-like: %s %d %i %f %j %o %O %c %%.
function format(...args) { return formatWithOptions({}, ...args); }

function formatWithOptions(options, ...args) {
  const plain = { colors: false, numericSeparator: options.numericSeparator ?? DEFAULTS.numericSeparator };
  let text = '';
  let index = 0;
  if (typeof args[0] === 'string') {
    if (args.length === 1) return args[0];
    index = 1;
    text = args[0].replace(/%[sdifjoOc%]/g, (spec) => {
      if (spec === '%%') return '%';
      if (index >= args.length) return spec;
      const value = args[index++];
      switch (spec) {
        case '%s':
          if (typeof value === 'number') return formatNumber(plain, value);
          if (typeof value === 'bigint') return formatBigInt(plain, value);
          if (typeof value !== 'object' || value === null) return typeof value === 'function' ? String(value) : typeof value === 'symbol' ? value.toString() : `${value}`;
          if (typeof value.toString === 'function' && (hasOwn(value, 'toString') || (value.toString !== Object.prototype.toString && value.toString !== Error.prototype.toString && value.toString !== Array.prototype.toString && !isBuiltin(value)))) return String(value);
          return inspect(value, { ...options, depth: 0, colors: false });
        case '%d':
          if (typeof value === 'bigint') return formatBigInt(plain, value);
          return formatNumber(plain, typeof value === 'symbol' ? NaN : Number(value));
        case '%i':
          if (typeof value === 'bigint') return formatBigInt(plain, value);
          return typeof value === 'symbol' ? 'NaN' : formatNumber(plain, parseInt(value));
        case '%f': return typeof value === 'symbol' ? 'NaN' : formatNumber(plain, parseFloat(value));
        case '%j':
          try {
            return String(JSON.stringify(value));
          } catch (error) {
            if (String(error.message).includes('circular')) return '[Circular]';
            throw error;
          }
        case '%o': return inspect(value, { ...options, showHidden: true, showProxy: true, depth: 4 });
        case '%O': return inspect(value, options);
        case '%c': return '';
      }
      return spec;
    });
  }
  for (let first = index === 0; index < args.length; index++, first = false) {
    if (!first) text += ' ';
    text += typeof args[index] === 'string' ? args[index] : inspect(args[index], options);
  }
  return text;
}

function isBuiltin(value) {
  const name = constructorName(value);
  return name === null || (typeof globalThis[name] === 'function' && /\[native code\]/.test(Function.prototype.toString.call(globalThis[name])));
}

Object.assign(exports, { inspect, format, formatWithOptions, isError, stripVTControlCharacters });
