// SPDX-License-Identifier: Apache-2.0
// --run: a script of the nearest package.json, by the shell, with the package's programs on the path.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { process, optionValue } = require('internal/process');

function fail(text) {
  process.stderr.write(text);
  process.exit(1);
}

const name = optionValue('--run');
const binaries = [];
let file;
for (let directory = process.cwd(); ; directory = path.dirname(directory)) {
  binaries.push(path.join(directory, 'node_modules', '.bin'));
  const candidate = path.join(directory, 'package.json');
  if (file === undefined && fs.existsSync(candidate)) file = candidate;
  if (directory === path.dirname(directory)) break;
}
if (file === undefined) fail(`Can't find package.json for directory ${process.cwd()}\n`);
const { scripts } = JSON.parse(fs.readFileSync(file, 'utf8'));
if (scripts === undefined) fail(`Can't find "scripts" field in ${file}\n`);
if (typeof scripts[name] !== 'string') {
  fail(`Missing script: "${name}" for ${file}\n\nAvailable scripts are:\n${Object.entries(scripts).map(([key, value]) => `  ${key}: ${value}\n`).join('')}`);
}
const quote = (text) => /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`;
const command = [scripts[name], ...process.argv.slice(1).map(quote)].join(' ');
const child = require('node:child_process').spawn('/bin/sh', ['-c', command], {
  cwd: path.dirname(file), stdio: 'inherit',
  env: { ...process.env, PATH: [...binaries, process.env.PATH].join(':'), NODE_RUN_SCRIPT_NAME: name, NODE_RUN_PACKAGE_JSON_PATH: file },
});
child.on('exit', (code, signal) => process.exit(signal === null ? code : 1));
