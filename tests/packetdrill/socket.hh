// SPDX-License-Identifier: Apache-2.0
// One socket of a script: what lies between its calls and a stream.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>

#include "dataplane/tcp/tcp.hh"
#include "tests/packetdrill/sockets.hh"

namespace sluice::packetdrill {

struct Sockets::Socket final : transport::StreamUser, transport::ListenerUser {
  enum class Kind : uint8_t {
    kFresh,
    kDeferred,  // connect() has returned, the SYN waits for data (TCP_FASTOPEN_CONNECT)
    kListening,
    kConnecting,
    kConnected,
    kEnded
  } kind = Kind::kFresh;
  int descriptor = -1;
  bool non_blocking = false, no_delay = false, keep_alive = false, linger_at_once = false;
  bool reads_nothing = false, writes_nothing = false;  // shutdown()
  bool left = false;                                   // closed by the script
  bool end_received = false;
  bool fast_open = false;          // TCP_FASTOPEN of a listener
  bool fast_open_connect = false;  // TCP_FASTOPEN_CONNECT
  bool reports_rest = false;       // TCP_INQ
  uint32_t keep_alive_idle_ms = 7'200'000;
  uint64_t send_buffer_bytes = UINT64_MAX;
  uint16_t mss_limit_bytes = 0;  // TCP_MAXSEG; 0: none
  uint32_t connect_timeout_ms = 127'000;
  uint64_t readable_bytes = 0;
  uint64_t happenings = 0;     // what an edge-triggered epoll wakes up for
  Error error = Error::kNone;  // not reported yet
  uint16_t local_port = 0;     // bound
  transport::Stream* stream = nullptr;
  uint16_t stream_local_port = 0, stream_remote_port = 0;
  bool had_syn_data = false;  // of a stream that has ended
  std::unique_ptr<transport::Listener> listener;
  std::deque<std::unique_ptr<Socket>> waiting;  // accepted by TCP, not yet by the script
  bool connect_returned = false;

  void take(transport::Stream& its_stream) {
    stream = &its_stream;
    stream_local_port = its_stream.local().port;
    stream_remote_port = its_stream.remote().port;
  }
  void on_accepted(transport::Stream& its_stream) override {
    auto accepted = std::make_unique<Socket>();
    accepted->kind = Kind::kConnected;
    accepted->mss_limit_bytes = mss_limit_bytes;
    accepted->take(its_stream);
    its_stream.set_user(accepted.get());
    its_stream.set_no_delay(no_delay);
    waiting.push_back(std::move(accepted));
    ++happenings;
  }
  void on_connected(transport::Stream& its_stream) override {
    kind = Kind::kConnected;
    take(its_stream);
    ++happenings;
  }
  void on_data(transport::Stream& its_stream, Buffer* chain) override {
    const uint32_t length = chain->chain_length();
    release(chain);
    if (left) return its_stream.abort();  // nobody will read it (RFC 2525 section 2.17)
    readable_bytes += length;
    ++happenings;
  }
  void on_end(transport::Stream&) override {
    end_received = true;
    ++happenings;
  }
  void on_writable(transport::Stream&) override { ++happenings; }
  void on_closed(transport::Stream& its_stream, Error its_error) override {
    if (kind == Kind::kConnecting && its_error == Error::kConnectionReset)
      its_error = Error::kConnectionRefused;
    had_syn_data = static_cast<tcp::Connection&>(its_stream).syn_data();
    error = its_error;
    stream = nullptr;
    kind = Kind::kEnded;
    ++happenings;
  }
};

inline CallResult done(int64_t value) { return {.value = value, .error = {}, .foreign = {}, .filled = {}}; }
inline CallResult failed(std::string error) {
  return {.value = -1, .error = std::move(error), .foreign = {}, .filled = {}};
}
inline CallResult foreign(std::string what) {
  return {.value = 0, .error = {}, .foreign = NotApplicable{std::move(what)}, .filled = {}};
}
inline Value number_value(int64_t number) {
  Value value;
  value.kind = Value::Kind::kNumber;
  value.number = number;
  return value;
}
inline Value list_of(int64_t number) {
  Value list;
  list.kind = Value::Kind::kList;
  list.items.push_back(number_value(number));
  return list;
}
// That of a struct's member; nullptr: it has none of the name.
inline const Value* member(const Value& value, const std::string& name) {
  for (const auto& [its_name, content] : value.members)
    if (its_name == name) return &content;
  return nullptr;
}

}  // namespace sluice::packetdrill
