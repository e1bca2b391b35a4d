// SPDX-License-Identifier: Apache-2.0
// run(): test files, each as a program of its own, whose events come back through a pipe and go on as one stream. Watching and
// isolation 'none' are not here yet, and say so.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { codes } = require('internal/errors');
const { validateAbortSignal, validateArray, validateBoolean, validateFunction, validateNumber, validateObject, validateOneOf, validateString, validateStringArray, validateUint32 } = require('internal/validators');
const { process } = require('internal/process');
const { makeStream, revive, summarize } = require('internal/node/test_events');

const NAMED = /^(?:test|test-.*|.*[._-]test)\.[cm]?[jt]s$/;

function collect(directory, inTest, files) {
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== 'node_modules') collect(file, inTest || entry.name === 'test', files);
    } else if (NAMED.test(entry.name) || (inTest && /\.[cm]?[jt]s$/.test(entry.name))) {
      files.push(file);
    }
  }
  return files;
}

// What patterns name: files as they are, others as globs.
function filesOf(patterns, cwd) {
  if (patterns === undefined || patterns.length === 0) return collect(cwd, false, []).sort();
  const files = new Set();
  for (const each of patterns) {
    const file = path.resolve(cwd, each);
    if (fs.existsSync(file)) {
      if (fs.statSync(file).isDirectory()) for (const inner of collect(file, true, [])) files.add(inner);
      else files.add(file);
    } else {
      for (const found of fs.globSync(each, { cwd, exclude: (name) => name === 'node_modules' })) files.add(path.resolve(cwd, found));
    }
  }
  return [...files].sort();
}

const expressions = (value, name) => {
  if (value === undefined) return [];
  const list = Array.isArray(value) ? value : [value];
  return list.map((each, i) => {
    if (typeof each !== 'string' && !(each instanceof RegExp)) throw new codes.ERR_INVALID_ARG_TYPE(Array.isArray(value) ? `${name}[${i}]` : name, ['string', 'RegExp'], each);
    return `${each}`;
  });
};

function run(options = {}) {
  validateObject(options, 'options');
  const { files, signal, timeout, setup, only = false, globPatterns, shard, isolation = 'process', watch = false, forceExit = false, argv = [], execArgv = [], cwd = process.cwd(), env, inherited = [] } = options;
  let { concurrency = true } = options;
  if (files !== undefined) validateArray(files, 'options.files');
  validateBoolean(watch, 'options.watch');
  validateBoolean(forceExit, 'options.forceExit');
  validateBoolean(only, 'options.only');
  validateString(cwd, 'options.cwd');
  if (globPatterns !== undefined) {
    validateArray(globPatterns, 'options.globPatterns');
    if (globPatterns.length > 0 && files !== undefined && files.length > 0) throw new codes.ERR_INVALID_ARG_VALUE('options.globPatterns', globPatterns, 'is not supported when specifying \'options.files\'');
  }
  if (shard !== undefined) {
    validateObject(shard, 'options.shard');
    validateUint32(shard.total, 'options.shard.total', true);
    validateUint32(shard.index, 'options.shard.index');
    if (shard.index <= 0 || shard.index > shard.total) throw new codes.ERR_OUT_OF_RANGE('options.shard.index', `>= 1 && <= ${shard.total} ("options.shard.total")`, shard.index);
    if (watch) throw new codes.ERR_INVALID_ARG_VALUE('options.shard', watch, 'shards not supported with watch mode');
  }
  if (setup !== undefined && setup !== null) validateFunction(setup, 'options.setup');
  if (signal !== undefined) validateAbortSignal(signal, 'options.signal');
  if (timeout !== undefined && timeout !== Infinity) validateNumber(timeout, 'options.timeout', 0, 2 ** 31 - 1);
  validateOneOf(isolation, 'options.isolation', ['process', 'none']);
  if (watch) throw new codes.ERR_INVALID_ARG_VALUE('options.watch', watch, 'is not there yet; sluice --watch runs a program again');
  if (isolation === 'none') throw new codes.ERR_INVALID_ARG_VALUE('options.isolation', isolation, 'is not there yet; each file is a program of its own');
  validateStringArray(argv, 'options.argv');
  validateStringArray(execArgv, 'options.execArgv');
  const filters = [
    ...expressions(options.testNamePatterns, 'options.testNamePatterns').map((each) => `--test-name-pattern=${each}`),
    ...expressions(options.testSkipPatterns, 'options.testSkipPatterns').map((each) => `--test-skip-pattern=${each}`),
    ...(only ? ['--test-only'] : []), ...(forceExit ? ['--test-force-exit'] : []),
  ];
  if (typeof concurrency === 'number') validateUint32(concurrency, 'options.concurrency', true);
  else if (typeof concurrency !== 'boolean') throw new codes.ERR_INVALID_ARG_TYPE('options.concurrency', ['boolean', 'number'], concurrency);
  if (typeof concurrency === 'boolean') concurrency = concurrency ? Math.max(require('node:os').availableParallelism() - 1, 1) : 1;

  const { stream, send } = makeStream();
  const counts = { tests: 0, failed: 0, passed: 0, cancelled: 0, skipped: 0, todo: 0, topLevel: 0, suites: 0 };
  const started = internalBinding('process').now();
  let success = true;
  (async () => {
    await undefined;
    if (typeof setup === 'function') await setup(stream);
    let list = files !== undefined && files.length > 0 ? files.map((each) => path.resolve(cwd, each)) : files !== undefined ? [] : filesOf(globPatterns, cwd);
    if (shard !== undefined) list = list.filter((_, i) => i % shard.total === shard.index - 1);
    const results = list.map(() => null);   // events of files that run while one in front of them does
    let told = 0;
    const tell = () => {
      while (told < list.length && results[told]?.over) {
        for (const { type, data } of results[told].events.splice(0)) relay(type, data);
        told++;
      }
      if (told < list.length && results[told] !== null) for (const { type, data } of results[told].events.splice(0)) relay(type, data);
    };
    const relay = (type, data) => {
      if (type === 'test:pass' || type === 'test:fail') {
        if (data.details.type === 'suite') {
          counts.suites++;
        } else {
          counts.tests++;
          if (data.skip !== undefined) counts.skipped++;
          else if (data.todo !== undefined) counts.todo++;
          else if (type === 'test:pass') counts.passed++;
          else counts[/^(?:cancelledByParent|testAborted|testTimeoutFailure)$/.test(data.details.error?.failureType) ? 'cancelled' : 'failed']++;
        }
        if (type === 'test:fail' && data.todo === undefined) success = false;
        if (data.nesting === 0) data.testNumber = ++counts.topLevel;
      }
      send(type, data);
    };
    const one = (file, i) => new Promise((resolve) => {
      const result = results[i] = { events: [], over: false };
      const { spawn } = require('node:child_process');
      const from = internalBinding('process').now();
      const child = spawn(process.execPath, [...inherited, ...filters, ...execArgv, file, ...argv], {
        cwd, signal, stdio: ['ignore', 'pipe', 'pipe', 'pipe'], env: { ...(env ?? process.env), NODE_TEST_CONTEXT: 'child-v8', NODE_TEST_WORKER_ID: String(i % concurrency + 1), SLUICE_TEST_EVENTS: '3' },
        ...(timeout === undefined || timeout === Infinity ? {} : { timeout }),
      });
      let rest = '';
      let summary;
      child.stdio[3].setEncoding('utf8');
      child.stdio[3].on('data', (chunk) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop();
        for (const line of lines) {
          const message = revive(JSON.parse(line));
          if (message.type === 'test:summary') {
            summary = message.data;
            result.events.push({ type: 'test:summary', data: { ...message.data, file } });
          } else if (!(message.data.nesting === 0 && (message.type === 'test:plan' || (message.type === 'test:diagnostic' && message.data.name === undefined)))) {
            result.events.push(message);
          }
        }
        tell();
      });
      for (const name of ['stdout', 'stderr']) {
        child[name].setEncoding('utf8');
        child[name].on('data', (message) => {
          result.events.push({ type: `test:${name}`, data: { file, message } });
          tell();
        });
      }
      let trouble;
      child.on('error', (error) => { trouble = error; });
      child.on('close', (code, killed) => {
        const bad = code !== 0 && !(summary !== undefined && !summary.success);
        // A file without tests of its own is a test itself; so is one that ended otherwise than its tests did.
        if (bad || summary === undefined || summary.counts.topLevel === 0) {
          const data = { name: path.relative(cwd, file) || file, nesting: 0, file, line: 1, column: 1 };
          const details = { duration_ms: internalBinding('process').now() - from, type: 'test' };
          if (bad) {
            const late = killed !== null && timeout !== undefined && trouble === undefined;
            const message = late ? `test timed out after ${timeout}ms` : trouble?.name === 'AbortError' ? 'The test was aborted' : 'test failed';
            details.error = Object.assign(new Error(message, { cause: message === 'test failed' ? undefined : trouble }), {
              code: 'ERR_TEST_FAILURE', failureType: late ? 'testTimeoutFailure' : trouble?.name === 'AbortError' ? 'testAborted' : 'testCodeFailure', exitCode: code, signal: killed,
            });
          }
          result.events.push({ type: 'test:start', data }, { type: bad ? 'test:fail' : 'test:pass', data: { ...data, testNumber: 0, details } });
        }
        result.over = true;
        tell();
        resolve();
      });
    });
    let next = 0;
    await Promise.all(Array.from({ length: Math.min(concurrency, list.length) }, async () => {
      while (next < list.length) {
        const i = next++;
        await one(list[i], i);
      }
    }));
    summarize(send, { counts, success, duration: internalBinding('process').now() - started, messages: [], file: undefined });
  })().catch((error) => stream.destroy(error));
  return stream;
}

module.exports = { run };
