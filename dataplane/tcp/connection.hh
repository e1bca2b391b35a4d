// SPDX-License-Identifier: Apache-2.0
// One connection from our side (RFC 9293 section 3.3.1's TCB), which is the user's Stream. Its mechanisms lie
// in a file each: connection.cc (the stream's interface, states), receive.cc, deliver.cc, send.cc,
// acknowledge.cc, recovery.cc, deadlines.cc.
//
// Budget of memory for an established, idle connection: this object (see the assertion at the end), 24 bytes
// of slab cell and 11 to 21 bytes of flow table. Queues, scoreboard, out-of-order queue and CUBIC's curve
// exist while they are needed.
#pragma once
#include <cstdint>

#include "dataplane/core/timer.hh"
#include "dataplane/ip/stack.hh"
#include "dataplane/tcp/congestion.hh"
#include "dataplane/tcp/counters.hh"
#include "dataplane/tcp/flow.hh"
#include "dataplane/tcp/reassembly.hh"
#include "dataplane/tcp/recovery.hh"
#include "dataplane/tcp/rtt.hh"
#include "dataplane/tcp/send_queue.hh"
#include "dataplane/tcp/sequence.hh"
#include "dataplane/transport/stream.hh"
#include "dataplane/wire/tcp.hh"

namespace sluice::tcp {

class Tcp;

// A received segment on its slow way.
struct Segment {
  Sequence sequence = 0, acknowledgement = 0;
  uint32_t window_bytes = 0;  // scaled, except in a SYN
  uint8_t flags = 0;
  uint32_t length = 0;        // of the payload
  Buffer* payload = nullptr;  // owned: the payload when length > 0; else whatever is to be released
  wire::TcpOptions options;

  bool has(uint8_t flag) const { return flags & flag; }
  // RFC 9293's SEG.LEN: SYN and FIN count.
  uint32_t sequence_length() const {
    return length + (has(wire::kTcpSyn) ? 1 : 0) + (has(wire::kTcpFin) ? 1 : 0);
  }
};

// What both ends agreed on in their SYNs, for a connection that begins established.
struct Agreement {
  Sequence iss = 0, irs = 0;
  uint16_t peer_mss_bytes = 536;  // RFC 9293 section 3.7.1
  bool timestamps = false, sack = false, window_scaling = false;
  uint8_t peer_window_scale = 0;
  uint32_t timestamp_recent = 0;
  uint32_t rtt_us = 0;  // of the handshake; 0: not known
};

class Connection final : public transport::Stream {
 public:
  Connection(Tcp& tcp, uint32_t number, const Flow& flow, uint32_t hash, const ip::Path& path);
  ~Connection();
  Connection(const Connection&) = delete;

  // ---- Stream ----
  Error write(Buffer* chain) override;
  Buffer* reserve(uint32_t bytes) override;
  void commit(uint32_t appended_bytes) override;
  void shutdown() override;
  void abort() override;
  void consumed(uint32_t count) override;
  void set_no_delay(bool enabled) override;
  void set_keep_alive(bool enabled, uint32_t idle_ms) override;
  Endpoint local() const override { return {flow_.local, flow_.local_port}; }
  Endpoint remote() const override { return {flow_.remote, flow_.remote_port}; }
  BufferPool& pool() override;

  State state() const { return state_; }
  // For tests and observers.
  uint32_t cwnd_bytes() const { return window_.cwnd_bytes; }
  uint32_t ssthresh_bytes() const { return window_.ssthresh_bytes; }
  uint32_t mss_bytes() const { return mss_; }
  uint32_t smoothed_rtt_us() const { return rtt_.smoothed_us(); }
  uint32_t flight_bytes() const { return snd_nxt_ - snd_una_; }
  RecoveryPhase phase() const { return phase_; }
  bool timestamps() const { return timestamps_; }
  bool sack() const { return sack_; }
  bool window_scaling() const { return window_scaling_; }

 private:
  friend class Tcp;

  // ---- connection.cc ----
  // `least_iss` (may be null): our first sequence number must not lie before it.
  void open_active(uint32_t timeout_ms, const Sequence* least_iss);
  void open_established(const Agreement& agreement, uint32_t window_bytes);
  void agree(const Agreement& agreement);
  void update_mss();
  void set_state(State next);
  // The end: out of the flow table, nothing is sent any more; on_closed(error) follows at the end of this
  // step.
  void finish(Error error);
  void enter_time_wait();
  void release_queues();
  bool synchronized() const { return state_ >= State::kEstablished; }
  bool may_send_data() const { return state_ == State::kEstablished || state_ == State::kCloseWait; }
  bool receives_data() const {
    return state_ == State::kEstablished || state_ == State::kFinWait1 || state_ == State::kFinWait2;
  }

  // ---- receive.cc: RFC 9293 section 3.10.7 ----
  // Takes the packet, whose data is at the TCP header.
  void receive(const wire::TcpView& view, Buffer* packet, uint32_t packet_bytes);
  void receive_slow(const wire::TcpView& view, Buffer* packet, uint32_t packet_bytes);
  void receive_syn_sent(Segment& segment);
  void receive_synchronized(Segment& segment);
  bool paws_accepts(const Segment& segment);
  bool trim_to_window(Segment& segment);
  void challenge();
  void icmp_error(const ip::IcmpError& about);

  // ---- deliver.cc ----
  void deliver(Buffer* chain, uint32_t length);
  void receive_payload(Segment& segment);
  void receive_fin();
  void schedule_ack(uint32_t length);
  uint32_t receive_limit() const;
  uint32_t receive_room() const;
  uint32_t choose_window();

  // ---- acknowledge.cc ----
  // ACK field and window of an acceptable segment. False when the connection ended or the segment is to be
  // dropped.
  bool process_ack(const Segment& segment);
  void advance_una(Sequence ack, bool has_echo, uint32_t echo);
  void update_send_window(const Segment& segment);
  void after_progress();

  // ---- recovery.cc ----
  bool update_scoreboard(const wire::TcpOptions& options);
  void detect_loss();
  void enter_fast_recovery();
  void leave_recovery();
  void recovery_acknowledgement(uint32_t acked_bytes);
  void on_retransmit_timeout();
  bool retransmit_lost();
  // Sends [at, at + limit) again, a segment of it at most; returns how much of the sequence space was sent.
  uint32_t retransmit(Sequence at, uint32_t limit_bytes);
  void rescue();
  CongestionEvent congestion_event(uint32_t acked_bytes) const;
  Cubic* cubic_state();
  uint32_t pipe_bytes() const;
  void release_scoreboard();

  // ---- send.cc ----
  // Sends whatever is due: retransmissions, new data, an acknowledgement. From Tcp::flush().
  void output();
  bool send_new();
  // One segment of `length` bytes of the queue from `at` on, which `entry` holds (null when length is 0).
  // False when there was no Buffer for it.
  bool send_data(Sequence at, uint32_t length, bool fin, SendEntry* entry, bool in_place);
  uint32_t usable_window() const;
  void send_syn();
  void send_ack();
  void send_ack_now();
  void send_probe();
  void send_tail_probe();
  uint32_t large_send_bytes(uint32_t bytes, uint32_t unsent_bytes) const;
  void send_reset();
  uint32_t common_options(std::byte* at, bool with_sack);
  bool emit(uint8_t flags, Sequence sequence, Buffer* packet, const std::byte* options,
            uint32_t options_bytes);
  bool refresh_path();
  uint32_t timestamp_now() const;
  bool fin_acknowledged() const { return fin_queued_ && snd_una_ == write_seq_ + 1; }
  bool has_unsent() const { return snd_nxt_ != write_seq_ + (fin_queued_ ? 1 : 0); }
  void mark_dirty();

  // ---- deadlines.cc ----
  static void on_timer(Timer& timer, uint64_t now_ns);
  void on_deadlines(uint32_t now_tick);
  void on_idle_deadline(uint32_t now_tick);
  void arm_timer();
  void start_retransmit_timer();
  void stop_retransmit_timer() { retransmit_at_ = 0; }
  static uint32_t ticks_of_us(uint32_t us) {
    return static_cast<uint32_t>((uint64_t{us} * 1000 + (1u << 20) - 1) >> 20);
  }

  // What is looked at with each segment comes first, in the order of its use.
  State state_ = State::kClosed;
  RecoveryPhase phase_ = RecoveryPhase::kOpen;
  Error error_ = Error::kNone;  // for on_closed
  uint8_t quick_acks_;          // segments that are still acknowledged at once
  bool timestamps_ : 1, sack_ : 1, window_scaling_ : 1, no_delay_ : 1;
  bool ack_now_ : 1, fin_queued_ : 1, fin_received_ : 1;
  bool dirty_ : 1, gone_ : 1, writable_wanted_ : 1, timing_ : 1;
  bool keep_alive_ : 1, ack_by_timer_ : 1, was_connecting_ : 1, window_update_ : 1;
  bool starved_ : 1, reset_pending_ : 1, tail_probed_ : 1, tail_probe_due_ : 1;
  uint8_t send_scale_ = 0, receive_scale_ = 0;
  uint8_t backoff_ = 0, duplicate_acks_ = 0, probes_ = 0, challenges_ = 0;
  Tcp* tcp_;
  Flow flow_;
  uint32_t hash_;

  Sequence rcv_nxt_ = 0, rcv_adv_ = 0;  // rcv_adv_: right edge of the window as advertised
  Sequence last_ack_sent_ = 0;
  uint32_t ts_recent_ = 0;
  Sequence snd_una_ = 0, snd_nxt_ = 0, snd_max_ = 0;  // snd_max_: past snd_nxt_ only by a window probe's byte
  Sequence write_seq_ = 0;                            // end of the send queue
  uint32_t snd_wnd_ = 0, max_snd_wnd_ = 0;
  Sequence snd_wl1_ = 0, snd_wl2_ = 0;
  uint32_t unconsumed_ = 0;  // handed to the user, not given back
  uint16_t mss_ = 536;       // payload of a full segment, our options taken off
  uint16_t peer_mss_ = 536, local_mss_ = 536, receive_mss_ = 536;
  CongestionWindow window_;
  RttEstimator rtt_;
  Sequence rtt_seq_ =
      0;  // while timing_: what must be acknowledged; else our timestamp of the last retransmission
  uint32_t rtt_start_us_ = 0;
  SendQueue queue_;
  ip::Path path_;

  // Deadlines in ticks, 0: none.
  uint32_t retransmit_at_ = 0, ack_at_ = 0, idle_at_ = 0;
  uint32_t last_receive_tick_ = 0, last_send_tick_ = 0;  // last_send_tick_: of data
  uint32_t stuck_since_ = 0;                             // first timeout without progress since, 0: none
  uint32_t keep_idle_ms_ = 0;
  uint32_t ts_recent_tick_ = 0, ts_offset_ = 0, challenge_tick_ = 0;

  Sequence recover_ = 0, high_rxt_ = 0;
  Sequence iss_ = 0;
  uint32_t number_;  // in its slab
  Reassembly* reassembly_ = nullptr;
  Scoreboard* scoreboard_ = nullptr;
  Cubic* cubic_ = nullptr;
  Connection* next_dirty_ = nullptr;
  Timer timer_;  // fires at the least of the deadlines or before; its links chain closed connections
};
static_assert(sizeof(Connection) <= 344);

}  // namespace sluice::tcp
