// SPDX-License-Identifier: Apache-2.0
// V8 has one hook for each step of a promise; several may want it: async_hooks, and v8.promiseHooks.
'use strict';

const users = new Map();  // who -> { init, before, after, settled }

function combined(name) {
  const all = [];
  for (const hooks of users.values()) if (hooks[name] !== undefined) all.push(hooks[name]);
  if (all.length < 2) return all[0];
  return (promise, parent) => { for (const each of all) each(promise, parent); };
}

// Sets what `who` wants to hear; {}: nothing any more.
exports.set = function set(who, hooks) {
  if (Object.values(hooks).some((each) => each !== undefined)) users.set(who, hooks);
  else users.delete(who);
  internalBinding('task').setPromiseHooks(combined('init'), combined('before'), combined('after'), combined('settled'));
};

// ---- as v8.promiseHooks has them

function check(hook, name) {
  require('internal/validators').validateFunction(hook, name);
  if (Object.prototype.toString.call(hook) === '[object AsyncFunction]' || Object.prototype.toString.call(hook) === '[object AsyncGeneratorFunction]') {
    const { codes } = require('internal/errors');
    throw new codes.ERR_INVALID_ARG_TYPE(name, 'Function', hook);
  }
}
function guarded(hook) {
  return (promise, parent) => {
    try {
      hook(promise, parent);
    } catch (error) {
      // Not inside of what the engine does with the promise.
      internalBinding('task').triggerUncaught(error);
    }
  };
}
function add(hooks) {
  const who = {};
  exports.set(who, hooks);
  return function stop() { exports.set(who, {}); };
}
const one = (name, label) => (hook) => {
  check(hook, label);
  return add({ [name]: guarded(hook) });
};

exports.promiseHooks = {
  onInit: one('init', 'initHook'), onBefore: one('before', 'beforeHook'), onAfter: one('after', 'afterHook'), onSettled: one('settled', 'settledHook'),
  createHook({ init, before, after, settled } = {}) {
    const hooks = {};
    for (const [name, hook] of Object.entries({ init, before, after, settled })) {
      if (hook === undefined) continue;
      check(hook, `${name}Hook`);
      hooks[name] = guarded(hook);
    }
    return add(hooks);
  },
};
