// Ids of operations, who began them, and the order of hooks; what runs without hooks has ids as well.
const { createHook, executionAsyncId, triggerAsyncId, executionAsyncResource, AsyncResource } = require('async_hooks');
console.log(executionAsyncId(), triggerAsyncId(), typeof executionAsyncResource());

const names = new Map();
const log = [];
const hook = createHook({
  init(id, type, trigger) {
    names.set(id, type);
    log.push(`init ${type} by ${trigger === 1 ? 'main' : names.get(trigger)}`);
  },
  before(id) { log.push(`before ${names.get(id)}`); },
  after(id) { log.push(`after ${names.get(id)}`); },
  destroy(id) { if (names.get(id) !== 'PROMISE') log.push(`destroy ${names.get(id)}`); },
}).enable();

setImmediate(() => {
  const own = executionAsyncId();
  const timer = setTimeout(() => {
    console.log(triggerAsyncId() === own, executionAsyncResource() === timer);
    hook.disable();
    setImmediate(() => {
      console.log(log.join('\n'));
      const resource = new AsyncResource('Own', { triggerAsyncId: 7 });
      console.log(resource.runInAsyncScope(() => [executionAsyncId() === resource.asyncId(), triggerAsyncId()]));
    });
  }, 1);
});
