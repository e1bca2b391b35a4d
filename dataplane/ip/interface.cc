// SPDX-License-Identifier: Apache-2.0
// What an interface knows from its port and its options.
#include "dataplane/ip/interface.hh"

namespace sluice::ip {

static uint64_t as_word(const MacAddress& mac) {
  std::byte bytes[8] = {};
  std::memcpy(bytes, mac.bytes.data(), 6);
  return mac_word(bytes);
}

Interface::Interface(Port& its_port, uint8_t its_index, const InterfaceOptions& options)
    : port(its_port),
      index(its_index),
      name(options.name),
      mac(its_port.mac()),
      mac_as_word(as_word(mac)),
      capabilities(its_port.capabilities()),
      own_mtu_bytes(options.mtu_bytes != 0 && options.mtu_bytes < its_port.mtu_bytes()
                        ? options.mtu_bytes
                        : its_port.mtu_bytes()),
      mtu_bytes(own_mtu_bytes),
      merge_received(options.merge_received && !its_port.capabilities().receive_merged),
      cut_sent(options.cut_sent && !its_port.capabilities().tso),
      cut_sent_ipv6(options.cut_sent &&
                    (!its_port.capabilities().tso || its_port.capabilities().tso_ipv4_only)) {
  for (const InterfaceAddress& own : options.addresses) {
    if (!own.address.is_v4()) continue;  // enable_ipv6()
    SLUICE_ASSERT(own.prefix_bits <= 32);
    prefixes.push_back({own.address.v4(), own.prefix_bits == 0 ? 0 : ~uint32_t{0} << (32 - own.prefix_bits)});
  }
}

}  // namespace sluice::ip
