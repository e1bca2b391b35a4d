// SPDX-License-Identifier: Apache-2.0
// One table of kinds, and one function that turns a specification into a device string.
#include "drivers/ethdev/port_spec.hh"

#include <cctype>
#include <charconv>

namespace sluice::ethdev {

namespace {

struct Kind {
  PortKind kind;
  std::string_view name, driver, settings;
  uint16_t queue_limit;
};

// "buffers" and "descriptors" are known to every kind.
constexpr Kind kKinds[] = {
    {PortKind::kTap, "tap", "net_tap", "buffers,descriptors,tso,checksum,remote,persist", 16},
    {PortKind::kAfPacket, "af_packet", "net_af_packet", "buffers,descriptors,qdisc_bypass", 1},
    {PortKind::kAfXdp, "af_xdp", "net_af_xdp",
     "buffers,descriptors,start_queue,busy_budget,force_copy,xdp_prog", 64},
    {PortKind::kMemif, "memif", "net_memif", "buffers,descriptors,role,id,secret,checksum", 16},
    {PortKind::kVirtioUser, "virtio_user", "net_virtio_user",
     "buffers,descriptors,tso,lro,checksum,server,packed_vq,in_order,mrg_rxbuf,interface", 8},
    {PortKind::kVhost, "vhost", "net_vhost", "buffers,descriptors,tso,checksum,client", 8},
    {PortKind::kRing, "ring", "net_ring", "buffers,descriptors,side,checksum", 16},
    {PortKind::kPci, "pci", "", "buffers,descriptors,tso,lro,checksum,arguments", 64},
};

const Kind& find(PortKind kind) {
  for (const Kind& each : kKinds)
    if (each.kind == kind) return each;
  return kKinds[0];
}

bool is_listed(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    if (list.substr(0, comma) == word) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

bool is_number(std::string_view text, uint32_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

std::string hex32(uint32_t value) {
  char text[9];
  for (int i = 0; i < 8; ++i) text[i] = "0123456789abcdef"[value >> (28 - 4 * i) & 15];
  text[8] = 0;
  return text;
}

bool is_pci_address(std::string_view text) {  // dddd:bb:dd.f
  constexpr std::string_view kShape = "xxxx:xx:xx.x";
  if (text.size() != kShape.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (kShape[i] == 'x' ? !std::isxdigit(static_cast<unsigned char>(text[i])) : text[i] != kShape[i])
      return false;
  }
  return true;
}

// Smallest power of two that is at least `value`.
uint32_t round_up_power(uint32_t value) {
  uint32_t power = 1;
  while (power < value) power *= 2;
  return power;
}

uint32_t log2_of(uint32_t power) {
  uint32_t log = 0;
  while (power >>= 1) ++log;
  return log;
}

std::string get(const PortSpec& spec, const std::string& key, std::string_view fallback) {
  const auto it = spec.settings.find(key);
  return it == spec.settings.end() ? std::string(fallback) : it->second;
}

// ",key=value" for each of `keys` that is set.
std::string pass_through(const PortSpec& spec, std::initializer_list<const char*> keys) {
  std::string out;
  for (const char* key : keys) {
    const auto it = spec.settings.find(key);
    if (it != spec.settings.end()) out += std::string(",") + key + "=" + it->second;
  }
  return out;
}

}  // namespace

std::string_view port_kind_name(PortKind kind) { return find(kind).name; }
std::string_view port_kind_settings(PortKind kind) { return find(kind).settings; }

std::optional<PortKind> parse_port_kind(std::string_view text) {
  for (const Kind& each : kKinds)
    if (each.name == text) return each.kind;
  return std::nullopt;
}

std::string port_title(const PortSpec& spec) {
  return std::string(port_kind_name(spec.kind)) + " " + spec.name;
}

MacAddress derived_mac(const PortSpec& spec) {
  // Both ends of a wire may have the same name (a memif socket), so what tells them apart goes in as well.
  const std::string seed =
      port_title(spec) + get(spec, "role", "") + get(spec, "id", "") + get(spec, "side", "");
  const uint64_t hash = fnv1a(seed);
  MacAddress mac;
  mac.bytes[0] = 0x02;  // locally administered, unicast
  for (int i = 1; i < 6; ++i) mac.bytes[i] = static_cast<uint8_t>(hash >> (8 * i));
  return mac;
}

std::string mac_text(const MacAddress& mac) {
  std::string out;
  for (const uint8_t byte : mac.bytes) {
    if (!out.empty()) out += ':';
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

uint32_t setting_number(const PortSpec& spec, std::string_view key, uint32_t fallback) {
  const auto it = spec.settings.find(std::string(key));
  uint32_t value = fallback;
  if (it != spec.settings.end()) is_number(it->second, value);
  return value;
}

std::string make_device_text(const PortSpec& spec, bool simd512, DeviceText& out) {
  const Kind& kind = find(spec.kind);
  const std::string title = port_title(spec);
  if (spec.name.empty()) return "port " + std::string(kind.name) + " has no name";
  for (const char c : spec.name) {
    if (c == ',' || c == '=' || std::isspace(static_cast<unsigned char>(c)))
      return "port " + title + ": the name may not contain commas, equals signs or spaces";
  }
  if (spec.queues == 0 || spec.queues > kind.queue_limit) {
    if (spec.kind == PortKind::kAfPacket)
      return "port " + title +
             ": af_packet has one queue only (the kernel keeps the hash that spreads flows secret): use "
             "--cores 1";
    return "port " + title + ": " + std::to_string(spec.queues) + " queues asked for; 1 to " +
           std::to_string(kind.queue_limit) + " are possible";
  }
  if (spec.mtu_bytes < 576 || spec.mtu_bytes > 9600)
    return "port " + title + ": mtu " + std::to_string(spec.mtu_bytes) + " is not within 576 to 9600";
  if (spec.mac && spec.mac->bytes[0] & 1)
    return "port " + title + ": mac " + mac_text(*spec.mac) + " is a multicast address";

  for (const auto& [key, value] : spec.settings) {
    if (!is_listed(kind.settings, key))
      return "port " + title + ": unknown setting '" + key + "' (known: " + std::string(kind.settings) + ")";
    if (spec.kind != PortKind::kPci && (value.empty() || value.find_first_of(", \t") != std::string::npos))
      return "port " + title + ": setting '" + key + "' has the unusable value '" + value + "'";
    uint32_t number = 0;
    if (is_listed("buffers,descriptors,id,busy_budget,start_queue", key) && !is_number(value, number))
      return "port " + title + ": setting '" + key + "' is not a number: '" + value + "'";
    if (is_listed("tso,lro,server,client,packed_vq,in_order,mrg_rxbuf,qdisc_bypass,force_copy,persist",
                  key) &&
        value != "0" && value != "1")
      return "port " + title + ": setting '" + key + "' is 0 or 1, not '" + value + "'";
  }
  const std::string checksum = get(spec, "checksum", "on");
  const bool on_wire = spec.kind == PortKind::kMemif || spec.kind == PortKind::kRing;
  if (checksum != "on" && checksum != "off" && !(on_wire && checksum == "trusted"))
    return "port " + title + ": setting 'checksum' is on or off" + (on_wire ? " or trusted" : "") +
           ", not '" + checksum + "'";
  const uint32_t descriptors = setting_number(spec, "descriptors", 1024);
  if (descriptors < 64 || descriptors > 16384)
    return "port " + title +
           ": setting 'descriptors' is not within 64 to 16384: " + std::to_string(descriptors);
  if (const uint32_t buffers = setting_number(spec, "buffers", 16384); buffers < 512 || buffers > 4'000'000)
    return "port " + title + ": setting 'buffers' is not within 512 to 4000000: " + std::to_string(buffers);

  const std::string unique = hex32(static_cast<uint32_t>(fnv1a(spec.name)));
  const bool is_interface =
      spec.kind == PortKind::kTap || spec.kind == PortKind::kAfPacket || spec.kind == PortKind::kAfXdp;
  if (is_interface && spec.name.size() > 15)
    return "port " + title + ": an interface name has at most 15 characters";
  out.device = std::string(kind.driver) + (is_interface ? "_" + spec.name : unique);
  const std::string queues = std::to_string(spec.queues);

  switch (spec.kind) {
    case PortKind::kTap: {
      if (spec.mtu_bytes > 1500)
        return "port " + title + ": DPDK's tap driver carries an mtu of at most 1500, not " +
               std::to_string(spec.mtu_bytes);
      // The driver gives this address to the kernel's end. Ours is another one (EthernetDevice::mac), else the kernel
      // would take our frames for its own.
      MacAddress kernel_end = spec.mac ? *spec.mac : derived_mac(spec);
      kernel_end.bytes[5] ^= 1;
      out.arguments = "iface=" + spec.name + ",mac=" + mac_text(kernel_end) + pass_through(spec, {"remote"});
      if (get(spec, "persist", "0") == "1") out.arguments += ",persist";
      break;
    }
    case PortKind::kAfPacket: {
      const uint32_t frame = round_up_power(spec.mtu_bytes + 128);
      const uint32_t block = frame < 4096 ? 4096 : frame;
      out.arguments = "iface=" + spec.name + ",qpairs=" + queues + ",framesz=" + std::to_string(frame) +
                      ",blocksz=" + std::to_string(block) +
                      ",framecnt=" + std::to_string(round_up_power(descriptors)) +
                      ",qdisc_bypass=" + get(spec, "qdisc_bypass", "1");
      break;
    }
    case PortKind::kAfXdp:
      out.arguments = "iface=" + spec.name + ",start_queue=" + get(spec, "start_queue", "0") +
                      ",queue_count=" + queues +
                      pass_through(spec, {"busy_budget", "force_copy", "xdp_prog"});
      break;
    case PortKind::kMemif: {
      const std::string role = get(spec, "role", "");
      if (role != "server" && role != "client")
        return "port " + title + ": setting 'role' says server or client: one end of a memif each";
      if (spec.name.size() > 100)
        return "port " + title + ": the path of a socket has at most 100 characters";
      const bool is_path = spec.name.find('/') != std::string::npos;
      if (round_up_power(descriptors) != descriptors)
        return "port " + title + ": setting 'descriptors' is a power of two for memif, not " +
               std::to_string(descriptors);
      out.device += "_" + role + get(spec, "id", "0");
      out.arguments =
          "role=" + role + ",id=" + get(spec, "id", "0") + ",socket=" + (is_path ? "" : "sluice-") +
          spec.name + ",socket-abstract=" + (is_path ? "no" : "yes") +
          ",rsize=" + std::to_string(log2_of(descriptors)) + ",bsize=2048" + pass_through(spec, {"secret"});
      break;
    }
    case PortKind::kVirtioUser: {
      if (spec.name.find('/') == std::string::npos)
        return "port " + title + ": the name is the path of a socket";
      const std::string packed = get(spec, "packed_vq", "1");
      // Frames that do not fit one buffer need buffers to be merged.
      const std::string merge = get(spec, "mrg_rxbuf", spec.mtu_bytes > 1500 ? "1" : "0");
      const bool with_checksum = checksum == "on";
      out.arguments = "path=" + spec.name + ",queues=" + queues +
                      ",queue_size=" + std::to_string(round_up_power(descriptors)) + ",packed_vq=" + packed +
                      ",in_order=" + get(spec, "in_order", "1") + ",mrg_rxbuf=" + merge +
                      ",mac=" + mac_text(spec.mac ? *spec.mac : derived_mac(spec));
      if (spec.settings.contains("server")) out.arguments += pass_through(spec, {"server"});
      if (spec.settings.contains("interface")) out.arguments += ",iface=" + get(spec, "interface", "");
      // The vectorized path has no checksum offload and no merging.
      if (simd512 && packed == "1" && merge == "0" && !with_checksum) out.arguments += ",vectorized=1";
      break;
    }
    case PortKind::kVhost:
      if (spec.name.find('/') == std::string::npos)
        return "port " + title + ": the name is the path of a socket";
      out.arguments = "iface=" + spec.name + ",queues=" + queues + ",client=" + get(spec, "client", "0") +
                      ",tso=" + get(spec, "tso", "1");
      break;
    case PortKind::kRing:
      if (spec.name.size() > 16)
        return "port " + title + ": the name of a ring wire has at most 16 characters";
      if (get(spec, "side", "") != "a" && get(spec, "side", "") != "b")
        return "port " + title + ": setting 'side' says a or b: one end of the wire each";
      out.device = "net_ring_" + spec.name + "_" + get(spec, "side", "");
      out.arguments.clear();
      break;
    case PortKind::kPci:
      if (!is_pci_address(spec.name))
        return "port " + title + ": not a PCI address of the form 0000:01:00.0 (lspci -D lists them)";
      out.device = spec.name;
      out.arguments = get(spec, "arguments", "");
      break;
  }
  return "";
}

}  // namespace sluice::ethdev
