// SPDX-License-Identifier: Apache-2.0
// console and its class Console, with Node's names and output. The console of the program writes to the process's descriptors
// itself as long as nobody has asked for process.stdout or process.stderr.
'use strict';

const { inspect, formatWithOptions, textWidth } = require('internal/inspect');
const { codes } = require('internal/errors');

// Hidden state of a console, by the object.
const kState = Symbol('console');
// Channels of diagnostics_channel by method, as far as somebody made them.
const channels = exports.channels = { __proto__: null };

const nothing = () => {};
const warn = (text) => require('internal/process').process.emitWarning(text);

// ---- writing

// What stands for a descriptor until there is a stream.
class Descriptor {
  constructor(fd) { this.fd = fd; }
  get isTTY() { return internalBinding('process').isTerminal(this.fd); }
  write(text) { internalBinding('process').write(this.fd, text); }
}
const descriptors = [new Descriptor(1), new Descriptor(2)];
const NAMES = ['stdout', 'stderr'];

// The stream of the program's console.
function standardStream(index) {
  const { process, standardStream: find } = require('internal/process');
  if (find !== undefined) {
    const known = find(index + 1);
    if (known !== undefined) return known;
    // Also where a program has put another stream in its place.
    const own = Object.getOwnPropertyDescriptor(process, NAMES[index]);
    return own !== undefined && own.get === undefined && own.value !== undefined ? own.value : descriptors[index];
  }
  const own = Object.getOwnPropertyDescriptor(process, NAMES[index]);
  return own !== undefined && own.get === undefined ? own.value : descriptors[index];
}

function isStackOverflow(error) { return error instanceof RangeError && String(error.message).includes('call stack'); }

function write(console, index, text) {
  const state = console[kState];
  if (state.indent !== '') text = state.indent + (text.includes('\n') ? text.replace(/\n/g, `\n${state.indent}`) : text);
  text += '\n';
  const stream = streamOf(console, index);
  if (stream === descriptors[index]) {
    stream.write(text);
    return;
  }
  if (!state.ignoreErrors) {
    stream.write(text);
    return;
  }
  // What goes wrong with the stream is no error of who logs.
  const canListen = typeof stream.once === 'function' && typeof stream.removeListener === 'function';
  try {
    if (canListen && (typeof stream.listenerCount !== 'function' || stream.listenerCount('error') === 0)) stream.once('error', nothing);
    stream.write(text, (error) => {
      if (error !== null && error !== undefined && stream._writableState !== undefined && !stream._writableState.errorEmitted && stream.listenerCount('error') === 0) {
        stream.once('error', nothing);
      }
    });
  } catch (error) {
    if (isStackOverflow(error)) throw error;
  } finally {
    if (canListen) stream.removeListener('error', nothing);
  }
}

function streamOf(console, index) {
  const { streams } = console[kState];
  return streams === null ? standardStream(index) : console[index === 0 ? '_stdout' : '_stderr'];
}

const PLAIN = {};
const COLORED = { colors: true };
function optionsFor(console, index) {
  const state = console[kState];
  const stream = streamOf(console, index);
  const color = state.colorMode === 'auto' ? wantsColor(stream) : state.colorMode;
  if (state.inspectOptions !== undefined) {
    const options = typeof state.inspectOptions.get === 'function' && state.inspectOptions instanceof Map ? state.inspectOptions.get(stream) ?? {} : state.inspectOptions;
    return options.colors === undefined ? { ...options, colors: color } : options;
  }
  return color ? COLORED : PLAIN;
}

function wantsColor(stream) {
  const { process } = require('internal/process');
  if (!stream.isTTY) return process.env.FORCE_COLOR !== undefined && process.env.FORCE_COLOR !== '0';
  if (process.env.NO_COLOR) return false;
  return typeof stream.getColorDepth === 'function' ? stream.getColorDepth() > 2 : true;
}

function print(console, index, args) {
  const text = args.length === 1 && typeof args[0] === 'string' ? args[0] : formatWithOptions(optionsFor(console, index), ...args);
  write(console, index, text);
}

// ---- tables

function renderTable(head, columns) {
  const rows = [];
  const widths = head.map((name) => textWidth(name));
  const height = Math.max(0, ...columns.map((column) => column.length));
  for (let i = 0; i < columns.length; i++) {
    for (let j = 0; j < height; j++) {
      rows[j] ??= [];
      const cell = rows[j][i] = Object.hasOwn(columns[i], j) ? columns[i][j] : '';
      widths[i] = Math.max(widths[i] || 0, textWidth(cell));
    }
  }
  const rule = (left, middle, right) => left + widths.map((width) => '\u2500'.repeat(width + 2)).join(middle) + right;
  const show = (row) => `\u2502 ${row.map((cell, i) => cell + ' '.repeat(widths[i] - textWidth(cell))).join(' \u2502 ')} \u2502`;
  return [rule('\u250c', '\u252c', '\u2510'), show(head), rule('\u251c', '\u253c', '\u2524'), ...rows.map(show), rule('\u2514', '\u2534', '\u2518')].join('\n');
}

function cellText(value) {
  const isLarge = value !== null && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length > 2;
  return inspect(value, { maxArrayLength: 3, breakLength: Infinity, depth: isLarge ? -1 : 0, colors: false });
}
const indexes = (count) => Array.from({ length: count }, (_, i) => cellText(i));

function tableOf(data, properties) {
  const native = internalBinding('inspect');
  let pairs = native.isMap(data) ? [...data] : null;
  let values = native.isSet(data) ? [...data] : null;
  if (native.isMapIterator(data) || native.isSetIterator(data)) {
    const [entries, areKeyed] = native.previewEntries(data);
    if (areKeyed) {
      pairs = [];
      for (let i = 0; i < entries.length; i += 2) pairs.push([entries[i], entries[i + 1]]);
    } else {
      values = entries;
    }
  }
  if (pairs !== null) {
    return renderTable(['(iteration index)', 'Key', 'Values'], [indexes(pairs.length), pairs.map(([key]) => cellText(key)), pairs.map(([, value]) => cellText(value))]);
  }
  if (values !== null) return renderTable(['(iteration index)', 'Values'], [indexes(values.length), values.map(cellText)]);
  const columns = new Map();
  const simple = [];
  let hasSimple = false;
  const keys = Object.keys(data);
  for (let i = 0; i < keys.length; i++) {
    const item = data[keys[i]];
    if (item === null || (typeof item !== 'function' && typeof item !== 'object')) {
      hasSimple = true;
      simple[i] = cellText(item);
      continue;
    }
    for (const name of properties ?? Object.keys(item)) {
      if (!columns.has(`${name}`)) columns.set(`${name}`, []);
      columns.get(`${name}`)[i] = Object.hasOwn(item, name) ? cellText(item[name]) : '';
    }
  }
  const head = ['(index)', ...columns.keys()];
  const body = [keys, ...columns.values()];
  if (hasSimple) {
    head.push('Values');
    body.push(simple);
  }
  return renderTable(head, body);
}

// ---- times

function elapsedText(ms) {
  const pad = (number) => `${number}`.padStart(2, '0');
  if (ms >= 60000) {
    const hours = Math.floor(ms / 3600000);
    const minutes = Math.floor(ms % 3600000 / 60000);
    const [seconds, rest] = (ms % 60000 / 1000).toFixed(3).split('.');
    return `${hours !== 0 ? `${hours}:${pad(minutes)}` : minutes}:${pad(seconds)}.${rest} (${hours !== 0 ? 'h:m' : ''}m:ss.mmm)`;
  }
  return ms >= 1000 ? `${(ms / 1000).toFixed(3)}s` : `${Number(ms.toFixed(3))}ms`;
}

function logTime(console, label, name, args) {
  const start = console[kState].timers.get(label);
  if (start === undefined) {
    warn(`No such label '${label}' for console.${name}()`);
    return false;
  }
  const text = `${label}: ${elapsedText(internalBinding('process').now() - start)}`;
  if (args.length === 0) print(console, 0, ['%s', text]);
  else print(console, 0, ['%s', text, ...args]);
  return true;
}

// ---- methods

function publish(name, args) {
  const channel = channels[name];
  if (channel !== undefined && channel.hasSubscribers) channel.publish(args);
}

const methods = {
  log(...args) {
    publish('log', args);
    print(this, 0, args);
  },
  debug(...args) {
    publish('debug', args);
    print(this, 0, args);
  },
  info(...args) {
    publish('info', args);
    print(this, 0, args);
  },
  warn(...args) {
    publish('warn', args);
    print(this, 1, args);
  },
  error(...args) {
    publish('error', args);
    print(this, 1, args);
  },
  dir(value, options) { write(this, 0, inspect(value, { customInspect: false, ...optionsFor(this, 0), ...options })); },
  dirxml(...args) { this.log(...args); },
  time(label = 'default') {
    label = `${label}`;
    const { timers } = this[kState];
    if (timers.has(label)) warn(`Label '${label}' already exists for console.time()`);
    else timers.set(label, internalBinding('process').now());
  },
  timeEnd(label = 'default') {
    label = `${label}`;
    if (logTime(this, label, 'timeEnd', [])) this[kState].timers.delete(label);
  },
  timeLog(label = 'default', ...args) { logTime(this, `${label}`, 'timeLog', args); },
  trace: function trace(...args) {
    const holder = { name: 'Trace', message: formatWithOptions(optionsFor(this, 1), ...args) };
    Error.captureStackTrace(holder, trace);
    this.error(holder.stack);
  },
  assert(condition, ...args) {
    if (condition) return;
    if (typeof args[0] === 'string') args[0] = `Assertion failed: ${args[0]}`;
    else args.unshift('Assertion failed');
    this.warn(...args);
  },
  clear() {
    const stream = streamOf(this, 0);
    if (!stream.isTTY || require('internal/process').process.env.TERM === 'dumb') return;
    stream.write('\u001b[1;1H\u001b[0J');
  },
  count(label = 'default') {
    label = `${label}`;
    const { counts } = this[kState];
    const count = (counts.get(label) ?? 0) + 1;
    counts.set(label, count);
    this.log(`${label}: ${count}`);
  },
  countReset(label = 'default') {
    label = `${label}`;
    if (!this[kState].counts.delete(label)) warn(`Count for '${label}' does not exist`);
  },
  group(...args) {
    if (args.length > 0) this.log(...args);
    const state = this[kState];
    state.indent += ' '.repeat(state.groupIndentation);
  },
  groupEnd() {
    const state = this[kState];
    state.indent = state.indent.slice(0, state.indent.length - state.groupIndentation);
  },
  table(data, properties) {
    if (data === null || typeof data !== 'object') {
      this.log(data);
      return;
    }
    if (properties !== undefined) require('internal/validators').validateArray(properties, 'properties');
    this.log(tableOf(data, properties));
  },
};
methods.groupCollapsed = methods.group;

const newState = (streams, ignoreErrors, colorMode, inspectOptions, groupIndentation) => ({
  streams, ignoreErrors, colorMode, inspectOptions, groupIndentation, indent: '', counts: new Map(), timers: new Map(),
});

// ---- Console

function Console(options, ...rest) {
  if (!new.target) return Reflect.construct(Console, [options, ...rest]);
  // (stdout, stderr, ignoreErrors) or one object
  if (!options || typeof options.write === 'function') options = { stdout: options, stderr: rest[0], ignoreErrors: rest[1] };
  const { stdout, stderr = stdout, ignoreErrors = true, colorMode = 'auto', inspectOptions, groupIndentation = 2 } = options;
  if (!stdout || typeof stdout.write !== 'function') throw new codes.ERR_CONSOLE_WRITABLE_STREAM('stdout');
  if (!stderr || typeof stderr.write !== 'function') throw new codes.ERR_CONSOLE_WRITABLE_STREAM('stderr');
  const { validateInteger, validateObject, validateOneOf } = require('internal/validators');
  validateOneOf(colorMode, 'colorMode', ['auto', true, false]);
  if (groupIndentation !== undefined) validateInteger(groupIndentation, 'groupIndentation', 0, 1000);
  if (inspectOptions !== undefined) {
    validateObject(inspectOptions, 'options.inspectOptions');
    const all = inspectOptions instanceof Map ? [...inspectOptions.values()] : [inspectOptions];
    for (const each of all) {
      if (each.colors !== undefined && options.colorMode !== undefined) throw new codes.ERR_INCOMPATIBLE_OPTION_PAIR('options.inspectOptions.color', 'colorMode');
    }
  }
  Object.defineProperty(this, kState, { value: newState([stdout, stderr], Boolean(ignoreErrors), colorMode, inspectOptions, groupIndentation), configurable: true });
  for (const [key, value] of [['_stdout', stdout], ['_stderr', stderr]]) Object.defineProperty(this, key, { value, writable: true, configurable: true, enumerable: false });
  for (const name of Object.keys(Console.prototype)) this[name] = this[name].bind(this);
}
for (const name of Object.keys(methods)) Console.prototype[name] = methods[name];
Object.defineProperty(Console, Symbol.hasInstance, { value(instance) { return instance !== null && typeof instance === 'object' && instance[kState] !== undefined; } });

// ---- the program's own

const object = Object.create({});
Object.defineProperty(object, kState, { value: newState(null, true, 'auto', undefined, 2), configurable: true });
for (const name of Object.keys(methods)) {
  const bound = methods[name].bind(object);
  Object.defineProperty(bound, 'name', { value: name, configurable: true });
  object[name] = bound;
}
// For a debugger only, of which there is none.
for (const name of ['profile', 'profileEnd', 'timeStamp']) object[name] = { [name]() {} }[name];
object.Console = Console;
for (const [index, key] of ['_stdout', '_stderr'].entries()) {
  Object.defineProperty(object, key, { configurable: true, enumerable: false, get: () => require('internal/process').process[NAMES[index]] });
}
Object.defineProperty(object, '_ignoreErrors', { configurable: true, enumerable: false, writable: true, value: true });
Object.defineProperty(object, Symbol.toStringTag, { value: 'console', configurable: true, writable: false });
// In place of V8's own console, which only speaks to a debugger.
Object.defineProperty(globalThis, 'console', { value: object, writable: true, configurable: true, enumerable: false });
exports.console = object;
