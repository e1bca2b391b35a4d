// SPDX-License-Identifier: Apache-2.0
// TCP streams and UDP sockets of scripts (`sluice:net`), by slot number. One object per isolate.
#pragma once
#include <v8.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/core/slab.hh"
#include "dataplane/transport/transport.hh"
#include "jsapi/native/function_arguments.hh"
#include "jsapi/native/received_bytes.hh"
#include "runtime/isolate_host.hh"
#include "runtime/server_registry.hh"

namespace sluice::jsapi {

class Api;
class Sockets;

// Written again in jsapi/sluice/net.js. All but kNetDatagram carry slot and generation in words 1 and 2.
enum NetEvent : int32_t {
  kNetAccepted = runtime::kEventNet,  // listener
  kNetConnected,
  kNetData,           // there is something to take
  kNetEnd,            // the peer has ended
  kNetWritable,       // the send queue has room again
  kNetClosed,         // error
  kNetDatagram,       // word 1: socket number; there are datagrams to take
  kNetDatagramError,  // word 1: socket number, word 2: error
};

// One TCP connection of a script. Goes when the stream is closed and the script has let go.
class Socket final : public transport::StreamUser {
 public:
  explicit Socket(Sockets& sockets) : sockets_(sockets) {}
  void on_connected(transport::Stream& stream) override;
  void on_data(transport::Stream& stream, Buffer* chain) override;
  void on_end(transport::Stream& stream) override;
  void on_writable(transport::Stream& stream) override;
  void on_closed(transport::Stream& stream, Error error) override;

  transport::Stream* stream = nullptr;
  uint32_t number = 0, generation = 0;
  bool held = true;
  bool counted = false;    // keeps the program alive
  bool announced = false;  // a kNetData event has not been answered by take() yet
  bool ended = false;
  ReceivedBytes received;

 private:
  Sockets& sockets_;
};

class Sockets {
 public:
  static constexpr uint32_t kSocketsLimit = 1 << 20;
  static constexpr uint32_t kDatagramsLimit =
      4096;  // waiting for the script in one UDP socket; the newest are dropped, counted
  static constexpr uint32_t kByReferenceBytes = 16 * 1024;

  explicit Sockets(Api& api);
  ~Sockets();
  void install(v8::Local<v8::Context> context, v8::Local<v8::Object> target, v8::Local<v8::Value> data);
  void teardown();

  // A new socket for a stream that has no user yet (its caller makes it the user). nullptr at the limit.
  Socket* allocate();
  // It has, or is about to get, a stream: until that is closed the program goes on.
  void count(Socket& socket);
  void forget(Socket& socket);

  struct Counters {
    uint64_t refused = 0;            // connections beyond kSocketsLimit
    uint64_t datagrams_dropped = 0;  // beyond kDatagramsLimit
  } counters;

 private:
  friend class Socket;
  class Listening;
  class Datagrams;
  static void listen(const Arguments& info);
  static void close_listener(const Arguments& info);
  static void connect(const Arguments& info);
  static void take(const Arguments& info);
  static void write(const Arguments& info);
  static void shutdown(const Arguments& info);
  static void destroy(const Arguments& info);
  static void drop(const Arguments& info);
  static void address(const Arguments& info);
  static void set_option(const Arguments& info);
  static void bind_datagram(const Arguments& info);
  static void datagram_take(const Arguments& info);
  static void datagram_send(const Arguments& info);
  static void datagram_close(const Arguments& info);
  static void datagram_set(const Arguments& info);
  static Sockets& from(const Arguments& info);
  Socket* find(const Arguments& info) { return sockets_.find(word(info[0]), word(info[1])); }
  void let_go(Socket& socket);

  Api& api_;
  Slab<Socket> sockets_{kSocketsLimit};
  std::vector<std::unique_ptr<Listening>> listeners_;
  std::vector<std::unique_ptr<Datagrams>> datagrams_;
};

}  // namespace sluice::jsapi
