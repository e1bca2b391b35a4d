// SPDX-License-Identifier: Apache-2.0
// TCP of one core: takes segments from the IP layer to whatever they belong to, and owns everything that
// connections share. One thread. Time is set from outside at each step of a turn.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

#include "dataplane/core/slab.hh"
#include "dataplane/core/timer.hh"
#include "dataplane/ip/stack.hh"
#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/counters.hh"
#include "dataplane/tcp/fast_open.hh"
#include "dataplane/tcp/flow_table.hh"
#include "dataplane/tcp/isn.hh"
#include "dataplane/tcp/limits.hh"
#include "dataplane/tcp/listener.hh"
#include "dataplane/tcp/merge.hh"
#include "dataplane/tcp/ports.hh"
#include "dataplane/tcp/syn_cookie.hh"
#include "dataplane/tcp/time_wait.hh"
#include "dataplane/transport/transport.hh"
#include "drivers/clock.hh"

namespace sluice::tcp {

class Tcp final : public ip::Protocol {
 public:
  // Borrows all; registers itself with `stack`.
  Tcp(TimerWheel& timers, Clock& clock, Entropy& entropy, ip::Stack& stack, const Limits& limits = {});
  // Forgets all connections without a word to peers or users. Listeners must be gone.
  ~Tcp();
  Tcp(const Tcp&) = delete;

  // See transport::Transport.
  transport::Result<std::unique_ptr<transport::Listener>> listen(const transport::ListenOptions& options,
                                                                 transport::ListenerUser& user);
  transport::Result<transport::Stream*> connect(const transport::ConnectOptions& options,
                                                transport::StreamUser& user);

  // ---- ip::Protocol ----
  void receive(const ip::ReceivedPacket& about, Buffer* packet) override;
  void icmp_error(const ip::IcmpError& about) override;
  void end_of_burst() override;
  bool looks_ahead() const override;
  void look_ahead(Buffer* const* frames, unsigned count) override;

  // ---- steps of a turn ----
  void set_now(uint64_t now_ns) {
    if (now_ns == now_ns_) return;
    now_ns_ = now_ns;
    now_us_ = now_ns / 1000;
  }
  // Tells users of connections that have ended. Returns whether there were any.
  bool report_closed() { return closed_head_ && report_closed_now(); }
  // Sends what was written and owed in this turn; connections that have more than their share of a turn come
  // again in the next one.
  void flush() {
    if (dirty_head_ || closed_head_) flush_now();
  }
  // Whether the next turn has something to send.
  bool has_work() const { return dirty_head_ != nullptr || closed_head_ != nullptr; }

  uint32_t open_streams() const;
  uint32_t time_wait_count() const { return time_wait_live_; }
  uint32_t half_open_count() const { return half_open_.live_count(); }
  uint32_t flow_count() const { return flows_.size(); }
  const Limits& limits() const { return limits_; }
  // From now on; the sizes of tables and the scale of windows stay what they were at the start.
  void change_limits(const Limits& limits) { limits_ = limits; }
  // How many bytes connect() may send with the SYN to this host (RFC 7413): nullopt where it has given no cookie.
  std::optional<uint32_t> fast_open_room(const IpAddress& remote) const;
  // Whoever shares addresses with others (cores, hosts behind a balancer) gives all of them the same key.
  void set_fast_open_key(const HashKey& key) { fast_open_cookies_ = FastOpenCookies(key); }
  void forget_fast_open() { fast_open_cache_.clear(); }
  // Memory of the tables, bytes; without Buffers.
  size_t memory_bytes() const;
  struct MemoryParts {
    size_t connections = 0, flows = 0, activities = 0;
  };
  MemoryParts memory_parts() const {
    return {connections_.memory_bytes(), flows_.memory_bytes(), activities_.memory_bytes()};
  }
  uint32_t active_count() const { return activities_.live_count(); }
  // Asks memory for what is known of `count` flows, at most ip::Stack::kReceiveBurst.
  void expect(const Flow* flows, unsigned count);
  // nullptr: there is none.
  Connection* find_connection(const Flow& flow);

  // Congestion control of connections that are opened from now on, where nothing else was chosen.
  CongestionControl congestion_control = CongestionControl::kCubic;
  bool pacing = false;  // of all connections that are opened from now on
  Counters counters;
  // For simulations: what does not hold although it must, of all connections and their sums; nullptr: nothing. Between two
  // turns.
  const char* broken_invariant();
  // For tests: added to every initial sequence number from now on.
  void bias_initial_sequence(Sequence bias) { isn_.bias = bias; }

 private:
  friend class Connection;
  friend class TcpListener;

  static constexpr uint32_t kBurstSegments = 64;        // of new data, per connection and turn
  static constexpr uint32_t kSegmentsPerTransmit = 64;  // then the stack's queue is emptied into the port
  // Frames of the stack's queue left to acknowledgements, and to nobody while the port takes them: a queue behind the port's
  // own makes nothing faster, and everything later.
  static constexpr uint32_t kTransmitReserve = ip::Stack::kTransmitQueueFrames - 128;
  static constexpr unsigned kFlushRounds = 4;  // on_closed callbacks may write to other connections

  uint64_t now_us() const { return now_us_; }
  uint32_t tick() const { return static_cast<uint32_t>(now_ns_ >> kTickShift); }

  // ---- tcp.cc ----
  bool report_closed_now();
  void flush_now();
  FlowReference find_flow(const Flow& flow, uint32_t hash);
  uint32_t hash_of(const Flow& flow) const { return static_cast<uint32_t>(flow.hash(flow_key_)); }
  Connection* new_connection(const Flow& flow, uint32_t hash, const ip::Path& path);
  // nullptr: all that `limits_` allows are in use.
  Activity* new_activity(Connection& owner, bool beyond_limit);
  bool lay_one_to_rest();
  void push_dirty(Connection& connection);
  void push_closed(Connection& connection);
  // Takes the packet, whose checksum was right.
  void dispatch(const ip::ReceivedPacket& about, const Flow& flow, uint32_t hash, const wire::TcpView& view,
                Buffer* packet, uint32_t packet_bytes);
  void receive_without_flow(const ip::ReceivedPacket& about, const Flow& flow, uint32_t hash,
                            const wire::TcpView& view, Buffer* packet, uint32_t packet_bytes);
  void segment_was_sent(uint32_t pieces);

  // ---- merge.cc ----
  bool merge(const ip::ReceivedPacket& about, const Flow& flow, const wire::TcpView& view, Buffer* packet,
             uint32_t packet_bytes);
  void deliver_run(SegmentRun& whole);

  // ---- reply.cc: segments without a connection ----
  struct Reply {
    Flow flow;
    uint8_t flags = 0;
    Sequence sequence = 0, acknowledgement = 0;
    uint16_t window = 0;
    wire::TcpOptions options;
  };
  void send_reply(const Reply& reply);
  void send_reply(const Reply& reply, const ip::Path& path);
  // RFC 9293 section 3.10.7.1.
  void reset_segment(const Flow& flow, const wire::TcpView& view, uint32_t payload_bytes);
  // Writes the TCP header and checksum in front of the packet's data and hands it down. Takes `packet`.
  Error transmit(const ip::Path& path, const Flow& flow, const wire::TcpFields& fields,
                 const std::byte* options, uint32_t options_bytes, Buffer* packet, uint8_t traffic_class = 0);

  // ---- listener.cc ----
  // `packet` stays the caller's; its data is at the TCP header.
  void receive_syn(ListeningEndpoint& listener, const Flow& flow, uint32_t hash, const wire::TcpView& view,
                   Sequence least_iss, Buffer* packet, uint32_t packet_bytes);
  // True when `packet` was taken.
  bool receive_half_open(HalfOpen& half, const wire::TcpView& view, Buffer* packet, uint32_t packet_bytes);
  // True when `packet` was taken.
  bool receive_cookie(ListeningEndpoint& listener, const Flow& flow, uint32_t hash, const wire::TcpView& view,
                      Buffer* packet, uint32_t packet_bytes);
  ConnectionChoice choice(transport::Congestion congestion, bool paced, uint32_t user_timeout_ms) const;
  Connection* accept(ListeningEndpoint& listener, const Flow& flow, uint32_t hash, const Agreement& agreement,
                     uint32_t window_bytes, FlowReference replaces);
  void send_syn_ack(const HalfOpen& half);
  void send_syn_ack(const HalfOpen& half, const ip::Path& path);
  void drop_half_open(HalfOpen& half);
  void close_listener(ListeningEndpoint& listener);
  static void on_half_open_timer(Timer& timer, uint64_t now_ns);
  uint16_t advertised_mss(const Flow& flow, const ip::Path& path) const;
  // Whether anything further may be accepted.
  bool connections_full() const { return connections_.live_count() >= limits_.connections; }

  // ---- fast_open.cc ----
  bool accept_fast_open(ListeningEndpoint& listener, const Flow& flow, uint32_t hash,
                        const wire::TcpView& view, const wire::TcpOptions& options,
                        const Agreement& agreement, Buffer* packet, uint32_t packet_bytes);

  // ---- time_wait.cc ----
  void enter_time_wait(uint32_t hash, const TimeWait& record);
  // True when the segment opens a new incarnation: the record is gone, and `least_iss` is set.
  bool receive_time_wait(uint32_t number, uint32_t hash, const wire::TcpView& view, uint32_t payload_bytes,
                         Sequence& least_iss);
  void forget_time_wait(uint32_t number, uint32_t hash);
  static void on_time_wait_timer(Timer& timer, uint64_t now_ns);
  void arm_time_wait();

  TimerWheel& timers_;
  ip::Stack& stack_;
  Limits limits_;
  uint64_t now_ns_, now_us_;
  HashKey flow_key_;
  InitialSequence isn_;
  SynCookies cookies_;
  FastOpenCookies fast_open_cookies_;
  FastOpenCache fast_open_cache_;
  uint32_t fast_open_pending_ = 0;
  EphemeralPorts ports_;
  uint8_t receive_scale_ = 0;  // that holds the largest receive window
  uint64_t held_bytes_ = 0;    // received, not given back by users, and out of order

  FlowTable flows_;
  Slab<Connection, 1024, true> connections_;
  Slab<Activity, 1024, true> activities_;
  uint32_t rest_cursor_ = 0;  // where the next look for a connection that may rest begins
  Slab<HalfOpen> half_open_;
  Slab<Reassembly, 64> reassemblies_;
  Slab<Recovery, 64> recoveries_;
  Slab<CongestionState, 64> congestions_;
  FlightPool flight_records_;
  SendEntrySlab send_entries_;
  TimeWaitRing time_wait_;
  uint32_t time_wait_live_ = 0;

  struct TimeWaitTimer : Timer {
    Tcp* tcp = nullptr;
  } time_wait_timer_;

  ListenerTable listeners_;
  SegmentRuns runs_;

  Activity* dirty_head_ = nullptr;
  Activity* dirty_tail_ = nullptr;
  Activity* closed_head_ = nullptr;
  Activity* closed_tail_ = nullptr;
  uint32_t unsent_segments_ = 0;

  uint64_t reset_second_ = 0;
  uint32_t resets_this_second_ = 0;
};

}  // namespace sluice::tcp
