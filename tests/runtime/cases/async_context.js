// SPDX-License-Identifier: Apache-2.0
// A store follows everything that a callback or a promise goes on with, and nothing else.
const { AsyncLocalStorage, AsyncResource } = require('async_hooks');
const { EventEmitter } = require('events');
const a = new AsyncLocalStorage();
const b = new AsyncLocalStorage();
const seen = [];
const see = (what) => seen.push(`${what} ${a.getStore()} ${b.getStore()}`);
const plain = setTimeout(() => see('timer from outside'), 20);
a.run('A', () => {
  const bound = AsyncResource.bind(() => see('bound'));
  const emitter = new EventEmitter().on('event', () => see('listener'));
  b.run('B', async () => {
    process.nextTick(() => see('tick'));
    queueMicrotask(() => see('microtask'));
    setImmediate(() => see('immediate'));
    setTimeout(() => see('timer'), 1);
    require('fs').stat('/', () => see('fs'));
    await null;
    see('await');
    emitter.emit('event');
    a.exit(() => see('exit'));
    await require('timers/promises').setTimeout(1);
    see('awaited timer');
  });
  setTimeout(() => bound(), 5);
});
see('outside');
process.on('exit', () => {
  see('exit event');
  console.log(seen.sort().join('\n'));
});
