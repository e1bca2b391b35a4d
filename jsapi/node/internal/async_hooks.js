// SPDX-License-Identifier: Apache-2.0
// Ids of asynchronous operations and the hooks that hear of them: what node:async_hooks gives, and what other built-in modules tell it.
// Loaded by the first who wants ids; from then on internal/async_context hands each tick, timer, immediate and callback to track().
'use strict';

const context = require('internal/async_context');
const ticks = require('internal/ticks');
const promiseHooks = require('internal/node/promise_hooks');

const kId = Symbol('async_id_symbol');
const kTrigger = Symbol('trigger_async_id_symbol');
const kDestroyed = Symbol('destroyed');

let lastId = 1;
let executing = 1;
let triggering = 0;
let base = 1;              // 1 while the main script runs, 0 outside of any operation
let current = {};          // resource of what runs now
const top = current;
const stack = [];          // what was before: id, trigger, resource, ...
let defaultTrigger = -1;   // set by who starts an operation on behalf of another

const newId = () => ++lastId;
const triggerForNew = () => defaultTrigger < 0 ? executing : defaultTrigger;

// ---- hooks

let active = [];
let hasInit = false;
let hasBefore = false;
let hasAfter = false;
let hasDestroy = false;
let hasResolve = false;

function count() {
  hasInit = active.some((hook) => hook.init !== undefined);
  hasBefore = active.some((hook) => hook.before !== undefined);
  hasAfter = active.some((hook) => hook.after !== undefined);
  hasDestroy = active.some((hook) => hook.destroy !== undefined);
  hasResolve = active.some((hook) => hook.promiseResolve !== undefined);
  if (active.some((hook) => hook.trackPromises)) {
    setPromiseHooks();
  } else {
    // Not before the microtask of now has had its end.
    queueMicrotask(() => { if (!active.some((hook) => hook.trackPromises)) promiseHooks.set(asyncHooks, {}); });
  }
}

function enable(hook) {
  if (active.includes(hook)) return;
  active = [...active, hook];
  count();
}
function disable(hook) {
  if (!active.includes(hook)) return;
  active = active.filter((each) => each !== hook);
  count();
}

// A hook that throws ends the program: nobody could handle it.
function fatal(error) {
  const { process } = require('internal/process');
  const holder = {};
  Error.captureStackTrace(holder, fatal);
  const text = error !== null && typeof error === 'object' && typeof error.stack === 'string' ? error.stack : `Error: ${String(error)}${holder.stack.slice(holder.stack.indexOf('\n'))}`;
  process._rawDebug(text);
  process.reallyExit(1);
}

function emitInit(id, type, trigger, resource) {
  for (const hook of active) {
    if (hook.init === undefined) continue;
    try {
      hook.init(id, type, trigger, resource);
    } catch (error) {
      fatal(error);
    }
  }
}
function emitId(name, id) {
  for (const hook of active) {
    if (hook[name] === undefined) continue;
    try {
      hook[name](id);
    } catch (error) {
      fatal(error);
    }
  }
}

let dead = [];
let flushing = false;
function emitDestroy(id) {
  if (!hasDestroy || !(id > 0)) return;
  dead.push(id);
  if (flushing) return;
  flushing = true;
  ticks.afterTurn(flushDestroyed);
}
function flushDestroyed() {
  while (dead.length > 0) {
    const batch = dead;
    dead = [];
    for (const id of batch) emitId('destroy', id);
  }
  flushing = false;
}

// ---- what runs now

function push(id, trigger, resource) {
  stack.push(executing, triggering, current);
  executing = id;
  triggering = trigger;
  current = resource;
}
// What the operation with `id` began ends, and what may have been left above it.
function pop(id) {
  if (stack.length === 0 || executing !== id) return false;
  current = stack.pop();
  triggering = stack.pop();
  executing = stack.pop();
  return true;
}
function clear() {
  stack.length = 0;
  executing = base;
  triggering = 0;
  current = top;
}

function emitBefore(id, trigger, resource) {
  push(id, trigger, resource);
  if (hasBefore) emitId('before', id);
}
function emitAfter(id) {
  if (hasAfter) emitId('after', id);
  pop(id);
}

// A function that runs `fn` as the operation `resource`, in the context of now. `once`: that is its end.
function track(fn, type, resource, once) {
  const id = newId();
  const trigger = triggerForNew();
  resource[kId] = id;
  resource[kTrigger] = trigger;
  if (hasInit) emitInit(id, type, trigger, resource);
  const frame = context.current();
  return function(...args) {
    emitBefore(id, trigger, resource);
    let result;
    // Where it throws, the stack stays for the listener of 'uncaughtException'; afterUncaught() takes it down.
    if (once && hasDestroy) {
      try {
        result = context.runIn(frame, fn, this, args);
      } finally {
        emitDestroy(id);
      }
    } else {
      result = context.runIn(frame, fn, this, args);
    }
    emitAfter(id);
    return result;
  };
}

const asyncHooks = {
  track,
  // A timer or immediate is over, or was cleared.
  destroyed(resource) {
    if (resource[kId] === undefined || resource[kDestroyed] === true) return;
    if (hasDestroy) emitDestroy(resource[kId]);
  },
  turn() {
    base = 0;
    if (stack.length !== 0 || executing !== 0) clear();
  },
  afterUncaught() {
    if (hasAfter) {
      while (stack.length > 0) {
        emitId('after', executing);
        if (!pop(executing)) break;
      }
    }
    clear();
  },
};

// ---- promises

let registry;
function watch(object, id, state) {
  registry ??= new FinalizationRegistry(({ id, state }) => { if (state === undefined || !state.destroyed) emitDestroy(id); });
  registry.register(object, { id, state });
}

function idOf(promise, parent) {
  let id = promise[kId];
  if (id !== undefined) return id;
  id = newId();
  const trigger = parent !== undefined ? idOf(parent) : triggerForNew();
  try {
    promise[kId] = id;
    promise[kTrigger] = trigger;
  } catch {}  // frozen
  if (hasDestroy) watch(promise, id);
  return id;
}

function setPromiseHooks() {
  promiseHooks.set(asyncHooks, {
    init: hasInit || hasDestroy ? (promise, parent) => {
      const id = idOf(promise, parent);
      if (hasInit) emitTracked('init', id, promise);
    } : undefined,
    before(promise) {
      const id = idOf(promise);
      push(id, promise[kTrigger] ?? 0, promise);
      emitTracked('before', id);
    },
    after(promise) {
      const id = idOf(promise);
      emitTracked('after', id);
      pop(id);
    },
    settled: hasResolve ? (promise) => emitTracked('promiseResolve', idOf(promise)) : undefined,
  });
}
function emitTracked(name, id, promise) {
  for (const hook of active) {
    if (hook[name] === undefined || !hook.trackPromises) continue;
    try {
      if (promise !== undefined) hook[name](id, 'PROMISE', promise[kTrigger], promise);
      else hook[name](id);
    } catch (error) {
      fatal(error);
    }
  }
}

context.setHooks(asyncHooks);

Object.assign(exports, {
  kId, kTrigger, newId, triggerForNew, enable, disable, emitInit, emitBefore, emitAfter, emitDestroy, watch, fatal,
  hasInit: () => hasInit,
  hasDestroy: () => hasDestroy,
  hasActive: () => active.length > 0,
  executionAsyncId: () => executing,
  triggerAsyncId: () => triggering,
  executionAsyncResource: () => current,
  // Operations that `fn` starts have `id` as their trigger.
  withTrigger(id, fn, ...args) {
    const before = defaultTrigger;
    defaultTrigger = id;
    try {
      return fn(...args);
    } finally {
      defaultTrigger = before;
    }
  },
});
