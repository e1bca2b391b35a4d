// SPDX-License-Identifier: Apache-2.0
// console, with Node's names and output.
'use strict';

const { inspect, format, formatWithOptions } = require('internal/inspect');
const counts = new Map();
const timers = new Map();
let indent = '';

function write(descriptor, text) {
  if (indent !== '') text = indent + text.replace(/\n/g, `\n${indent}`);
  const stream = require('internal/process').standardStream(descriptor);
  if (stream === undefined) internalBinding('process').write(descriptor, `${text}\n`);
  else writeTo(stream, `${text}\n`);
}

const ignore = () => {};
// To the stream that the program has: it may have put its own function in the place of write(). Errors of it are not the caller's.
function writeTo(stream, text) {
  if (stream.destroyed) return;
  stream.once('error', ignore);
  try {
    stream.write(text, ignore);
  } catch (error) {
    if (error instanceof RangeError && /call stack/.test(error.message)) throw error;
  } finally {
    stream.removeListener('error', ignore);
  }
}

function out(descriptor, args) {
  const { isTerminal } = internalBinding('process');
  write(descriptor, isTerminal(descriptor) ? formatWithOptions({ colors: true }, ...args) : format(...args));
}

function elapsedText(ms) {
  if (ms < 1000) return `${Number(ms.toPrecision(ms < 1 ? 3 : 5))}ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(3)}s`;
  const minutes = Math.floor(ms / 60000);
  return `${minutes}:${((ms % 60000) / 1000).toFixed(3).padStart(6, '0')} (m:ss.mmm)`;
}

function table(rows, columns) {
  const line = (left, middle, right, widths) => left + widths.map((width) => '\u2500'.repeat(width + 2)).join(middle) + right;
  const cell = (value) => inspect(value, { depth: value !== null && typeof value === 'object' ? 0 : 2, maxArrayLength: 3, breakLength: Infinity });
  const isMap = rows instanceof Map;
  const entries = isMap ? [...rows].map(([key, value], i) => [i, { Key: key, Values: value }])
    : rows instanceof Set ? [...rows].map((value, i) => [i, value])
      : Object.keys(rows).map((key) => [key, rows[key]]);
  const names = [];
  let primitive = false;
  for (const [, row] of entries) {
    if (row === null || (typeof row !== 'object' && typeof row !== 'function')) primitive = true;
    else for (const key of columns || Object.keys(row)) if (!names.includes(key)) names.push(key);
  }
  const head = [isMap || rows instanceof Set ? '(iteration index)' : '(index)', ...names, ...(primitive ? ['Values'] : [])];
  const body = entries.map(([key, row]) => {
    const simple = row === null || (typeof row !== 'object' && typeof row !== 'function');
    const cells = [String(key), ...names.map((name) => !simple && Object.prototype.hasOwnProperty.call(row, name) ? cell(row[name]) : '')];
    if (primitive) cells.push(simple ? cell(row) : '');
    return cells;
  });
  const widths = head.map((name, i) => Math.max(name.length, ...body.map((row) => row[i].length)));
  const show = (row) => `\u2502 ${row.map((text, i) => text.padEnd(widths[i])).join(' \u2502 ')} \u2502`;
  return [
    line('\u250c', '\u252c', '\u2510', widths), show(head), line('\u251c', '\u253c', '\u2524', widths),
    ...body.map(show), line('\u2514', '\u2534', '\u2518', widths),
  ].join('\n');
}

const methods = {
  log(...args) { out(1, args); },
  info(...args) { out(1, args); },
  debug(...args) { out(1, args); },
  error(...args) { out(2, args); },
  warn(...args) { out(2, args); },
  dir(value, options) { write(1, inspect(value, { customInspect: false, ...options })); },
  dirxml(...args) { out(1, args); },
  table(rows, columns) {
    if (rows === null || typeof rows !== 'object') return out(1, [rows]);
    write(1, table(rows, columns));
  },
  assert(condition, ...args) {
    if (condition) return;
    if (typeof args[0] === 'string') args[0] = `Assertion failed: ${args[0]}`;
    else args.unshift(args.length === 0 ? 'Assertion failed' : 'Assertion failed:');
    out(2, args);
  },
  trace(...args) {
    const holder = { name: 'Trace', message: format(...args) };
    const error = new Error(holder.message);
    error.name = 'Trace';
    Error.captureStackTrace(error, methods.trace);
    write(2, error.stack);
  },
  count(label = 'default') {
    const count = (counts.get(`${label}`) || 0) + 1;
    counts.set(`${label}`, count);
    out(1, [`${label}: ${count}`]);
  },
  countReset(label = 'default') { counts.delete(`${label}`); },
  time(label = 'default') {
    if (timers.has(`${label}`)) warn(`Label '${label}' already exists for console.time()`);
    else timers.set(`${label}`, internalBinding('process').now());
  },
  timeEnd(label = 'default') {
    if (logTime(label, 'timeEnd', [])) timers.delete(`${label}`);
  },
  timeLog(label = 'default', ...args) { logTime(label, 'timeLog', args); },
  group(...args) {
    if (args.length > 0) out(1, args);
    indent += '  ';
  },
  groupCollapsed(...args) { methods.group(...args); },
  groupEnd() { indent = indent.slice(2); },
};

const warn = (text) => require('internal/process').emitWarning(text);

function logTime(label, name, args) {
  const start = timers.get(`${label}`);
  if (start === undefined) {
    warn(`No such label '${label}' for console.${name}()`);
    return false;
  }
  out(1, [`${label}: ${elapsedText(internalBinding('process').now() - start)}`, ...args]);
  return true;
}

const object = {};
for (const name of Object.keys(methods)) object[name] = methods[name];
Object.defineProperty(object, Symbol.toStringTag, { value: 'console', configurable: true });
// In place of V8's own console, which only speaks to a debugger.
Object.defineProperty(globalThis, 'console', { value: object, writable: true, configurable: true, enumerable: false });
exports.console = object;
