// SPDX-License-Identifier: Apache-2.0
// What the configuration says of a port, and its translation into DPDK's words. Pure text: nothing here looks at the
// machine (port_preflight.hh does).
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "drivers/port.hh"

namespace sluice::ethdev {

enum class PortKind : uint8_t { kTap, kAfPacket, kAfXdp, kMemif, kVirtioUser, kVhost, kRing, kPci };

// "tap", "af_packet", "af_xdp", "memif", "virtio_user", "vhost", "ring", "pci".
std::string_view port_kind_name(PortKind kind);
std::optional<PortKind> parse_port_kind(std::string_view text);

struct PortSpec {
  PortKind kind = PortKind::kTap;
  // tap: the interface to make; af_packet, af_xdp: the interface to use; memif: the path of a socket, or a bare name for
  // an abstract one; virtio_user, vhost: the path of a socket; ring: the name of the wire; pci: the address,
  // 0000:01:00.0.
  std::string name;
  // Settings of that kind only, see port_kind_settings(). Values go to the driver as they are, except those that
  // EthernetDevice takes for itself: "buffers", "descriptors", "tso", "checksum".
  std::map<std::string, std::string> settings;
  uint16_t queues = 1;
  uint32_t mtu_bytes = 1500;
  bool promiscuous = false;       // take frames for other stations as well
  std::optional<MacAddress> mac;  // else the NIC's own, or one made from the name
};

// The settings that `kind` knows, comma-separated, for messages and documentation.
std::string_view port_kind_settings(PortKind kind);

// "tap sl0", "pci 0000:01:00.0": how messages call a port.
std::string port_title(const PortSpec& spec);

// The MAC address that a port has when neither the configuration nor a NIC gives one: locally administered, made from
// kind and name, so that it is the same after a restart and neighbours' ARP entries stay right.
MacAddress derived_mac(const PortSpec& spec);
std::string mac_text(const MacAddress& mac);  // "02:00:00:00:00:01"

// A port in DPDK's words: `device` is the name of the virtual device or the PCI address, `arguments` its devargs.
struct DeviceText {
  std::string device;
  std::string arguments;
};

// Translates. Returns "" or one line that says what is wrong with the specification. `simd512`: whether the CPU has the
// AVX-512 parts that virtio's vectorized paths ask for.
std::string make_device_text(const PortSpec& spec, bool simd512, DeviceText& out);

// The value of a number-valued setting, `fallback` when it is not set. Only after make_device_text() found no fault.
uint32_t setting_number(const PortSpec& spec, std::string_view key, uint32_t fallback);

}  // namespace sluice::ethdev
