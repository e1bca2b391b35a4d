// SPDX-License-Identifier: Apache-2.0
// node:test: order and results of tests, suites, hooks and subtests as reporters tell them; what --test makes of files; exit codes.
'use strict';
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const directory = fs.mkdtempSync(path.join(require('node:os').tmpdir(), 'sluice-test-runner-'));
const write = (name, text) => fs.writeFileSync(path.join(directory, name), text);
write('good.test.js', `
const { test, describe, it, before, afterEach } = require('node:test');
const order = [];
test('plain', (t) => { t.plan(1); t.assert.ok(true); });
test('callback', (t, done) => setImmediate(done));
test('subtests', async (t) => {
  t.before(() => order.push('before'));
  t.afterEach(() => order.push('afterEach'));
  t.test('first', () => order.push('first'));
  await t.test('second', { skip: 'not now' }, () => {});
});
test('order', (t) => t.assert.deepStrictEqual(order, ['before', 'first', 'afterEach']));
test.todo('fails, but is to be done', () => { throw new Error('not yet'); });
describe('suite', () => { describe('inner', () => it('deep', async () => {})); it('flat', () => {}); });
`);
write('bad.test.js', `
const { test } = require('node:test');
test('throws', () => { throw new RangeError('far'); });
test('late', { timeout: 1 }, () => new Promise((resolve) => setTimeout(resolve, 5000).unref()));
test('plan', (t) => t.plan(2));
test('never', () => new Promise(() => {}));
`);
write('ends.test.js', 'process.exit(3);');

const run = (...args) => {
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: directory, encoding: 'utf8' });
  console.log(`--- ${args.join(' ')}: ${status}`);
  console.log(stdout.split('\n').filter((line) => /^\s*(?:not ok|ok|1\.\.|# (?:tests|suites|pass|fail|cancelled|skipped|todo) )|failureType|^[.X]+$|<testcase/.test(line))
    .map((line) => line.replace(/ time=.*/, '')).join('\n'));
};
run('--test-reporter=tap', 'good.test.js');
run('--test-reporter=tap', 'bad.test.js');
run('--test', '--test-reporter=tap', '--test-concurrency=2');
run('--test-reporter=dot', '--test-name-pattern=/^suite flat|plain/', 'good.test.js');
run('--test', '--test-reporter=junit', '--test-skip-pattern=suite', 'good.test.js');
fs.rmSync(directory, { recursive: true });
