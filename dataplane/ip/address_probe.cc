// SPDX-License-Identifier: Apache-2.0
// Whether somebody has an IPv4 address that we were given, before it is used (RFC 5227 section 2.1). Times are shorter than
// those of the RFC, which lets it take 9 seconds: wires and switches of today do not keep an answer back for that long.
#include "dataplane/ip/state.hh"

namespace sluice::ip {

namespace {
constexpr unsigned kProbes = 3;  // "PROBE_NUM"
// "PROBE_WAIT" is up to 1 s, "PROBE_MIN" and "PROBE_MAX" are 1 and 2 s, "ANNOUNCE_WAIT" is 2 s.
constexpr uint64_t kWaitNs = 100 * kNanosecondsPerMillisecond;
constexpr uint64_t kIntervalNs = 200 * kNanosecondsPerMillisecond;
constexpr uint64_t kAnswerWaitNs = 400 * kNanosecondsPerMillisecond;
}  // namespace

void Stack::probe(uint8_t interface_index, const IpAddress& address) {
  State& s = *state_;
  SLUICE_ASSERT(interface_index < s.interfaces.size() && address.is_v4() && !address.is_any());
  Interface& in = *s.interfaces[interface_index];
  in.probe.address = address.v4();
  in.probe.left = kProbes;
  in.probe.owner = &s;
  in.probe.interface_index = interface_index;
  in.probe.fire = [](Timer& timer, uint64_t at_ns) {
    auto& mine = static_cast<AddressProbe&>(timer);
    auto& state = *static_cast<State*>(mine.owner);
    state.now_ns = at_ns;
    state.probe_timer(*state.interfaces[mine.interface_index]);
  };
  s.timers.arm(in.probe, s.now_ns + s.random_delay_ns(kWaitNs));
}

void Stack::stop_probe(uint8_t interface_index) {
  AddressProbe& probe = state_->interfaces[interface_index]->probe;
  probe.address = 0;
  state_->timers.cancel(probe);
}

void Stack::State::probe_timer(Interface& in) {
  AddressProbe& probe = in.probe;
  if (probe.left == 0) {
    const IpAddress address = IpAddress::v4(probe.address);
    probe.address = 0;
    if (address_watcher != nullptr) address_watcher->checked(in.index, address, true);
    return;
  }
  --probe.left;
  // Its sender is 0, so that nobody's cache is changed by a question.
  send_arp(in, wire::kBroadcastMac,
           {.operation = wire::kArpRequest, .sender_mac = in.mac, .target_ip = probe.address});
  timers.arm(probe, now_ns + (probe.left > 0 ? kIntervalNs + random_delay_ns(kIntervalNs) : kAnswerWaitNs));
}

void Stack::State::probe_hears(Interface& in, const wire::ArpFields& fields) {
  AddressProbe& probe = in.probe;
  if (probe.address == 0 || fields.sender_mac == in.mac) [[likely]]
    return;
  // Somebody has it, or is asking for it as we are.
  const bool asks_too =
      fields.operation == wire::kArpRequest && fields.sender_ip == 0 && fields.target_ip == probe.address;
  if (fields.sender_ip != probe.address && !asks_too) return;
  ++counters.address_conflicts;
  const IpAddress address = IpAddress::v4(probe.address);
  probe.address = 0;
  timers.cancel(probe);
  if (address_watcher != nullptr) address_watcher->checked(in.index, address, false);
}

}  // namespace sluice::ip
