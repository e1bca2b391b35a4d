// SPDX-License-Identifier: Apache-2.0
// --watch: runs the program, and starts it anew when a file of its folder, or one that --watch-path names, has changed.
'use strict';

const fs = require('node:fs');
const { process, hasOption, optionValues } = require('internal/process');
const { spawn } = require('node:child_process');

const SETTLE_MS = 200;
const args = process.execArgv.filter((each) => each !== '--watch' && !each.startsWith('--watch-'));
const paths = optionValues('--watch-path');
let child = null;
let timer = null;

function run() {
  child = spawn(process.execPath, [...args, ...process.argv.slice(1)], { stdio: 'inherit', env: { ...process.env, WATCH_REPORT_DEPENDENCIES: '1' } });
  const mine = child;
  child.on('exit', (code) => {
    if (child !== mine) return;
    child = null;
    console.log(code === 0 ? 'Completed running. Waiting for file changes before restarting...' : 'Failed running. Waiting for file changes before restarting...');
  });
}

function restart() {
  timer = null;
  if (!hasOption('--watch-preserve-output') && process.stdout.isTTY) process.stdout.write('\u001bc');
  console.log('Restarting');
  const before = child;
  child = null;
  if (before === null) {
    run();
    return;
  }
  before.once('exit', run);
  before.kill();
}

if (typeof fs.watch !== 'function') {
  console.error('sluice: --watch: files cannot be watched yet');
  process.exit(9);
}
for (const each of paths.length > 0 ? paths : [process.cwd()]) {
  fs.watch(each, { recursive: true }, () => {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(restart, SETTLE_MS);
  });
}
process.once('SIGTERM', () => {
  if (child !== null) child.kill('SIGTERM');
  process.exit(143);
});
run();
