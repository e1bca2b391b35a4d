// SPDX-License-Identifier: Apache-2.0
// What is thrown later, in a tick, a timer or a promise's reaction, goes to the domain that it was begun in.
const domain = require('domain');
const { EventEmitter } = require('events');
const d = domain.create();
d.on('error', (error) => console.log('domain:', error.message, error.domain === d, process.domain));
process.on('uncaughtException', (error) => console.log('nobody:', error.message));
d.run(() => {
  process.nextTick(() => { throw new Error('tick'); });
  setTimeout(() => { throw new Error('timer'); }, 1);
  new EventEmitter().emit('error', new Error('emitter'));
});
setTimeout(() => { throw new Error('outside'); }, 5);
