// SPDX-License-Identifier: Apache-2.0
// node:test: tests, suites, hooks, mocks, snapshots, run(), and the events that reporters make text of. Coverage, watching, mock timers
// and mock modules are not here yet.
'use strict';

const { codes } = require('internal/errors');
const { validateAbortSignal, validateArray, validateFunction, validateNumber, validateObject, validateString, validateUint32 } = require('internal/validators');
const { process, hasOption, optionValue, optionValues } = require('internal/process');
const timers = require('internal/timers');
const { createMocks } = require('internal/node/test_mocks');
const { AsyncLocalStorage } = require('node:async_hooks');

const storage = new AsyncLocalStorage();   // the test, hook or suite body that runs
const now = () => internalBinding('process').now();

class Failure extends Error {
  constructor(message, cause, kind) {
    super(message, { cause });
    Object.defineProperty(this, 'code', { value: 'ERR_TEST_FAILURE', enumerable: true, writable: true, configurable: true });
    this.failureType = kind;
  }
}
Object.defineProperty(Failure.prototype, 'name', { value: 'Error', configurable: true, writable: true });
const failureOf = (error, kind) => error instanceof Failure ? error : new Failure(String(error?.message ?? error), error, kind);

// /text/flags or the text of an expression.
function expressionOf(text) {
  if (text instanceof RegExp) return text;
  const parts = /^\/(.*)\/([a-z]*)$/s.exec(text);
  return parts === null ? new RegExp(text) : new RegExp(parts[1], parts[2]);
}

let settingsRead;
function settings() {
  return settingsRead ??= {
    names: optionValues('--test-name-pattern').map(expressionOf), skips: optionValues('--test-skip-pattern').map(expressionOf),
    only: hasOption('--test-only'), update: hasOption('--test-update-snapshots'), forceExit: hasOption('--test-force-exit'),
  };
}

// Where the caller of `above` stands.
function callerOf(above) {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const holder = {};
  Error.stackTraceLimit = 1;
  Error.prepareStackTrace = (_, sites) => sites[0];
  Error.captureStackTrace(holder, above);
  const site = holder.stack;
  Object.assign(Error, { prepareStackTrace, stackTraceLimit });
  if (typeof site?.getFileName !== 'function') return {};
  let file = site.getFileName() ?? undefined;
  if (file?.startsWith('file://')) file = require('node:url').fileURLToPath(file);
  return { file, line: site.getLineNumber(), column: site.getColumnNumber() };
}

// ---- the tree

class Node {
  constructor(parent, name, options, fn, isSuite, place) {
    const { concurrency, expectFailure, only, plan, signal, skip, timeout, todo } = options;
    Object.assign(this, { parent, name, options, fn, isSuite, place });
    this.nesting = parent === null || parent.parent === null ? 0 : parent.nesting + 1;
    this.children = [];
    this.hooks = { before: [], after: [], beforeEach: [], afterEach: [] };
    this.error = null;
    this.skipped = skip !== undefined && skip !== false ? skip : null;
    this.todo = todo !== undefined && todo !== false ? todo : null;
    this.expected = expectFailure !== undefined && expectFailure !== false ? expectFailure : null;
    this.only = only === true;
    this.runsOnly = false;
    if (timeout !== undefined && timeout !== null && timeout !== Infinity) validateNumber(timeout, 'options.timeout', 0, 2 ** 31 - 1);
    this.timeout = timeout ?? (parent === null ? Infinity : parent.timeout);
    if (typeof concurrency === 'number') validateUint32(concurrency, 'options.concurrency', true);
    else if (concurrency !== undefined && concurrency !== null && typeof concurrency !== 'boolean') throw new codes.ERR_INVALID_ARG_TYPE('options.concurrency', ['boolean', 'number'], concurrency);
    this.slots = typeof concurrency === 'number' ? concurrency : concurrency === true ? (parent?.parent === null ? Math.max(require('node:os').availableParallelism() - 1, 1) : Infinity) :
      concurrency === false || parent === null ? 1 : parent.parent === null ? 1 : parent.isSuite ? parent.slots : 1;
    if (signal !== undefined) validateAbortSignal(signal, 'options.signal');
    this.signal = signal;
    this.started = 0;
    this.duration = 0;
    this.finished = false;
    this.ready = false;       // its children may run
    this.waiting = [];
    this.running = 0;
    this.preparing = Promise.resolve();
    this.mocks = null;
    this.controller = null;
    this.planned = null;
    this.counted = 0;
    this.messages = [];
    this.attempts = 0;
    this.snapshots = new Map();
    this.done = new Promise((resolve) => { this.settle = resolve; });
    if (plan !== undefined) this.plan(plan);
  }

  get fullName() { return this.parent === null || this.parent.parent === null ? this.name : `${this.parent.fullName} > ${this.name}`; }
  get spacedName() { return this.parent === null || this.parent.parent === null ? this.name : `${this.parent.spacedName} ${this.name}`; }
  get isTodo() { return this.todo !== null || (this.parent !== null && this.parent.isTodo); }
  get failed() { return this.error !== null && !this.isTodo; }

  plan(count, options) {
    validateUint32(count, 'count');
    if (options !== undefined) validateObject(options, 'options');
    const { wait = false } = options ?? {};
    if (typeof wait !== 'boolean' && typeof wait !== 'number') throw new codes.ERR_INVALID_ARG_TYPE('options.wait', ['boolean', 'number'], wait);
    if (this.planned !== null) throw new Failure('cannot set plan more than once', undefined, 'testCodeFailure');
    this.planned = { count, wait };
  }
  note() {
    this.counted++;
    if (this.planned !== null && this.counted >= this.planned.count) this.met?.();
  }

  // Whether filters let it run: by its own name, or for the sake of something in it.
  selected() {
    const { names, skips, only } = settings();
    const inside = this.children.some((child) => child.selected());
    if (only && !this.only && !inside && !this.chosen('only')) return false;
    if (this.parent.runsOnly && !this.only) return false;
    if (this.children.length > 0 && inside) return true;
    if (names.length > 0 && !this.matches(names)) return false;
    return !(skips.length > 0 && this.matches(skips));
  }
  chosen(key) { return this.parent !== null && (this.parent[key] === true || this.parent.chosen(key)) && !this.parent.children.some((child) => child[key]); }
  matches(patterns) {
    return patterns.some((each) => {
      each.lastIndex = 0;
      return each.test(this.spacedName) || each.test(this.name);
    }) || (this.parent !== null && this.parent.parent !== null && this.parent.matches(patterns));
  }

  add(child) {
    this.children.push(child);
    emit('test:enqueue', child, { type: child.isSuite ? 'suite' : 'test' });
    this.waiting.push(child);
    if (this.ready) this.pump();
  }
  pump() {
    while (this.waiting.length > 0 && this.running < this.slots) {
      const child = this.waiting.shift();
      if (child.finished) continue;
      this.running++;
      this.preparing.then(() => child.run()).then(() => {
        this.running--;
        this.pump();
      });
    }
    if (this.waiting.length === 0 && this.running === 0) this.idle?.();
  }
  async drained() {
    while (this.waiting.length > 0 || this.running > 0) await new Promise((resolve) => { this.idle = resolve; });
  }
  fail(error) { this.error ??= error; }
  cancel(error) {
    if (this.finished) return;
    for (const child of this.children) child.cancel(new Failure('test did not finish before its parent and was cancelled', undefined, 'cancelledByParent'));
    this.waiting = [];
    this.fail(error);
    this.controller?.abort();
    this.end();
  }
  end() {
    if (this.finished) return;
    this.finished = true;
    this.duration = this.started === 0 ? 0 : now() - this.started;
    this.controller?.abort();
    if (this.parent !== null && !this.dropped) emit('test:complete', this, resultOf(this));
    this.settle();
    if (this.parent === root) flush();
  }

  async run() {
    if (this.finished) return;
    if (!this.selected()) {
      this.dropped = true;
      this.end();
      return;
    }
    emit('test:dequeue', this, { type: this.isSuite ? 'suite' : 'test' });
    this.started = now();
    if (this.skipped !== null) return this.end();
    if (this.isSuite) await this.runSuite();
    else await this.runTest();
    if (this.finished) return;
    const bad = this.children.filter((child) => child.failed && !child.dropped).length;
    if (bad > 0) this.fail(new Failure(`${bad} subtest${bad > 1 ? 's' : ''} failed`, undefined, 'subtestsFailed'));
    if (this.expected !== null) {
      if (this.error === null) this.error = new Failure('test was expected to fail but passed', undefined, 'expectedFailure');
      else this.error = null;
    }
    this.end();
  }

  async runSuite() {
    try {
      if (this.signal?.aborted) throw new Failure('The test was aborted', this.signal.reason, 'testAborted');
      await this.limited(this.body);
      if (this.error !== null) return;
      await this.hooksOf('before');
      this.ready = true;
      this.pump();
      await this.limited(this.drained());
    } catch (error) {
      this.fail(failureOf(error, 'hookFailed'));
      for (const child of this.children) child.cancel(new Failure('test did not finish before its parent and was cancelled', undefined, 'cancelledByParent'));
    }
    try {
      await this.hooksOf('after');
    } catch (error) {
      this.fail(failureOf(error, 'hookFailed'));
    }
  }

  // What is waited for, up to the limit of time and the signal.
  limited(promise, node = this) {
    const { timeout, signal } = this;
    if (timeout === Infinity && signal === undefined) return promise;
    return new Promise((resolve, reject) => {
      const timer = timeout === Infinity ? undefined : timers.setTimeout(() => {
        reject(new Failure(`test timed out after ${timeout}ms`, undefined, 'testTimeoutFailure'));
        node.controller?.abort();
      }, timeout);
      const aborted = () => {
        reject(new Failure('The test was aborted', signal.reason, 'testAborted'));
        node.controller?.abort(signal.reason);
      };
      signal?.addEventListener('abort', aborted, { once: true });
      const stop = (settle) => (value) => {
        timers.clearTimeout(timer);
        signal?.removeEventListener('abort', aborted);
        settle(value);
      };
      Promise.resolve(promise).then(stop(resolve), stop(reject));
    });
  }

  async runTest() {
    const context = contextOf(this);
    const path = [];
    for (let at = this.parent; at !== null; at = at.parent) path.unshift(at);
    const broken = new Promise((_, reject) => { this.crash = (error) => reject(failureOf(error, 'uncaughtException')); });
    broken.catch(() => {});
    try {
      if (this.signal?.aborted) throw new Failure('The test was aborted', this.signal.reason, 'testAborted');
      for (const each of path) await this.hooksOf('beforeEach', each.hooks.beforeEach, context);
      if (this.skipped === null) {
        this.ready = true;
        await this.limited(Promise.race([broken, (async () => {
          await storage.run(this, () => call(this.fn, context, [context]));
          await this.drained();
          await this.checkPlan();
        })()]));
      }
    } catch (error) {
      this.fail(failureOf(error, 'testCodeFailure'));
      for (const child of this.children) child.cancel(new Failure('test did not finish before its parent and was cancelled', undefined, 'cancelledByParent'));
    }
    for (const run of [
      async () => { for (const each of path.reverse()) await this.hooksOf('afterEach', each.hooks.afterEach, context); },
      () => this.hooksOf('after'),
    ]) {
      try {
        await run();
      } catch (error) {
        this.fail(failureOf(error, 'hookFailed'));
      }
    }
    this.mocks?.restoreAll();
  }

  async checkPlan() {
    if (this.planned === null) return;
    const { count, wait } = this.planned;
    const bad = () => new Failure(`plan expected ${count} assertions but received ${this.counted}`, undefined, 'testCodeFailure');
    if (this.counted < count && wait !== false) {
      await new Promise((resolve, reject) => {
        const timer = wait === true ? undefined : timers.setTimeout(() => reject(new Failure(`plan timed out after ${wait}ms with ${this.counted} assertions when expecting ${count}`, undefined, 'testTimeoutFailure')), wait);
        this.met = () => {
          timers.clearTimeout(timer);
          resolve();
        };
      });
    }
    if (this.counted !== count) throw bad();
  }

  async hooksOf(kind, hooks = this.hooks[kind], context = contextOf(this)) {
    for (const hook of hooks) {
      const running = storage.run(this, () => call(hook.fn, context, [context]));
      await Node.prototype.limited.call({ timeout: hook.timeout ?? Infinity, signal: hook.signal }, running, this);
    }
  }
}

// Calls a test or a hook: with a promise, a callback, or neither.
function call(fn, self, args) {
  if (fn.length <= args.length) return Promise.resolve().then(() => Reflect.apply(fn, self, args));
  return new Promise((resolve, reject) => {
    let called = false;
    const done = (error) => {
      if (called) return reject(new Failure('callback invoked multiple times', undefined, 'multipleCallbackInvocations'));
      called = true;
      if (error) reject(error);
      else resolve();
    };
    const result = Reflect.apply(fn, self, [...args, done]);
    if (typeof result?.then === 'function') {
      Promise.resolve(result).catch(() => {});
      reject(new Failure('passed a callback but also returned a Promise', undefined, 'callbackAndPromisePresent'));
    }
  });
}

// ---- events and their reporters

const root = new Node(null, '<root>', {}, null, true, {});
let begun = false;
let reported = 0;       // of root's children
let shown = 0;          // of those, that filters left
let ended = false;
let sink = null;

function emit(type, node, data) {
  if (!begun) begin();
  sink(type, { ...data, name: node.name, nesting: data.nesting ?? node.nesting, ...node.place });
}
function resultOf(node, number) {
  const details = { duration_ms: node.duration, type: node.isSuite ? 'suite' : 'test', passed: !node.error };
  if (node.error !== null) details.error = node.error;
  const result = { testNumber: number ?? node.parent.children.indexOf(node) + 1, details };
  const own = (value) => value === '' || value === undefined ? true : value;
  if (node.skipped !== null) result.skip = own(node.skipped);
  if (node.isTodo) result.todo = node.todo ?? true;
  if (node.expected !== null) result.expectFailure = own(node.expected);
  return result;
}
function flush() {
  while (reported < root.children.length && root.children[reported].finished) {
    const child = root.children[reported++];
    if (!child.dropped) tell(child, ++shown);
  }
}
function tell(node, number) {
  emit('test:start', node, {});
  let told = 0;
  for (const child of node.children) if (!child.dropped) tell(child, ++told);
  if (told > 0) emit('test:plan', node, { nesting: node.nesting + 1, count: told });
  const result = resultOf(node, number);
  emit(node.failed || node.error !== null ? 'test:fail' : 'test:pass', node, result);
  for (const message of node.messages) emit('test:diagnostic', node, { message, level: 'info' });
}

function countsOf() {
  const counts = { tests: 0, failed: 0, passed: 0, cancelled: 0, skipped: 0, todo: 0, topLevel: shown, suites: 0 };
  const walk = (node) => {
    for (const child of node.children) {
      if (child.dropped) continue;
      if (child.isSuite) {
        counts.suites++;
      } else {
        counts.tests++;
        if (child.skipped !== null) counts.skipped++;
        else if (child.isTodo) counts.todo++;
        else if (child.error === null) counts.passed++;
        else counts[/^(?:cancelledByParent|testAborted|testTimeoutFailure)$/.test(child.error.failureType) ? 'cancelled' : 'failed']++;
      }
      walk(child);
    }
  };
  walk(root);
  return counts;
}

function begin() {
  begun = true;
  root.started = now();
  const { connect } = require('internal/node/test_events');
  sink = connect();
  process.on('uncaughtException', onUncaught);
  process.on('unhandledRejection', onUncaught);
  process.on('beforeExit', finish);
  process.on('exit', atExit);
  // Behind all that the main module declares at its top level.
  timers.setImmediate(async () => {
    try {
      await root.hooksOf('before');
    } catch (error) {
      root.fail(failureOf(error, 'hookFailed'));
    }
    root.ready = true;
    root.pump();
    if (settings().forceExit) root.drained().then(finish).then(() => timers.setImmediate(() => process.exit()));
  });
}

function onUncaught(error) {
  const node = storage.getStore();
  if (node !== undefined && !node.finished && node.crash !== undefined) return node.crash(error);
  for (const child of walkRunning(root)) return child.crash(error);
  root.fail(failureOf(error, 'uncaughtException'));
  const name = node === undefined ? '' : ` after the test "${node.name}" ended`;
  root.messages.push(`Error: asynchronous activity was created${name}. This activity created the error "${error}" and would have caused the test to fail, but instead triggered an uncaughtException event.`);
}
function* walkRunning(node) {
  for (const child of node.children) {
    if (child.finished) continue;
    yield* walkRunning(child);
    if (child.started > 0 && child.crash !== undefined) yield child;
  }
}

async function finish() {
  if (ended) return;
  ended = true;
  for (const child of root.children) child.cancel(new Failure('Promise resolution is still pending but the event loop has already resolved', undefined, 'cancelledByParent'));
  flush();
  try {
    await root.hooksOf('after');
  } catch (error) {
    root.fail(failureOf(error, 'hookFailed'));
  }
  close();
}
function atExit() {
  if (ended) return;
  ended = true;
  for (const child of root.children) child.cancel(new Failure('test did not finish before its parent and was cancelled', undefined, 'cancelledByParent'));
  flush();
  close();
}
function close() {
  const counts = countsOf();
  const success = root.error === null && !root.children.some((child) => child.failed && !child.dropped);
  if (!success) process.exitCode = 1;
  if (root.error !== null) root.messages.push(`${root.error.message}`);
  process.removeListener('uncaughtException', onUncaught);
  process.removeListener('unhandledRejection', onUncaught);
  require('internal/node/test_snapshots').save();
  require('internal/node/test_events').summarize(sink, { counts, success, duration: now() - root.started, messages: root.messages, file: process.argv[1] });
}

// ---- what tests get

const registered = new Map();

function assertOf(node) {
  const made = {};
  const original = require('node:assert');
  const add = (name, check) => {
    made[name] = (...args) => {
      node.note();
      return Reflect.apply(check, node.context, args);
    };
  };
  for (const name of Object.keys(original)) {
    if (typeof original[name] === 'function' && !['AssertionError', 'Assert', 'CallTracker', 'strict'].includes(name)) add(name, original[name]);
  }
  const { compare, compareFile } = require('internal/node/test_snapshots');
  add('snapshot', (value, options) => compare(node, value, options, settings().update));
  add('fileSnapshot', (value, path, options) => compareFile(value, path, options, settings().update));
  for (const [name, check] of registered) add(name, check);
  return made;
}

function contextOf(node) {
  if (node.context !== undefined) return node.context;
  let assert;
  const hook = (kind) => (fn, options) => addHook(node, kind, fn, options);
  const context = {
    get name() { return node.name; },
    get fullName() { return node.fullName; },
    get filePath() { return node.place.file ?? process.argv[1]; },
    get signal() {
      if (node.controller === null) node.controller = new AbortController();
      return node.controller.signal;
    },
    get passed() { return node.error === null; },
    get error() { return node.error; },
    get attempt() { return node.attempts; },
    diagnostic(message) { node.messages.push(`${message}`); },
    before: hook('before'), after: hook('after'), beforeEach: hook('beforeEach'), afterEach: hook('afterEach'),
  };
  if (!node.isSuite) {
    Object.defineProperties(context, Object.getOwnPropertyDescriptors({
      get mock() { return node.mocks ??= createMocks(); },
      get assert() { return assert ??= assertOf(node); },
      plan(count, options) { node.plan(count, options); },
      skip(message) { node.skipped = message ?? true; },
      todo(message) { node.todo = message ?? true; },
      runOnly(value) { node.runsOnly = !!value; },
      test(name, options, fn) {
        node.note();
        return create(node, false, [name, options, fn], {}, context.test).done;
      },
      async waitFor(condition, options = {}) {
        validateFunction(condition, 'condition');
        validateObject(options, 'options');
        const { interval = 50, timeout = 1000 } = options;
        validateNumber(interval, 'options.interval', 0, 2 ** 31 - 1);
        validateNumber(timeout, 'options.timeout', 0, 2 ** 31 - 1);
        let cause;
        let timer;
        let over = false;
        const late = new Promise((_, reject) => {
          timer = timers.setTimeout(() => {
            over = true;
            reject(new Error('waitFor() timed out', { cause }));
          }, timeout);
        });
        const attempts = (async () => {
          while (!over) {
            try {
              return await condition();
            } catch (error) {
              cause = error;
            }
            await new Promise((resolve) => timers.setTimeout(resolve, interval));
          }
        })();
        return Promise.race([late, attempts]).finally(() => {
          over = true;
          timers.clearTimeout(timer);
        });
      },
    }));
  }
  return node.context = context;
}

// ---- what users call

function create(parent, isSuite, [name, options, fn], overrides, above) {
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
  if (name === fn) options = options === fn ? {} : options;
  if (options === null || typeof options !== 'object') options = {};
  const noBody = fn === undefined || fn === null;
  if (!noBody) validateFunction(fn, 'fn');
  if (typeof name !== 'string' || name === '') name = fn?.name || '<anonymous>';
  const node = new Node(parent, name, { ...options, ...overrides }, fn ?? (() => {}), isSuite, callerOf(above));
  if (parent.finished || (parent === root && ended)) {
    node.fail(new Failure('test could not be started because its parent finished', undefined, 'parentAlreadyFinished'));
    parent.children.push(node);
    if (parent.parent !== null) parent.fail(node.error);
    node.end();
    return node;
  }
  if (isSuite && node.skipped === null) {
    const context = contextOf(node);
    try {
      const result = storage.run(node, () => Reflect.apply(node.fn, context, [context]));
      node.body = Promise.resolve(result).catch((error) => node.fail(failureOf(error, 'testCodeFailure')));
    } catch (error) {
      node.fail(failureOf(error, 'testCodeFailure'));
    }
  }
  parent.add(node);
  return node;
}

const ownerNow = () => {
  const owner = storage.getStore();
  return owner === undefined || (owner.finished && owner.isSuite) ? root : owner;
};

function addHook(node, kind, fn, options = {}) {
  validateFunction(fn, 'fn');
  validateObject(options, 'options');
  const { signal, timeout } = options;
  if (signal !== undefined) validateAbortSignal(signal, 'options.signal');
  if (timeout !== undefined && timeout !== Infinity) validateNumber(timeout, 'options.timeout', 0, 2 ** 31 - 1);
  const hook = { fn, signal, timeout };
  node.hooks[kind].push(hook);
  if (node === root && !begun) begin();
  // The body of a test runs already: in front of the subtests that follow.
  if (kind === 'before' && !node.isSuite) {
    node.preparing = node.preparing.then(() => node.hooksOf('before', [hook])).catch((error) => node.fail(failureOf(error, 'hookFailed')));
  }
}

// In a suite nothing is to be waited for: what is declared there runs when the suite's own function has ended.
function promiseOf(node) { return node.isSuite || (node.parent !== root && node.parent.isSuite) ? Promise.resolve() : node.done; }

function declare(isSuite) {
  const call = function(name, options, fn) { return promiseOf(create(ownerNow(), isSuite, [name, options, fn], {}, call)); };
  for (const kind of ['expectFailure', 'only', 'skip', 'todo']) {
    call[kind] = function(name, options, fn) { return promiseOf(create(ownerNow(), isSuite, [name, options, fn], { [kind]: true }, call[kind])); };
  }
  return call;
}
const test = declare(false);
const suite = declare(true);
Object.defineProperty(test, 'name', { value: 'test' });
Object.defineProperty(suite, 'name', { value: 'suite' });
const hook = (kind) => function(fn, options) { addHook(ownerNow(), kind, fn, options); };

module.exports = Object.assign(test, {
  test, it: test, describe: suite, suite, before: hook('before'), after: hook('after'), beforeEach: hook('beforeEach'), afterEach: hook('afterEach'),
  mock: createMocks(),
  run(options) { return require('internal/node/test_run').run(options); },
  assert: {
    register(name, check) {
      validateString(name, 'name');
      validateFunction(check, 'fn');
      registered.set(name, check);
    },
  },
  snapshot: {
    setDefaultSnapshotSerializers(serializers) {
      validateArray(serializers, 'serializers');
      serializers.forEach((each, i) => validateFunction(each, `serializers[${i}]`));
      require('internal/node/test_snapshots').setSerializers(serializers);
    },
    setResolveSnapshotPath(fn) {
      validateFunction(fn, 'fn');
      require('internal/node/test_snapshots').setResolve(fn);
    },
  },
});
