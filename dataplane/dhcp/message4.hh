// SPDX-License-Identifier: Apache-2.0
// Messages of DHCP for IPv4 (RFC 2131 section 2, RFC 2132): what a client reads out of one, and the bytes of those it sends.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "drivers/address.hh"
#include "drivers/port.hh"

namespace sluice::dhcp {

inline constexpr uint16_t kServerPort4 = 67, kClientPort4 = 68;
inline constexpr uint32_t kMessageLimitBytes4 = 1472;  // of what we take; a UDP payload in one Ethernet frame

enum class Type4 : uint8_t {
  kDiscover = 1,
  kOffer,
  kRequest,
  kDecline,
  kAck,
  kNak,
  kRelease,
  kInform,
};

// A classless static route (RFC 3442), or one made of the router option.
struct Route4 {
  uint32_t prefix = 0;  // host order
  uint8_t prefix_bits = 0;
  uint32_t gateway = 0;  // 0: on the link
  bool operator==(const Route4&) const = default;
};

// What a server says in an OFFER or ACK, checked.
struct Lease4 {
  static constexpr size_t kServersLimit = 8, kRoutesLimit = 32;  // of each list; what is beyond is left out
  uint32_t address = 0, server = 0;                              // host order
  uint8_t prefix_bits = 0;
  uint32_t mtu_bytes = 0;  // 0: not told
  std::vector<Route4> routes;
  std::vector<IpAddress> dns_servers;
  std::vector<std::string> domains;         // the search list, or the domain alone
  uint32_t lease_s = 0;                     // UINT32_MAX: for ever
  uint32_t renewal_s = 0, rebinding_s = 0;  // T1 and T2; made from the lease where the server does not tell
  bool operator==(const Lease4&) const = default;
};

// A reply of a server, in place. Borrows the bytes.
class Reply4 {
 public:
  // nullopt unless it is a BOOTREPLY for Ethernet whose options are whole and that has a known message type.
  static std::optional<Reply4> parse(std::span<const std::byte> bytes);
  uint32_t transaction() const;
  MacAddress client_mac() const;
  Type4 type() const { return type_; }
  // Option 54; 0: none.
  uint32_t server() const;
  // The value of an option from all places where it is, put together (RFC 3396). nullopt: it is not there.
  std::optional<std::vector<std::byte>> option(uint8_t code) const;
  // What an OFFER or an ACK grants; nullopt when an address, a server or a lease time is missing or cannot be.
  std::optional<Lease4> lease() const;

 private:
  explicit Reply4(std::span<const std::byte> bytes) : bytes_(bytes) {}
  // Walks the options of each area in the order of RFC 3396 section 5; false when one is cut off.
  template <typename Visit>
  bool walk(Visit visit) const;
  std::span<const std::byte> bytes_;
  Type4 type_{};
};

// What a client sends.
struct Request4 {
  Type4 type = Type4::kDiscover;
  uint32_t transaction = 0;
  uint16_t seconds = 0;            // since it began to ask
  bool broadcast = false;          // the answer is to go to everybody (section 4.1)
  uint32_t own_address = 0;        // "ciaddr"
  uint32_t requested_address = 0;  // option 50; 0: none
  uint32_t server = 0;             // option 54; 0: none
  MacAddress mac;
  std::span<const std::byte> client_id;  // RFC 4361
};
// The UDP payload, at least 300 bytes as BOOTP had them.
std::vector<std::byte> emit_request4(const Request4& request);

}  // namespace sluice::dhcp
