// SPDX-License-Identifier: Apache-2.0
// process.nextTick, queueMicrotask and setImmediate: what runs between and after the events of a turn.
'use strict';

const events = require('internal/events');
const context = require('internal/async_context');
let queue = [];
let immediates = [];
let liveImmediates = 0;
let interrupted = null;   // what is left of a batch of immediates of which one threw

exports.activeImmediates = () => liveImmediates;

// For C++: 1 there are immediates, 2 they go on where one threw, before anything else of the turn.
function noteImmediates() {
  const waiting = immediates.length !== 0 && liveImmediates !== 0;
  events.words()[events.IMMEDIATES] = interrupted !== null ? 2 : waiting ? 1 : 0;
}

function checkFunction(callback) {
  if (typeof callback === 'function') return;
  const { inspect } = require('internal/inspect');
  const error = new TypeError(`The "callback" argument must be of type function. Received ${inspect(callback)}`);
  error.code = 'ERR_INVALID_ARG_TYPE';
  throw error;
}

exports.checkFunction = checkFunction;

exports.nextTick = function nextTick(callback, ...args) {
  checkFunction(callback);
  if (context.isUsed()) callback = context.track(callback, 'TickObject', { callback, args }, true);
  queue.push(callback, args);
  events.words()[events.TICKS] = 1;
};

let position = 0;
// Runs the queue until it is empty, microtasks in between batches are C++'s. A throwing callback leaves the rest queued.
exports.processTicks = function processTicks() {
  while (position < queue.length) {
    const callback = queue[position];
    const args = queue[position + 1];
    position += 2;
    if (position > 2048) {
      queue = queue.slice(position);
      position = 0;
    }
    callback(...args);
  }
  queue = [];
  position = 0;
  events.words()[events.TICKS] = 0;
};

// Between two callbacks that a script may tell apart: ticks and microtasks, as C++ does between turns.
exports.settle = function settle() {
  const { runMicrotasks } = internalBinding('task');
  const words = events.words();
  do {
    if (words[events.TICKS] !== 0) exports.processTicks();
    runMicrotasks();
  } while (words[events.TICKS] !== 0);
};

class Immediate {
  constructor(callback, args) {
    this.callback = callback;
    this.args = args;
    this.live = true;
    liveImmediates++;
  }
  hasRef() { return this.live; }
  ref() {
    if (!this.live && this.callback) {
      this.live = true;
      liveImmediates++;
    }
    return this;
  }
  unref() {
    if (this.live) {
      this.live = false;
      liveImmediates--;
    }
    return this;
  }
}

exports.setImmediate = function setImmediate(callback, ...args) {
  checkFunction(callback);
  const immediate = new Immediate(callback, args);
  if (context.isUsed()) immediate.callback = context.track(callback, 'Immediate', immediate, true);
  immediates.push(immediate);
  noteImmediates();
  return immediate;
};

exports.clearImmediate = function clearImmediate(immediate) {
  if (!(immediate instanceof Immediate) || immediate.callback === null) return;
  immediate.unref();
  immediate.callback = null;
  if (context.isUsed()) context.destroyed(immediate);
};

// Runs `fn` among the immediates, without being one that hooks hear of.
exports.afterTurn = function afterTurn(fn) {
  immediates.push(new Immediate(fn, []));
  noteImmediates();
};

exports.runImmediates = function runImmediates() {
  if (context.isUsed()) context.turn();
  const batch = interrupted !== null ? interrupted : immediates;
  if (interrupted === null) immediates = [];
  interrupted = null;
  let i = 0;
  try {
    for (; i < batch.length; i++) {
      const immediate = batch[i];
      const callback = immediate.callback;
      if (callback === null) continue;
      immediate.unref();
      immediate.callback = null;
      callback(...immediate.args);
      if (i + 1 < batch.length) exports.settle();
    }
  } finally {
    if (i + 1 < batch.length) interrupted = batch.slice(i + 1);
    noteImmediates();
  }
};

function queueMicrotask(callback) {
  checkFunction(callback);
  if (context.isUsed()) callback = context.track(callback, 'Microtask', {}, true);
  const { enqueueMicrotask, triggerUncaught } = internalBinding('task');
  enqueueMicrotask(() => {
    try {
      callback();
    } catch (error) {
      triggerUncaught(error);
    }
  });
}

for (const fn of [queueMicrotask, exports.setImmediate, exports.clearImmediate]) {
  Object.defineProperty(globalThis, fn.name, { value: fn, writable: true, configurable: true, enumerable: true });
}
