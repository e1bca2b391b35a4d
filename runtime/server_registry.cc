// SPDX-License-Identifier: Apache-2.0
#include "runtime/server_registry.hh"

#include <algorithm>

#include "drivers/assert.hh"
#include "runtime/isolate_host.hh"

namespace sluice::runtime {

// Answers while no isolate does: between a replaced isolate's end and its successor's start.
struct ServerRegistry::Nobody final : http::ServerHandler {
  void on_request(http::Exchange& exchange) override {
    exchange.respond(503, "Content-Type: text/plain\r\nRetry-After: 1\r\n",
                     std::string_view("the program is being restarted\n"));
  }
  void on_body(http::Exchange& exchange, Buffer* chain) override {
    const uint32_t bytes = chain->chain_length();
    release(chain);
    exchange.body_consumed(bytes);
  }
  void on_body_end(http::Exchange&) override {}
};

// A bound port and who gets what arrives there.
struct ServerRegistry::DatagramPort final : transport::DatagramUser {
  void on_datagram(const Endpoint& from, const Endpoint& to, Buffer* payload) override {
    if (user) {
      user->on_datagram(from, to, payload);
    } else {
      release(payload);
    }
  }
  void on_error(const Endpoint& remote, Error error) override {
    if (user) user->on_error(remote, error);
  }
  Endpoint asked;
  std::unique_ptr<transport::DatagramSocket> socket;
  transport::DatagramUser* user = nullptr;
  DatagramLease* holder = nullptr;  // whose user it is
  DatagramLease* next = nullptr;    // takes over when its reload is through
};

// What a program holds of it.
class ServerRegistry::DatagramLease final : public transport::DatagramSocket {
 public:
  DatagramLease(ServerRegistry& registry, DatagramPort& port, IsolateHost& owner,
                transport::DatagramUser& user)
      : registry_(registry), port_(port), owner_(owner), user_(user) {}
  ~DatagramLease() override {
    if (port_.next == this) port_.next = nullptr;
    if (port_.holder == this) {
      port_.holder = nullptr;
      port_.user = nullptr;
    }
    if (!port_.holder && port_.next) port_.next->hold();
    if (!port_.holder)
      std::erase_if(registry_.datagram_ports_, [this](const auto& port) { return port.get() == &port_; });
  }
  void hold() {
    port_.holder = this;
    port_.user = &user_;
    if (port_.next == this) port_.next = nullptr;
  }
  IsolateHost& owner() const { return owner_; }
  Endpoint local() const override { return port_.socket->local(); }
  Error send(const Endpoint& to, Buffer* payload) override { return port_.socket->send(to, payload); }
  BufferPool& pool() override { return port_.socket->pool(); }
  Error join_group(const GroupMembership& membership) override {
    return port_.socket->join_group(membership);
  }
  Error leave_group(const GroupMembership& membership) override {
    return port_.socket->leave_group(membership);
  }
  Error set_multicast_interface(const InterfaceChoice& on) override {
    return port_.socket->set_multicast_interface(on);
  }
  Error set_multicast_hops(uint8_t hops) override { return port_.socket->set_multicast_hops(hops); }
  Error set_multicast_loopback(bool comes_back) override {
    return port_.socket->set_multicast_loopback(comes_back);
  }
  Error set_broadcast(bool allowed) override { return port_.socket->set_broadcast(allowed); }
  Error set_hops(uint8_t hops) override { return port_.socket->set_hops(hops); }

 private:
  ServerRegistry& registry_;
  DatagramPort& port_;
  IsolateHost& owner_;
  transport::DatagramUser& user_;
};

transport::Result<std::unique_ptr<transport::DatagramSocket>> ServerRegistry::bind_datagram(
    IsolateHost& owner, const transport::DatagramOptions& options, transport::DatagramUser& user) {
  const Endpoint& local = options.local;
  // A port that the transport chooses is nobody else's.
  if (local.port == 0 || options.reuse_address) return transport_.bind_datagram(options, user);
  for (const auto& port : datagram_ports_) {
    if (port->asked != local) continue;
    if (candidate_ != &owner || port->next || &port->holder->owner() == &owner)
      return {nullptr, Error::kAddressInUse,
              "this program has a socket at " + local.to_string() + " already"};
    auto lease = std::make_unique<DatagramLease>(*this, *port, owner, user);
    port->next = lease.get();
    return {std::move(lease), Error::kNone, {}};
  }
  auto fresh = std::make_unique<DatagramPort>();
  auto bound = transport_.bind_datagram(options, *fresh);
  if (!bound) return bound;
  fresh->asked = local;
  fresh->socket = std::move(bound.value);
  auto lease = std::make_unique<DatagramLease>(*this, *fresh, owner, user);
  datagram_ports_.push_back(std::move(fresh));
  lease->hold();
  if (announce_) announce_(announce_context_, "udp", lease->local());
  return {std::move(lease), Error::kNone, {}};
}

ServerRegistry::ServerRegistry(Reactor& reactor, Clock& clock, transport::Transport& transport)
    : reactor_(reactor), clock_(clock), transport_(transport), nobody_(std::make_unique<Nobody>()) {}

ServerRegistry::~ServerRegistry() { abort_all(); }

void ServerRegistry::Entry::on_accepted(transport::Stream& stream) {
  if (user) {
    user->on_accepted(stream);
  } else {
    stream.abort();
  }
}

transport::Result<ServerRegistry::Entry*> ServerRegistry::serve(IsolateHost& owner, std::string_view hostname,
                                                                const transport::ListenOptions& options,
                                                                const http::Limits& limits,
                                                                http::ServerHandler& handler) {
  return open(owner, Kind::kHttp, hostname, options, limits, &handler, nullptr);
}

transport::Result<ServerRegistry::Entry*> ServerRegistry::listen(IsolateHost& owner,
                                                                 std::string_view hostname,
                                                                 const transport::ListenOptions& options,
                                                                 transport::ListenerUser& user) {
  return open(owner, Kind::kStream, hostname, options, {}, nullptr, &user);
}

void ServerRegistry::give(Entry& entry, IsolateHost& owner, http::ServerHandler* handler,
                          transport::ListenerUser* user) {
  if (entry.owner) entry.owner->unref();
  entry.owner = &owner;
  entry.handler_owner = &owner;
  owner.ref();
  if (entry.kind == Kind::kHttp) {
    entry.server->set_handler(*handler);
  } else {
    entry.user = user;
  }
}

transport::Result<ServerRegistry::Entry*> ServerRegistry::open(
    IsolateHost& owner, Kind kind, std::string_view hostname, const transport::ListenOptions& options,
    const http::Limits& limits, http::ServerHandler* handler, transport::ListenerUser* user) {
  transport::ListenOptions wanted = options;
  std::string key = (kind == Kind::kHttp ? "http " : "stream ") + options.local.to_string();
  if (options.local.port == 0) key.append("#").append(std::to_string(ordinal_of(owner)));
  for (const auto& known : entries_) {
    Entry& entry = *known;
    if (entry.key != key || entry.closing) continue;
    if (entry.owner == &owner || entry.next_owner == &owner)
      return {nullptr, Error::kAddressInUse, "this program serves " + options.local.to_string() + " already"};
    if (candidate_ == &owner) {  // a reload: taken over when the new program is up
      entry.next_owner = &owner;
      entry.next_handler = handler;
      entry.next_user = user;
    } else {
      give(entry, owner, handler, user);
    }
    return {&entry, Error::kNone, {}};
  }
  if (options.local.port == 0 && chosen_ports_) wanted.local.port = chosen_ports_->find(key);
  auto fresh = std::make_unique<Entry>();
  fresh->kind = kind;
  fresh->key = key;
  fresh->hostname = hostname;
  if (kind == Kind::kHttp) fresh->server = std::make_unique<http::Server>(reactor_, clock_, limits, *handler);
  transport::ListenerUser& accepting =
      kind == Kind::kHttp ? static_cast<transport::ListenerUser&>(*fresh->server) : *fresh;
  fresh->user = user;
  auto listening = transport_.listen(wanted, accepting);
  if (!listening) return {nullptr, listening.error, listening.detail};
  fresh->listener = std::move(listening.value);
  if (fresh->server) fresh->server->set_listener(fresh->listener.get());
  fresh->local = fresh->listener->local();
  if (options.local.port == 0 && chosen_ports_) chosen_ports_->remember(key, fresh->local.port);
  fresh->owner = fresh->handler_owner = &owner;
  owner.ref();
  entries_.push_back(std::move(fresh));
  Entry& entry = *entries_.back();
  if (announce_) announce_(announce_context_, kind == Kind::kHttp ? "http" : "tcp", entry.local);
  return {&entry, Error::kNone, {}};
}

// Which of its requests for port 0 this is.
unsigned ServerRegistry::ordinal_of(IsolateHost& owner) {
  for (auto& [host, count] : zero_ports_)
    if (host == &owner) return count++;
  zero_ports_.emplace_back(&owner, 1);
  return 0;
}

void ServerRegistry::begin_closing(Entry& entry) {
  if (entry.owner) entry.owner->unref();
  entry.owner = nullptr;
  entry.closing = true;
  entry.user = nullptr;
  if (entry.server) entry.server->set_listener(nullptr);
  entry.listener.reset();
  if (entry.server) entry.server->drain();
  ++closing_;
}

void ServerRegistry::close(Entry& entry, IsolateHost& owner) {
  for (const auto& known : entries_) {
    if (known.get() != &entry) continue;
    if (entry.next_owner == &owner) {
      entry.next_owner = nullptr;
    } else if (entry.owner == &owner && !entry.closing) {
      begin_closing(entry);
    }
    return;
  }
}

void ServerRegistry::abandon(IsolateHost& host) {
  for (const auto& known : entries_) {
    Entry& entry = *known;
    if (entry.next_owner == &host) entry.next_owner = nullptr;
    if (entry.owner == &host) {
      host.unref();
      entry.owner = nullptr;
    }
    if (entry.handler_owner != &host) continue;
    entry.handler_owner = nullptr;
    entry.user = nullptr;
    if (entry.server) entry.server->set_handler(*nobody_);
  }
  std::erase_if(zero_ports_, [&host](const auto& pair) { return pair.first == &host; });
  if (candidate_ == &host) candidate_ = nullptr;
}

void ServerRegistry::close_orphans() {
  for (const auto& entry : entries_)
    if (!entry->owner && !entry->closing) begin_closing(*entry);
}

void ServerRegistry::begin_reload(IsolateHost& candidate) { candidate_ = &candidate; }

void ServerRegistry::commit_reload() {
  for (const auto& known : entries_) {
    Entry& entry = *known;
    if (!entry.next_owner) continue;
    if (!entry.closing) give(entry, *entry.next_owner, entry.next_handler, entry.next_user);
    entry.next_owner = nullptr;
  }
  for (const auto& port : datagram_ports_)
    if (port->next) port->next->hold();
  candidate_ = nullptr;
}

void ServerRegistry::drain() {
  for (const auto& entry : entries_) {
    if (!entry->closing) begin_closing(*entry);
    if (entry->server) entry->server->drain(true);
  }
}

bool ServerRegistry::drained() const {
  return std::all_of(entries_.begin(), entries_.end(),
                     [](const auto& entry) { return !entry->server || entry->server->drained(); });
}

void ServerRegistry::abort_all() {
  for (const auto& entry : entries_) {
    if (!entry->closing) begin_closing(*entry);
    if (entry->server) {
      entry->server->set_handler(*nobody_);
      entry->server->abort_all();
    }
  }
}

void ServerRegistry::add(http::ServerCounters& sum, const http::ServerCounters& counters) {
  static_assert(sizeof(http::ServerCounters) % sizeof(uint64_t) == 0);
  auto* to = reinterpret_cast<uint64_t*>(&sum);
  const auto* from = reinterpret_cast<const uint64_t*>(&counters);
  for (size_t i = 0; i < sizeof(sum) / sizeof(uint64_t); ++i) to[i] += from[i];
}

uint64_t ServerRegistry::requests() const {
  uint64_t sum = gone_.requests;
  for (const auto& entry : entries_)
    if (entry->server) sum += entry->server->counters.requests;
  return sum;
}

void ServerRegistry::step() {
  if (closing_ == 0) return;
  for (size_t i = 0; i < entries_.size();) {
    Entry& entry = *entries_[i];
    if (entry.closing && (!entry.server || entry.server->drained())) {
      --closing_;
      if (entry.server) add(gone_, entry.server->counters);
      entries_.erase(entries_.begin() + static_cast<ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
}

}  // namespace sluice::runtime
