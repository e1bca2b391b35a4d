// SPDX-License-Identifier: Apache-2.0
// The exception path: packets that nobody here wants go to the host kernel, which may know them. They are handed over as
// they came: of a received packet all headers still lie in front of its data.
#include <algorithm>

#include "dataplane/ip/state.hh"
#include "dataplane/wire/checksum.hh"

namespace sluice::ip {

namespace {

constexpr uint32_t kFragmentBits = 0x3fff;  // "more fragments" and the offset

// A datagram that was put together has the header of its first piece: it gets that of a whole one. `packet` begins with its
// IPv4 header.
void mend_reassembled_ipv4(Buffer* packet) {
  std::byte* const at = packet->data;
  const uint16_t word = wire::load_16(at + 6);
  if ((word & kFragmentBits) == 0) return;
  const uint32_t header_bytes = (wire::load_8(at) & 15u) * 4;
  wire::store_16(at + 2, static_cast<uint16_t>(packet->chain_length()));
  wire::store_16(at + 6, static_cast<uint16_t>(word & ~kFragmentBits));
  wire::store_16(at + 10, 0);
  wire::store_16(at + 10, wire::checksum_finish(wire::checksum_add(0, at, header_bytes)));
}

// The same for IPv6: the fragment header says that this is all there is (an atomic fragment, RFC 6946), which every receiver
// takes. `headers_bytes` of headers, which were walked when it came.
void mend_reassembled_ipv6(Buffer* packet, uint32_t headers_bytes) {
  uint8_t next = wire::load_8(packet->data + 6);
  for (uint32_t at = wire::kIpv6HeaderBytes; at + wire::kFragmentHeaderBytes <= headers_bytes;) {
    std::byte* const header = packet->data + at;
    if (next == wire::kNextFragment) {
      if ((wire::load_16(header + 2) & 0xfff9) == 0) return;
      wire::store_16(header + 2, 0);
      wire::store_16(packet->data + 4,
                     static_cast<uint16_t>(packet->chain_length() - wire::kIpv6HeaderBytes));
      return;
    }
    next = wire::load_8(header);
    at += (wire::load_8(header + 1) + 1u) * 8;
  }
}

}  // namespace

void Stack::set_exception(uint8_t interface_index, FrameSink* sink) {
  SLUICE_ASSERT(interface_index < state_->interfaces.size());
  state_->interfaces[interface_index]->exception = sink;
}

void Stack::set_kernel_address(const IpAddress& address, bool present) {
  auto& all = state_->kernel_addresses;
  const auto at = std::find(all.begin(), all.end(), address);
  if (present && at == all.end()) {
    if (all.size() < kKernelAddressesLimit)
      all.push_back(address);
    else
      ++counters.kernel_addresses_refused;
  }
  if (!present && at != all.end()) all.erase(at);
}

bool Stack::State::to_kernel(Interface& in, Buffer* packet) {
  if (in.exception == nullptr) return false;
  packet->prepend(wire::kEthernetHeaderBytes);
  ++counters.given_to_kernel;
  in.exception->take(packet);
  return true;
}

void Stack::State::not_ours(Interface& in, Buffer* packet, uint64_t& counter) {
  if (to_kernel(in, packet)) return;
  ++counter;
  release(packet);
}

bool Stack::give_to_kernel(const ReceivedPacket& about, Buffer* packet) {
  State& s = *state_;
  Interface& in = *s.interfaces[about.interface_index];
  if (in.exception == nullptr) [[likely]]
    return false;
  // What we sent to ourselves was on no wire. An address that only we have is ours to answer for.
  if (packet->references > 1 || is_local(about.source)) return false;
  if (!about.broadcast && is_local(about.destination) &&
      std::find(s.kernel_addresses.begin(), s.kernel_addresses.end(), about.destination) ==
          s.kernel_addresses.end())
    return false;
  packet->prepend(about.network_header_bytes);
  packet->user = 0;
  if (about.source.is_v4())
    mend_reassembled_ipv4(packet);
  else if (about.fragmented)
    mend_reassembled_ipv6(packet, about.network_header_bytes);
  return s.to_kernel(in, packet);
}

}  // namespace sluice::ip
