// SPDX-License-Identifier: Apache-2.0
// Ticks, microtasks, timers and immediates run in Node's order.
// (From inside a timer, where their order is certain.)
setTimeout(() => {
  setTimeout(() => console.log('t1'), 5);
  setTimeout(() => {
    console.log('t2');
    Promise.resolve().then(() => console.log('t2 micro'));
    process.nextTick(() => console.log('t2 tick'));
  }, 5);
  setTimeout(() => console.log('t3'), 5);
  process.nextTick(() => console.log('tick'));
  Promise.resolve().then(() => {
    console.log('micro');
    process.nextTick(() => console.log('tick from micro'));
  }).then(() => console.log('micro2'));
  queueMicrotask(() => console.log('queued'));
  setImmediate((a, b) => {
    console.log('immediate', a, b);
    process.nextTick(() => console.log('tick of immediate'));
  }, 1, 2);
  setImmediate(() => console.log('second immediate'));
  clearImmediate(setImmediate(() => console.log('never')));
  console.log('sync');
}, 1);
