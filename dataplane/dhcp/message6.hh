// SPDX-License-Identifier: Apache-2.0
// Messages of DHCP for IPv6 (RFC 8415): what a client reads out of one, and the bytes of those it sends.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "drivers/address.hh"

namespace sluice::dhcp {

inline constexpr uint16_t kServerPort6 = 547, kClientPort6 = 546;
// All servers and relays of the link, ff02::1:2 (section 7.1).
inline constexpr IpAddress kAllServers6{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2}};

enum class Type6 : uint8_t {
  kSolicit = 1,
  kAdvertise,
  kRequest,
  kConfirm,
  kRenew,
  kRebind,
  kReply,
  kRelease,
  kDecline,
  kReconfigure,
  kInformationRequest,
};
// Section 21.13.
enum class Status6 : uint16_t { kSuccess, kUnspecified, kNoAddresses, kNoBinding, kNotOnLink, kUseMulticast };

struct Address6 {
  IpAddress address;
  uint32_t preferred_s = 0, valid_s = 0;  // UINT32_MAX: for ever
  bool operator==(const Address6&) const = default;
};

// What a server says in an ADVERTISE or a REPLY, checked.
struct Answer6 {
  static constexpr size_t kAddressesLimit = 4, kServersLimit = 8;  // what is beyond is left out
  static constexpr size_t kDuidLimitBytes = 130;                   // section 11.1

  Type6 type = Type6::kReply;
  uint32_t transaction = 0;
  std::vector<std::byte> client, server;  // DUIDs; empty: not there
  Status6 status = Status6::kSuccess;
  bool rapid_commit = false;
  uint8_t preference = 0;
  bool has_association = false;  // an IA_NA with our number, whose times make sense
  Status6 association_status = Status6::kSuccess;
  uint32_t renewal_s = 0, rebinding_s = 0;  // T1 and T2 as sent; 0: ours to choose
  std::vector<Address6> addresses;          // of that IA_NA
  std::vector<IpAddress> dns_servers;
  std::vector<std::string> domains;
  std::optional<uint32_t> refresh_s;            // option 32
  std::optional<uint32_t> solicit_limit_s;      // SOL_MAX_RT, when it may be obeyed
  std::optional<uint32_t> information_limit_s;  // INF_MAX_RT

  // nullopt when it is no such message or its options are not whole.
  static std::optional<Answer6> parse(std::span<const std::byte> bytes, uint32_t association_id);
};

// What a client sends.
struct Query6 {
  Type6 type = Type6::kSolicit;
  uint32_t transaction = 0;  // 24 bits
  uint32_t elapsed_ms = 0;
  std::span<const std::byte> client, server;  // DUIDs; server empty: to anybody
  std::optional<uint32_t> association_id;     // with an IA_NA
  std::span<const Address6> addresses;        // in it
};
std::vector<std::byte> emit_query6(const Query6& query);

}  // namespace sluice::dhcp
