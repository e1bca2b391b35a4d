// SPDX-License-Identifier: Apache-2.0
// Ids of operations, who began them, and the order of hooks; what runs without hooks has ids as well.
const { createHook, executionAsyncId, triggerAsyncId, executionAsyncResource, AsyncResource } = require('async_hooks');
console.log(executionAsyncId(), triggerAsyncId(), typeof executionAsyncResource());

const names = new Map();
const log = [];
const ended = new Set();
let listening = true;
const hook = createHook({
  init(id, type, trigger) {
    names.set(id, type);
    if (listening) log.push(`init ${type} by ${trigger === 1 ? 'main' : names.get(trigger)}`);
  },
  before(id) { if (listening) log.push(`before ${names.get(id)}`); },
  after(id) { if (listening) log.push(`after ${names.get(id)}`); },
  destroy(id) { ended.add(names.get(id)); },  // some time after the operation
}).enable();

setImmediate(() => {
  const own = executionAsyncId();
  const timer = setTimeout(() => {
    console.log(triggerAsyncId() === own, executionAsyncResource() === timer);
    listening = false;
    setImmediate(() => setImmediate(() => {
      hook.disable();
      console.log(ended.has('Immediate'), ended.has('Timeout'));
      console.log(log.join('\n'));
      const resource = new AsyncResource('Own', { triggerAsyncId: 7 });
      console.log(resource.runInAsyncScope(() => [executionAsyncId() === resource.asyncId(), triggerAsyncId()]));
    }));
  }, 1);
});
