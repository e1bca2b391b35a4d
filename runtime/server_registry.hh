// SPDX-License-Identifier: Apache-2.0
// Listening endpoints of one core. They belong to the core and not to the isolate that asked for them, so that a reload or
// a replaced isolate finds its endpoint still open, with its connections, and takes it over without a gap.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/http/server.hh"
#include "dataplane/transport/transport.hh"

namespace sluice::runtime {

class IsolateHost;

// Ports that the transport chose, shared by the cores of a process: the n-th listen() on port 0 of a program gets the same
// port on every core. Any thread (start-up only).
class ChosenPorts {
 public:
  virtual ~ChosenPorts() = default;
  // The port chosen by another core for this key, or 0.
  virtual uint16_t find(const std::string& key) = 0;
  virtual void remember(const std::string& key, uint16_t port) = 0;
};

class ServerRegistry {
 public:
  enum class Kind : uint8_t { kHttp, kStream };

  // One open endpoint.
  struct Entry final : transport::ListenerUser {
    void on_accepted(transport::Stream& stream) override;

    Kind kind = Kind::kHttp;
    std::string key;                       // "http 127.0.0.1 8080", with an ordinal for port 0
    std::string hostname;                  // as the program gave it
    Endpoint local;                        // where it listens
    std::unique_ptr<http::Server> server;  // kHttp
    std::unique_ptr<transport::Listener> listener;
    transport::ListenerUser* user = nullptr;  // kStream; nullptr: nobody, streams are aborted
    IsolateHost* owner = nullptr;             // nullptr: nobody; kHttp then answers 503
    bool closing = false;                     // goes when its last connection is gone

   private:
    friend class ServerRegistry;
    IsolateHost* handler_owner = nullptr;  // whose handler or user is set
    // Takes over when its reload is through.
    IsolateHost* next_owner = nullptr;
    http::ServerHandler* next_handler = nullptr;
    transport::ListenerUser* next_user = nullptr;
  };

  // Borrows all; they outlive the registry.
  ServerRegistry(Reactor& reactor, Clock& clock, transport::Transport& transport);
  ~ServerRegistry();
  ServerRegistry(const ServerRegistry&) = delete;

  // Serves HTTP at `local` for `owner`: opens the endpoint, or takes over the one that is open (then `limits` of the open
  // server stay). Until close() the endpoint keeps the owner's program alive (host.ref()). Exchanges in progress stay
  // with the handler that they began with. kAddressInUse when `owner` itself serves it already.
  transport::Result<Entry*> serve(IsolateHost& owner, std::string_view hostname,
                                  const transport::ListenOptions& options, const http::Limits& limits,
                                  http::ServerHandler& handler);
  // The same for raw streams: connections accepted from now on go to `user`.
  transport::Result<Entry*> listen(IsolateHost& owner, std::string_view hostname,
                                   const transport::ListenOptions& options, transport::ListenerUser& user);
  // A datagram socket bound to a port of the program's choice; one that others may share is bound anew each time. Like a listening endpoint it is shared with the program that
  // takes over at a reload: datagrams go to `user` as soon as that is through. Give it back by destroying it.
  transport::Result<std::unique_ptr<transport::DatagramSocket>> bind_datagram(
      IsolateHost& owner, const transport::DatagramOptions& options, transport::DatagramUser& user);
  // The owner does not want it any more: stops listening and drains; open connections end after their current responses.
  // Nothing happens when somebody else has taken it over.
  void close(Entry& entry, IsolateHost& owner);

  // `host` is about to go: what it still owns is left to nobody (503) until adopted by serve()/listen(), or closed by
  // close_orphans().
  void abandon(IsolateHost& host);
  void close_orphans();

  // A reload: while `candidate` evaluates, the endpoints that it asks for and that are open stay with their owner; they
  // change hands all at once with commit_reload(), or not at all after abandon(candidate).
  void begin_reload(IsolateHost& candidate);
  void commit_reload();

  // Everything: stop accepting, close idle connections, end the others after their responses (SIGTERM).
  void drain();
  // No connection of any HTTP server is left.
  bool drained() const;
  void abort_all();
  // Frees what has finished closing. Once a turn; cheap when nothing is closing.
  void step();

  const std::vector<std::unique_ptr<Entry>>& entries() const { return entries_; }
  // Open endpoints or connections that still end: a program waits for them.
  bool busy() const { return !entries_.empty() || !datagram_ports_.empty(); }
  // What HTTP servers counted that are gone: with those of entries() it never goes back.
  const http::ServerCounters& gone() const { return gone_; }
  uint64_t requests() const;
  static void add(http::ServerCounters& sum, const http::ServerCounters& counters);
  void set_chosen_ports(ChosenPorts* ports) { chosen_ports_ = ports; }
  // Called once for each newly opened endpoint, with "http", "tcp" or "udp".
  void set_announcer(void (*announce)(void* context, const char* scheme, const Endpoint& local),
                     void* context) {
    announce_ = announce;
    announce_context_ = context;
  }

 private:
  struct Nobody;
  struct DatagramPort;
  class DatagramLease;
  friend class DatagramLease;
  transport::Result<Entry*> open(IsolateHost& owner, Kind kind, std::string_view hostname,
                                 const transport::ListenOptions& options, const http::Limits& limits,
                                 http::ServerHandler* handler, transport::ListenerUser* user);
  void give(Entry& entry, IsolateHost& owner, http::ServerHandler* handler, transport::ListenerUser* user);
  void begin_closing(Entry& entry);
  unsigned ordinal_of(IsolateHost& owner);
  Reactor& reactor_;
  Clock& clock_;
  transport::Transport& transport_;
  std::unique_ptr<Nobody> nobody_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::vector<std::unique_ptr<DatagramPort>> datagram_ports_;
  ChosenPorts* chosen_ports_ = nullptr;
  void (*announce_)(void*, const char*, const Endpoint&) = nullptr;
  void* announce_context_ = nullptr;
  unsigned closing_ = 0;
  http::ServerCounters gone_;
  IsolateHost* candidate_ = nullptr;
  std::vector<std::pair<IsolateHost*, unsigned>> zero_ports_;
};

}  // namespace sluice::runtime
