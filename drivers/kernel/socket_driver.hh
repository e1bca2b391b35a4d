// SPDX-License-Identifier: Apache-2.0
// The host kernel's sockets as completions, for one core: what dataplane/transport/kernel.cc stands on. Two
// drivers implement it, io_uring (uring.cc) and epoll (epoll.cc); above this line nobody can tell them apart.
//
// Rules: everything is called on the core's own thread, except Waiter::wake(). Operations are started by
// calls, which never call back; what became of them is told to the SocketUser from inside reap(), and nowhere
// else.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "drivers/address.hh"
#include "drivers/buffer.hh"
#include "drivers/error.hh"
#include "drivers/waiter.hh"

namespace sluice::kernel {

class SocketDriver;

// What a driver keeps of one socket; embedded in the object of whoever uses the driver, and found again
// through it. It must stay at its place from open until SocketUser::released(). All members are the driver's
// own.
struct alignas(16) Socket {
  enum class Kind : uint8_t { kClosed, kListener, kStream, kDatagram };
  int fd = -1;
  Kind kind = Kind::kClosed;
  uint8_t operations = 0;  // in flight in the kernel (io_uring), with their completions to come
  uint16_t state = 0;      // flags, each driver's own
  Socket* next = nullptr;  // hook for the one list of the driver that it may be on
  bool ipv6 = false;       // family of the descriptor
  bool closing = false;    // close() was called: nothing of interest comes any more
};
static_assert(sizeof(Socket) == 32);

// What happens to sockets. Called only from inside SocketDriver::reap().
class SocketUser {
 public:
  // A connection was accepted; `descriptor` is the user's, who passes it to adopt() or refuse(), now or
  // later.
  virtual void accepted(Socket& listener, int descriptor) = 0;
  // Accepting failed for want of something (kTooManyFiles, kNoBuffers) and has stopped until
  // set_accepting(true).
  virtual void accept_failed(Socket& listener, Error error) = 0;
  // The outcome of connect(). After an error only close() is allowed.
  virtual void connected(Socket& socket, Error error) = 0;
  // Bytes; takes the Buffer.
  virtual void received(Socket& socket, Buffer* buffer) = 0;
  // The peer's FIN; nothing more will be received.
  virtual void ended(Socket& socket) = 0;
  // The send in flight is over, and `bytes` of it (perhaps 0: try again) were taken by the kernel.
  virtual void sent(Socket& socket, uint32_t bytes) = 0;
  // The connection is dead (reset, timed out ...). Only close() is allowed after it.
  virtual void failed(Socket& socket, Error error) = 0;
  // After close(): the driver and the kernel have forgotten the socket and every Buffer lent to it.
  virtual void released(Socket& socket) = 0;
  // A datagram; takes the Buffer. `to` is the address that it was sent to.
  virtual void datagram(Socket& socket, const Endpoint& from, const Endpoint& to, Buffer* payload) = 0;
  // An ICMP error came back for a datagram to `remote`.
  virtual void datagram_error(Socket& socket, const Endpoint& remote, Error error) = 0;
  // After send_datagram() had said kWouldBlock: there is room again.
  virtual void datagram_writable(Socket& socket) = 0;

 protected:
  ~SocketUser() = default;
};

// The outcome of opening a socket. `detail` names the address and the way out, for people; empty on success.
struct OpenResult {
  Error error = Error::kNone;
  std::string detail;
  explicit operator bool() const { return error == Error::kNone; }
};

struct ListenRequest {
  Endpoint local;  // port 0: the kernel chooses. :: serves IPv4 too.
  uint32_t backlog = 4096;
  bool no_delay = true;    // inherited by accepted connections
  bool ipv6_only = false;  // of ::
};

struct ConnectRequest {
  Endpoint remote;
  IpAddress local_address;  // any: chosen by route
  bool no_delay = true;
};

class SocketDriver {
 public:
  struct Counters {
    uint64_t system_calls = 0;      // made to wait, submit, receive and send; set-up calls are not counted
    uint64_t events = 0;            // completions (io_uring) or readiness events (epoll)
    uint64_t receive_starved = 0;   // receives put off because the pool had no Buffer
    uint64_t submissions_full = 0;  // early submissions because the submission queue was full
  } counters;

  virtual ~SocketDriver() = default;
  virtual const char* name() const = 0;  // "io_uring" or "epoll"
  // Sleeping for this core: ends for everything that reap() would report, too.
  virtual Waiter& waiter() = 0;
  // Whom to tell. Set before the first socket is opened; nullptr once none is left.
  void set_user(SocketUser* user) { user_ = user; }

  // Opens a listening socket; port 0 is resolved in local(). Accepting begins at once. The endpoint may be
  // shared between drivers of this process (SO_REUSEPORT), but not with another process or twice in one
  // driver: kAddressInUse.
  OpenResult listen(Socket& socket, const ListenRequest& request);
  // Starts a connection; connected() tells the outcome.
  OpenResult connect(Socket& socket, const ConnectRequest& request);
  // `reuse_address`: other sockets of this host may have the port, too (SO_REUSEADDR).
  OpenResult bind_datagram(Socket& socket, const Endpoint& local, bool reuse_address = false);

  virtual void set_accepting(Socket& listener, bool accepting) = 0;
  // Makes a stream of an accepted connection; receiving begins at once.
  virtual void adopt(Socket& socket, int descriptor) = 0;
  // Resets an accepted connection that nobody wants.
  static void refuse(int descriptor);

  // Stops and starts receiving. What the kernel had delivered already still arrives.
  virtual void set_receiving(Socket& socket, bool receiving) = 0;
  // After ended(), or while receiving is stopped: tells of a reset by failed() nevertheless.
  virtual void watch_failure(Socket& socket) = 0;
  // Starts sending the bytes of the queue of chains at `front` (linked by Buffer::next), from `offset` bytes
  // into its first segment. Returns how many bytes the kernel took at once; when that is 0 the send is in
  // flight: the bytes must stay as they are until sent() or released(), and no other send may be started
  // before. An error comes by failed().
  virtual uint32_t send(Socket& socket, Buffer* front, uint32_t offset) = 0;
  // Sends FIN. No send in flight.
  void shutdown_send(Socket& socket);
  // Ends the socket, of any kind: by RST when `reset` is set, in order otherwise. Nothing is reported of it
  // after this call but sent() for a send in flight, and released(), which always comes, from a reap().
  void close(Socket& socket, bool reset);

  enum class DatagramResult : uint8_t { kSent, kWouldBlock, kFailed };
  // Sends one datagram (a chain), which stays the caller's. kFailed: `error` says why.
  DatagramResult send_datagram(Socket& socket, const Endpoint& to, const Buffer* payload, Error& error);

  static void set_no_delay(const Socket& socket, bool enabled);
  static void set_keep_alive(const Socket& socket, bool enabled, uint32_t idle_ms);
  // As the kernel knows them; all zero when it does not (any more).
  static Endpoint local(const Socket& socket);
  static Endpoint remote(const Socket& socket);

  // Takes in a bounded number of events and tells the user. Returns whether there were any.
  virtual bool reap() = 0;
  // Gives the kernel what was started since the last call.
  virtual void flush() = 0;
  // Whether the core may sleep. May lower `timeout_ns`.
  virtual bool prepare_sleep(uint64_t& timeout_ns) = 0;
  // Waits until all closed sockets are released, a second at most. For the end of a core.
  void drain();

 protected:
  // Hooks of the drivers, called with a socket that is set up (bound, listening ...) and whose `fd` is set.
  virtual bool wants_nonblocking() const = 0;
  virtual void start_listener(Socket& socket) = 0;
  // connect(2) with the address given, which need not outlive the call.
  virtual OpenResult start_connect(Socket& socket, const void* address, uint32_t address_bytes) = 0;
  virtual void start_datagram(Socket& socket) = 0;
  virtual void want_datagram_writable(Socket& socket) = 0;
  // Gives up the descriptor; forget() follows from a later reap().
  virtual void start_close(Socket& socket) = 0;

  // Receives a bounded number of datagrams from a readable socket and tells the user. True: there may be
  // more.
  bool receive_datagrams(Socket& socket, BufferPool& pool);
  // Common end of every close().
  void forget(Socket& socket);

  SocketUser* user_ = nullptr;
  uint32_t open_sockets_ = 0;  // opened and not yet released

 private:
  void report_datagram_errors(Socket& socket);
  // Where the end of a datagram goes that is larger than a Buffer, before it is copied into further ones.
  // Made with the first datagram socket.
  std::unique_ptr<std::byte[]> spill_;
};

enum class DriverKind : uint8_t { kAutomatic, kUring, kEpoll };

struct DriverOptions {
  DriverKind kind = DriverKind::kAutomatic;
  // io_uring: Buffers lent to the kernel to receive into, for all sockets together. A power of two up to
  // 32768.
  uint32_t receive_buffers = 256;
};

// A driver for one core, which takes Buffers to receive into from `pool`. With kAutomatic io_uring is tried
// first, then epoll. nullptr only when the kind asked for is not to be had. `why` then, or when epoll had to
// do, says what was missing. May be made on another thread than the one that it will serve; that is the one
// which calls reap() first.
std::unique_ptr<SocketDriver> make_socket_driver(const DriverOptions& options, BufferPool& pool,
                                                 std::string& why);

// The drivers themselves; nullptr and `why` when the kernel refuses.
std::unique_ptr<SocketDriver> make_uring_driver(const DriverOptions& options, BufferPool& pool,
                                                std::string& why);
std::unique_ptr<SocketDriver> make_epoll_driver(BufferPool& pool, std::string& why);

}  // namespace sluice::kernel
