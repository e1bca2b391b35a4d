// SPDX-License-Identifier: Apache-2.0
// TIME-WAIT (RFC 9293 section 3.10.7.4, RFC 1337, RFC 6191).
#include "dataplane/tcp/time_wait.hh"

#include <algorithm>

#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

using wire::kTcpAck;
using wire::kTcpFin;
using wire::kTcpRst;
using wire::kTcpSyn;

void Tcp::arm_time_wait() {
  while (!time_wait_.empty() && !time_wait_.oldest().live) time_wait_.pop_oldest();
  if (time_wait_.empty() || time_wait_timer_.armed()) return;
  const uint32_t due = time_wait_.oldest().since_tick + ticks_of_ms(limits_.time_wait_ms);
  const uint32_t wait = after(due, tick()) ? due - tick() : 0;
  // A few at once: nobody waits for a record to go.
  timers_.arm(time_wait_timer_, now_ns_ + (uint64_t{wait} + 8) * TimerWheel::kTickNs);
}

void Tcp::on_time_wait_timer(Timer& timer, uint64_t now_ns) {
  Tcp& tcp = *static_cast<TimeWaitTimer&>(timer).tcp;
  tcp.set_now(now_ns);
  const uint32_t life = ticks_of_ms(tcp.limits_.time_wait_ms);
  while (!tcp.time_wait_.empty()) {
    const TimeWait& oldest = tcp.time_wait_.oldest();
    if (oldest.live) {
      if (tcp.tick() - oldest.since_tick < life) break;
      tcp.forget_time_wait(tcp.time_wait_.oldest_number(), tcp.hash_of(oldest.flow));
    }
    tcp.time_wait_.pop_oldest();
  }
  tcp.arm_time_wait();
}

void Tcp::forget_time_wait(uint32_t number, uint32_t hash) {
  TimeWait& record = time_wait_[number];
  SLUICE_ASSERT(record.live);
  record.live = false;
  --time_wait_live_;
  flows_.erase(hash, {FlowReference::kTimeWait, number});
}

void Tcp::enter_time_wait(uint32_t hash, const TimeWait& record) {
  if (limits_.time_wait == 0) return;
  while (time_wait_.full()) {
    // The ring holds dead ones too; only a live one is a loss.
    if (time_wait_.oldest().live) {
      ++counters.time_wait_evicted;
      forget_time_wait(time_wait_.oldest_number(), hash_of(time_wait_.oldest().flow));
    }
    time_wait_.pop_oldest();
  }
  const uint32_t number = time_wait_.push(record);
  if (!flows_.insert(hash, {FlowReference::kTimeWait, number})) {
    time_wait_[number].live = false;
    return;
  }
  ++counters.time_wait_entered;
  ++time_wait_live_;
  arm_time_wait();
}

bool Tcp::receive_time_wait(uint32_t number, uint32_t hash, const wire::TcpView& view, uint32_t payload_bytes,
                            Sequence& least_iss) {
  const TimeWait record = time_wait_[number];
  const uint8_t flags = view.flags();
  if (flags & kTcpRst) {
    ++counters.time_wait_reset_ignored;  // RFC 1337
    return false;
  }
  wire::TcpOptions options;
  wire::parse_tcp_options(view.options(), options);
  const bool stamped = record.timestamps && options.has_timestamp;
  if ((flags & kTcpSyn) && !(flags & kTcpAck)) {
    // RFC 6191 section 2, RFC 9293 section 3.10.7.4: a new incarnation when it is surely newer.
    const bool newer = stamped ? after(options.timestamp, record.timestamp_recent) ||
                                     (options.timestamp == record.timestamp_recent &&
                                      after(view.sequence(), record.receive_next))
                               : after(view.sequence(), record.receive_next);
    if (newer && listeners_.find(record.flow.local, record.flow.local_port)) {
      ++counters.time_wait_reused;
      // Beyond anything the old incarnation may have sent.
      least_iss = record.send_next + 65'536;
      if (least_iss == 0) least_iss = 1;
      forget_time_wait(number, hash);
      return true;
    }
  }
  const bool old_stamp = stamped && before(options.timestamp, record.timestamp_recent);
  const uint32_t span = payload_bytes + (flags & kTcpSyn ? 1 : 0) + (flags & kTcpFin ? 1 : 0);
  // What is in order and empty wants no answer: two TIME-WAITs must not talk to each other.
  if (!old_stamp && span == 0 && view.sequence() == record.receive_next) return false;
  if (!old_stamp && (flags & kTcpFin) && view.sequence() + payload_bytes + 1 == record.receive_next) {
    // Our last acknowledgement was lost: the wait begins anew.
    TimeWait again = record;
    again.since_tick = tick();
    forget_time_wait(number, hash);
    enter_time_wait(hash, again);
    --counters.time_wait_entered;
  }
  Reply reply;
  reply.flow = record.flow;
  reply.flags = kTcpAck;
  reply.sequence = record.send_next;
  reply.acknowledgement = record.receive_next;
  reply.window = record.window;
  reply.options.has_timestamp = record.timestamps;
  reply.options.timestamp = tick() + isn_.timestamp_offset(record.flow);
  reply.options.timestamp_echo = record.timestamp_recent;
  ++counters.acks_sent;
  send_reply(reply);
  return false;
}

}  // namespace sluice::tcp
