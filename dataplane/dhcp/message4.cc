// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dhcp/message4.hh"

#include <algorithm>
#include <bit>

#include "dataplane/dhcp/domain_names.hh"
#include "dataplane/wire/bytes.hh"
#include "dataplane/wire/ethernet.hh"

namespace sluice::dhcp {

namespace {

constexpr uint32_t kMagic = 0x63825363;
constexpr size_t kFixedBytes = 240;  // up to the options, with the magic number
constexpr size_t kNameAt = 44, kNameBytes = 64, kFileAt = 108, kFileBytes = 128;
constexpr size_t kLeastBytes = 300;  // RFC 1542 section 2.1

enum Option : uint8_t {
  kPad = 0,
  kSubnetMask = 1,
  kRouter = 3,
  kDnsServers = 6,
  kDomain = 15,
  kMtu = 26,
  kRequestedAddress = 50,
  kLeaseTime = 51,
  kOverload = 52,
  kMessageType = 53,
  kServerId = 54,
  kParameterList = 55,
  kMessageSize = 57,
  kRenewalTime = 58,
  kRebindingTime = 59,
  kClientId = 61,
  kDomainSearch = 119,
  kClasslessRoutes = 121,
  kEnd = 255,
};

// RFC 3442: a server need not send the router option when it sends classless routes, so those are asked for first.
constexpr uint8_t kWanted[] = {kSubnetMask, kClasslessRoutes, kRouter,      kDnsServers,   kDomain,
                               kMtu,        kDomainSearch,    kRenewalTime, kRebindingTime};

// Walks one area; false when an option is cut off. `end` says whether it was closed.
template <typename Visit>
bool walk_area(std::span<const std::byte> area, Visit& visit) {
  while (!area.empty()) {
    const uint8_t code = wire::load_8(area.data());
    if (code == kEnd) return true;
    if (code == kPad) {
      area = area.subspan(1);
      continue;
    }
    if (area.size() < 2) return false;
    const size_t length = wire::load_8(&area[1]);
    if (area.size() < 2 + length) return false;
    visit(code, area.subspan(2, length));
    area = area.subspan(2 + length);
  }
  return true;
}

// What a host may have as its own, or a server or router.
bool is_host(uint32_t address) {
  const uint32_t net = address >> 24;
  return net != 0 && net != 127 && net < 224;
}

}  // namespace

template <typename Visit>
bool Reply4::walk(Visit visit) const {
  uint8_t overload = 0;
  const auto watch = [&](uint8_t code, std::span<const std::byte> value) {
    if (code == kOverload && value.size() == 1) overload = wire::load_8(value.data());
    visit(code, value);
  };
  if (!walk_area(bytes_.subspan(kFixedBytes), watch)) return false;
  // Section 4.1: 1 "file", 2 "sname", 3 both; what is in there names no further place.
  if ((overload & 1) && !walk_area(bytes_.subspan(kFileAt, kFileBytes), visit)) return false;
  return !(overload & 2) || walk_area(bytes_.subspan(kNameAt, kNameBytes), visit);
}

std::optional<Reply4> Reply4::parse(std::span<const std::byte> bytes) {
  if (bytes.size() < kFixedBytes) return std::nullopt;
  const std::byte* at = bytes.data();
  constexpr uint8_t kBootReply = 2, kEthernet = 1, kMacBytes = 6;
  if (wire::load_8(at) != kBootReply || wire::load_8(at + 1) != kEthernet ||
      wire::load_8(at + 2) != kMacBytes || wire::load_32(at + 236) != kMagic)
    return std::nullopt;
  Reply4 reply(bytes);
  uint8_t type = 0;
  const bool whole = reply.walk([&](uint8_t code, std::span<const std::byte> value) {
    if (code == kMessageType && value.size() == 1) type = wire::load_8(value.data());
  });
  const bool of_a_server = type == static_cast<uint8_t>(Type4::kOffer) ||
                           type == static_cast<uint8_t>(Type4::kAck) ||
                           type == static_cast<uint8_t>(Type4::kNak);
  if (!whole || !of_a_server) return std::nullopt;
  reply.type_ = static_cast<Type4>(type);
  return reply;
}

uint32_t Reply4::transaction() const { return wire::load_32(&bytes_[4]); }
MacAddress Reply4::client_mac() const { return wire::load_mac(&bytes_[28]); }

std::optional<std::vector<std::byte>> Reply4::option(uint8_t code) const {
  std::optional<std::vector<std::byte>> found;
  walk([&](uint8_t each, std::span<const std::byte> value) {
    if (each != code) return;
    if (!found) found.emplace();
    found->insert(found->end(), value.begin(), value.end());
  });
  return found;
}

static std::optional<uint32_t> word_of(const Reply4& reply, uint8_t code) {
  const auto value = reply.option(code);
  if (!value || value->size() != 4) return std::nullopt;
  return wire::load_32(value->data());
}

uint32_t Reply4::server() const {
  const uint32_t server = word_of(*this, kServerId).value_or(0);
  return is_host(server) ? server : 0;
}

// RFC 3442: width, as many bytes of the prefix as are significant, the router. False when it is cut off or cannot be.
static bool read_classless_routes(std::span<const std::byte> value, std::vector<Route4>& routes) {
  while (!value.empty()) {
    const uint8_t bits = wire::load_8(value.data());
    const size_t prefix_bytes = (bits + 7u) / 8u;
    if (bits > 32 || value.size() < 1 + prefix_bytes + 4) return false;
    uint32_t prefix = 0;
    for (size_t i = 0; i < prefix_bytes; ++i) prefix |= uint32_t{wire::load_8(&value[1 + i])} << (24 - 8 * i);
    if (bits < 32) prefix &= bits == 0 ? 0 : ~uint32_t{0} << (32 - bits);
    const uint32_t gateway = wire::load_32(&value[1 + prefix_bytes]);
    if (gateway != 0 && !is_host(gateway)) return false;
    if (routes.size() < Lease4::kRoutesLimit) routes.push_back({prefix, bits, gateway});
    value = value.subspan(1 + prefix_bytes + 4);
  }
  return true;
}

std::optional<Lease4> Reply4::lease() const {
  Lease4 lease;
  lease.address = wire::load_32(&bytes_[16]);  // "yiaddr"
  lease.server = server();
  lease.lease_s = word_of(*this, kLeaseTime).value_or(0);
  if (!is_host(lease.address) || lease.server == 0 || lease.lease_s == 0) return std::nullopt;

  if (const auto mask = word_of(*this, kSubnetMask)) {
    const int ones = std::countl_one(*mask);
    if (*mask == 0 || std::popcount(*mask) != ones) return std::nullopt;
    lease.prefix_bits = static_cast<uint8_t>(ones);
  } else {
    // RFC 950 as a last resort: by the class of the address.
    lease.prefix_bits = lease.address >> 31 == 0 ? 8 : lease.address >> 30 == 2 ? 16 : 24;
  }
  const uint32_t host = lease.prefix_bits < 31 ? ~uint32_t{0} >> lease.prefix_bits : 0;
  if (host != 0 && ((lease.address & host) == 0 || (lease.address & host) == host)) return std::nullopt;

  if (const auto mtu = option(kMtu); mtu && mtu->size() == 2) lease.mtu_bytes = wire::load_16(mtu->data());
  const auto classless = option(kClasslessRoutes);
  if (classless && !classless->empty() && read_classless_routes(*classless, lease.routes)) {
    // RFC 3442: then the router option does not count.
  } else {
    lease.routes.clear();
    // In order of preference: the first is used.
    if (const auto routers = option(kRouter); routers && routers->size() >= 4)
      if (const uint32_t router = wire::load_32(routers->data()); is_host(router))
        lease.routes.push_back({0, 0, router});
  }
  if (const auto servers = option(kDnsServers)) {
    for (size_t at = 0; at + 4 <= servers->size() && lease.dns_servers.size() < Lease4::kServersLimit;
         at += 4)
      if (const uint32_t server = wire::load_32(&(*servers)[at]); is_host(server) || server >> 24 == 127)
        lease.dns_servers.push_back(IpAddress::v4(server));
  }
  if (const auto search = option(kDomainSearch)) lease.domains = domain_names(*search, true);
  if (const auto domain = option(kDomain); domain && lease.domains.empty()) {
    std::string name(reinterpret_cast<const char*>(domain->data()), domain->size());
    while (!name.empty() && name.back() == '\0') name.pop_back();
    if (is_domain_name(name)) lease.domains.push_back(std::move(name));
  }
  // Section 4.4.5: half and seven eighths, unless the server tells others that make sense.
  if (lease.lease_s == UINT32_MAX) {
    lease.renewal_s = lease.rebinding_s = UINT32_MAX;
  } else {
    lease.renewal_s = word_of(*this, kRenewalTime).value_or(lease.lease_s / 2);
    lease.rebinding_s = word_of(*this, kRebindingTime).value_or(lease.lease_s - lease.lease_s / 8);
    if (lease.rebinding_s > lease.lease_s || lease.renewal_s > lease.rebinding_s || lease.renewal_s == 0) {
      lease.renewal_s = lease.lease_s / 2;
      lease.rebinding_s = lease.lease_s - lease.lease_s / 8;
    }
  }
  return lease;
}

std::vector<std::byte> emit_request4(const Request4& request) {
  std::vector<std::byte> bytes(kFixedBytes);
  wire::store_32(bytes.data(), 0x01010600);  // BOOTREQUEST, Ethernet, 6 bytes of address
  wire::store_32(&bytes[4], request.transaction);
  wire::store_16(&bytes[8], request.seconds);
  wire::store_16(&bytes[10], request.broadcast ? 0x8000 : 0);
  wire::store_32(&bytes[12], request.own_address);
  wire::store_mac(&bytes[28], request.mac);
  wire::store_32(&bytes[236], kMagic);
  const auto put = [&](uint8_t code, std::span<const std::byte> value) {
    bytes.push_back(std::byte{code});
    bytes.push_back(static_cast<std::byte>(value.size()));
    bytes.insert(bytes.end(), value.begin(), value.end());
  };
  const auto put_word = [&](uint8_t code, uint32_t word) {
    std::array<std::byte, 4> value;
    wire::store_32(value.data(), word);
    put(code, value);
  };
  const std::byte type{static_cast<uint8_t>(request.type)};
  put(kMessageType, {&type, 1});
  put(kClientId, request.client_id);
  if (request.requested_address != 0) put_word(kRequestedAddress, request.requested_address);
  if (request.server != 0) put_word(kServerId, request.server);
  if (request.type == Type4::kDiscover || request.type == Type4::kRequest) {
    std::array<std::byte, 2> size;
    wire::store_16(size.data(), kMessageLimitBytes4);
    put(kMessageSize, size);
    put(kParameterList, std::as_bytes(std::span(kWanted)));
  }
  bytes.push_back(std::byte{kEnd});
  if (bytes.size() < kLeastBytes) bytes.resize(kLeastBytes);
  return bytes;
}

}  // namespace sluice::dhcp
