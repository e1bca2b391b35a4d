// SPDX-License-Identifier: Apache-2.0
// Groups that programs join: which interface, how many, and how what is sent to one comes back to members in this process.
// What others are told of it is igmp.cc's and multicast_listener.cc's.
#include <algorithm>
#include <charconv>

#include "dataplane/core/chain.hh"
#include "dataplane/ip/state.hh"

namespace sluice::ip {

bool Stack::State::takes_group(const Interface& in, uint32_t group, uint8_t protocol) const {
  if (group >> 28 != 14) return false;
  if (in.groups.contains(group)) return true;
  // Routers ask all hosts, and one another's reports are heard. With several cores, another one may have somebody for a
  // datagram.
  return protocol == kProtocolIgmp || (protocol == kProtocolUdp && loop_cores > 1);
}

Error Stack::join_group(uint8_t interface_index, const IpAddress& group) {
  State& s = *state_;
  if (interface_index >= s.interfaces.size()) return Error::kAddressNotAvailable;
  Interface& in = *s.interfaces[interface_index];
  if (group.is_v4()) return s.join_ipv4_group(in, group.v4());
  if (!is_multicast(group)) return Error::kInvalid;
  if (!in.ipv6.enabled) return Error::kAddressNotAvailable;
  // Addresses need groups of their own, and come and go.
  const auto programs = std::count_if(in.ipv6.groups.begin(), in.ipv6.groups.end(), [&](const auto& each) {
    return each.group != group &&
           std::none_of(in.ipv6.addresses.begin(), in.ipv6.addresses.end(),
                        [&](const auto& own) { return solicited_node(own->address) == each.group; });
  });
  if (programs >= static_cast<ptrdiff_t>(kGroupsLimit)) {
    ++counters.group_limit;
    return Error::kNoBuffers;
  }
  return s.join_group(in, group) ? Error::kNone : Error::kNoBuffers;
}

void Stack::leave_group(uint8_t interface_index, const IpAddress& group) {
  SLUICE_ASSERT(interface_index < state_->interfaces.size());
  Interface& in = *state_->interfaces[interface_index];
  if (group.is_v4()) return state_->leave_ipv4_group(in, group.v4());
  state_->leave_group(in, group);
}

bool Stack::is_to_everybody(const Path& path) { return path.neighbour == NeighbourCache::kBroadcast; }

std::optional<uint8_t> Stack::interface_with(const IpAddress& address) const {
  for (const auto& each : state_->interfaces)
    if (address.is_v4() ? each->owns(address.v4()) : each->ipv6.find(address) != nullptr) return each->index;
  return std::nullopt;
}

std::optional<uint8_t> Stack::interface_named(std::string_view name) const {
  for (const auto& each : state_->interfaces)
    if (each->name == name) return each->index;
  // Numbers begin with 1, as if_nametoindex() has them.
  unsigned number = 0;
  const auto [stop, code] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (code != std::errc() || stop != name.data() + name.size() || number == 0 ||
      number > state_->interfaces.size())
    return std::nullopt;
  return static_cast<uint8_t>(number - 1);
}

Error Stack::find_group_path(uint8_t interface_index, const IpAddress& group, IpAddress& local, Path& path) {
  State& s = *state_;
  if (interface_index >= s.interfaces.size()) return Error::kAddressNotAvailable;
  const Interface& out = *s.interfaces[interface_index];
  path = path_on(interface_index, group);
  if (!local.is_any()) return Error::kNone;
  if (group.is_v4()) {
    if (out.prefixes.empty()) return Error::kAddressNotAvailable;
    local = IpAddress::v4(out.prefixes[0].address);
    return Error::kNone;
  }
  const LocalAddress* own = s.choose_source(out, group);
  if (own == nullptr || !own->usable()) return Error::kAddressNotAvailable;
  local = own->address;
  return Error::kNone;
}

void Stack::loop_group(const Path& path, const Outgoing& about, const Buffer* packet) {
  State& s = *state_;
  Interface& out = *s.interfaces[path.interface_index];
  const bool members = about.destination.is_v4() ? out.groups.contains(about.destination.v4()) ||
                                                       out.is_broadcast(about.destination.v4())
                                                 : out.ipv6.listens_to(about.destination);
  if (!members && s.loop_cores == 1) return;
  Buffer* const copy = copy_chain(out.port.pool(), packet);
  if (copy == nullptr) {
    ++counters.no_buffer;
    return;
  }
  if (about.destination.is_v4())
    s.loop_back(out, about, copy);
  else
    s.loop_back_ipv6(out, about, copy);
}

}  // namespace sluice::ip
