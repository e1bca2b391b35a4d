// SPDX-License-Identifier: Apache-2.0
// Where the events of node:test go: to reporters on their way to a stream or a file; or, below `--test` and run(), to the parent.
'use strict';

const fs = require('node:fs');
const { codes } = require('internal/errors');
const { process, optionValues } = require('internal/process');

const BUILT_IN = ['dot', 'junit', 'lcov', 'spec', 'tap'];

// A stream of events as run() gives it: 'data' carries { type, data }, and each type is an event of its own too.
function makeStream() {
  const { Readable } = require('node:stream');
  const waiting = [];
  let wanted = false;
  const stream = new Readable({
    objectMode: true, highWaterMark: Number.MAX_SAFE_INTEGER,
    read() {
      wanted = true;
      while (waiting.length > 0) if (!stream.push(waiting.shift())) break;
    },
  });
  const send = (type, data) => {
    stream.emit(type, data);
    if (wanted) stream.push({ __proto__: null, type, data });
    else waiting.push({ __proto__: null, type, data });
  };
  send.end = () => {
    while (waiting.length > 0) stream.push(waiting.shift());
    stream.push(null);
  };
  return { stream, send };
}

function reporterOf(name) {
  if (BUILT_IN.includes(name)) {
    const made = require('node:test/reporters')[name];
    if (made === undefined) throw new codes.ERR_INVALID_ARG_VALUE('--test-reporter', name, 'is not there yet');
    return made;
  }
  // One of the program's own, or of a package.
  const from = require('node:module').createRequire(`${process.cwd()}/`);
  const id = name.startsWith('file:') ? require('node:url').fileURLToPath(name) : name;
  const loaded = from(id);
  return loaded?.default ?? loaded;
}

// Hangs the reporters that the command line names onto a stream of events.
function attach(stream) {
  const reporters = optionValues('--test-reporter');
  const places = optionValues('--test-reporter-destination');
  if (reporters.length === 0) reporters.push('spec');
  if (places.length === 0 && reporters.length === 1) places.push('stdout');
  if (reporters.length !== places.length) {
    throw new codes.ERR_INVALID_ARG_VALUE('--test-reporter', reporters, 'must match the number of specified \'--test-reporter-destination\'');
  }
  const { compose } = require('node:stream');
  reporters.forEach((name, i) => {
    let reporter = reporterOf(name);
    if (reporter === require('node:test/reporters').spec || (typeof reporter === 'function' && typeof reporter.prototype?.pipe === 'function')) reporter = new reporter();
    const target = places[i] === 'stdout' ? process.stdout : places[i] === 'stderr' ? process.stderr : fs.createWriteStream(places[i]);
    const made = compose(stream, reporter);
    if (target === process.stdout || target === process.stderr) made.on('data', (text) => target.write(text));
    else made.pipe(target);
  });
}

// A program of `--test`: events go through a pipe, each a line of JSON.
function sendUp(fd) {
  const send = (type, data) => {
    const line = Buffer.from(`${JSON.stringify({ type, data: portable(data) })}\n`);
    for (let at = 0; at < line.length;) at += fs.writeSync(fd, line, at);
  };
  send.end = () => {};
  return send;
}

// An error, with what serialisation would drop.
function portable(data) {
  const error = data?.details?.error;
  if (!(error instanceof Error)) return data;
  const { cause } = error;
  const plain = {
    message: error.message, code: error.code, failureType: error.failureType, stack: error.stack,
    cause: cause instanceof Error ? { isError: true, name: cause.name, message: cause.message, stack: cause.stack, own: pick(cause) } : simple(cause),
  };
  return { ...data, details: { ...data.details, error: plain } };
}
const simple = (value) => value === null || ['string', 'number', 'boolean', 'undefined'].includes(typeof value) ? value : require('internal/inspect').inspect(value);
const pick = (error) => Object.fromEntries(Object.keys(error).map((key) => [key, simple(error[key])]));

// The other way.
function revive(message) {
  const error = message.data?.details?.error;
  if (error === undefined) return message;
  let { cause } = error;
  if (cause?.isError) {
    const { own, name, message: text, stack } = cause;
    cause = new Error(text);
    for (const [key, value] of [['name', name], ['stack', stack]]) Object.defineProperty(cause, key, { value, configurable: true, writable: true, enumerable: false });
    Object.assign(cause, own);
  }
  const made = new Error(error.message, { cause });
  Object.assign(made, { code: error.code, failureType: error.failureType });
  Object.defineProperty(made, 'stack', { value: error.stack, configurable: true, writable: true, enumerable: false });
  message.data.details.error = made;
  return message;
}

function connect() {
  const fd = process.env.SLUICE_TEST_EVENTS;
  if (fd !== undefined) return sendUp(Number(fd));
  const { stream, send } = makeStream();
  attach(stream);
  return send;
}

function summarize(send, { counts, success, duration, messages, file }) {
  send('test:plan', { nesting: 0, count: counts.topLevel });
  for (const message of messages) send('test:diagnostic', { nesting: 0, message, level: 'error' });
  const told = [
    ['tests', counts.tests], ['suites', counts.suites], ['pass', counts.passed], ['fail', counts.failed], ['cancelled', counts.cancelled],
    ['skipped', counts.skipped], ['todo', counts.todo], ['duration_ms', duration],
  ];
  for (const [name, value] of told) send('test:diagnostic', { nesting: 0, message: `${name} ${value}`, level: name === 'fail' && value > 0 ? 'error' : 'info' });
  send('test:summary', { success, counts, duration_ms: duration, file });
  send.end();
}

module.exports = { attach, connect, makeStream, revive, summarize };
