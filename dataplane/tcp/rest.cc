// SPDX-License-Identifier: Apache-2.0
// Rest: an established connection under whose name nothing is under way gives its Activity back after a quiet time, and takes one
// again with the next segment or call. Millions that wait cost their resident part alone, and one that asks and answers all
// the time never gets here: its timer, which fires now and then anyway, is all that ever looks.
#include <algorithm>

#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

namespace {
// Who makes room for others has been quiet for so long: it is not one whose call we are in, and hardly one in the middle of
// a conversation.
constexpr uint32_t kLeastQuietTicks = 4;
constexpr unsigned kLooks = 8;  // at other connections, when there is need of room
}  // namespace

bool Connection::wake(bool ending) {
  if (active_) return true;
  active_ = tcp_->new_activity(*this, ending);
  if (!active_) return false;
  Activity& activity = *active_;
  activity.timer.fire = &Connection::on_timer;
  activity.last_receive_tick = tcp_->tick();
  activity.ts_offset = tcp_->isn_.timestamp_offset(flow_);
  if (state_ == State::kClosed) return true;  // new: the rest is for who opens it
  ++tcp_->counters.woken;
  // All had been acknowledged, and all been taken in.
  activity.snd_max = activity.rtt_seq = activity.small_end = snd_nxt_;
  activity.snd_wl1 = rcv_nxt_;
  activity.snd_wl2 = activity.recover = activity.cwr_until = snd_una_;
  activity.tune_seq = rcv_nxt_;
  activity.tune_us = static_cast<uint32_t>(tcp_->now_us());
  if (search_mtu_) mtu_search_woken();
  if (control_ == CongestionControl::kBbr || paced_) {
    congestion_state();
    update_pace();
  }
  arm_timer();
  return true;
}

// Nothing is under way, owed, held or awaited.
bool Connection::may_rest() const {
  if (state_ != State::kEstablished || dirty_ || reset_pending_ || fin_queued_ || snd_una_ != snd_nxt_ ||
      snd_nxt_ != write_seq_ || ack_now_ || window_update_ || writable_wanted_ || starved_ || fast_open_ ||
      phase_ != RecoveryPhase::kOpen)
    return false;
  const Activity& activity = *active_;
  return activity.queue.empty() && !activity.reassembly && !activity.recovery && activity.unconsumed == 0 &&
         (activity.retransmit_at | activity.ack_at | activity.idle_at | activity.pace_at) == 0 &&
         activity.snd_max == snd_nxt_ && activity.backoff == 0;
}

bool Connection::quiet_for(uint32_t ticks, uint32_t now_tick) const {
  return now_tick - active_->last_receive_tick >= ticks && now_tick - last_send_tick_ >= ticks;
}

void Connection::rest() {
  Activity& activity = *active_;
  if (activity.congestion) {
    congestion_memory_ = activity.congestion->memory();
    tcp_->congestions_.release(activity.congestion->number);
  }
  tcp_->timers_.cancel(activity.timer);
  retransmit_for_ = RetransmitTimer::kTimeout;
  tcp_->activities_.release(activity.number);
  active_ = nullptr;
  ++tcp_->counters.rested;
}

Activity* Tcp::new_activity(Connection& owner, bool beyond_limit) {
  const bool full = activities_.live_count() >= limits_.active_connections;
  // Before more memory is taken: somebody may not need theirs.
  if (full || activities_.would_grow()) {
    if (!lay_one_to_rest() && full && !beyond_limit) {
      ++counters.active_limit;
      return nullptr;
    }
  }
  uint32_t number;
  return activities_.allocate(number, number, owner);
}

// Looks at a few connections, in a circle, the longest awake first or nearly so.
bool Tcp::lay_one_to_rest() {
  const uint32_t end = activities_.end();
  for (unsigned looks = 0; looks < std::min(kLooks, end); ++looks) {
    if (rest_cursor_ >= end) rest_cursor_ = 0;
    const uint32_t number = rest_cursor_++;
    if (!activities_.live(number)) continue;
    Connection& connection = *activities_[number].owner;
    if (!connection.quiet_for(kLeastQuietTicks, tick()) || !connection.may_rest()) continue;
    connection.rest();
    return true;
  }
  return false;
}

}  // namespace sluice::tcp
