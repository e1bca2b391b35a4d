// SPDX-License-Identifier: Apache-2.0
// The kernel transport: streams and datagrams from the host's sockets, for one core. Unprivileged, the
// default where nothing is prepared. It knows streams and their rules; how the kernel is talked to is the
// business of drivers/kernel/socket_driver.hh.
#pragma once
#include <memory>
#include <vector>

#include "dataplane/core/reactor.hh"
#include "dataplane/core/slab.hh"
#include "dataplane/core/timer.hh"
#include "dataplane/transport/transport.hh"
#include "drivers/kernel/socket_driver.hh"

namespace sluice::transport {

class KernelStream;
class KernelListener;
class KernelDatagramSocket;

struct KernelOptions {
  // Streams of this core, those that are being closed included. When it is reached listeners stop accepting
  // (connections wait in the kernel's backlog) until a sixteenth is free again, and connect() answers
  // kNoBuffers.
  uint32_t max_streams = 262'144;
};

class KernelTransport final : public Transport, public ReactorPart, private kernel::SocketUser {
 public:
  // Storage of the Buffers of a pool that suits this transport: a receive takes one Buffer at most.
  static constexpr uint32_t kBufferStorageBytes = 16 * 1024;
  // Bytes handed to a user and not yet consumed() at which receiving from that peer stops, and at which it
  // goes on.
  static constexpr uint32_t kReceiveHighMarkBytes = 256 * 1024;
  static constexpr uint32_t kReceiveLowMarkBytes = 128 * 1024;
  // Pause of a listener after the process ran out of file descriptors or memory.
  static constexpr uint64_t kAcceptPauseNs = 100 * kNanosecondsPerMillisecond;
  // Connections that the kernel had accepted when accepting stopped, kept until it goes on; beyond it they
  // are reset.
  static constexpr size_t kHeldLimit = 16'384;
  // Datagrams of a socket that wait for room in the kernel; beyond it send() answers kNoBuffers.
  static constexpr uint32_t kDatagramQueueLimit = 256;

  struct Counters {
    uint64_t accepted = 0, connected = 0, connects_failed = 0, connects_timed_out = 0;
    uint64_t closed = 0;  // on_closed, for whatever reason
    uint64_t resets_received = 0, aborts = 0;
    uint64_t bytes_received = 0, bytes_sent = 0;
    uint64_t accept_pauses_limit = 0;  // max_streams was reached
    uint64_t accept_pauses_files = 0;  // no descriptor or memory
    uint64_t connects_refused_limit = 0;
    uint64_t accepts_held = 0, accepts_refused = 0;
    uint64_t receive_pauses = 0;  // kReceiveHighMarkBytes was reached
    uint64_t datagrams_received = 0, datagrams_sent = 0, datagrams_refused = 0, datagram_errors = 0;
  } counters;

  // Borrows all; they outlive the transport, and the transport its listeners and datagram sockets. The caller
  // adds it to the reactor, whose waiter is that of `driver`. `pool` is where Buffers for writing come from.
  KernelTransport(Reactor& reactor, kernel::SocketDriver& driver, BufferPool& pool,
                  const KernelOptions& options = {});
  // Closes what is open, without telling anybody.
  ~KernelTransport() override;

  // ---- Transport
  const char* name() const override { return "kernel"; }
  Result<std::unique_ptr<Listener>> listen(const ListenOptions& options, ListenerUser& user) override;
  Result<Stream*> connect(const ConnectOptions& options, StreamUser& user) override;
  Result<std::unique_ptr<DatagramSocket>> bind_datagram(const DatagramOptions& options,
                                                        DatagramUser& user) override;
  BufferPool& pool() override { return pool_; }
  uint32_t open_streams() const override { return open_streams_; }

  // ---- ReactorPart
  bool receive(uint64_t now_ns) override;
  bool deliver(uint64_t now_ns) override;
  void transmit(uint64_t now_ns) override;
  bool prepare_sleep(uint64_t& timeout_ns) override;

  kernel::SocketDriver& driver() { return driver_; }

 private:
  friend class KernelStream;
  friend class KernelListener;
  friend class KernelDatagramSocket;
  struct ListenerState;
  struct DatagramState;

  struct AcceptTimer : Timer {
    KernelTransport* transport;
  };

  // ---- kernel::SocketUser
  void accepted(kernel::Socket& listener, int descriptor) override;
  void accept_failed(kernel::Socket& listener, Error error) override;
  void connected(kernel::Socket& socket, Error error) override;
  void received(kernel::Socket& socket, Buffer* buffer) override;
  void ended(kernel::Socket& socket) override;
  void sent(kernel::Socket& socket, uint32_t bytes) override;
  void failed(kernel::Socket& socket, Error error) override;
  void released(kernel::Socket& socket) override;
  void datagram(kernel::Socket& socket, const Endpoint& from, const Endpoint& to, Buffer* payload) override;
  void datagram_error(kernel::Socket& socket, const Endpoint& remote, Error error) override;
  void datagram_writable(kernel::Socket& socket) override;

  bool at_limit() const { return streams_.live_count() >= options_.max_streams; }
  void open_accepted(ListenerState& listener, int descriptor);
  void update_accepting(ListenerState& listener);
  void resume_listeners();
  void close_listener(ListenerState& listener);
  void close_datagram(DatagramState& state);
  void mark_dirty(KernelStream& stream);
  void defer(KernelStream& stream);
  bool run_deferred();
  void free_stream(KernelStream& stream);

  Reactor& reactor_;
  kernel::SocketDriver& driver_;
  BufferPool& pool_;
  const KernelOptions options_;
  Slab<KernelStream> streams_;
  uint32_t open_streams_ = 0;
  KernelStream* dirty_ = nullptr;     // have something to flush, in no order
  KernelStream* deferred_ = nullptr;  // have an event for their user
  KernelStream** deferred_end_ = &deferred_;
  std::vector<std::unique_ptr<ListenerState>> listeners_;
  std::vector<std::unique_ptr<DatagramState>> datagrams_;
  AcceptTimer accept_timer_;
  bool limited_ = false;     // max_streams was reached and not yet enough is free
  bool resume_due_ = false;  // listeners are to be looked at
  bool destroying_ = false;
};

}  // namespace sluice::transport
