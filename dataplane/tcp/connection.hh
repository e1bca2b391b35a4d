// SPDX-License-Identifier: Apache-2.0
// One connection from our side (RFC 9293 section 3.3.1's TCB), which is the user's Stream. Its mechanisms lie
// in a file each: connection.cc (the stream's interface, states), receive.cc, deliver.cc, receive_window.cc,
// send.cc, acknowledge.cc, scoreboard.cc, rack.cc, recovery.cc, forward_rto.cc, undo.cc, congestion.cc,
// black_hole.cc, deadlines.cc, rest.cc.
//
// An established connection that is at rest is this object and nothing more: 192 bytes, 4 of its slab, and 11 to 21 of the
// flow table. All that comes and goes with what is under way lies in Activity.
#pragma once
#include <cstdint>

#include "dataplane/core/timer.hh"
#include "dataplane/ip/stack.hh"
#include "dataplane/tcp/activity.hh"
#include "dataplane/tcp/congestion.hh"
#include "dataplane/tcp/counters.hh"
#include "dataplane/tcp/flow.hh"
#include "dataplane/tcp/reassembly.hh"
#include "dataplane/tcp/recovery.hh"
#include "dataplane/tcp/rtt.hh"
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
  bool marked = false;        // CE in the IP header (RFC 3168)
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
  bool timestamps = false, sack = false, window_scaling = false, ecn = false;
  uint8_t peer_window_scale = 0;
  uint32_t timestamp_recent = 0;
  uint32_t rtt_us = 0;  // of the handshake; 0: not known
};

// What the retransmission deadline waits for.
enum class RetransmitTimer : uint8_t {
  kTimeout,     // RFC 6298; also window probes
  kTailProbe,   // RFC 8985 section 7
  kReordering,  // RFC 8985 section 6.2, step 5
  kForget,      // nothing is under way; what could be taken back is forgotten
};

// What a listener or a caller of connect() has chosen for a connection.
struct ConnectionChoice {
  CongestionControl control = CongestionControl::kCubic;
  bool paced = false;
  uint32_t user_timeout_ms = 0;  // 0: that of the limits
};

class alignas(64) Connection final : public transport::Stream {
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
  // Whether `length` bytes from `sequence` on may be received as one segment: nothing is out of order, so that how many
  // segments they came in makes no difference.
  bool takes_run(Sequence sequence, uint32_t length) const {
    return state_ == State::kEstablished && sequence == rcv_nxt_ &&
           (!active_ || (!active_->reassembly && !active_->recovery)) && !reset_pending_ &&
           length <= rcv_adv_ - rcv_nxt_;
  }
  // For tests and observers.
  uint32_t cwnd_bytes() const { return window_.cwnd_bytes; }
  uint32_t ssthresh_bytes() const { return window_.ssthresh_bytes; }
  uint32_t mss_bytes() const { return mss_; }
  uint32_t local_mss_bytes() const { return local_mss_; }
  uint32_t smoothed_rtt_us() const { return rtt_.smoothed_us(); }
  uint32_t flight_bytes() const { return snd_nxt_ - snd_una_; }
  RecoveryPhase phase() const { return phase_; }
  bool timestamps() const { return timestamps_; }
  bool sack() const { return sack_; }
  bool window_scaling() const { return window_scaling_; }
  bool ecn() const { return ecn_; }
  bool syn_data() const { return syn_data_; }
  CongestionControl congestion_control() const { return control_; }
  // nullptr while there is none.
  CongestionState* congestion() const { return active_ ? active_->congestion : nullptr; }
  const Recovery* recovery() const { return active_ ? active_->recovery : nullptr; }
  bool at_rest() const { return active_ == nullptr; }
  // A reduction of the window has not been a round trip ago.
  bool reduced() const { return active_ && before(snd_una_, active_->cwr_until); }
  // Walks over what is under way.
  struct FlightSummary {
    uint32_t sacked_bytes = 0, lost_bytes = 0,
             retransmitted_bytes = 0;  // retransmitted: and not SACKed since
  };
  FlightSummary summarize_flight() const;
  bool reordering_seen() const { return reordering_; }
  uint8_t reordering_multiplier() const { return reordering_multiplier_; }
  uint32_t receive_limit_bytes() const { return receive_limit_bytes_; }
  // Empty when everything that must hold of this object does, else what does not. Costs a walk of the flight.
  const char* broken_invariant() const;

 private:
  friend class Tcp;

  // ---- connection.cc ----
  // `least_iss` (may be null): our first sequence number must not lie before it.
  void open_active(uint32_t timeout_ms, const Sequence* least_iss);
  void open_established(const Agreement& agreement, uint32_t window_bytes);
  void agree(const Agreement& agreement);
  void choose(const ConnectionChoice& choice) {
    control_ = choice.control;
    paced_ = choice.paced;
    user_timeout_ms_ = choice.user_timeout_ms;
  }
  void update_mss();
  void set_state(State next);
  // The end: out of the flow table, nothing is sent any more; on_closed(error) follows at the end of this
  // step.
  void finish(Error error);
  void enter_time_wait();
  void release_queues();
  bool synchronized() const { return state_ >= State::kEstablished; }
  bool may_send_data() const {
    return state_ == State::kEstablished || state_ == State::kCloseWait ||
           (fast_open_ && (state_ == State::kSynSent || state_ == State::kSynReceived));
  }
  bool receives_data() const {
    return state_ == State::kEstablished || state_ == State::kFinWait1 || state_ == State::kFinWait2;
  }

  // ---- receive.cc: RFC 9293 section 3.10.7 ----
  // Takes the packet, whose data is at the TCP header.
  // `marked`: CE in the IP header.
  void receive(const wire::TcpView& view, Buffer* packet, uint32_t packet_bytes, bool marked);
  void receive_slow(const wire::TcpView& view, Buffer* packet, uint32_t packet_bytes, bool marked);
  void receive_syn_sent(Segment& segment);
  void receive_synchronized(Segment& segment);
  bool paws_accepts(const Segment& segment);
  bool trim_to_window(Segment& segment);
  void challenge();
  void resend_smaller();
  void icmp_error(const ip::IcmpError& about);

  // ---- deliver.cc ----
  void deliver(Buffer* chain, uint32_t length);
  void receive_payload(Segment& segment);
  void receive_fin();
  void schedule_ack(uint32_t length);

  // ---- receive_window.cc ----
  uint32_t receive_limit() const;
  uint32_t receive_room() const;
  uint32_t choose_window();
  void tune_receive_window();

  // ---- acknowledge.cc ----
  // ACK field and window of an acceptable segment. False when the connection ended or the segment is to be
  // dropped.
  bool process_ack(const Segment& segment);
  AckSample new_sample() const;
  // `sample`: nullptr on the short way, where neither a recovery nor BBR asks what was delivered.
  void advance_una(Sequence ack, AckSample* sample);
  void congestion_marked();
  void raise_send_mark();
  uint32_t send_low_mark() const {
    return send_high_mark_bytes_ == kSendHighMarkBytes ? kSendLowMarkBytes : send_high_mark_bytes_ / 4 * 3;
  }
  void update_send_window(const Segment& segment);
  void after_progress();

  // ---- scoreboard.cc ----
  Recovery* make_recovery();
  void release_recovery();
  void note_delivered(const FlightRecord& record, Sequence begin, Sequence end, AckSample& sample);
  void update_scoreboard(const wire::TcpOptions& options, Sequence ack, AckSample& sample);
  void acknowledge_flight(Sequence ack, AckSample& sample);
  void mark_all_lost();
  bool mark_head_lost();
  void forget_sacked();
  uint32_t acknowledge_flight(Sequence ack);
  // What is thought to be under way (RFC 6675 section 4, SetPipe, on records).
  uint32_t pipe_bytes() const {
    const uint32_t flight = snd_nxt_ - snd_una_;
    if (!active_->recovery) return flight;
    const uint32_t gone = active_->recovery->sacked_bytes + active_->recovery->lost_bytes;
    return flight > gone ? flight - gone : 0;
  }

  // ---- rack.cc ----
  void rack_update(const AckSample& sample);
  uint32_t reordering_window_us() const;
  void adapt_reordering_window(const AckSample& sample);
  void relax_reordering_window();
  uint32_t rack_detect();
  void on_reordering_timeout();
  void send_tail_probe();
  void tail_probe_acknowledged(const AckSample& sample);

  // ---- recovery.cc ----
  void recovery_step(AckSample& sample);
  void count_duplicates(const AckSample& sample);
  void enter_fast_recovery(const AckSample& sample);
  void leave_recovery();
  void release_recovery_if_done();
  void update_window(const AckSample& sample);
  void on_retransmit_timeout();
  bool retransmit_lost();
  bool retransmit(FlightRecord& record);
  bool retransmit_bytes(Sequence at, uint32_t limit_bytes);
  void rescue();

  // ---- forward_rto.cc ----
  bool begin_forward_rto();
  bool forward_rto_acknowledged(const AckSample& sample);
  void mark_all_lost_but_retransmitted();

  // ---- undo.cc ----
  void remember_for_undo();
  void note_retransmission(uint32_t bytes);
  bool undo_if_spurious(const AckSample& sample);
  void undo();

  // ---- congestion.cc ----
  CongestionState* congestion_state();
  void begin_congestion_control();
  void congestion_on_ack(uint32_t acked_bytes, uint32_t flight_bytes, uint32_t rtt_us);
  void congestion_loss(const AckSample& sample);
  void reduce_once();
  void update_bbr(const AckSample& sample);
  void update_pace();
  // Whether another segment may leave now; if not, a deadline is set for when it may.
  bool may_send_by_pace() { return !active_->congestion || wait_for_pace(); }
  bool wait_for_pace();

  // ---- fast_open.cc ----
  void begin_fast_open(uint32_t window_bytes);
  void receive_fast_open(const Buffer* packet, uint32_t header_bytes, uint32_t length);
  void end_fast_open();
  Buffer* fast_open_data(wire::TcpOptions& options, uint32_t& length);
  void fast_open_answered(Sequence ack, const wire::TcpOptions& options);
  void take_syn_data(Sequence ack);

  // ---- black_hole.cc ----
  void look_for_black_hole();

  // ---- mtu_search.cc ----
  uint16_t full_mss() const;
  void set_path_mtu(uint32_t mss_bytes);
  void begin_mtu_search();
  void wait_for_mtu_search(uint32_t wait_ms);
  void mtu_search_woken();
  void limit_mtu_search(uint32_t path_mtu_bytes);
  bool probe_mtu();
  void look_for_lost_mtu_probe(const FlightRecord& record);
  void forget_mtu_probe();

  // ---- send.cc ----
  // Sends whatever is due: retransmissions, new data, an acknowledgement. From Tcp::flush().
  void output();
  bool send_new();
  // One segment of `length` bytes of the queue from `at` on, which `entry` holds (null when length is 0); `first_time`:
  // neither a retransmission nor a probe. False when there was no Buffer for it.
  bool send_data(Sequence at, uint32_t length, bool fin, SendEntry* entry, bool in_place, bool first_time);
  FlightRecord* record_for(Sequence at);
  FlightRecord* new_record(Sequence at, uint32_t now_us);
  void note_new(FlightRecord& record, uint32_t sequence_bytes);
  void forget_record(FlightRecord* record);
  void note_sent(FlightRecord& record);
  uint32_t usable_window() const;
  void send_syn();
  void send_ack();
  void send_ack_now();
  void send_probe();
  uint32_t large_send_bytes(uint32_t bytes, uint32_t unsent_bytes, const SendEntry* entry,
                            bool& in_place) const;
  void send_reset();
  uint32_t common_options(std::byte* at, bool with_sack);
  // `markable`: routers may mark it instead of dropping it (ECT).
  bool emit(uint8_t flags, Sequence sequence, Buffer* packet, const std::byte* options,
            uint32_t options_bytes, bool markable);
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
  void start_reordering_timer(uint32_t wait_us);
  uint32_t tail_probe_us() const;
  bool postpone_tail_probe();
  void stop_retransmit_timer() { active_->retransmit_at = 0; }

  // ---- user_timeout.cc ----
  uint32_t user_timeout_ms() const;
  void say_user_timeout(wire::TcpOptions& options) const;
  void hear_user_timeout(uint32_t seconds);

  static uint32_t ticks_of_us(uint32_t us) {
    return static_cast<uint32_t>((uint64_t{us} * 1000 + (1u << 20) - 1) >> 20);
  }

  // ---- rest.cc ----
  // Attaches what a connection needs that is not at rest; nothing when it has it. False: there is no room for it. `ending`: at
  // any price, because who ends a connection must not be refused.
  bool wake(bool ending = false);
  bool may_rest() const;
  bool quiet_for(uint32_t ticks, uint32_t now_tick) const;
  // Gives it back. Only when may_rest().
  void rest();

  // What stays while the connection is at rest: three lines of the cache. Whatever need not stay belongs into Activity.
  State state_ = State::kClosed;
  RecoveryPhase phase_ = RecoveryPhase::kOpen;
  Error error_ = Error::kNone;  // for on_closed
  uint8_t quick_acks_;          // segments that are still acknowledged at once
  bool timestamps_ : 1, sack_ : 1, window_scaling_ : 1, no_delay_ : 1;
  bool ack_now_ : 1, fin_queued_ : 1, fin_received_ : 1;
  bool dirty_ : 1, gone_ : 1, writable_wanted_ : 1, timing_ : 1;
  bool keep_alive_ : 1, ack_by_timer_ : 1, was_connecting_ : 1, window_update_ : 1;
  bool starved_ : 1, reset_pending_ : 1, tail_probed_ : 1;
  bool reordering_ : 1, paced_ : 1, ecn_ : 1, ecn_echo_ : 1, cwr_due_ : 1;
  bool user_timeout_due_ : 1, user_timeout_heard_ : 1;  // RFC 5482
  bool search_mtu_ : 1;                                 // segments are smaller than link and peer would take
  bool fast_open_ : 1;                                  // wanted of connect(), or in use since the SYN
  bool syn_data_ : 1;                                   // data in a SYN was taken, ours or theirs
  RetransmitTimer retransmit_for_ : 2 = RetransmitTimer::kTimeout;
  CongestionControl control_ : 2 = CongestionControl::kCubic;
  uint8_t send_scale_ = 0, receive_scale_ = 0;
  uint8_t reordering_multiplier_ = 1, reordering_persists_ = 0;  // RFC 8985 section 6.2, step 4
  uint32_t number_;                                              // in its slab
  Tcp* tcp_;
  Activity* active_ = nullptr;  // nullptr: at rest

  Sequence rcv_nxt_ = 0, rcv_adv_ = 0;  // rcv_adv_: right edge of the window as advertised
  Sequence last_ack_sent_ = 0;
  uint32_t ts_recent_ = 0;
  Sequence snd_una_ = 0, snd_nxt_ = 0;
  Sequence write_seq_ = 0;  // end of the send queue
  uint32_t snd_wnd_ = 0, max_snd_wnd_ = 0;
  uint16_t mss_ = 536;  // payload of a full segment, our options taken off
  uint16_t peer_mss_ = 536, receive_mss_ = 536;
  uint16_t local_mss_ = UINT16_MAX;  // what we announce; until then the limit that was asked for
  CongestionWindow window_;
  RttEstimator rtt_;
  uint32_t ts_recent_tick_ = 0, last_send_tick_ = 0;  // last_send_tick_: of data
  uint32_t receive_limit_bytes_;
  uint32_t user_timeout_ms_ = 0;
  float congestion_memory_ = 0;  // what the congestion control keeps of its state over a rest
  uint32_t hash_;
  Flow flow_;
  ip::Path path_;
};
static_assert(sizeof(Connection) == 192);

}  // namespace sluice::tcp
