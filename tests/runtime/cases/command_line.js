// Options of Node's command line, and how programs end.
'use strict';
const { spawnSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-cli-'));
process.on('exit', () => fs.rmSync(directory, { recursive: true }));
const file = (name, text) => {
  fs.writeFileSync(path.join(directory, name), text);
  return path.join(directory, name);
};
const run = (args, options = {}) => {
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: directory, encoding: 'utf8', ...options });
  return [stdout.trim(), stderr.trim().split('\n')[0], status];
};

const first = file('first.cjs', 'globalThis.first = 1;');
const second = file('second.mjs', 'await 0; globalThis.second = globalThis.first + 1;');
file('.env', 'A=from file\nB="two words"\n');
file('package.json', '{ "scripts": { "say": "echo said $NODE_RUN_SCRIPT_NAME" } }');
file('bad.js', 'let a = ;');

console.log(run(['-p', '[1, process.argv.length, process.execArgv]', 'a', '-b']));
console.log(run(['-r', first, '--import', second, '-p', '[first, second]']));
console.log(run(['--input-type=module', '-e', 'console.log(typeof import.meta.url)']));
console.log(run(['-'], { input: 'console.log(process.argv.length)' }));
console.log(run(['-c', 'bad.js']).slice(1).join().replace(directory, ''), run(['-c', first]));
console.log(run(['--env-file=.env', '-p', '[process.env.A, process.env.B]'], { env: { A: 'mine' } }));
console.log(run(['--env-file=none', '-p', '1'])[2], run(['--env-file-if-exists=none', '-p', '1']));
console.log(run(['--run', 'say']), run(['--run', 'nothing'])[2]);
console.log(run(['--stack-trace-limit=3', '--expose-gc', '--title=named', '-p', '[Error.stackTraceLimit, typeof gc, process.title]']));
console.log(run(['-p', 'process.title + process.execArgv.length'], { env: { NODE_OPTIONS: '--no-warnings --title="a b"' } }));
console.log(run(['-p', '1'], { env: { NODE_OPTIONS: '--eval=1' } }).slice(1)[1], run(['--no-such-thing', '-p', '1'])[2]);
console.log(run(['-e', 'process.emitWarning("x", "W", "C")', '--disable-warning=C']), run(['-e', 'process.emitWarning("x", "W", "C")'])[1].replace(/\d+/, 'N'));
for (const mode of ['throw', 'strict', 'warn', 'none', 'warn-with-error-code']) console.log(mode, run([`--unhandled-rejections=${mode}`, '-e', 'Promise.reject(new Error("no"))'])[2]);
console.log(run(['-e', 'const t = setInterval(() => {}, 1e6); process.on("SIGUSR2", (name, number) => { console.log(name, number); clearInterval(t); }); process.kill(process.pid, "SIGUSR2")']));
