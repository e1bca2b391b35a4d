// SPDX-License-Identifier: Apache-2.0
// --test: runs the files that the command line names, or those in the directory that look like tests; reporters write what came of it.
'use strict';

const { process, optionValue } = require('internal/process');
const { attach } = require('internal/node/test_events');
const { run } = require('internal/node/test_run');

const OWN_WITH_VALUE = /^--test-(?:reporter|reporter-destination|concurrency|shard|timeout|isolation|global-setup|rerun-failures)$/;

// Options of ours stay here; all others are for the programs.
const inherited = [];
for (let i = 0; i < process.execArgv.length; i++) {
  const each = process.execArgv[i];
  if (OWN_WITH_VALUE.test(each)) i++;
  else if (each !== '--test' && !each.startsWith('--watch') && !OWN_WITH_VALUE.test(each.split('=')[0])) inherited.push(each);
}
const options = { globPatterns: process.argv.slice(1), inherited };
const concurrency = optionValue('--test-concurrency');
const timeout = optionValue('--test-timeout');
const shard = optionValue('--test-shard');
if (concurrency !== undefined) options.concurrency = Number(concurrency);
if (timeout !== undefined) options.timeout = Number(timeout);
if (shard !== undefined) {
  const parts = /^(\d+)\/(\d+)$/.exec(shard);
  if (parts === null) {
    const { codes } = require('internal/errors');
    throw new codes.ERR_INVALID_ARG_VALUE('--test-shard', shard, 'must be in the form of <index>/<total>');
  }
  options.shard = { index: Number(parts[1]), total: Number(parts[2]) };
}
const stream = run(options);
stream.on('test:summary', ({ file, success }) => { if (file === undefined && !success) process.exitCode = 1; });
attach(stream);
