// stdin: two lines
// What a program sees of its own streams, and those of programs that it starts.
'use strict';
const { spawnSync, spawn } = require('child_process');
const run = (...args) => spawnSync(process.execPath, args, { encoding: 'utf8' });

let text = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk) => { text += chunk; });
process.stdin.on('end', () => {
  console.log('stdin:', JSON.stringify(text));
  // What replaces write() sees what console.log() prints.
  const { write } = process.stdout;
  const seen = [];
  process.stdout.write = (chunk) => seen.push(chunk) > 0;
  console.log('seen');
  process.stdout.write = write;
  console.log(seen, process.stdout.isTTY, process.stdout.fd, process.stderr.fd);
  // As much as you like is written before the program ends.
  console.log(run('-e', 'process.stdout.write("x".repeat(1e6)); process.exit()').stdout.length);
  // A paused or unread stdin keeps nobody.
  console.log(run('-e', 'process.stdin.resume(); process.stdin.pause(); console.log("paused")').stdout);
  // Nobody reads: an error, not a signal.
  const child = spawn(process.execPath, ['-e', 'process.stdin.on("end", () => { process.stdout.on("error", (e) => { console.error(e.code, e.syscall); }); process.stdout.write("x"); }).resume()'], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdout.on('close', () => child.stdin.end());
  child.stdout.destroy();
  child.on('exit', (code) => console.log('exit', code));
});
