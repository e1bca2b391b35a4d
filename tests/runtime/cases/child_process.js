// Children beside the program: streams, ends, errors, messages, files as streams.
'use strict';
const { spawn, exec, execFile, fork, spawnSync } = require('child_process');
const { promisify } = require('util');

if (process.argv[2] === 'child') {
  process.on('message', (message) => {
    if (message === 'end') process.disconnect();
    else process.send({ pid: process.pid === process.ppid, got: message });
  });
} else {
  main();
}

function ended(child) {
  const said = { out: '', err: '' };
  child.stdout?.on('data', (chunk) => { said.out += chunk; });
  child.stderr?.on('data', (chunk) => { said.err += chunk; });
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ ...said, code, signal })));
}

async function main() {
  const both = spawn('sh', ['-c', 'cat; echo wrong >&2; exit 3']);
  both.stdin.end('in and out');
  console.log(await ended(both));

  // More than a pipe holds, both ways.
  const size = 3e6;
  const long = spawn('cat');
  long.stdin.end(Buffer.alloc(size, 'x'));
  const { out } = await ended(long);
  console.log(out.length === size);

  const killed = spawn('sleep', ['100']);
  killed.kill('SIGINT');
  console.log(await ended(killed), killed.killed, killed.signalCode);

  console.log(await new Promise((resolve) => spawn('there-is-none').on('error', resolve)).then(({ message, code, syscall, path }) => ({ message, code, syscall, path })));
  console.log(await new Promise((resolve) => exec('echo $A; exit 2', { env: { A: 'b' } }, (error, stdout) => resolve([error.code, error.cmd, stdout]))));
  console.log(await promisify(execFile)('printf', ['%s', 'text']));
  const tooMuch = await promisify(exec)('printf 123456', { maxBuffer: 3 }).catch((error) => error);
  console.log(tooMuch.code, tooMuch.stdout);
  const abort = new AbortController();
  const aborted = new Promise((resolve) => spawn('sleep', ['100'], { signal: abort.signal }).on('error', resolve));
  abort.abort();
  console.log((await aborted).name);

  for (const serialization of ['json', 'advanced']) {
    const child = fork(__filename, ['child'], { serialization });
    const close = ended(child);
    const answer = (message) => new Promise((resolve) => {
      child.once('message', resolve);
      child.send(message);
    });
    console.log((await answer({ text: 'ä'.repeat(5) })).got);
    console.log((await answer({ long: 'y'.repeat(1e6) })).got.long.length);
    if (serialization === 'advanced') console.log((await answer({ map: new Map([[1, Buffer.from('z')]]), big: 1n })).got);
    child.send('end');
    console.log(await close, child.connected);
  }

  // A child that nobody waits for does not keep the program.
  const waits = spawn('sleep', ['100'], { stdio: 'ignore' });
  waits.unref();
  process.on('exit', () => {
    waits.kill('SIGKILL');
    console.log('end', spawnSync('sh', ['-c', 'exit 4']).status);
  });
}
