// SPDX-License-Identifier: Apache-2.0
// node:test/reporters: events of tests as TAP 13, as a tree, as dots, as JUnit's XML. lcov is not here: there is no coverage yet.
'use strict';

const { inspect } = require('internal/inspect');
const { process } = require('internal/process');

const causeOf = (error) => error?.code === 'ERR_TEST_FAILURE' && error.cause !== undefined && error.failureType !== 'subtestsFailed' ? error.cause : error;
const spaces = (nesting) => '    '.repeat(nesting);

// ---- TAP 13 (https://testanything.org/tap-version-13-specification.html)

const tapText = (text) => `${text}`.replace(/[\\#]/g, '\\$&').replace(/[\b\t\n\v\f\r]/g, (each) => JSON.stringify(each).slice(1, -1));

function yaml(indent, name, value) {
  if (value === undefined) return '';
  const text = typeof value === 'string' ? value : inspect(value);
  if (typeof value !== 'string') return text.includes('\n') ? yaml(indent, name, text) : `${indent}  ${name}: ${text}\n`;
  if (!/[\n]/.test(text)) return `${indent}  ${name}: '${text.replace(/'/g, "\\'")}'\n`;
  return `${indent}  ${name}: |-\n${text.split('\n').map((line) => `${indent}    ${line}\n`).join('')}`;
}

function tapDetails({ details, file, line, column }, indent, failed) {
  let text = `${indent}  ---\n${yaml(indent, 'duration_ms', details.duration_ms)}${yaml(indent, 'type', details.type)}`;
  const { error } = details;
  if (error !== undefined) {
    if (failed && file !== undefined) text += yaml(indent, 'location', `${file}:${line}:${column}`);
    const cause = causeOf(error);
    text += yaml(indent, 'failureType', error.failureType) + yaml(indent, 'error', cause?.message ?? inspect(cause));
    text += yaml(indent, 'code', cause?.code);
    if (cause?.name !== undefined && cause.name !== 'Error') text += yaml(indent, 'name', cause.name);
    if (cause?.code === 'ERR_ASSERTION') text += yaml(indent, 'expected', cause.expected) + yaml(indent, 'actual', cause.actual) + yaml(indent, 'operator', cause.operator);
    if (typeof cause?.stack === 'string') {
      const lines = cause.stack.split('\n').filter((each) => /^\s+at /.test(each)).map((each) => each.trim().replace(/^at /, ''));
      if (lines.length > 0) text += yaml(indent, 'stack', `${lines.join('\n')}${lines.length === 1 ? '\n' : ''}`);
    }
  }
  return `${text}${indent}  ...\n`;
}

const directive = ({ skip, todo, expectFailure }) => {
  const said = (word, value) => ` # ${word}${typeof value === 'string' && value !== '' ? ` ${tapText(value)}` : ''}`;
  if (skip !== undefined) return said('SKIP', skip);
  if (todo !== undefined) return said('TODO', todo);
  return expectFailure !== undefined ? said('EXPECTED FAILURE', expectFailure) : '';
};

async function* tap(source) {
  yield 'TAP version 13\n';
  for await (const { type, data } of source) {
    const indent = spaces(data.nesting ?? 0);
    if (type === 'test:start') yield `${indent}# Subtest: ${tapText(data.name)}\n`;
    else if (type === 'test:pass') yield `${indent}ok ${data.testNumber} - ${tapText(data.name)}${directive(data)}\n${tapDetails(data, indent, false)}`;
    else if (type === 'test:fail') yield `${indent}not ok ${data.testNumber} - ${tapText(data.name)}${directive(data)}\n${tapDetails(data, indent, true)}`;
    else if (type === 'test:plan') yield `${indent}1..${data.count}\n`;
    else if (type === 'test:diagnostic') yield `${indent}# ${tapText(data.message)}\n`;
    else if (type === 'test:stderr' || type === 'test:stdout') yield data.message.split(/\r?\n/).filter((line) => line !== '').map((line) => `${indent}# ${tapText(line)}\n`).join('');
  }
}

// ---- the tree

const SIGNS = { pass: '\u2714', fail: '\u2716', skip: '\ufe63', todo: '\u26a0', open: '\u25b6', info: '\u2139' };
const COLOURS = { pass: 32, fail: 31, skip: 90, todo: 33, open: 90, info: 34 };

function* tree() {
  const painted = process.stdout.isTTY && process.stdout.hasColors?.() && process.env.NO_COLOR === undefined;
  const paint = (kind, text) => painted ? `\x1b[${COLOURS[kind]}m${text}\x1b[39m` : text;
  const open = [];      // started, and not yet written because nothing inside them was
  const failed = [];
  let text = '';
  for (;;) {
    const event = yield text;
    if (event === undefined) break;
    const { type, data } = event;
    const indent = '  '.repeat(data.nesting ?? 0);
    text = '';
    if (type === 'test:start') {
      open.push(data);
    } else if (type === 'test:pass' || type === 'test:fail') {
      open.pop();
      // Those around it are named in front of the first that lies in them.
      for (const around of open) {
        if (around.shown) continue;
        around.shown = true;
        text += `${'  '.repeat(around.nesting)}${paint('open', `${SIGNS.open} `)}${around.name}\n`;
      }
      const kind = data.skip !== undefined ? 'skip' : data.todo !== undefined && type === 'test:fail' ? 'todo' : type.slice(5);
      if (type === 'test:fail' && data.todo === undefined && data.details.error?.failureType !== 'subtestsFailed') failed.push(data);
      text += `${indent}${paint(kind, `${SIGNS[kind]} ${data.name}`)} (${data.details.duration_ms}ms)${directive(data)}\n`;
    } else if (type === 'test:diagnostic') {
      text = `${indent}${paint(data.level === 'error' ? 'fail' : 'info', `${SIGNS.info} ${data.message}`)}\n`;
    } else if (type === 'test:stdout' || type === 'test:stderr') {
      text = data.message;
    }
  }
  text = '';
  if (failed.length > 0) {
    text += `\n${paint('fail', `${SIGNS.fail} failing tests:`)}\n`;
    for (const data of failed) {
      if (data.file !== undefined) {
        const place = require('node:path').relative(process.cwd(), data.file);
        text += `\ntest at ${place}:${data.line}:${data.column}\n`;
      } else {
        text += '\n';
      }
      text += `${paint('fail', `${SIGNS.fail} ${data.name}`)} (${data.details.duration_ms}ms)\n`;
      text += `${inspect(causeOf(data.details.error), { colors: painted }).split('\n').map((line) => `  ${line}`).join('\n')}\n`;
    }
  }
  return text;
}

let Spec;
function specClass() {
  if (Spec !== undefined) return Spec;
  const { Transform } = require('node:stream');
  Spec = class SpecReporter extends Transform {
    #lines = tree();
    constructor() {
      super({ writableObjectMode: true });
      this.#lines.next();
    }
    _transform(event, encoding, done) { done(null, this.#lines.next(event).value); }
    _flush(done) { done(null, this.#lines.next(undefined).value); }
  };
  return Spec;
}
// With and without `new`.
function spec(...args) { return Reflect.construct(specClass(), args, new.target === undefined || new.target === spec ? specClass() : new.target); }

// ---- dots

async function* dot(source) {
  let count = 0;
  const failed = [];
  const width = Math.max(process.stdout.columns ?? 20, 20);
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (type === 'test:fail') failed.push(data);
    yield type === 'test:pass' ? '.' : 'X';
    if (++count % width === 0) yield '\n';
  }
  yield '\n';
  if (failed.length === 0) return;
  yield '\nFailed tests:\n\n';
  for (const data of failed) yield `${SIGNS.fail} ${data.name} (${data.details.duration_ms}ms)\n${inspect(causeOf(data.details.error)).split('\n').map((line) => `  ${line}`).join('\n')}\n`;
}

// ---- JUnit

const xml = (text) => `${text}`.replace(/[&<>"\n]/g, (each) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\n': '&#10;' })[each]);
const seconds = (ms) => (ms / 1000).toFixed(6);

async function* junit(source) {
  yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n';
  let frame = { children: [] };
  const top = frame;
  const notes = [];
  for await (const { type, data } of source) {
    if (type === 'test:start') {
      frame = { parent: frame, children: [] };
    } else if (type === 'test:pass' || type === 'test:fail') {
      Object.assign(frame, { data, failed: type === 'test:fail' });
      frame.parent.children.push(frame);
      frame = frame.parent;
    } else if (type === 'test:diagnostic') {
      notes.push(data.message);
    }
    if (frame === top) {
      for (const each of top.children.splice(0)) yield element(each, '\t');
    }
  }
  for (const each of notes) yield `\t<!-- ${each.replace(/--/g, '- -')} -->\n`;
  yield '</testsuites>\n';
}
function element({ data, failed, children }, indent) {
  const { name, details, skip, todo, file } = data;
  const time = seconds(details.duration_ms);
  if (children.length > 0) {
    const count = (what) => children.filter(what).length;
    return `${indent}<testsuite name="${xml(name)}" time="${time}" disabled="0" errors="0" tests="${children.length}" failures="${count((each) => each.failed)}" skipped="${count((each) => each.data.skip !== undefined)}" hostname="${xml(require('node:os').hostname())}">\n` +
      `${children.map((each) => element(each, `${indent}\t`)).join('')}${indent}</testsuite>\n`;
  }
  let inside = '';
  if (skip !== undefined) inside += `${indent}\t<skipped type="skipped" message="${xml(skip)}"/>\n`;
  if (todo !== undefined) inside += `${indent}\t<skipped type="todo" message="${xml(todo)}"/>\n`;
  if (failed) {
    const cause = causeOf(details.error);
    inside += `${indent}\t<failure type="${xml(details.error?.failureType ?? details.error?.code)}" message="${xml(cause?.message ?? cause)}">\n${xml(inspect(cause)).replace(/&#10;/g, '\n')}\n${indent}\t</failure>\n`;
  }
  const head = `${indent}<testcase name="${xml(name)}" time="${time}" classname="${failed ? 'test' : xml(details.type ?? 'test')}"${file === undefined ? '' : ` file="${xml(file)}"`}${failed ? ` failure="${xml(causeOf(details.error)?.message ?? '')}"` : ''}`;
  return inside === '' ? `${head}/>\n` : `${head}>\n${inside}${indent}</testcase>\n`;
}

module.exports = { dot, junit, spec, tap };
