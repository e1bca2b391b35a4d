// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dhcp/message6.hh"

#include <algorithm>
#include <cstring>

#include "dataplane/dhcp/domain_names.hh"
#include "dataplane/wire/bytes.hh"

namespace sluice::dhcp {

namespace {

enum Option : uint16_t {
  kClientId = 1,
  kServerId = 2,
  kAssociation = 3,
  kAddress = 5,
  kOptionRequest = 6,
  kPreference = 7,
  kElapsedTime = 8,
  kStatus = 13,
  kRapidCommit = 14,
  kDnsServers = 23,
  kDomains = 24,
  kRefreshTime = 32,
  kSolicitLimit = 82,
  kInformationLimit = 83,
};

// Calls `visit` with each option; false when one is cut off.
template <typename Visit>
bool walk(std::span<const std::byte> area, Visit visit) {
  while (!area.empty()) {
    if (area.size() < 4) return false;
    const uint16_t code = wire::load_16(area.data());
    const size_t length = wire::load_16(&area[2]);
    if (area.size() < 4 + length) return false;
    visit(code, area.subspan(4, length));
    area = area.subspan(4 + length);
  }
  return true;
}

IpAddress address_at(std::span<const std::byte> bytes) {
  IpAddress address;
  std::memcpy(address.bytes.data(), bytes.data(), 16);
  return address;
}

// What a host may have as its own, or a server.
bool is_host(const IpAddress& address) {
  return !address.is_v4() && !address.is_any() && address.bytes[0] != 0xff &&
         !(address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80) &&
         address != IpAddress{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
}

// Section 21.4; false when something in it is cut off.
bool read_association(std::span<const std::byte> value, uint32_t wanted_id, Answer6& into) {
  if (value.size() < 12) return false;
  const uint32_t renewal = wire::load_32(&value[4]), rebinding = wire::load_32(&value[8]);
  // T1 after T2 makes the whole association void.
  const bool ours = wire::load_32(value.data()) == wanted_id && !into.has_association &&
                    (renewal == 0 || rebinding == 0 || renewal <= rebinding);
  bool whole = true;
  std::vector<Address6> addresses;
  Status6 status = Status6::kSuccess;
  whole = walk(value.subspan(12),
               [&](uint16_t code, std::span<const std::byte> inner) {
                 if (code == kStatus && inner.size() >= 2)
                   status = static_cast<Status6>(wire::load_16(inner.data()));
                 if (code != kAddress) return;
                 if (inner.size() < 24) {
                   whole = false;
                   return;
                 }
                 const Address6 one{address_at(inner), wire::load_32(&inner[16]), wire::load_32(&inner[20])};
                 // Section 21.6: one whose preferred lifetime is the longer is left; and what nobody can have.
                 if (one.preferred_s > one.valid_s || !is_host(one.address)) return;
                 const bool known =
                     std::any_of(addresses.begin(), addresses.end(),
                                 [&](const Address6& other) { return other.address == one.address; });
                 if (!known && addresses.size() < Answer6::kAddressesLimit) addresses.push_back(one);
               }) &&
          whole;
  if (!whole || !ours) return whole;
  into.has_association = true;
  into.association_status = status;
  into.renewal_s = renewal;
  into.rebinding_s = rebinding;
  into.addresses = std::move(addresses);
  return true;
}

// Sections 21.24 and 21.25: only these are obeyed.
std::optional<uint32_t> limit_of(std::span<const std::byte> value) {
  if (value.size() != 4) return std::nullopt;
  const uint32_t seconds = wire::load_32(value.data());
  if (seconds < 60 || seconds > 86400) return std::nullopt;
  return seconds;
}

}  // namespace

std::optional<Answer6> Answer6::parse(std::span<const std::byte> bytes, uint32_t association_id) {
  if (bytes.size() < 4) return std::nullopt;
  Answer6 answer;
  answer.type = static_cast<Type6>(wire::load_8(bytes.data()));
  if (answer.type != Type6::kAdvertise && answer.type != Type6::kReply) return std::nullopt;
  answer.transaction = wire::load_32(bytes.data()) & 0xffffff;
  bool good = true;
  good = walk(bytes.subspan(4),
              [&](uint16_t code, std::span<const std::byte> value) {
                const auto duid_of = [&](std::vector<std::byte>& place) {
                  if (value.empty() || value.size() > kDuidLimitBytes) {
                    good = false;
                  } else {
                    place.assign(value.begin(), value.end());
                  }
                };
                switch (code) {
                  case kClientId: duid_of(answer.client); break;
                  case kServerId: duid_of(answer.server); break;
                  case kAssociation: good &= read_association(value, association_id, answer); break;
                  case kPreference:
                    if (value.size() == 1) answer.preference = wire::load_8(value.data());
                    break;
                  case kStatus:
                    if (value.size() >= 2) answer.status = static_cast<Status6>(wire::load_16(value.data()));
                    break;
                  case kRapidCommit: answer.rapid_commit = true; break;
                  case kDnsServers:
                    for (size_t at = 0; at + 16 <= value.size() && answer.dns_servers.size() < kServersLimit;
                         at += 16) {
                      const IpAddress server = address_at(value.subspan(at));
                      if (!server.is_any() && server.bytes[0] != 0xff) answer.dns_servers.push_back(server);
                    }
                    break;
                  case kDomains: answer.domains = domain_names(value, false); break;
                  case kRefreshTime:
                    if (value.size() == 4) answer.refresh_s = wire::load_32(value.data());
                    break;
                  case kSolicitLimit: answer.solicit_limit_s = limit_of(value); break;
                  case kInformationLimit: answer.information_limit_s = limit_of(value); break;
                  default: break;
                }
              }) &&
         good;
  if (!good) return std::nullopt;
  return answer;
}

std::vector<std::byte> emit_query6(const Query6& query) {
  std::vector<std::byte> bytes(4);
  wire::store_32(bytes.data(),
                 uint32_t{static_cast<uint8_t>(query.type)} << 24 | (query.transaction & 0xffffff));
  const auto begin = [&](uint16_t code, size_t length) {
    const size_t at = bytes.size();
    bytes.resize(at + 4 + length);
    wire::store_16(&bytes[at], code);
    wire::store_16(&bytes[at + 2], static_cast<uint16_t>(length));
    return at + 4;
  };
  const auto put = [&](uint16_t code, std::span<const std::byte> value) {
    const size_t at = begin(code, value.size());
    std::copy(value.begin(), value.end(), bytes.begin() + static_cast<ptrdiff_t>(at));
  };
  put(kClientId, query.client);
  if (!query.server.empty()) put(kServerId, query.server);
  // In hundredths of a second (section 21.9).
  wire::store_16(&bytes[begin(kElapsedTime, 2)],
                 static_cast<uint16_t>(std::min<uint32_t>(query.elapsed_ms / 10, 0xffff)));
  if (query.association_id) {
    constexpr size_t kAddressBytes = 4 + 24;
    size_t at = begin(kAssociation, 12 + query.addresses.size() * kAddressBytes);
    wire::store_32(&bytes[at], *query.association_id);
    at += 12;  // T1 and T2 are the server's to choose
    for (const Address6& each : query.addresses) {
      wire::store_16(&bytes[at], kAddress);
      wire::store_16(&bytes[at + 2], 24);
      std::memcpy(&bytes[at + 4], each.address.bytes.data(), 16);
      at += kAddressBytes;
    }
  }
  if (query.type == Type6::kSolicit) begin(kRapidCommit, 0);
  if (query.type != Type6::kRelease && query.type != Type6::kDecline) {
    const bool information = query.type == Type6::kInformationRequest;
    const uint16_t wanted[] = {kDnsServers, kDomains, information ? kInformationLimit : kSolicitLimit,
                               kRefreshTime};
    const size_t count = information ? 4 : 3;
    const size_t at = begin(kOptionRequest, 2 * count);
    for (size_t i = 0; i < count; ++i) wire::store_16(&bytes[at + 2 * i], wanted[i]);
  }
  return bytes;
}

}  // namespace sluice::dhcp
