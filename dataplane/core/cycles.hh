// SPDX-License-Identifier: Apache-2.0
// Where a core's cycles go, by stage of the turn: packet, TCP, HTTP, bridge, JavaScript, garbage collection. Off unless it
// was asked for at start; then each change of stage reads the cycle counter (some 10 ns), so figures of an accounted run
// tell shares, not speed. Switched off, a scope costs one predictable branch.
#pragma once
#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace sluice::cycles {

enum class Stage : uint8_t { kIdle, kPacket, kTcp, kHttp, kBridge, kJavaScript, kGc, kOther };
inline constexpr unsigned kStages = 8;
inline constexpr const char* kStageNames[kStages] = {"idle", "packet", "TCP", "HTTP", "bridge", "JavaScript", "GC", "other"};

// Set once, before any core runs.
inline bool enabled = false;

inline uint64_t now() {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return 0;
#endif
}

// One core's account.
struct Account {
  uint64_t spent[kStages] = {};
  Stage stage = Stage::kIdle;
  uint64_t since = 0;

  Stage enter(Stage next) {
    const uint64_t at = now();
    spent[static_cast<unsigned>(stage)] += at - since;
    since = at;
    const Stage previous = stage;
    stage = next;
    return previous;
  }
};
inline thread_local Account account;

// The enclosing block belongs to a stage.
class Scope {
 public:
  explicit Scope(Stage stage) {
    if (__builtin_expect(enabled, 0)) previous_ = account.enter(stage);
  }
  ~Scope() {
    if (__builtin_expect(enabled, 0)) account.enter(previous_);
  }
  Scope(const Scope&) = delete;

 private:
  Stage previous_ = Stage::kIdle;
};

// A turn of the reactor: one that found nothing to do counts as idle.
class Turn {
 public:
  Turn() {
    if (__builtin_expect(enabled, 0)) {
      account.enter(Stage::kOther);
      before_ = account;
    }
  }
  void end(bool worked) {
    if (__builtin_expect(!enabled, 1)) return;
    account.enter(Stage::kIdle);
    if (worked) return;
    const uint64_t end = account.since;
    account = before_;
    account.stage = Stage::kIdle;
    account.spent[static_cast<unsigned>(Stage::kIdle)] += end - before_.since;
    account.since = end;
  }

 private:
  Account before_;
};

}  // namespace sluice::cycles
