// SPDX-License-Identifier: Apache-2.0
// --test: runs test files, each as a program of its own, and says at the end how many passed.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { process, optionValue } = require('internal/process');
const { spawn } = require('node:child_process');

const PATTERN = /^(?:test|test-.*|.*[._-]test)\.[cm]?js$/;

function collect(directory, inTest, files) {
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== 'node_modules') collect(file, inTest || entry.name === 'test', files);
    } else if (PATTERN.test(entry.name) || (inTest && /\.[cm]?js$/.test(entry.name))) {
      files.push(file);
    }
  }
  return files;
}

const given = process.argv.slice(1);
const files = given.length > 0 ? given.flatMap((each) => fs.existsSync(each) && fs.statSync(each).isDirectory() ? collect(each, true, []) : [each]) : collect(process.cwd(), false, []).sort();
const limit = Number(optionValue('--test-concurrency')) || Math.max(require('node:os').availableParallelism() - 1, 1);
const execArgv = process.execArgv.filter((each) => each !== '--test' && !each.startsWith('--watch'));
const failed = [];
let next = 0;
let running = 0;

function report() {
  console.log(`# files ${files.length}\n# pass ${files.length - failed.length}\n# fail ${failed.length}`);
  for (const file of failed) console.log(`# failed: ${file}`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}

function start() {
  if (next === files.length && running === 0) report();
  while (running < limit && next < files.length) {
    const file = files[next++];
    running++;
    const child = spawn(process.execPath, [...execArgv, file], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_TEST_CONTEXT: 'child' } });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.on('close', (code) => {
      running--;
      process.stdout.write(Buffer.concat(chunks));
      if (code !== 0) failed.push(file);
      start();
    });
  }
}
start();
