// SPDX-License-Identifier: Apache-2.0
// A timer that throws does not take those behind it along when somebody listens for the error.
process.on('uncaughtException', (error, origin) => console.log('caught', error.message, origin));
process.on('unhandledRejection', (reason) => console.log('rejected', reason));
process.nextTick(() => { throw new Error('tick'); });
process.nextTick(() => console.log('tick behind it'));
queueMicrotask(() => { throw new Error('microtask'); });
setTimeout(() => {
  setImmediate(() => {
    const until = Date.now() + 10; // the timers below are due by then, and still come after the other immediate
    while (Date.now() < until);
    throw new Error('immediate');
  });
  setImmediate(() => console.log('immediate behind it'));
  setTimeout(() => { throw new Error('first'); }, 5);
  setTimeout(() => console.log('second'), 5);
  setTimeout(() => {
    Promise.reject('third');
    setTimeout(() => console.log('end'), 5);
  }, 5);
}, 1);
