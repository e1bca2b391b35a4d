// SPDX-License-Identifier: Apache-2.0
// setTimeout and setInterval. Timers of one duration form a list in the order of their deadlines; the lists wait in a heap
// by their first deadline; C++ keeps one timer, for the earliest of all.
'use strict';

const events = require('internal/events');
const ticks = require('internal/ticks');
const context = require('internal/async_context');

const LONGEST_MS = 2 ** 31 - 1;
const lists = new Map();  // duration -> list
const heap = [];          // lists by `expiry`
let armed = Infinity;
let nextId = 1;
// How many hold the program.
exports.active = () => live;
const byId = new Map();   // timers whose number was asked for
let live = 0;

function setLive(change) {
  live += change;
  events.words()[events.TIMERS] = live;
}

function siftUp(index) {
  const list = heap[index];
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (heap[parent].expiry <= list.expiry) break;
    heap[index] = heap[parent];
    heap[index].index = index;
    index = parent;
  }
  heap[index] = list;
  list.index = index;
}

function siftDown(index) {
  const list = heap[index];
  for (;;) {
    let child = 2 * index + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1].expiry < heap[child].expiry) child++;
    if (heap[child].expiry >= list.expiry) break;
    heap[index] = heap[child];
    heap[index].index = index;
    index = child;
  }
  heap[index] = list;
  list.index = index;
}

function removeList(list) {
  const last = heap.pop();
  if (last !== list) {
    const index = list.index;
    heap[index] = last;
    last.index = index;
    siftUp(index);
    siftDown(last.index);
  }
  lists.delete(list.duration);
}

function arm() {
  const earliest = heap.length === 0 ? Infinity : heap[0].expiry;
  if (earliest === armed) return;
  armed = earliest;
  internalBinding('task').armTimer(earliest);
}

// Not the turn's: what a program has worked before it asks for a timer is no part of the time.
let clock;
const now = () => (clock ??= internalBinding('process').now)();

function insert(timer, start) {
  const duration = timer._idleTimeout;
  timer._idleStart = start;
  let list = lists.get(duration);
  if (list === undefined) {
    list = { duration, expiry: start + duration, index: heap.length, next: null, previous: null };
    list.next = list.previous = list;
    lists.set(duration, list);
    heap.push(list);
    siftUp(list.index);
  }
  timer.list = list;
  timer.previous = list.previous;
  timer.next = list;
  list.previous.next = timer;
  list.previous = timer;
}

function unlink(timer) {
  timer.previous.next = timer.next;
  timer.next.previous = timer.previous;
  timer.next = timer.previous = null;
}

const warned = new Set();
function warnOnce(name, text, once) {
  if (once && warned.has(name)) return;
  warned.add(name);
  require('internal/process').process.emitWarning(`${text}\nTimeout duration was set to 1.`, name);
}

class Timeout {
  constructor(callback, delay, args, repeat) {
    if (delay === undefined) delay = 1;
    else delay = +delay;
    if (!(delay >= 1 && delay <= LONGEST_MS)) {
      if (delay > LONGEST_MS) warnOnce('TimeoutOverflowWarning', `${delay} does not fit into a 32-bit signed integer.`, false);
      else if (delay < 0) warnOnce('TimeoutNegativeWarning', `${delay} is a negative number.`, true);
      else if (Number.isNaN(delay)) warnOnce('TimeoutNaNWarning', `${delay} is not a number.`, true);
      delay = 1;
    }
    this._idleTimeout = Math.trunc(delay);
    this._idleStart = 0;
    this._onTimeout = callback;
    this._repeat = repeat ? this._idleTimeout : null;
    this._destroyed = false;
    this.args = args;
    this.list = null;
    this.next = null;
    this.previous = null;
    this.counted = true;
    this.id = 0;
    if (context.isUsed()) this._onTimeout = context.track(callback, 'Timeout', this, false);
    setLive(1);
    insert(this, now());
    arm();
  }
  hasRef() { return this.counted; }
  ref() {
    if (!this.counted && !this._destroyed) {
      this.counted = true;
      setLive(1);
    }
    return this;
  }
  unref() {
    if (this.counted) {
      this.counted = false;
      if (!this._destroyed) setLive(-1);
    }
    return this;
  }
  refresh() {
    if (this._destroyed) {
      if (this._onTimeout === null) return this;
      this._destroyed = false;
      if (this.counted) setLive(1);
    } else if (this.next !== null) {
      remove(this);
    }
    insert(this, now());
    arm();
    return this;
  }
  close() {
    clearTimeout(this);
    return this;
  }
  // The lists that it stands in are of no use to who looks at it.
  [Symbol.for('nodejs.util.inspect.custom')](depth, options) {
    return require('internal/inspect').inspect(this, { ...options, depth: 0, customInspect: false });
  }
  [Symbol.toPrimitive]() {
    if (this.id === 0) {
      this.id = nextId++;
      byId.set(this.id, this);
    }
    return this.id;
  }
}

// Takes a timer off its list; an empty list goes.
function remove(timer) {
  const list = timer.list;
  unlink(timer);
  if (list.next === list && lists.get(list.duration) === list) removeList(list);
}

function destroy(timer) {
  timer._destroyed = true;
  if (context.isUsed()) context.destroyed(timer);
  if (timer.counted) setLive(-1);
  if (timer.id !== 0) {
    byId.delete(timer.id);
    timer.id = 0;
  }
}

function setTimeout(callback, delay, ...args) {
  ticks.checkFunction(callback);
  return new Timeout(callback, delay, args, false);
}

function setInterval(callback, delay, ...args) {
  ticks.checkFunction(callback);
  return new Timeout(callback, delay, args, true);
}

function clearTimeout(timer) {
  if (typeof timer === 'number' || typeof timer === 'string') timer = byId.get(+timer);
  if (!(timer instanceof Timeout)) return;
  timer._onTimeout = null;
  timer._repeat = null;
  if (timer._destroyed) return;
  if (timer.next !== null) remove(timer);
  destroy(timer);
  arm();
}

function clearInterval(timer) { clearTimeout(timer); }

function processTimers() {
  armed = Infinity;
  const turn = events.now();
  let ran = false;
  try {
    while (heap.length !== 0 && heap[0].expiry <= turn) {
      const list = heap[0];
      const timer = list.next;
      if (timer === list) {
        removeList(list);
        continue;
      }
      const due = timer._idleStart + list.duration;
      if (due > turn) {
        list.expiry = due;
        siftDown(0);
        continue;
      }
      if (ran) {
        ticks.settle();
        if (timer.next === null || timer.list.next !== timer) continue;  // cleared meanwhile
      }
      ran = true;
      unlink(timer);
      const callback = timer._onTimeout;
      try {
        Reflect.apply(callback, timer, timer.args);
      } finally {
        if (timer._repeat !== null && !timer._destroyed && timer.next === null) {
          timer._idleTimeout = timer._repeat;
          insert(timer, now());
        } else if (timer.next === null && !timer._destroyed) {
          destroy(timer);
        }
      }
    }
  } finally {
    while (heap.length !== 0 && heap[0].next === heap[0]) removeList(heap[0]);
    arm();
  }
}

events.register(1, processTimers);

Object.assign(exports, {
  setTimeout, clearTimeout, setInterval, clearInterval,
  setImmediate: ticks.setImmediate, clearImmediate: ticks.clearImmediate, Timeout,
});
for (const name of ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval']) {
  Object.defineProperty(globalThis, name, { value: exports[name], writable: true, configurable: true, enumerable: true });
}
