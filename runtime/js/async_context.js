// SPDX-License-Identifier: Apache-2.0
// The asynchronous context: an immutable map of values that follows promises (V8 keeps it with each continuation) and, by our
// hands, ticks, timers, immediates and microtasks. Nothing is spent as long as nobody has entered one.
'use strict';

// A frame: { key, store, next }. The last one is `base`: V8 resets the value only behind a continuation that had one, so that
// there is always one once contexts are used.
let used = false;
const base = { key: undefined, store: undefined, next: undefined };

exports.isUsed = () => used;
// From now on contexts are kept.
exports.start = () => { if (!used) enter(base); };
exports.current = () => used ? internalBinding('task').getContinuation() : undefined;

function enter(frame) {
  used = true;
  internalBinding('task').setContinuation(frame ?? base);
}
exports.enter = enter;

exports.withValue = (frame, key, store) => ({ key, store, next: without(frame, key) });
function without(frame, key) {
  if (frame === undefined) return undefined;
  if (frame.key === key) return frame.next;
  const next = without(frame.next, key);
  return next === frame.next ? frame : { key: frame.key, store: frame.store, next };
}
exports.without = without;
exports.valueOf = function valueOf(frame, key) {
  for (let at = frame; at !== undefined; at = at.next) if (at.key === key) return at;
  return undefined;
};

exports.runIn = function runIn(frame, fn, self, args) {
  if (frame === undefined && !used) return Reflect.apply(fn, self, args);
  const before = exports.current();
  enter(frame);
  try {
    return Reflect.apply(fn, self, args);
  } finally {
    enter(before);
  }
};

// A function that runs in the context of now, wherever it is called.
exports.bind = function bind(fn) {
  const frame = exports.current();
  return function(...args) { return exports.runIn(frame, fn, this, args); };
};

// Who gives ids to asynchronous operations and calls async_hooks; null as long as nobody asks for that.
let hooks = null;
exports.setHooks = (given) => { hooks = given; };
// As bind(); `resource` stands for the operation, of the kind `type`. `once`: its end is the end of the operation.
exports.track = (fn, type, resource, once) => hooks === null ? exports.bind(fn) : hooks.track(fn, type, resource, once);
exports.destroyed = (resource) => { if (hooks !== null) hooks.destroyed(resource); };
// Nothing of the script runs any more.
exports.turn = () => {
  enter(undefined);
  if (hooks !== null) hooks.turn();
};
exports.afterUncaught = () => { if (hooks !== null) hooks.afterUncaught(); };
