// SPDX-License-Identifier: Apache-2.0
// A DHCP client for one IPv6 interface (RFC 8415): one association of addresses (IA_NA), or information only, as the router's
// flags or the configuration say. Everything goes to the group of all servers; messages that came on their own
// (RECONFIGURE) are not taken. Packets, time and randomness are passed in.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "dataplane/core/timer.hh"
#include "dataplane/dhcp/client4.hh"
#include "dataplane/dhcp/message6.hh"
#include "drivers/clock.hh"
#include "drivers/entropy.hh"

namespace sluice::dhcp {

enum class State6 : uint8_t {
  kStopped,
  kInit,        // waits before it begins (anew)
  kSoliciting,  // SOLICIT sent
  kRequesting,  // REQUEST for what was advertised sent
  kBound,
  kRenewing,   // asks its server
  kRebinding,  // asks any server
  kDeclining,  // somebody else has an address of it
  kInforming,  // INFORMATION-REQUEST sent
  kInformed,
};
std::string_view state_name(State6 state);

// What the client was told.
struct Lease6 {
  struct Held {
    IpAddress address;
    uint64_t preferred_until_ns = 0, valid_until_ns = 0;
    uint32_t valid_s = 0;  // as told
    bool checked = false;  // nobody else has it
    bool operator==(const Held&) const = default;
  };
  std::vector<Held> addresses;    // none: information only
  std::vector<std::byte> server;  // its DUID
  std::vector<IpAddress> dns_servers;
  std::vector<std::string> domains;
};

// What the client asks of the interface.
class Link6 {
 public:
  // Whether there is an address of link scope to send from.
  virtual bool ready6() = 0;
  // To all servers of the link.
  virtual void send6(std::span<const std::byte> payload) = 0;
  // These addresses are ours from now on, no others; new ones are to be checked (RFC 4862 section 5.4): checked().
  virtual void hold6(const Lease6& lease) = 0;
  // What is in use changed: an address passed its check or went, other information came.
  virtual void use6(const Lease6& lease) = 0;

 protected:
  ~Link6() = default;
};

class Client6 {
 public:
  // Section 7.6. Times in milliseconds.
  struct Retransmission {
    uint32_t initial_ms, limit_ms;
    unsigned tries;  // 0: as long as it takes
  };
  static constexpr Retransmission kSolicit{1000, 3'600'000, 0}, kRequest{1000, 30'000, 10},
      kRenew{10'000, 600'000, 0}, kRebind{10'000, 600'000, 0}, kInformation{1000, 3'600'000, 0},
      kDecline{1000, 4000, 4};
  static constexpr uint64_t kFirstDelayNs = kNanosecondsPerSecond;  // SOL_MAX_DELAY, INF_MAX_DELAY
  static constexpr uint64_t kDeclinePauseNs = 10 * kNanosecondsPerSecond;
  static constexpr uint32_t kRefreshDefaultS = 86400, kRefreshLeastS = 600;  // IRT_DEFAULT, IRT_MINIMUM

  // Borrows all; they outlive it.
  Client6(TimerWheel& timers, Entropy& entropy, Link6& link, const ClientOptions& options);
  ~Client6();
  Client6(const Client6&) = delete;

  // Asks for addresses. Takes over from an INFORMATION-REQUEST.
  void start(uint64_t now_ns);
  // Asks for information only, unless more is being asked for already.
  void inform(uint64_t now_ns);
  void receive(uint64_t now_ns, std::span<const std::byte> payload);
  // What the check of an address that was handed to Link6::hold6 has found.
  void checked(uint64_t now_ns, const IpAddress& address, bool free);
  // Gives the addresses back and stops; they stay with the interface, see Client4::stop().
  void stop(uint64_t now_ns);

  State6 state() const { return state_; }
  uint32_t transaction() const { return transaction_; }
  const Lease6& lease() const { return lease_; }
  bool has_address() const;
  bool wants_addresses() const { return wants_addresses_; }

  struct Counters {
    uint64_t sent = 0, received = 0, malformed = 0, unexpected = 0;
    uint64_t refused = 0;  // answers with a status that gives nothing
    uint64_t declined = 0, expired = 0, acquired = 0, renewed = 0, informed = 0;
  } counters;

 private:
  struct ClientTimer : Timer {
    Client6* owner = nullptr;
  };
  void timer(uint64_t now_ns);
  void wait(uint64_t now_ns, uint64_t pause_ns);
  // A new exchange: its first message leaves now.
  void exchange(uint64_t now_ns, State6 state, const Retransmission& how, bool first_solicit = false);
  void send(uint64_t now_ns);
  void arm_retransmission(uint64_t now_ns);
  void arm_renewal(uint64_t now_ns);
  void advertised(uint64_t now_ns, Answer6&& answer);
  void replied(uint64_t now_ns, const Answer6& answer);
  // Takes in the addresses of a REPLY; false when there is none among them.
  bool take(uint64_t now_ns, const Answer6& answer);
  void forget_expired(uint64_t now_ns);
  uint64_t last_valid_ns() const;
  // A random part of it, at most a tenth, to either side.
  int64_t spread_ns(uint64_t of_ns) {
    return static_cast<int64_t>(entropy_.u64() % (of_ns / 5 + 1)) - static_cast<int64_t>(of_ns / 10);
  }

  TimerWheel& timers_;
  Entropy& entropy_;
  Link6& link_;
  const ClientOptions options_;
  const std::vector<std::byte> client_id_;
  ClientTimer timer_;
  State6 state_ = State6::kStopped;
  bool wants_addresses_ = false;
  uint32_t transaction_ = 0;
  Retransmission how_{};
  unsigned tries_ = 0;
  bool first_wait_ = false;  // advertisements are collected
  uint64_t began_ns_ = 0, wait_ns_ = 0;
  uint32_t solicit_limit_ms_ = kSolicit.limit_ms, information_limit_ms_ = kInformation.limit_ms;
  Answer6 best_;  // of the advertisements; what is requested
  bool has_best_ = false;
  Lease6 lease_;
  std::vector<Address6> declined_;
  uint64_t renew_ns_ = 0, rebind_ns_ = 0;
};

}  // namespace sluice::dhcp
