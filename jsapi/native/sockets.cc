// SPDX-License-Identifier: Apache-2.0
// TCP streams and UDP sockets of scripts.
#include "jsapi/native/sockets.hh"

#include "jsapi/native/api.hh"

namespace sluice::jsapi {

// Where a script listens for streams.
class Sockets::Listening final : public transport::ListenerUser {
 public:
  Listening(Sockets& sockets, uint32_t index) : sockets_(sockets), index_(index) {}
  void on_accepted(transport::Stream& stream) override {
    Socket* socket = sockets_.allocate();
    if (!socket) {
      stream.abort();
      return;
    }
    sockets_.count(*socket);
    socket->stream = &stream;
    stream.set_user(socket);
    sockets_.api_.host.push(kNetAccepted, static_cast<int32_t>(socket->number),
                            static_cast<int32_t>(socket->generation), static_cast<int32_t>(index_));
  }
  runtime::ServerRegistry::Entry* entry = nullptr;

 private:
  Sockets& sockets_;
  const uint32_t index_;
};

// A UDP socket of a script.
class Sockets::Datagrams final : public transport::DatagramUser {
 public:
  Datagrams(Sockets& sockets, uint32_t index) : sockets_(sockets), index_(index) {}
  ~Datagrams() {
    for (const Waiting& waiting : waiting_) release(waiting.payload);
  }
  void on_datagram(const Endpoint& from, const Endpoint&, Buffer* payload) override {
    if (waiting_.size() >= kDatagramsLimit) {
      ++sockets_.counters.datagrams_dropped;
      release(payload);
      return;
    }
    waiting_.push_back({from, payload});
    if (waiting_.size() == 1) sockets_.api_.host.push(kNetDatagram, static_cast<int32_t>(index_));
  }
  void on_error(const Endpoint&, Error error) override {
    sockets_.api_.host.push(kNetDatagramError, static_cast<int32_t>(index_), static_cast<int32_t>(error));
  }
  struct Waiting {
    Endpoint from;
    Buffer* payload;
  };
  std::deque<Waiting> waiting_;
  std::unique_ptr<transport::DatagramSocket> socket_;

 private:
  Sockets& sockets_;
  const uint32_t index_;
};

// --- the transport's events

void Socket::on_connected(transport::Stream&) {
  sockets_.api_.host.push(kNetConnected, static_cast<int32_t>(number), static_cast<int32_t>(generation));
}

void Socket::on_data(transport::Stream&, Buffer* chain) {
  received.push(chain);
  if (announced) return;
  announced = true;
  sockets_.api_.host.push(kNetData, static_cast<int32_t>(number), static_cast<int32_t>(generation));
}

void Socket::on_end(transport::Stream&) {
  ended = true;
  sockets_.api_.host.push(kNetEnd, static_cast<int32_t>(number), static_cast<int32_t>(generation));
}

void Socket::on_writable(transport::Stream&) {
  sockets_.api_.host.push(kNetWritable, static_cast<int32_t>(number), static_cast<int32_t>(generation));
}

void Socket::on_closed(transport::Stream&, Error error) {
  stream = nullptr;
  Sockets& sockets = sockets_;
  if (!held) {
    sockets.forget(*this);
    return;
  }
  if (counted) sockets.api_.host.unref();
  counted = false;
  sockets.api_.host.push(kNetClosed, static_cast<int32_t>(number), static_cast<int32_t>(generation),
                         static_cast<int32_t>(error));
}

// --- what JavaScript calls

Sockets::Sockets(Api& api) : api_(api) {}
Sockets::~Sockets() = default;

Sockets& Sockets::from(const Arguments& info) { return Api::from(info).sockets; }

Socket* Sockets::allocate() {
  uint32_t number;
  Socket* socket = sockets_.allocate(number, *this);
  if (!socket) {
    ++counters.refused;
    return nullptr;
  }
  socket->number = number;
  socket->generation = sockets_.generation(number);
  return socket;
}

void Sockets::count(Socket& socket) {
  socket.counted = true;
  api_.host.ref();
}

void Sockets::forget(Socket& socket) {
  if (socket.counted) api_.host.unref();
  sockets_.release(socket.number);
}

void Sockets::let_go(Socket& socket) {
  socket.held = false;
  if (!socket.stream) forget(socket);
}

void Sockets::teardown() {
  // A stream whose user goes is aborted; its last call comes later, so it is given to somebody who outlives this object.
  struct Nobody final : transport::StreamUser {
    void on_data(transport::Stream& stream, Buffer* chain) override {
      const uint32_t bytes = chain->chain_length();
      release(chain);
      stream.consumed(bytes);
    }
    void on_end(transport::Stream&) override {}
    void on_closed(transport::Stream&, Error) override {}
  };
  static Nobody nobody;
  for (uint32_t number = 0; number < sockets_.end(); ++number) {
    if (!sockets_.live(number)) continue;
    Socket& socket = sockets_[number];
    socket.received.clear();
    if (!socket.stream) continue;
    socket.stream->set_user(&nobody);
    socket.stream->abort();
    socket.stream = nullptr;
  }
  datagrams_.clear();
}

// net_listen(hostname, port, IPv6 only) -> [listener, port, address]
void Sockets::listen(const Arguments& info) {
  Sockets& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  transport::ListenOptions options;
  if (!endpoint_of(self.api_, info[0], info[1], options.local)) return;
  const std::string hostname = to_utf8(isolate, info[0]);
  if (hostname.empty()) options.local.address = {};  // of both families, as Node does
  options.ipv6_only = info[2]->IsTrue();
  auto listening = std::make_unique<Listening>(self, static_cast<uint32_t>(self.listeners_.size()));
  auto result = self.api_.host.core().servers.listen(self.api_.host, hostname, options, *listening);
  if (!result) {
    throw_system_error(isolate, result.error, "listen " + options.local.to_string(), result.detail);
    return;
  }
  listening->entry = result.value;
  self.listeners_.push_back(std::move(listening));
  const Endpoint local = result.value->local;
  v8::Local<v8::Value> values[] = {
      v8::Integer::NewFromUnsigned(isolate, static_cast<uint32_t>(self.listeners_.size() - 1)),
      v8::Integer::NewFromUnsigned(isolate, local.port), latin1(isolate, local.address.to_string())};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 3));
}

// net_close_listener(listener)
void Sockets::close_listener(const Arguments& info) {
  Sockets& self = from(info);
  const uint32_t index = word(info[0]);
  if (index >= self.listeners_.size() || !self.listeners_[index]->entry) return;
  self.api_.host.core().servers.close(*self.listeners_[index]->entry, self.api_.host);
  self.listeners_[index]->entry = nullptr;
}

// net_connect(hostname, port, timeout_ms, local hostname) -> [slot, generation]
void Sockets::connect(const Arguments& info) {
  Sockets& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  transport::ConnectOptions options;
  if (!endpoint_of(self.api_, info[0], info[1], options.remote)) return;
  if (info[2]->IsNumber()) options.timeout_ms = static_cast<uint32_t>(number(info[2]));
  if (info[3]->IsString() && info[3].As<v8::String>()->Length() > 0) {
    const auto local = self.api_.host_names.find(to_utf8(isolate, info[3]));
    if (!local) return throw_error(isolate, "EADDRNOTAVAIL", "localAddress is not an address");
    options.local_address = *local;
  }
  Socket* socket = self.allocate();
  if (!socket) return throw_error(isolate, "EMFILE", "too many sockets are open in this isolate");
  self.count(*socket);
  const auto result = self.api_.host.core().transport.connect(options, *socket);
  if (!result) {
    self.forget(*socket);
    throw_system_error(isolate, result.error, "connect " + options.remote.to_string(), result.detail);
    return;
  }
  socket->stream = result.value;
  v8::Local<v8::Value> values[] = {v8::Integer::NewFromUnsigned(isolate, socket->number),
                                   v8::Integer::New(isolate, static_cast<int32_t>(socket->generation))};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 2));
}

// net_take(slot, generation) -> Uint8Array; null: the peer has ended; undefined: nothing yet, a kNetData event will tell
void Sockets::take(const Arguments& info) {
  Sockets& self = from(info);
  Socket* socket = self.find(info);
  if (!socket) return info.GetReturnValue().SetNull();
  if (!socket->received.empty()) {
    const uint64_t count = socket->received.size();
    v8::Local<v8::Uint8Array> array;
    if (!socket->received.take(info.GetIsolate()).ToLocal(&array)) return;
    info.GetReturnValue().Set(array);
    if (socket->stream) socket->stream->consumed(static_cast<uint32_t>(count));
    return;
  }
  socket->announced = false;
  if (socket->ended || !socket->stream) info.GetReturnValue().SetNull();
}

// net_write(slot, generation, string or bytes) -> true, false (full: wait for kNetWritable), or the number of an error
void Sockets::write(const Arguments& info) {
  Sockets& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  Socket* socket = self.find(info);
  if (!socket || !socket->stream) return info.GetReturnValue().Set(static_cast<int32_t>(Error::kBrokenPipe));
  transport::Stream& stream = *socket->stream;
  Error error = Error::kNone;
  if (info[2]->IsString()) {
    const Utf8Text text(isolate, info[2].As<v8::String>());
    error = stream.write_copy(text.view());
  } else {
    Bytes bytes;
    if (!bytes_of(info[2], bytes)) return;
    Buffer* chain = nullptr;
    if (bytes.length >= kByReferenceBytes && bytes.length <= UINT32_MAX)
      chain = self.api_.refer_to(info[2], bytes);
    error = chain ? stream.write(chain) : stream.write_copy(bytes.view());
  }
  if (error != Error::kNone) return info.GetReturnValue().Set(static_cast<int32_t>(error));
  info.GetReturnValue().Set(!stream.write_is_full());
}

// net_shutdown(slot, generation)
void Sockets::shutdown(const Arguments& info) {
  Socket* socket = from(info).find(info);
  if (socket && socket->stream) socket->stream->shutdown();
}

// net_destroy(slot, generation)
void Sockets::destroy(const Arguments& info) {
  Socket* socket = from(info).find(info);
  if (socket && socket->stream) socket->stream->abort();
}

// net_drop(slot, generation)
void Sockets::drop(const Arguments& info) {
  Sockets& self = from(info);
  if (Socket* socket = self.find(info)) self.let_go(*socket);
}

// net_address(slot, generation, local?) -> [address, port]
void Sockets::address(const Arguments& info) {
  Sockets& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  Socket* socket = self.find(info);
  if (!socket || !socket->stream) return;
  const Endpoint endpoint = info[2]->IsTrue() ? socket->stream->local() : socket->stream->remote();
  v8::Local<v8::Value> values[] = {self.api_.strings.get(isolate, endpoint.address.to_string()),
                                   v8::Integer::NewFromUnsigned(isolate, endpoint.port)};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 2));
}

// net_set_option(slot, generation, 0: no delay | 1: keep-alive, on, idle_ms)
void Sockets::set_option(const Arguments& info) {
  Socket* socket = from(info).find(info);
  if (!socket || !socket->stream) return;
  if (small_integer(info[2]) == 0) {
    socket->stream->set_no_delay(info[3]->IsTrue());
  } else {
    socket->stream->set_keep_alive(info[3]->IsTrue(), static_cast<uint32_t>(number(info[4])));
  }
}

// udp_bind(hostname, port, reuse_address) -> [socket, port, address]
void Sockets::bind_datagram(const Arguments& info) {
  Sockets& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  Endpoint local;
  if (!endpoint_of(self.api_, info[0], info[1], local)) return;
  auto datagrams = std::make_unique<Datagrams>(self, static_cast<uint32_t>(self.datagrams_.size()));
  auto result = self.api_.host.core().servers.bind_datagram(
      self.api_.host,
      info[2]->IsTrue() ? transport::DatagramOptions::shared(local) : transport::DatagramOptions(local),
      *datagrams);
  if (!result) {
    throw_system_error(isolate, result.error, "bind " + local.to_string(), result.detail);
    return;
  }
  datagrams->socket_ = std::move(result.value);
  const Endpoint bound = datagrams->socket_->local();
  self.datagrams_.push_back(std::move(datagrams));
  self.api_.host.ref();
  v8::Local<v8::Value> values[] = {
      v8::Integer::NewFromUnsigned(isolate, static_cast<uint32_t>(self.datagrams_.size() - 1)),
      v8::Integer::NewFromUnsigned(isolate, bound.port), latin1(isolate, bound.address.to_string())};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 3));
}

// udp_take(socket) -> [bytes, address, port], or undefined when none waits
void Sockets::datagram_take(const Arguments& info) {
  Sockets& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  const uint32_t index = word(info[0]);
  if (index >= self.datagrams_.size() || !self.datagrams_[index]) return;
  auto& waiting = self.datagrams_[index]->waiting_;
  if (waiting.empty()) return;
  const Datagrams::Waiting datagram = waiting.front();
  waiting.pop_front();
  ReceivedBytes bytes;
  bytes.push(datagram.payload);
  v8::Local<v8::Uint8Array> array;
  if (!bytes.take(isolate).ToLocal(&array)) return;
  v8::Local<v8::Value> values[] = {array, self.api_.strings.get(isolate, datagram.from.address.to_string()),
                                   v8::Integer::NewFromUnsigned(isolate, datagram.from.port)};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 3));
}

// udp_send(socket, string or bytes, hostname, port) -> number of an error, 0 for none
void Sockets::datagram_send(const Arguments& info) {
  Sockets& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  const uint32_t index = word(info[0]);
  if (index >= self.datagrams_.size() || !self.datagrams_[index])
    return info.GetReturnValue().Set(static_cast<int32_t>(Error::kBrokenPipe));
  Endpoint to;
  if (!endpoint_of(self.api_, info[2], info[3], to)) return;
  transport::DatagramSocket& socket = *self.datagrams_[index]->socket_;
  std::string text;
  Bytes bytes;
  std::string_view payload;
  if (info[1]->IsString()) {
    text = to_utf8(isolate, info[1]);
    payload = text;
  } else if (bytes_of(info[1], bytes)) {
    payload = bytes.view();
  } else {
    return;
  }
  if (payload.size() > 65507) return info.GetReturnValue().Set(static_cast<int32_t>(Error::kMessageTooLong));
  Buffer* head = nullptr;
  Buffer* tail = nullptr;
  do {
    Buffer* piece = socket.pool().allocate();
    if (!piece) {
      release(head);
      return info.GetReturnValue().Set(static_cast<int32_t>(Error::kNoBuffers));
    }
    const auto count = static_cast<uint32_t>(std::min<size_t>(payload.size(), piece->tailroom()));
    piece->append(payload.data(), count);
    payload.remove_prefix(count);
    (tail ? tail->next_segment : head) = piece;
    tail = piece;
  } while (!payload.empty());
  info.GetReturnValue().Set(static_cast<int32_t>(socket.send(to, head)));
}

// udp_close(socket)
void Sockets::datagram_close(const Arguments& info) {
  Sockets& self = from(info);
  const uint32_t index = word(info[0]);
  if (index >= self.datagrams_.size() || !self.datagrams_[index]) return;
  self.datagrams_[index].reset();
  self.api_.host.unref();
}

// An interface as Node's functions name it: an address of its own, `::%zone`, or its name.
static InterfaceChoice interface_of(std::string_view text) {
  const size_t zone = text.find('%');
  if (zone != std::string_view::npos) return {.address = {}, .name = std::string(text.substr(zone + 1))};
  if (const auto address = IpAddress::parse(text)) return {.address = *address, .name = ""};
  return {.address = {}, .name = std::string(text)};
}

// udp_set(socket, what, value, interface) -> number of an error, 0 for none
void Sockets::datagram_set(const Arguments& info) {
  enum What : uint32_t { kJoin, kLeave, kInterface, kGroupHops, kLoopback, kBroadcast, kHops };
  Sockets& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  const uint32_t index = word(info[0]), what = word(info[1]);
  const auto done = [&](Error error) { info.GetReturnValue().Set(static_cast<int32_t>(error)); };
  if (index >= self.datagrams_.size() || !self.datagrams_[index]) return done(Error::kBrokenPipe);
  transport::DatagramSocket& socket = *self.datagrams_[index]->socket_;
  if (what == kJoin || what == kLeave) {
    const auto group = IpAddress::parse(to_utf8(isolate, info[2]));
    if (!group) return done(Error::kInvalid);
    const GroupMembership membership{*group, interface_of(to_utf8(isolate, info[3])), {}};
    return done(what == kJoin ? socket.join_group(membership) : socket.leave_group(membership));
  }
  if (what == kInterface)
    return done(socket.set_multicast_interface(interface_of(to_utf8(isolate, info[2]))));
  if (what == kLoopback) return done(socket.set_multicast_loopback(info[2]->IsTrue()));
  if (what == kBroadcast) return done(socket.set_broadcast(info[2]->IsTrue()));
  const double hops = number(info[2]);
  if (!(hops >= 0 && hops <= 255)) return done(Error::kInvalid);
  const auto count = static_cast<uint8_t>(hops);
  done(what == kGroupHops ? socket.set_multicast_hops(count) : socket.set_hops(count));
}

void Sockets::install(v8::Local<v8::Context> context, v8::Local<v8::Object> target,
                      v8::Local<v8::Value> data) {
  const struct {
    const char* name;
    v8::FunctionCallback callback;
  } functions[] = {
      {"netListen", listen},      {"netCloseListener", close_listener},
      {"netConnect", connect},    {"netTake", take},
      {"netWrite", write},        {"netShutdown", shutdown},
      {"netDestroy", destroy},    {"netDrop", drop},
      {"netAddress", address},    {"netSetOption", set_option},
      {"udpBind", bind_datagram}, {"udpTake", datagram_take},
      {"udpSend", datagram_send}, {"udpClose", datagram_close},
      {"udpSet", datagram_set},
  };
  for (const auto& [name, callback] : functions) runtime::set_function(context, target, name, callback, data);
}

}  // namespace sluice::jsapi
