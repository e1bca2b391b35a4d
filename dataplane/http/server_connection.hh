// SPDX-License-Identifier: Apache-2.0
// One connection of the server engine: cuts the received bytes into requests, keeps their responses in order, and closes
// in time and in a way that lets the peer read the last response. It holds no Buffer and no parser while idle.
#pragma once
#include <cstdint>
#include <string_view>

#include "dataplane/core/timer.hh"
#include "dataplane/http/chunked_decoder.hh"
#include "dataplane/http/head_parser.hh"
#include "dataplane/http/server.hh"

namespace sluice::http {

// What is left of a body that nobody wants is received and dropped up to this much; beyond it closing is cheaper.
inline constexpr uint64_t kDiscardBytes = 64 * 1024;

class ServerConnection final : public transport::StreamUser, private Timer {
 public:
  ServerConnection(Server& server, transport::Stream& stream, uint32_t number);
  ServerConnection(const ServerConnection&) = delete;
  ~ServerConnection();

  void on_data(transport::Stream& stream, Buffer* chain) override;
  void on_end(transport::Stream& stream) override;
  void on_writable(transport::Stream& stream) override;
  void on_closed(transport::Stream& stream, Error error) override;

  void set_number(uint32_t number) { number_ = number; }
  // No more keep-alive: closes now when idle.
  void drain();
  void abort_stream();

 private:
  friend class Exchange;

  // Around everything that comes from outside. What a call may lead to (releasing exchanges, going on with pipelined
  // requests, ending the connection) is done once, when the outermost call ends, so no handler loses what it works with.
  class Turn {
   public:
    explicit Turn(ServerConnection& connection) : connection_(connection) { ++connection.depth_; }
    Turn(const Turn&) = delete;
    ~Turn() {
      if (connection_.depth_ == 1)
        connection_.settle();
      else
        --connection_.depth_;
    }

   private:
    ServerConnection& connection_;
  };

  // What the next received byte is.
  enum class Phase : uint8_t {
    kHead,
    kBody,  // of known length
    kChunked,
    kTrailers,
    kUpgrade,  // nobody's yet: the last exchange waits for its turn, or for its handler, to take the stream over
    kDrop,     // nothing that matters any more
  };
  // What the timer is for.
  enum class Waiting : uint8_t { kNothing, kIdle, kHead, kBody, kHandler, kClose };

  void settle();
  void advance();
  void process();
  bool may_process() const;
  void process_head(Buffer* buffer);
  void process_body(Buffer* buffer);
  void process_chunked();
  void process_trailers(Buffer* buffer);
  Exchange* make_exchange(const ParsedHead& head);
  void start_exchange(const ParsedHead& head, Exchange& exchange);
  void dispatch(Exchange& exchange);
  bool body_bytes(Exchange& exchange, uint32_t count);
  void drop_body(Exchange& exchange);
  void take_turn(Exchange& exchange);
  void deliver_body(Exchange& exchange);
  void body_complete(Exchange& exchange);
  void send_continue(Exchange& exchange);
  void release_exchange(Exchange& exchange);
  void abort_exchanges(Error error);
  void remove_last(Exchange& exchange);

  // The bytes received cannot be gone on with: answers `status` once the responses before it are out, and closes.
  void fail(uint16_t status, const char* detail);
  void send_error();
  void begin_close();
  void leave_stream();
  uint32_t linger_timeout_ms() const;
  void handle_peer_end();
  void drop_input();

  void update_waiting();
  void set_waiting(Waiting waiting);
  void wake_after(uint32_t timeout_ms);
  bool stalled();
  void free_partial();
  void on_timer();
  uint64_t now_ns() const { return server_.reactor_.now_ns(); }

  Server& server_;
  transport::Stream* stream_;  // null once it is upgraded or gone
  Exchange* first_ = nullptr;
  Exchange* last_ = nullptr;
  InputQueue input_;
  HeadBlock* partial_ = nullptr;  // a head or trailer section of which a part has come
  uint64_t body_remaining_bytes_ = 0;
  uint64_t sent_bytes_ = 0;         // given to the stream
  uint64_t stall_taken_bytes_ = 0;  // of these, taken by the peer when that was last looked at
  uint64_t wake_ns_ = UINT64_MAX;   // the timer may be armed for earlier: it is then armed anew when it fires
  ChunkedDecoder decoder_;
  const char* error_detail_ = nullptr;
  uint32_t number_;
  uint32_t requests_ = 0;
  uint32_t to_consume_bytes_ = 0;
  uint32_t dropped_bytes_ = 0;
  uint16_t in_progress_ = 0;
  uint16_t error_status_ = 0;
  uint8_t depth_ = 0;
  Phase phase_ = Phase::kHead;
  Waiting waiting_ = Waiting::kNothing;
  bool peer_ended_ = false, peer_end_handled_ = false, closing_ = false, dead_ = false;
  bool activity_ = false, keep_alive_over_ = false, drain_ = false, deliver_wanted_ = false,
       pipeline_paused_ = false;
  bool lingered_ = false;
};

}  // namespace sluice::http
