// SPDX-License-Identifier: Apache-2.0
// Where a core's cycles go, by stage of the turn: packet, TCP, HTTP, bridge, JavaScript, garbage collection. Off unless it
// was asked for at start; then each change of stage reads the counter (some 10 ns), so figures of an accounted run
// tell shares, not speed. Switched off, a scope costs one predictable branch.
#pragma once
#include <cstdint>

namespace sluice::cycles {

enum class Stage : uint8_t { kIdle, kPacket, kTcp, kHttp, kBridge, kJavaScript, kGc, kOther };
inline constexpr unsigned kStages = 8;
inline constexpr const char* kStageNames[kStages] = {"idle",   "packet",     "TCP", "HTTP",
                                                     "bridge", "JavaScript", "GC",  "other"};

// The cycle counter, passed in like every clock; set once, before any core runs. nullptr: no account is kept.
inline uint64_t (*counter)() = nullptr;

inline bool enabled() { return __builtin_expect(counter != nullptr, 0); }

// One core's account.
struct Account {
  uint64_t spent[kStages] = {};
  Stage stage = Stage::kIdle;
  uint64_t since = 0;

  Stage enter(Stage next) {
    const uint64_t at = counter();
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
    if (enabled()) previous_ = account.enter(stage);
  }
  ~Scope() {
    if (enabled()) account.enter(previous_);
  }
  Scope(const Scope&) = delete;

 private:
  Stage previous_ = Stage::kIdle;
};

// A turn of the reactor: one that found nothing to do counts as idle.
class Turn {
 public:
  Turn() {
    if (enabled()) {
      account.enter(Stage::kOther);
      before_ = account;
    }
  }
  void end(bool worked) {
    if (!enabled()) return;
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
