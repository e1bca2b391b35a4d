// SPDX-License-Identifier: Apache-2.0
// A DHCP client for one IPv4 interface: the machine of RFC 2131 section 4.4, with the check for conflicts of section 4.4.1
// (RFC 5227). It keeps nothing over a restart, so there is no INIT-REBOOT; instead it asks for its last address again as long
// as it runs. Packets, time and randomness are passed in.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "dataplane/core/timer.hh"
#include "dataplane/dhcp/message4.hh"
#include "drivers/clock.hh"
#include "drivers/entropy.hh"

namespace sluice::dhcp {

enum class State4 : uint8_t {
  kStopped,
  kInit,        // waits before it begins (anew)
  kSelecting,   // DISCOVER sent
  kRequesting,  // REQUEST for an offer sent
  kChecking,    // granted; is anybody using it?
  kBound,
  kRenewing,   // asks its server
  kRebinding,  // asks any server
};
std::string_view state_name(State4 state);

// What the client asks of the interface.
class Link4 {
 public:
  // `destination` all ones: to everybody, `source` is then 0 or our address. Both in host order.
  virtual void send4(uint32_t source, uint32_t destination, std::span<const std::byte> payload) = 0;
  // Asks whether anybody has this address: answered by checked().
  virtual void check4(uint32_t address) = 0;
  virtual void stop_check4() = 0;
  // The lease is in use from now on, changed, or gone (nullptr).
  virtual void use4(const Lease4* lease) = 0;

 protected:
  ~Link4() = default;
};

struct ClientOptions {
  MacAddress mac;
  uint32_t interface_id =
      0;              // "IAID": the same after a restart, another one for each interface with this MAC
  bool check = true;  // addresses are checked for conflicts before they are used
};

// DUID-LL (RFC 8415 section 11.4): whose lease it is, in both versions of DHCP. It needs nothing that would have to be stored.
std::vector<std::byte> duid(const MacAddress& mac);

class Client4 {
 public:
  // RFC 2131 section 4.1: 4, 8, 16, 32, 64 seconds, each give or take one.
  static constexpr uint64_t kFirstRetryNs = 4 * kNanosecondsPerSecond,
                            kLastRetryNs = 64 * kNanosecondsPerSecond;
  static constexpr unsigned kRequestTries = 4;  // of one offer, then the client begins anew
  // Section 4.4.5: renewals are repeated after half of the time that is left, but not more often than this.
  static constexpr uint64_t kLeastRenewNs = 60 * kNanosecondsPerSecond;
  static constexpr uint64_t kDeclinePauseNs = 10 * kNanosecondsPerSecond;  // section 3.1, 5
  static constexpr uint64_t kFirstNakPauseNs = kNanosecondsPerSecond;      // doubled up to kLastRetryNs

  // Borrows all; they outlive it.
  Client4(TimerWheel& timers, Entropy& entropy, Link4& link, const ClientOptions& options);
  ~Client4();
  Client4(const Client4&) = delete;

  void start(uint64_t now_ns);
  // A UDP payload that came to port 68.
  void receive(uint64_t now_ns, std::span<const std::byte> payload);
  // What Link4::check4 has found.
  void checked(uint64_t now_ns, bool free);
  // Somebody else has the address that is in use.
  void conflict(uint64_t now_ns);
  // Gives the lease back and stops. The interface keeps the address, which that message is sent from: whoever calls this is
  // about to end.
  void stop(uint64_t now_ns);

  State4 state() const { return state_; }
  uint32_t transaction() const { return transaction_; }
  // In kBound, kRenewing and kRebinding.
  const Lease4* lease() const { return in_use_ ? &lease_ : nullptr; }
  uint64_t expires_ns() const { return expires_ns_; }

  struct Counters {
    uint64_t sent = 0, received = 0;
    uint64_t malformed = 0;   // no message of DHCP, or one that grants what cannot be
    uint64_t unexpected = 0;  // not for us, not now, or of another server
    uint64_t naks = 0, declined = 0, expired = 0, acquired = 0, renewed = 0;
  } counters;

 private:
  struct ClientTimer : Timer {
    Client4* owner = nullptr;
  };
  void timer(uint64_t now_ns);
  void begin(uint64_t now_ns);
  void wait(uint64_t now_ns, uint64_t pause_ns);
  void send(uint64_t now_ns, Type4 type);
  void retry_later(uint64_t now_ns);
  void granted(uint64_t now_ns, Lease4 lease);
  void bind(uint64_t now_ns);
  void lose(uint64_t now_ns);
  void decline(uint64_t now_ns);
  void arm_renewal(uint64_t now_ns);
  uint64_t give_or_take(uint64_t base_ns, uint64_t spread_ns) {
    return base_ns - spread_ns + entropy_.u64() % (2 * spread_ns);
  }

  TimerWheel& timers_;
  Entropy& entropy_;
  Link4& link_;
  const ClientOptions options_;
  std::vector<std::byte> client_id_;
  ClientTimer timer_;
  State4 state_ = State4::kStopped;
  bool in_use_ = false;
  uint32_t transaction_ = 0;
  uint32_t last_address_ = 0;  // asked for again
  unsigned tries_ = 0, naks_ = 0;
  uint64_t retry_ns_ = 0, began_ns_ = 0;
  uint64_t requested_ns_ = 0;  // when the first REQUEST of this exchange left: the lease counts from it
  Lease4 lease_;               // offered, granted or in use
  uint64_t renew_ns_ = 0, rebind_ns_ = 0, expires_ns_ = 0;
};

}  // namespace sluice::dhcp
