// SPDX-License-Identifier: Apache-2.0
// node:timers/promises.
'use strict';

const timers = require('internal/timers');
const { AbortError, codes } = require('internal/errors');
const { validateAbortSignal, validateBoolean, validateNumber, validateObject } = require('internal/validators');

// { ref, signal } of the options, or an error.
function checked(options) {
  validateObject(options, 'options');
  const { signal, ref = true } = options;
  validateAbortSignal(signal, 'options.signal');
  validateBoolean(ref, 'options.ref');
  return { signal, ref };
}

const abortErrorOf = (signal) => new AbortError(undefined, { cause: signal.reason });

// A promise that `start(done)` keeps, unless the signal is aborted first; `start` gives what stops it.
function waiting(options, start) {
  let found;
  try {
    found = checked(options);
  } catch (error) {
    return Promise.reject(error);
  }
  const { signal, ref } = found;
  if (signal?.aborted) return Promise.reject(abortErrorOf(signal));
  return new Promise((resolve, reject) => {
    let abort;
    const stop = start((value) => {
      if (abort !== undefined) signal.removeEventListener('abort', abort);
      resolve(value);
    }, ref);
    if (signal === undefined) return;
    abort = () => {
      stop();
      reject(abortErrorOf(signal));
    };
    signal.addEventListener('abort', abort, { once: true });
  });
}

function setTimeout(delay, value, options = {}) {
  try {
    if (delay !== undefined) validateNumber(delay, 'delay');
  } catch (error) {
    return Promise.reject(error);
  }
  return waiting(options, (done, ref) => {
    const timer = timers.setTimeout(() => done(value), delay);
    if (!ref) timer.unref();
    return () => timers.clearTimeout(timer);
  });
}

function setImmediate(value, options = {}) {
  return waiting(options, (done, ref) => {
    const immediate = timers.setImmediate(() => done(value));
    if (!ref) immediate.unref();
    return () => timers.clearImmediate(immediate);
  });
}

async function* setInterval(delay, value, options = {}) {
  if (delay !== undefined) validateNumber(delay, 'delay');
  const { signal, ref } = checked(options);
  if (signal?.aborted) throw abortErrorOf(signal);
  let due = 0;       // ticks nobody has taken yet
  let wake = null;
  const timer = timers.setInterval(() => {
    due++;
    if (wake !== null) {
      wake();
      wake = null;
    }
  }, delay);
  if (!ref) timer.unref();
  const abort = () => {
    timers.clearInterval(timer);
    if (wake !== null) {
      wake();
      wake = null;
    }
  };
  signal?.addEventListener('abort', abort, { once: true });
  try {
    while (!signal?.aborted) {
      if (due === 0) await new Promise((resolve) => { wake = resolve; });
      for (; due > 0; due--) yield value;
    }
    throw abortErrorOf(signal);
  } finally {
    timers.clearInterval(timer);
    signal?.removeEventListener('abort', abort);
  }
}

const kScheduler = Symbol('scheduler');
class Scheduler {
  constructor(key) {
    if (key !== kScheduler) throw new codes.ERR_ILLEGAL_CONSTRUCTOR();
  }
  yield() {
    if (!(this instanceof Scheduler)) throw new codes.ERR_INVALID_THIS('Scheduler');
    return setImmediate();
  }
  wait(delay, options) {
    if (!(this instanceof Scheduler)) throw new codes.ERR_INVALID_THIS('Scheduler');
    return setTimeout(delay, undefined, options);
  }
}

module.exports = { setTimeout, setImmediate, setInterval, scheduler: new Scheduler(kScheduler) };
