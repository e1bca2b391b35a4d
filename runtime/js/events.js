// SPDX-License-Identifier: Apache-2.0
// The script's side of the bridge: loops over the events of a turn. Numbers as in runtime/event_ring.hh and event_types.hh.
'use strict';

const context = require('internal/async_context');

const CURSOR = 4096 * 8;
const NOW = CURSOR + 4;
const handlers = new Array(128).fill(() => {});
let words = null;
let clock = null;

exports.TICKS = CURSOR + 1;
exports.IMMEDIATES = CURSOR + 2;
exports.TIMERS = CURSOR + 3;

exports.attach = function attach(ring) {
  words = ring;
  clock = new Float64Array(ring.buffer, NOW * 4, 1);
};
exports.words = () => words;
// Milliseconds since the isolate's start, as of this turn.
exports.now = () => clock[0];

exports.register = function register(type, handler) {
  if (!(type > 0 && type < handlers.length)) throw new RangeError(`event type ${type}`);
  handlers[type] = handler;
};

// Called by C++ once a turn. When a handler throws, C++ reports it and calls again with what is behind the cursor.
exports.onTurn = function onTurn(begin, end) {
  if (context.isUsed()) context.turn();
  const ring = words;
  for (let i = begin; i < end; i++) {
    ring[CURSOR] = i;
    const offset = i << 3;
    handlers[ring[offset]](ring, offset);
  }
};
