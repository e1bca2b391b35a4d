// SPDX-License-Identifier: Apache-2.0
// node:test: tests, suites, hooks, mock functions, and a report in the form of TAP or of a tree. Coverage, snapshots, watching, mock
// timers, mock modules and run() are not here yet.
'use strict';

const { AbortError } = require('internal/errors');
const { validateFunction, validateObject } = require('internal/validators');
const { inspect } = require('internal/inspect');
const { process } = require('internal/process');
const timers = require('internal/timers');
const { createMocks } = require('internal/node/test_mocks');

const settings = () => {
  const names = process.execArgv.filter((each) => each.startsWith('--test-name-pattern=')).map((each) => new RegExp(each.slice(20).replace(/^\/(.*)\/\w*$/, '$1')));
  return { names, only: process.execArgv.includes('--test-only') };
};

class Failure extends Error {
  constructor(message, cause, kind) {
    super(message, { cause });
    this.code = 'ERR_TEST_FAILURE';
    this.failureType = kind;
  }
}

// ---- the tree

class Node {
  constructor(parent, name, options, fn, isSuite) {
    this.parent = parent;
    this.name = name;
    this.options = options;
    this.fn = fn;
    this.isSuite = isSuite;
    this.children = [];
    this.hooks = { before: [], after: [], beforeEach: [], afterEach: [] };
    this.error = null;
    this.skipped = options.skip !== undefined && options.skip !== false ? options.skip : null;
    this.todo = options.todo !== undefined && options.todo !== false ? options.todo : parent?.todo ?? null;
    this.started = 0;
    this.duration = 0;
    this.running = null;   // of a suite: its body, where it is asynchronous
    this.mocks = null;
    this.controller = null;
    this.planned = null;
    this.counted = 0;
    this.messages = [];
    this.queue = Promise.resolve();
  }
  get fullName() { return this.parent === null || this.parent.parent === null ? this.name : `${this.parent.fullName} ${this.name}`; }
  get failed() { return this.error !== null && this.todo === null; }
}

const root = new Node(null, '<root>', {}, null, true);
let current = root;      // where test() adds, while suites are collected
let scheduled = false;
let finished = false;

function argumentsOf(name, options, fn) {
  if (typeof name === 'function') fn = name;
  else if (name !== null && typeof name === 'object') {
    fn = options;
    options = name;
    name = undefined;
  }
  if (typeof options === 'function') {
    fn = options;
    options = {};
  }
  options ??= {};
  validateObject(options, 'options');
  if (fn !== undefined && fn !== null) validateFunction(fn, 'fn');
  if (typeof name !== 'string' || name === '') name = fn?.name || '<anonymous>';
  return [name, options, fn ?? (() => {})];
}

function add(parent, isSuite, name, options, fn) {
  [name, options, fn] = argumentsOf(name, options, fn);
  const node = new Node(parent, name, options, fn, isSuite);
  parent.children.push(node);
  let settle;
  node.done = new Promise((resolve) => { settle = resolve; });
  node.settle = settle;
  if (isSuite && node.skipped === null) {
    const before = current;
    current = node;
    try {
      const result = fn.call(contextOf(node), contextOf(node));
      if (result && typeof result.then === 'function') node.running = Promise.resolve(result).catch((error) => { node.error ??= new Failure(String(error?.message ?? error), error, 'testCodeFailure'); });
    } catch (error) {
      node.error = new Failure(String(error?.message ?? error), error, 'testCodeFailure');
    } finally {
      current = before;
    }
  }
  schedule();
  return node;
}

// ---- running

function schedule() {
  if (scheduled) return;
  scheduled = true;
  // Behind all that the main module declares at its top level.
  const hold = timers.setInterval(() => {}, 2 ** 30);
  timers.setImmediate(async () => {
    process.on('uncaughtException', onUncaught);
    process.on('unhandledRejection', onUncaught);
    try {
      await runSuite(root, { concurrency: 1 });
    } finally {
      timers.clearInterval(hold);
      process.removeListener('uncaughtException', onUncaught);
      process.removeListener('unhandledRejection', onUncaught);
      report();
    }
  });
}

let active = null;
function onUncaught(error) {
  if (active !== null) active.fail(error);
  else root.error ??= new Failure(String(error?.message ?? error), error, 'uncaughtException');
}

function contextOf(node) {
  if (node.context !== undefined) return node.context;
  const context = {
    get name() { return node.name; },
    get fullName() { return node.fullName; },
    get signal() { return (node.controller ??= new AbortController()).signal; },
    get passed() { return node.error === null; },
    get error() { return node.error; },
    get mock() { return node.mocks ??= createMocks(); },
    get filePath() { return process.argv[1]; },
    assert: undefined,
    diagnostic(text) { node.messages.push(`${text}`); },
    plan(count) { node.planned = count; },
    skip(message) { node.skipped = message ?? true; },
    todo(message) { node.todo = message ?? true; },
    runOnly() {},
    before(fn, options) { node.hooks.before.push({ fn, options }); },
    after(fn, options) { node.hooks.after.push({ fn, options }); },
    beforeEach(fn, options) { node.hooks.beforeEach.push({ fn, options }); },
    afterEach(fn, options) { node.hooks.afterEach.push({ fn, options }); },
    async waitFor(condition, { interval = 50, timeout = 1000 } = {}) {
      validateFunction(condition, 'condition');
      const end = Date.now() + timeout;
      for (;;) {
        try {
          return await condition();
        } catch (error) {
          if (Date.now() >= end) throw new Error('waitFor() timed out', { cause: error });
        }
        await new Promise((resolve) => timers.setTimeout(resolve, interval));
      }
    },
    test(name, options, fn) {
      const child = new Node(node, ...argumentsOf(name, options, fn), false);
      node.children.push(child);
      node.counted++;
      const result = node.queue.then(() => runTest(child));
      node.queue = result;
      return result;
    },
  };
  if (node.isSuite) delete context.test;
  const assert = {};
  const original = require('node:assert');
  for (const key of Object.keys(original)) {
    const check = original[key];
    if (typeof check !== 'function') continue;
    assert[key] = (...args) => {
      node.counted++;
      return check(...args);
    };
  }
  context.assert = assert;
  return node.context = context;
}

// Calls a test or a hook: with a promise, a callback, or neither.
function call(fn, context, args, limit, node) {
  return new Promise((resolve, reject) => {
    let timer;
    if (limit !== undefined && limit !== null && limit !== Infinity) {
      timer = timers.setTimeout(() => {
        reject(new Failure(`test timed out after ${limit}ms`, undefined, 'testTimeoutFailure'));
        node?.controller?.abort();
      }, limit);
    }
    const finish = (settle) => (value) => {
      if (timer !== undefined) timers.clearTimeout(timer);
      settle(value);
    };
    const done = finish(resolve);
    const failed = finish(reject);
    if (node !== undefined) node.fail = failed;
    try {
      if (fn.length > args.length) {
        const result = Reflect.apply(fn, context, [...args, (error) => error ? failed(error) : done()]);
        if (result && typeof result.then === 'function') failed(new Failure('passed a callback but also returned a Promise', undefined, 'callbackAndPromisePresent'));
      } else {
        Promise.resolve(Reflect.apply(fn, context, args)).then(done, failed);
      }
    } catch (error) {
      failed(error);
    }
  });
}

async function runHooks(node, kind, argument) {
  for (const { fn, options } of node.hooks[kind]) await call(fn, argument, [argument], options?.timeout);
}

function chain(node) {
  const path = [];
  for (let at = node.parent; at !== null; at = at.parent) path.unshift(at);
  return path;
}

async function runTest(node) {
  node.started = internalBinding('process').now();
  if (node.skipped === null) {
    const context = contextOf(node);
    const before = active;
    active = node;
    try {
      if (node.options.signal?.aborted) throw node.options.signal.reason ?? new AbortError();
      for (const each of chain(node)) await runHooks(each, 'beforeEach', context);
      await call(node.fn, context, [context], node.options.timeout, node);
      await node.queue;
      if (node.planned !== null && node.planned !== node.counted) throw new Failure(`plan expected ${node.planned} assertions but received ${node.counted}`, undefined, 'testCodeFailure');
      const bad = node.children.filter((child) => child.failed);
      if (bad.length > 0) node.error = new Failure(`${bad.length} subtest${bad.length > 1 ? 's' : ''} failed`, undefined, 'subtestsFailed');
    } catch (error) {
      node.error = error instanceof Failure ? error : new Failure(String(error?.message ?? error), error, 'testCodeFailure');
    }
    try {
      for (const each of chain(node).reverse()) await runHooks(each, 'afterEach', context);
      await runHooks(node, 'after', context);
    } catch (error) {
      node.error ??= new Failure(String(error?.message ?? error), error, 'hookFailed');
    }
    node.mocks?.restoreAll();
    node.controller?.abort();
    active = before;
  }
  node.duration = internalBinding('process').now() - node.started;
  node.settle?.();
}

async function runSuite(node) {
  node.started = internalBinding('process').now();
  if (node.skipped === null) {
    if (node.running !== null) await node.running;
    const { names, only } = runSuite.settings ??= settings();
    try {
      await runHooks(node, 'before', contextOf(node));
      for (let i = 0; i < node.children.length; i++) {
        const child = node.children[i];
        if (only && !hasOnly(child)) continue;
        if (names.length > 0 && !child.isSuite && !names.some((each) => each.test(child.fullName))) continue;
        if (child.isSuite) await runSuite(child);
        else await runTest(child);
        // Those that a test added meanwhile come behind.
      }
    } catch (error) {
      node.error ??= new Failure(String(error?.message ?? error), error, 'hookFailed');
    }
    try {
      await runHooks(node, 'after', contextOf(node));
    } catch (error) {
      node.error ??= new Failure(String(error?.message ?? error), error, 'hookFailed');
    }
    const bad = node.children.filter((child) => child.failed);
    if (bad.length > 0) node.error ??= new Failure(`${bad.length} subtest${bad.length > 1 ? 's' : ''} failed`, undefined, 'subtestsFailed');
  }
  node.duration = internalBinding('process').now() - node.started;
  node.settle?.();
}

const hasOnly = (node) => node.options.only || node.children.some(hasOnly);

// ---- the report

function count(node, sums) {
  for (const child of node.children) {
    if (child.isSuite) {
      sums.suites++;
    } else {
      sums.tests++;
      if (child.skipped !== null) sums.skipped++;
      else if (child.todo !== null) sums.todo++;
      else if (child.error !== null) sums[child.error.failureType === 'cancelledByParent' ? 'cancelled' : 'fail']++;
      else sums.pass++;
    }
    count(child, sums);
  }
  return sums;
}

function report() {
  if (finished) return;
  finished = true;
  const sums = count(root, { tests: 0, suites: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0 });
  if (sums.fail > 0 || root.error !== null) process.exitCode = 1;
  const tap = !process.stdout.isTTY || process.execArgv.some((each) => each === '--test-reporter=tap');
  const lines = tap ? ['TAP version 13'] : [];
  if (tap) tapLines(root, lines, '');
  else treeLines(root, lines, '');
  if (tap) lines.push(`1..${root.children.length}`);
  const duration = root.duration;
  for (const [name, value] of [...Object.entries(sums), ['duration_ms', duration]]) lines.push(`${tap ? '#' : '\u2139'} ${name} ${value}`);
  process.stdout.write(`${lines.join('\n')}\n`);
}

function tapLines(node, lines, indent) {
  node.children.forEach((child, i) => {
    lines.push(`${indent}# Subtest: ${child.name}`);
    if (child.children.length > 0) {
      tapLines(child, lines, `${indent}    `);
      lines.push(`${indent}    1..${child.children.length}`);
    }
    let directive = '';
    if (child.skipped !== null) directive = ` # SKIP${typeof child.skipped === 'string' ? ` ${child.skipped}` : ''}`;
    else if (child.todo !== null) directive = ` # TODO${typeof child.todo === 'string' ? ` ${child.todo}` : ''}`;
    lines.push(`${indent}${child.failed ? 'not ok' : 'ok'} ${i + 1} - ${child.name.replace(/[#\\]/g, '\\$&')}${directive}`);
    lines.push(`${indent}  ---`, `${indent}  duration_ms: ${child.duration}`, `${indent}  type: '${child.isSuite ? 'suite' : 'test'}'`);
    if (child.error !== null) {
      const cause = child.error.cause ?? child.error;
      lines.push(`${indent}  failureType: '${child.error.failureType}'`, `${indent}  error: |-`);
      for (const line of String(cause?.stack ?? inspect(cause)).split('\n')) lines.push(`${indent}    ${line}`);
    }
    lines.push(`${indent}  ...`);
    for (const text of child.messages) lines.push(`${indent}# ${text}`);
  });
}

function treeLines(node, lines, indent) {
  for (const child of node.children) {
    const sign = child.skipped !== null ? '\ufe63' : child.failed ? '\u2716' : '\u2714';
    if (child.children.length > 0) {
      lines.push(`${indent}\u25b6 ${child.name}`);
      treeLines(child, lines, `${indent}  `);
    }
    lines.push(`${indent}${sign} ${child.name} (${child.duration}ms)`);
    if (child.error !== null && child.children.length === 0) for (const line of inspect(child.error.cause ?? child.error).split('\n')) lines.push(`${indent}  ${line}`);
  }
}

// ---- what users call

function test(name, options, fn) {
  if (current === root && active !== null) return contextOf(active).test(name, options, fn);
  return add(current, false, name, options, fn).done;
}
function suite(name, options, fn) { return add(current, true, name, options, fn).done; }
function it(name, options, fn) { return test(name, options, fn); }

function variants(target) {
  for (const kind of ['skip', 'todo', 'only', 'expectFailure']) {
    target[kind] = (name, options, fn) => {
      [name, options, fn] = argumentsOf(name, options, fn);
      return target(name, { ...options, [kind]: true }, fn);
    };
  }
  return target;
}
variants(test);
variants(suite);
variants(it);

const hook = (kind) => (fn, options) => {
  validateFunction(fn, 'fn');
  (active ?? current).hooks[kind].push({ fn, options });
};

const mock = createMocks();
module.exports = Object.assign(test, { test, it, describe: suite, suite, before: hook('before'), after: hook('after'), beforeEach: hook('beforeEach'), afterEach: hook('afterEach'), mock });
