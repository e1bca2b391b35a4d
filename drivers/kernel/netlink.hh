// SPDX-License-Identifier: Apache-2.0
// Messages to and from the kernel's routing tables (rtnetlink(7)): building requests, walking answers.
#pragma once
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "drivers/address.hh"
#include "drivers/assert.hh"

namespace sluice::kernel {

// An address as the kernel has it: 4 or 16 bytes.
inline std::span<const uint8_t> netlink_bytes(const IpAddress& address) {
  return address.is_v4() ? std::span(address.bytes).subspan(12) : std::span(address.bytes);
}
inline uint8_t netlink_family(const IpAddress& address) {
  return address.is_v4() ? 2 : 10;
}  // AF_INET, AF_INET6
inline bool netlink_address(std::span<const uint8_t> bytes, IpAddress& out) {
  if (bytes.size() == 4) {
    out = IpAddress::v4(uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 |
                        bytes[3]);
    return true;
  }
  if (bytes.size() != 16) return false;
  std::memcpy(out.bytes.data(), bytes.data(), 16);
  return true;
}

// A request under construction; small on purpose.
class NetlinkRequest {
 public:
  template <typename Body>
  NetlinkRequest(uint16_t type, uint16_t flags, const Body& body) {
    header()->nlmsg_len = NLMSG_LENGTH(sizeof body);
    header()->nlmsg_type = type;
    header()->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
    header()->nlmsg_seq = 1;
    std::memcpy(NLMSG_DATA(header()), &body, sizeof body);
  }
  void attribute(uint16_t type, const void* value, size_t bytes) {
    const size_t at = NLMSG_ALIGN(header()->nlmsg_len);
    SLUICE_ASSERT(at + RTA_LENGTH(bytes) <= bytes_.size());
    auto* attribute = reinterpret_cast<rtattr*>(bytes_.data() + at);
    attribute->rta_type = type;
    attribute->rta_len = static_cast<uint16_t>(RTA_LENGTH(bytes));
    if (bytes != 0) std::memcpy(RTA_DATA(attribute), value, bytes);
    header()->nlmsg_len = static_cast<uint32_t>(at + RTA_LENGTH(bytes));
  }
  void attribute(uint16_t type, uint32_t value) { attribute(type, &value, sizeof value); }
  void attribute(uint16_t type, const IpAddress& address) {
    const auto bytes = netlink_bytes(address);
    attribute(type, bytes.data(), bytes.size());
  }
  const void* data() const { return bytes_.data(); }
  size_t size() const { return header()->nlmsg_len; }

 private:
  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(bytes_.data()); }
  const nlmsghdr* header() const { return reinterpret_cast<const nlmsghdr*>(bytes_.data()); }
  alignas(8) std::array<std::byte, 512> bytes_{};
};

// Calls `visit(type, payload)` for each attribute from `first` on, of which `bytes` are there.
template <typename Visit>
void each_attribute(const rtattr* first, size_t bytes, Visit&& visit) {
  const auto* at = reinterpret_cast<const uint8_t*>(first);
  while (bytes >= sizeof(rtattr)) {
    rtattr attribute;
    std::memcpy(&attribute, at, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > bytes) return;
    visit(static_cast<uint16_t>(attribute.rta_type & ~(NLA_F_NESTED | NLA_F_NET_BYTEORDER)),
          std::span(at + RTA_LENGTH(0), attribute.rta_len - RTA_LENGTH(0)));
    const size_t step = RTA_ALIGN(attribute.rta_len);
    if (step >= bytes) return;
    at += step;
    bytes -= step;
  }
}

}  // namespace sluice::kernel
