// SPDX-License-Identifier: Apache-2.0
// Numbers of the events that C++ hands to JavaScript: word 0 of an event. The same numbers are written in the built-in
// JavaScript, which registers a handler for each with events.register(type, handler).
#pragma once
#include <cstdint>

namespace sluice::runtime {

enum EventType : int32_t {
  kEventNone = 0,  // ignored
  // 1..31: the runtime itself.
  kEventTimers = 1,  // the timer of the script's earliest deadline fired
  kEventPosted = 2,  // w1: number of a callback that host.post() queued
  kEventSignal = 3,  // w1: signal number
  kEventImmediate = 4,
  // 32..63: HTTP server. 64..95: HTTP client. 96..127: TCP and UDP. Numbers within are jsapi's.
  kEventHttpServer = 32,
  kEventHttpClient = 64,
  kEventNet = 96,
  kEventTypes = 128,
};

}  // namespace sluice::runtime
