// SPDX-License-Identifier: Apache-2.0
// Workers: what they are given, what comes back, how they end; message channels; memory that is shared.
const { once } = require('events');
const { Worker, MessageChannel, BroadcastChannel, receiveMessageOnPort, markAsUntransferable } = require('worker_threads');
const ended = async (worker) => {
  const errors = [];
  worker.on('error', (error) => errors.push(`${error.name} ${error.code ?? ''} ${error.message}`));
  const code = await new Promise((resolve) => worker.once('exit', resolve));
  return [code, ...errors];
};
const failure = (fn) => {
  try {
    fn();
    return 'nothing';
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};
(async () => {
  const memory = new Int32Array(new SharedArrayBuffer(8));
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(`
    const { parentPort, workerData, isMainThread, threadId } = require('worker_threads');
    const { memory, port } = workerData;
    port.on('message', (bytes) => {
      Atomics.store(memory, 0, 42);
      Atomics.notify(memory, 0);
      port.postMessage(bytes.map((each) => each * 2), [bytes.buffer]);
      port.close();
    });
    parentPort.postMessage([isMainThread, threadId > 0, process.env.PLACE, process.argv.slice(2), process.chdir.disabled]);
    console.log('written by a worker');
  `, { eval: true, workerData: { memory, port: port2 }, transferList: [port2], env: { PLACE: 'worker' }, argv: ['a', 'b'], stdout: true });
  let written = '';
  worker.stdout.on('data', (piece) => { written += piece; });
  console.log((await once(worker, 'message'))[0]);
  const bytes = new Uint8Array([1, 2, 3]);
  port1.postMessage(bytes, [bytes.buffer]);
  console.log(bytes.length, Atomics.wait(memory, 0, 0, 5000) !== 'timed-out', memory[0]);
  console.log(await once(port1, 'message'));
  console.log(await ended(worker), JSON.stringify(written), worker.threadId);

  console.log(await ended(new Worker('process.exitCode = 3', { eval: true })));
  console.log(await ended(new Worker('process.on("exit", () => { process.exitCode = 9 }); process.exit(4)', { eval: true })));
  console.log(await ended(new Worker('setTimeout(() => { throw Object.assign(new RangeError("far"), { code: "E_FAR" }) })', { eval: true })));
  console.log(await ended(new Worker('const all = []; for (;;) all.push(new Array(10000).fill(0.5))', { eval: true, resourceLimits: { maxOldGenerationSizeMb: 12 } })));
  console.log(await ended(new Worker('(', { eval: true })));
  for (const code of ['for (;;);', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)', 'setInterval(() => {}, 1000)', 'new (require("worker_threads").Worker)("for (;;);", { eval: true })']) {
    const stuck = new Worker(code, { eval: true });
    await once(stuck, 'online');
    console.log('terminated', await stuck.terminate());
  }

  const a = new BroadcastChannel('news'), b = new BroadcastChannel('news');
  a.postMessage({ text: 'hear' });
  console.log(receiveMessageOnPort(b), receiveMessageOnPort(b));
  a.close();
  b.close();
  const kept = new ArrayBuffer(4);
  markAsUntransferable(kept);
  const channel = new MessageChannel();
  for (const fn of [
    () => channel.port1.postMessage(() => {}), () => channel.port1.postMessage(channel.port2), () => channel.port1.postMessage(1, [channel.port1]),
    () => structuredClone(kept, { transfer: [kept] }), () => structuredClone(Symbol('x')), () => new Worker('relative.js'),
    () => new Worker('', { eval: true, resourceLimits: { stackSizeMb: 1e9 } }),
  ]) console.log(failure(fn));
  channel.port1.postMessage('first');
  channel.port1.postMessage('last');
  channel.port1.close();
  channel.port2.on('message', (text) => console.log(text)).on('close', () => console.log('closed'));
})();
