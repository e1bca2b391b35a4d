// SPDX-License-Identifier: Apache-2.0
// The settings one by one: which type and range each has, and what is said when a value does not fit.
#include "runtime/config/settings.hh"

#include <algorithm>
#include <charconv>
#include <limits>

#include "drivers/pcap/pcap_filter.hh"
#include "runtime/capture/capture_request.hh"

namespace sluice::config {

namespace {

constexpr uint32_t kMaxQueues = 64, kMaxCores = 256;
constexpr uint32_t kMinMtuBytes = 576, kMaxMtuBytes = 9216;
constexpr size_t kMaxInterfaceName = 15;  // IFNAMSIZ - 1
constexpr uint64_t kMaxExact = uint64_t{1} << 53;

// ---- values --------------------------------------------------------------------------------------------------

bool as_string(const Value& value, std::string& out, Complaints& complaints) {
  if (value.kind != Value::Kind::kString) {
    complaints.about(value, "a string is wanted, in quotes");
    return false;
  }
  out = value.text;
  return true;
}

template <typename T>
bool as_integer(const Value& value, uint64_t least, uint64_t most, T& out, Complaints& complaints) {
  const std::string range = "from " + std::to_string(least) + " to " + std::to_string(most);
  uint64_t number = 0;
  if (value.typed) {
    if (value.kind != Value::Kind::kInteger) {
      complaints.about(value, "a whole number is wanted, " + range);
      return false;
    }
    if (value.integer < 0) {
      complaints.about(value, "out of range; " + range);
      return false;
    }
    number = static_cast<uint64_t>(value.integer);
  } else {
    const char* end = value.text.data() + value.text.size();
    const auto [stop, code] = std::from_chars(value.text.data(), end, number);
    if (stop != end || value.text.empty() || code == std::errc::invalid_argument) {
      complaints.about(value, "a whole number is wanted, " + range);
      return false;
    }
    if (code == std::errc::result_out_of_range) number = std::numeric_limits<uint64_t>::max();
  }
  if (number < least || number > most) {
    complaints.about(value, "out of range; " + range);
    return false;
  }
  out = static_cast<T>(number);
  return true;
}

bool as_boolean(const Value& value, bool& out, Complaints& complaints) {
  if (value.typed ? value.kind == Value::Kind::kBoolean : value.text == "true" || value.text == "false") {
    out = value.typed ? value.boolean : value.text == "true";
    return true;
  }
  complaints.about(value,
                   value.typed ? "true or false is wanted, without quotes" : "true or false is wanted");
  return false;
}

// Of what is a state of the network rather than a wish: on or off, and true or false as well.
bool as_on_off(const Value& value, bool& out, Complaints& complaints) {
  const bool boolean = value.typed && value.kind == Value::Kind::kBoolean;
  if (boolean || value.text == "on" || value.text == "off" || value.text == "true" || value.text == "false") {
    out = boolean ? value.boolean : value.text == "on" || value.text == "true";
    return true;
  }
  complaints.about(value, "on or off is wanted");
  return false;
}

template <typename T>
struct Choice {
  std::string_view name;
  T value;
};

template <typename T, size_t N>
bool as_choice(const Value& value, const Choice<T> (&choices)[N], T& out, Complaints& complaints) {
  std::string text;
  if (!as_string(value, text, complaints)) return false;
  std::vector<std::string_view> names;
  std::string list;
  for (const Choice<T>& choice : choices) {
    if (choice.name == text) {
      out = choice.value;
      return true;
    }
    names.push_back(choice.name);
    list += (list.empty() ? "" : ", ") + std::string(choice.name);
  }
  complaints.about(value, "not one of " + list);
  return false;
}

// One string or an array of them, each handed to `take`.
template <typename F>
bool each_string(const Value& value, F take) {
  if (value.kind != Value::Kind::kArray) return take(value);
  for (const Value& item : value.items)
    if (!take(item)) return false;
  return true;
}

bool as_strings(const Value& value, std::vector<std::string>& out, Complaints& complaints) {
  std::vector<std::string> texts;
  if (!each_string(value,
                   [&](const Value& item) { return as_string(item, texts.emplace_back(), complaints); }))
    return false;
  out = std::move(texts);
  return true;
}

bool as_address(const Value& value, IpAddress& out, Complaints& complaints) {
  std::string text;
  if (!as_string(value, text, complaints)) return false;
  const std::optional<IpAddress> address = IpAddress::parse(text);
  if (!address) {
    complaints.about(value, text.find('/') != std::string::npos
                                ? "an address without a prefix length is wanted, as in 10.0.0.1"
                                : "not an IP address; as in 10.0.0.1 or fd00::1");
    return false;
  }
  out = *address;
  return true;
}

bool as_mac(const Value& value, MacAddress& out, Complaints& complaints) {
  std::string text;
  if (!as_string(value, text, complaints)) return false;
  bool good = text.size() == 17;
  for (size_t i = 0; good && i < 6; ++i) {
    const char* at = text.data() + 3 * i;
    const auto [stop, code] = std::from_chars(at, at + 2, out.bytes[i], 16);
    good = code == std::errc() && stop == at + 2 && (i == 5 || at[2] == ':');
  }
  if (!good) {
    complaints.about(value, "not a MAC address; six bytes, as in 02:00:00:00:00:01");
    return false;
  }
  if (out.bytes[0] & 1) {
    complaints.about(value, "a multicast MAC address cannot be a port's own; the first byte must be even");
    return false;
  }
  return true;
}

// ADDR:PORT, [ADDR]:PORT or PORT alone, which means loopback.
bool as_endpoint(const Value& value, Endpoint& out, Complaints& complaints) {
  std::string text;
  if (value.typed && value.kind == Value::Kind::kInteger)
    text = std::to_string(value.integer);
  else if (!as_string(value, text, complaints))
    return false;
  std::string host = "127.0.0.1", port = text;
  const size_t colon = text.rfind(':');
  if (colon != std::string::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
      host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string::npos)
      host.clear();  // an IPv6 address needs its brackets
    if (host == "localhost") host = "127.0.0.1";
  }
  const std::optional<IpAddress> address = IpAddress::parse(host);
  unsigned number = 0;
  const auto [stop, code] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (!address || port.empty() || code != std::errc() || stop != port.data() + port.size() ||
      number > 65535) {
    complaints.about(value, "ADDRESS:PORT is wanted, as in 127.0.0.1:9090 or [::1]:9090");
    return false;
  }
  out = Endpoint{*address, static_cast<uint16_t>(number)};
  return true;
}

// ---- cores ---------------------------------------------------------------------------------------------------

// "2", "1,3", "1-3,5"; a single number is how many, everything else is which.
bool parse_core_list(std::string_view text, std::vector<uint32_t>& list) {
  while (!text.empty()) {
    const size_t comma = text.find(',');
    std::string_view part = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    if (comma != std::string_view::npos && text.empty()) return false;
    uint32_t first = 0, last = 0;
    auto [stop, code] = std::from_chars(part.data(), part.data() + part.size(), first);
    if (code != std::errc()) return false;
    last = first;
    if (stop != part.data() + part.size()) {
      if (*stop != '-') return false;
      const auto [end, code2] = std::from_chars(stop + 1, part.data() + part.size(), last);
      if (code2 != std::errc() || end != part.data() + part.size()) return false;
    }
    if (last < first || last >= 4096 || list.size() + (last - first) >= kMaxCores) return false;
    for (uint32_t core = first; core <= last; ++core) list.push_back(core);
  }
  return !list.empty();
}

void apply_cores(Configuration& into, const Value& value, Complaints& complaints) {
  std::vector<uint32_t> list;
  if (value.kind == Value::Kind::kArray) {
    for (const Value& item : value.items) {
      uint32_t core = 0;
      if (!as_integer(item, 0, 4095, core, complaints)) return;
      list.push_back(core);
    }
    if (list.empty() || list.size() > kMaxCores) {
      complaints.about(value,
                       "from 1 to " + std::to_string(kMaxCores) + " processors are wanted, as in [1, 3]");
      return;
    }
  } else if (value.typed ? value.kind == Value::Kind::kInteger
                         : value.text.find_first_not_of("0123456789") == std::string::npos) {
    uint32_t count = 0;
    if (!as_integer(value, 1, kMaxCores, count, complaints)) return;
    into.cores = Cores{count, {}, value.where + value.shown() + ": "};
    return;
  } else if (value.typed || !parse_core_list(value.text, list)) {
    complaints.about(value, value.typed ? "a number of cores, or an array of processors, as in [1, 3]"
                                        : "a number of cores, or a list of processors, as in 1,3 or 2-5");
    return;
  }
  std::vector<uint32_t> sorted = list;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    complaints.about(value, "processor " + std::to_string(*twice) + " is named twice");
    return;
  }
  const auto count = static_cast<uint32_t>(list.size());
  into.cores = Cores{count, std::move(list), value.where + value.shown() + ": "};
}

// ---- devices -------------------------------------------------------------------------------------------------

struct KindName {
  PortKind kind;
  std::string_view name;
  std::string_view example;
};
constexpr KindName kKinds[] = {
    {PortKind::kTap, "tap", "tap:sl0"},
    {PortKind::kAfPacket, "af_packet", "af_packet:eth1"},
    {PortKind::kAfXdp, "af_xdp", "af_xdp:eth1"},
    {PortKind::kMemif, "memif", "memif:/run/sluice/memif.sock"},
    {PortKind::kVirtioUser, "virtio_user", "virtio_user:/run/sluice/vhost.sock"},
    {PortKind::kVhost, "vhost", "vhost:/run/sluice/vhost.sock"},
    {PortKind::kRing, "ring", "ring:lab"},
    {PortKind::kPci, "pci", "pci:0000:01:00.0"},
};

// "0000:01:00.0" or "01:00.0"; empty when it is no PCI address, else with its domain, in lower case.
std::string pci_address(std::string_view text) {
  std::string full(text);
  if (std::count(full.begin(), full.end(), ':') == 1) full = "0000:" + full;
  if (full.size() != 12 || full[4] != ':' || full[7] != ':' || full[10] != '.' || full[11] < '0' ||
      full[11] > '7')
    return "";
  for (size_t i : {0, 1, 2, 3, 5, 6, 8, 9})
    if (!std::isxdigit(static_cast<unsigned char>(full[i]))) return "";
  std::transform(full.begin(), full.end(), full.begin(), [](unsigned char c) { return std::tolower(c); });
  return full;
}

bool apply_device(PortConfig& port, const Value& value, Complaints& complaints) {
  std::string text;
  if (!as_string(value, text, complaints)) return false;
  if (const std::string pci = pci_address(text); !pci.empty()) {
    port.kind = PortKind::kPci;
    port.name = pci;
    return true;
  }
  const size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  const std::string name = colon == std::string::npos ? "" : text.substr(colon + 1);
  std::vector<std::string_view> names;
  const KindName* found = nullptr;
  for (const KindName& candidate : kKinds) {
    names.push_back(candidate.name);
    if (candidate.name == kind) found = &candidate;
  }
  if (!found) {
    complaints.about(value, kind.empty() ? "a device is wanted, as in tap:sl0"
                                         : "no kind of device is called " + kind + suggestion(kind, names));
    return false;
  }
  if (name.empty()) {
    complaints.about(value, "the device needs a name, as in " + std::string(found->example));
    return false;
  }
  if (name.find_first_of(", \t") != std::string::npos) {
    complaints.about(value, "a device's name has neither blanks nor commas");
    return false;
  }
  port.kind = found->kind;
  port.name = name;
  switch (port.kind) {
    case PortKind::kTap:
    case PortKind::kAfPacket:
    case PortKind::kAfXdp:
      if (name.size() > kMaxInterfaceName || name.find('/') != std::string::npos || name == "." ||
          name == "..") {
        complaints.about(value, "the name of an interface has at most 15 characters and no slash");
        return false;
      }
      break;
    case PortKind::kPci:
      port.name = pci_address(name);
      if (port.name.empty()) {
        complaints.about(value, "not a PCI address; as in 0000:01:00.0 (sluice doctor lists them)");
        return false;
      }
      break;
    case PortKind::kMemif:
    case PortKind::kVirtioUser:
    case PortKind::kVhost:
      if (name.size() > 107) {
        complaints.about(value, "the path of a socket has at most 107 characters");
        return false;
      }
      break;
    case PortKind::kRing:
      if (name.size() > 24 || name.find('/') != std::string::npos) {
        complaints.about(value, "the name of a ring has at most 24 characters and no slash");
        return false;
      }
      break;
  }
  return true;
}

// An address that a host can have as its own.
const char* not_a_host(const Prefix& prefix) {
  if (!prefix.address.is_v4()) {
    const auto& bytes = prefix.address.bytes;
    if (bytes[0] == 0xff) return "a multicast address cannot be a port's own";
    if (prefix.address == IpAddress{}) return ":: is no address; give one of the port's network";
    if (prefix.address == *IpAddress::parse("::1"))
      return "a loopback address stays inside the kernel; give the port an address of its network";
    return nullptr;
  }
  const uint32_t address = prefix.address.v4();
  if (address == 0 || address >> 24 == 0) return "an address of network 0 cannot be a port's own";
  if (address >> 24 == 127)
    return "a loopback address stays inside the kernel; give the port an address of its network";
  if (address >> 28 == 0xe) return "a multicast address cannot be a port's own";
  if (address >> 28 == 0xf) return "a reserved or broadcast address cannot be a port's own";
  if (prefix.length < 31) {
    const uint32_t host = ~uint32_t{0} >> prefix.length;
    if ((address & host) == 0) return "this is the network itself; give an address in it";
    if ((address & host) == host) return "this is the network's broadcast address; give another one in it";
  }
  return nullptr;
}

bool apply_own_address(PortConfig& port, const Value& value, Complaints& complaints) {
  if (value.text == "dhcp") {
    if (port.dhcp) complaints.about(value, "dhcp is named twice");
    const bool first = !port.dhcp;
    port.dhcp = true;
    return first;
  }
  Prefix prefix;
  if (!as_prefix(value, prefix, complaints)) return false;
  if (prefix.length == 0) {
    complaints.about(value, prefix.address.is_v4() ? "a prefix length from 1 to 32 is wanted"
                                                   : "a prefix length from 1 to 128 is wanted");
    return false;
  }
  if (const char* why = not_a_host(prefix)) {
    complaints.about(value, why);
    return false;
  }
  if (std::any_of(port.addresses.begin(), port.addresses.end(),
                  [&](const Prefix& other) { return other.address == prefix.address; })) {
    complaints.about(value, "the port has this address already");
    return false;
  }
  // The stack keeps 16 for each port: one of the link, and some for routers to give.
  constexpr auto kIpv6Addresses = 12;
  if (!prefix.address.is_v4() &&
      std::count_if(port.addresses.begin(), port.addresses.end(),
                    [](const Prefix& other) { return !other.address.is_v4(); }) == kIpv6Addresses) {
    complaints.about(value, "a port has at most 12 IPv6 addresses");
    return false;
  }
  port.addresses.push_back(prefix);
  return true;
}

// The prefix with all bits behind its length cleared.
Prefix network_of(const Prefix& prefix) {
  Prefix network = prefix;
  const unsigned first = (prefix.address.is_v4() ? 96u : 0u) + prefix.length;
  for (unsigned bit = first; bit < 128; ++bit)
    network.address.bytes[bit / 8] &= static_cast<uint8_t>(~(0x80u >> bit % 8));
  return network;
}

bool good_device_arguments(const std::string& text) {
  return text.find_first_of(" \t\n") == std::string::npos;
}

void apply_route(Configuration& into, const Value& table, Complaints& complaints) {
  if (table.kind != Value::Kind::kTable) {
    complaints.about(table, "a table is wanted: [[route]]");
    return;
  }
  RouteConfig route;
  bool to = false, via = false;
  for (const Field& field : table.fields) {
    if (field.key == "to") {
      to = true;
      if (as_prefix(field.value, route.to, complaints)) {
        const Prefix network = network_of(route.to);
        if (network != route.to)
          complaints.about(field.value,
                           "there are bits behind the prefix length; the network is " + network.to_string());
      }
    } else if (field.key == "via") {
      via = true;
      as_address(field.value, route.via, complaints);
      route.where = field.value.where + field.value.shown() + ": ";
    } else {
      return complaints.about_key(field,
                                  "a route has no " + field.key + suggestion(field.key, {"to", "via"}));
    }
  }
  if (!to || !via) {
    complaints.add(table.line, table.column, table.where,
                   to ? "the route lacks via = \"GATEWAY\"" : "the route lacks to = \"ADDRESS/LENGTH\"");
    return;
  }
  if (route.to.address.is_v4() != route.via.is_v4()) {
    complaints.add(table.line, table.column, table.where,
                   "to and via are of different families; a route to " + route.to.to_string() +
                       " goes via an " + (route.to.address.is_v4() ? "IPv4" : "IPv6") + " address");
    return;
  }
  into.routes.push_back(route);
}

constexpr size_t kMaxFilters = 256;
constexpr uint32_t kMaxPacketsPerSecond = 100'000'000;

void apply_filter(Configuration& into, const Value& table, Complaints& complaints) {
  const std::string number = "filter " + std::to_string(into.filters.size() + 1);
  if (table.kind != Value::Kind::kTable) {
    complaints.about(table, "a table is wanted: [[filter]]");
    return;
  }
  FilterConfig filter;
  filter.where = table.where + number + ": ";
  bool match = false, action = false, rate = false, burst = false;
  // Also of one with faults: the numbers of those behind it stay.
  const auto add = [&](uint32_t line, uint32_t column, const std::string& where, const std::string& why) {
    complaints.add(line, column, where, number + ": " + why);
  };
  for (const Field& field : table.fields) {
    const Value& value = field.value;
    if (field.key == "match") {
      match = true;
      std::string error;
      if (as_string(value, filter.match, complaints) && !pcap::PcapFilter::compile(filter.match, error))
        add(value.line, value.column, value.where + value.shown() + ": ",
            error + "; the language is that of tcpdump (man pcap-filter)");
    } else if (field.key == "action") {
      action = true;
      static constexpr Choice<FilterAction> kChoices[] = {{"drop", FilterAction::kDrop},
                                                          {"pass", FilterAction::kPass},
                                                          {"kernel", FilterAction::kKernel},
                                                          {"rate_limit", FilterAction::kRateLimit}};
      as_choice(value, kChoices, filter.action, complaints);
    } else if (field.key == "port") {
      as_string(value, filter.port, complaints);
    } else if (field.key == "packets_per_second") {
      rate = true;
      as_integer(value, 1, kMaxPacketsPerSecond, filter.packets_per_second, complaints);
    } else if (field.key == "burst_packets") {
      burst = true;
      as_integer(value, 1, kMaxPacketsPerSecond, filter.burst_packets, complaints);
    } else {
      complaints.about_key(field, number + ": a filter has no " + field.key +
                                      suggestion(field.key, {"match", "action", "port", "packets_per_second",
                                                             "burst_packets"}));
    }
  }
  const bool limits = filter.action == FilterAction::kRateLimit;
  if (!match)
    add(table.line, table.column, table.where, "it lacks match = \"EXPRESSION\", as in \"tcp port 22\"");
  if (!action)
    add(table.line, table.column, table.where,
        "it lacks action = \"drop\", \"pass\", \"kernel\" or \"rate_limit\"");
  if (action && limits && !rate)
    add(table.line, table.column, table.where, "a rate limit lacks packets_per_second");
  if (action && !limits && (rate || burst))
    add(table.line, table.column, table.where,
        "packets_per_second and burst_packets are for action = \"rate_limit\"");
  if (limits && !burst) filter.burst_packets = std::max(1u, filter.packets_per_second / 10);
  if (into.filters.size() == kMaxFilters)
    add(table.line, table.column, table.where,
        "there are more than " + std::to_string(kMaxFilters) + " filters");
  else
    into.filters.push_back(std::move(filter));
}

template <typename F>
void each_table(const Value& value, std::string_view key, Complaints& complaints, F take) {
  const std::string wanted = "tables are wanted: [[" + std::string(key) + "]]";
  if (value.kind == Value::Kind::kTable) {
    take(value);
  } else if (value.kind != Value::Kind::kArray) {
    complaints.about(value, wanted);
  } else {
    for (const Value& item : value.items) {
      if (item.kind == Value::Kind::kTable)
        take(item);
      else
        complaints.about(item, wanted);
    }
  }
}

constexpr uint64_t kDayMs = 86'400'000;

#define SLUICE_INTEGER(section, key, least, most, member)                                                \
  Setting {                                                                                              \
    section, key,                                                                                        \
        [](Configuration& c, const Value& v, Complaints& w) { as_integer(v, least, most, c.member, w); } \
  }

}  // namespace

std::string_view port_kind_name(PortKind kind) {
  for (const KindName& candidate : kKinds)
    if (candidate.kind == kind) return candidate.name;
  return "";
}

bool PortConfig::has_ipv6() const {
  return slaac || dhcp6 == Dhcp6::kOn ||
         std::any_of(addresses.begin(), addresses.end(),
                     [](const Prefix& own) { return !own.address.is_v4(); });
}

std::string PortConfig::title() const {
  return device() + (vlan != 0 ? " vlan " + std::to_string(vlan) : "");
}

std::string PortConfig::device() const { return std::string(port_kind_name(kind)) + ":" + name; }

bool Prefix::contains(const IpAddress& other) const {
  if (address.is_v4() != other.is_v4()) return false;
  const unsigned bits = (address.is_v4() ? 96u : 0u) + length;
  for (unsigned i = 0; i < bits; i += 8) {
    const unsigned mask = bits - i >= 8 ? 0xff : 0xff00 >> (bits - i) & 0xff;
    if ((address.bytes[i / 8] ^ other.bytes[i / 8]) & mask) return false;
  }
  return true;
}

std::string Prefix::to_string() const { return address.to_string() + "/" + std::to_string(length); }

bool as_prefix(const Value& value, Prefix& out, Complaints& complaints) {
  std::string text;
  if (!as_string(value, text, complaints)) return false;
  const size_t slash = text.find('/');
  const std::optional<IpAddress> address = IpAddress::parse(text.substr(0, slash));
  if (!address) {
    complaints.about(value, "not an IP address; ADDRESS/LENGTH is wanted, as in 10.0.0.2/24");
    return false;
  }
  if (slash == std::string::npos) {
    complaints.about(value,
                     "the prefix length is missing, as in " + text + (address->is_v4() ? "/24" : "/64"));
    return false;
  }
  unsigned length = 0;
  const char *begin = text.data() + slash + 1, *end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(begin, end, length);
  if (begin == end || code != std::errc() || stop != end || length > (address->is_v4() ? 32u : 128u)) {
    complaints.about(value, std::string("not a prefix length behind the slash; a number from 0 to ") +
                                (address->is_v4() ? "32" : "128"));
    return false;
  }
  out = Prefix{*address, static_cast<uint8_t>(length)};
  return true;
}

// What speaks against `gateway` as the default router of `port`, which stands beside `others`; empty: nothing.
static std::string why_no_gateway(const IpAddress& gateway, const PortConfig& port,
                                  const std::vector<PortConfig>& others) {
  std::string networks;
  bool reachable = is_link_local(gateway) && port.has_ipv6();
  for (const Prefix& own : port.addresses) {
    if (own.address == gateway) return "this is the port's own address; name the next router";
    reachable |= own.is_network_of(gateway);
    networks += (networks.empty() ? "" : ", ") + own.to_string();
  }
  if (!reachable && networks.empty() && port.dhcp && gateway.is_v4())
    return "the port has no address of its own yet; the DHCP server tells the gateway";
  if (!reachable) return "the gateway is in no network of this port (" + networks + ")";
  for (const PortConfig& other : others)
    if (gateway.is_v4() ? other.gateway : other.ipv6_gateway)
      return "the port " + other.device() +
             " has a gateway already; keep one, and write [[route]] for the rest";
  return "";
}

void apply_port(Configuration& into, const Value& table, Complaints& complaints) {
  static const std::vector<std::string_view> kKeys = {"device",
                                                      "address",
                                                      "gateway",
                                                      "slaac",
                                                      "dhcp6",
                                                      "dhcp_wait_ms",
                                                      "duplicate_detection",
                                                      "vlan",
                                                      "mtu",
                                                      "queues",
                                                      "mac",
                                                      "promiscuous",
                                                      "kernel_interface",
                                                      "kernel_addresses",
                                                      "routes_from_kernel",
                                                      "arguments"};
  PortConfig port;
  port.where = table.where;
  bool has_device = false, has_address = false, good = true;
  for (const Field& field : table.fields) {
    const Value& value = field.value;
    if (field.key == "device") {
      has_device = true;
      good &= apply_device(port, value, complaints);
    } else if (field.key == "address") {
      has_address = true;
      good &=
          each_string(value, [&](const Value& item) { return apply_own_address(port, item, complaints); });
      if (value.kind == Value::Kind::kArray && value.items.empty()) {
        good = false;
        complaints.about(value, "at least one address is wanted, as in \"10.0.0.2/24\" or \"dhcp\"");
      }
    } else if (field.key == "gateway") {
      good &= each_string(value, [&](const Value& item) {
        IpAddress gateway;
        if (!as_address(item, gateway, complaints)) return false;
        auto& place = gateway.is_v4() ? port.gateway : port.ipv6_gateway;
        if (place) {
          complaints.about(item, "the port has the gateway " + place->to_string() +
                                     " already; one of each family, and [[route]] for the rest");
          return false;
        }
        place = gateway;
        return true;
      });
    } else if (field.key == "slaac") {
      good &= as_on_off(value, port.slaac, complaints);
    } else if (field.key == "dhcp6") {
      static constexpr Choice<Dhcp6> kChoices[] = {
          {"auto", Dhcp6::kAuto}, {"on", Dhcp6::kOn}, {"off", Dhcp6::kOff}};
      good &= as_choice(value, kChoices, port.dhcp6, complaints);
    } else if (field.key == "dhcp_wait_ms") {
      good &= as_integer(value, 0, kDayMs, port.dhcp_wait_ms, complaints);
    } else if (field.key == "duplicate_detection") {
      good &= as_on_off(value, port.duplicate_detection, complaints);
    } else if (field.key == "vlan") {
      uint32_t vlan = 0;
      good &= as_integer(value, 1, 4094, vlan, complaints);
      port.vlan = static_cast<uint16_t>(vlan);
    } else if (field.key == "mtu") {
      good &= as_integer(value, kMinMtuBytes, kMaxMtuBytes, port.mtu_bytes, complaints);
    } else if (field.key == "queues") {
      good &= as_integer(value, 1, kMaxQueues, port.queues, complaints);
    } else if (field.key == "mac") {
      MacAddress mac;
      good &= as_mac(value, mac, complaints);
      port.mac = mac;
    } else if (field.key == "promiscuous") {
      good &= as_boolean(value, port.promiscuous, complaints);
    } else if (field.key == "kernel_interface") {
      good &= as_string(value, port.kernel_interface, complaints);
      const std::string& name = port.kernel_interface;
      if (good && (name.empty() || name.size() > kMaxInterfaceName || name == "." || name == ".." ||
                   name.find_first_of("/: \t%") != std::string::npos)) {
        good = false;
        complaints.about(value,
                         "the name of an interface has 1 to 15 characters, no slash, colon, blank or %");
      }
    } else if (field.key == "kernel_addresses") {
      good &= as_on_off(value, port.kernel_addresses, complaints);
    } else if (field.key == "routes_from_kernel") {
      good &= as_on_off(value, port.routes_from_kernel, complaints);
    } else if (field.key == "arguments") {
      good &= as_string(value, port.arguments, complaints);
      if (!good_device_arguments(port.arguments)) {
        good = false;
        complaints.about(value, "device arguments have no blanks: key=value,key=value");
      }
    } else {
      good = false;
      complaints.about_key(field, "a port has no " + field.key + suggestion(field.key, kKeys));
    }
  }
  if (!good) return;
  if (!has_device) {
    good = false;
    complaints.add(table.line, table.column, table.where,
                   "the port lacks device = \"KIND:NAME\", as in \"tap:sl0\"");
  } else if (!has_address && !port.slaac && port.dhcp6 != Dhcp6::kOn) {
    good = false;
    complaints.add(
        table.line, table.column, table.where,
        "the port lacks address = \"ADDRESS/LENGTH\", as in \"10.0.0.2/24\" or \"fd00::2/64\", or \"dhcp\"");
  }
  if (!good) return;
  // How it goes together with the ports before it, and in itself.
  bool shares_device = false;
  for (const Field& field : table.fields) {
    const Value& value = field.value;
    if (field.key == "device") {
      for (const PortConfig& other : into.ports)
        if (other.kind == port.kind && other.name == port.name) {
          if (other.vlan == port.vlan)
            return complaints.about(value, port.vlan == 0
                                               ? "this device is a port already; give each a vlan of its own"
                                               : "this device is a port of that vlan already");
          shares_device = true;
        }
    } else if (field.key == "address") {
      for (const PortConfig& other : into.ports)
        for (const Prefix& theirs : other.addresses)
          for (const Prefix& ours : port.addresses)
            if (theirs.address == ours.address)
              return complaints.about(value, "the port " + other.device() + " has the address " +
                                                 ours.address.to_string() + " already");
    } else if (field.key == "gateway") {
      const bool fits = each_string(value, [&](const Value& item) {
        IpAddress gateway;
        as_address(item, gateway, complaints);  // it was one before
        const std::string why = why_no_gateway(gateway, port, into.ports);
        if (!why.empty()) complaints.about(item, why);
        return why.empty();
      });
      if (!fits) return;
    } else if (field.key == "kernel_interface") {
      if (port.kind == PortKind::kTap && port.name == port.kernel_interface)
        return complaints.about(value,
                                "this is the port's own device; the kernel's interface needs another name");
      for (const PortConfig& other : into.ports)
        if (other.kernel_interface == port.kernel_interface)
          return complaints.about(value, "the port " + other.device() + " has this kernel interface already");
    } else if (field.key == "routes_from_kernel" && port.routes_from_kernel &&
               port.kernel_interface.empty()) {
      return complaints.about(value, "routes come from a kernel interface: kernel_interface = \"sluice0\"");
    } else if (field.key == "mtu" && port.has_ipv6() && port.mtu_bytes < 1280) {
      return complaints.about(value, "IPv6 needs an mtu of at least 1280");
    }
  }
  if (shares_device)
    for (const Field& field : table.fields)
      for (const char* of_device : {"queues", "mac", "promiscuous", "arguments"})
        if (field.key == of_device)
          return complaints.about(field.value, "this is the device's; the first port of it says it");
  into.ports.push_back(std::move(port));
}

Value port_table(std::string_view text) {
  const std::string place = "--port " + std::string(text) + ": ";
  Value table;
  table.kind = Value::Kind::kTable;
  table.typed = false;
  table.text = std::string(text);
  table.where = place;
  const auto add = [&](std::string_view key, std::string_view value) {
    Field field;
    field.key = std::string(key);
    field.where = "--port " + std::string(text);
    field.value.typed = false;
    field.value.text = std::string(value);
    field.value.where = place + std::string(key) + " ";
    table.fields.push_back(std::move(field));
  };
  std::string_view rest = text;
  const size_t end = rest.find(',');
  add("device", rest.substr(0, end));
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    std::string_view part = rest.substr(0, comma);
    const size_t equals = part.find('=');
    if (part.substr(0, equals) == "arguments" && equals != std::string_view::npos) {
      add("arguments", rest.substr(equals + 1));
      break;
    }
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    if (equals == std::string_view::npos)
      add(part, part == "promiscuous" ? "true" : part == "slaac" || part == "dhcp6" ? "on" : "");
    else
      add(part.substr(0, equals), part.substr(equals + 1));
  }
  return table;
}

const std::vector<Setting>& settings() {
  static const std::vector<Setting> kSettings = {
      {"", "program",
       [](Configuration& c, const Value& v, Complaints& w) {
         if (!as_string(v, c.program, w)) return;
         if (c.program.empty()) w.about(v, "the path of a program is wanted");
         c.command = Command::kFile;
       }},
      {"", "arguments",
       [](Configuration& c, const Value& v, Complaints& w) { as_strings(v, c.arguments, w); }},
      {"", "transport",
       [](Configuration& c, const Value& v, Complaints& w) {
         static constexpr Choice<TransportKind> kChoices[] = {{"kernel", TransportKind::kKernel},
                                                              {"bypass", TransportKind::kBypass}};
         if (as_choice(v, kChoices, c.transport, w)) c.transport_where = v.where + v.shown() + ": ";
       }},
      {"", "cores", apply_cores},
      {"", "poll",
       [](Configuration& c, const Value& v, Complaints& w) {
         static constexpr Choice<PollMode> kChoices[] = {{"adaptive", PollMode::kAdaptive},
                                                         {"busy", PollMode::kBusy}};
         as_choice(v, kChoices, c.poll, w);
       }},
      {"", "admin",
       [](Configuration& c, const Value& v, Complaints& w) {
         Endpoint endpoint;
         if (as_endpoint(v, endpoint, w)) c.admin = endpoint;
       }},
      {"", "capture",
       [](Configuration& c, const Value& v, Complaints& w) {
         if (!as_string(v, c.capture, w)) return;
         runtime::CaptureRequest request;
         if (const std::string wrong = runtime::parse_capture(c.capture, request); !wrong.empty())
           w.about(v, wrong);
       }},
      {"", "port",
       [](Configuration& c, const Value& v, Complaints& w) {
         each_table(v, "port", w, [&](const Value& table) { apply_port(c, table, w); });
       }},
      {"", "route",
       [](Configuration& c, const Value& v, Complaints& w) {
         each_table(v, "route", w, [&](const Value& table) { apply_route(c, table, w); });
       }},
      {"", "filter",
       [](Configuration& c, const Value& v, Complaints& w) {
         each_table(v, "filter", w, [&](const Value& table) { apply_filter(c, table, w); });
       }},
      {"kernel", "driver",
       [](Configuration& c, const Value& v, Complaints& w) {
         static constexpr Choice<KernelDriver> kChoices[] = {
             {"auto", KernelDriver::kAuto}, {"uring", KernelDriver::kUring}, {"epoll", KernelDriver::kEpoll}};
         as_choice(v, kChoices, c.kernel_driver, w);
       }},
      {"dpdk", "hugepages",
       [](Configuration& c, const Value& v, Complaints& w) {
         static constexpr Choice<HugePages> kChoices[] = {
             {"auto", HugePages::kAuto}, {"always", HugePages::kAlways}, {"never", HugePages::kNever}};
         as_choice(v, kChoices, c.dpdk.hugepages, w);
       }},
      SLUICE_INTEGER("dpdk", "memory_mb", 64, 1 << 20, dpdk.memory_mb),
      {"dpdk", "arguments",
       [](Configuration& c, const Value& v, Complaints& w) { as_strings(v, c.dpdk.arguments, w); }},
      {"tcp", "congestion",
       [](Configuration& c, const Value& v, Complaints& w) {
         static constexpr Choice<CongestionKind> kChoices[] = {{"reno", CongestionKind::kReno},
                                                               {"cubic", CongestionKind::kCubic},
                                                               {"bbr", CongestionKind::kBbr}};
         as_choice(v, kChoices, c.tcp.congestion, w);
       }},
      {"tcp", "pacing",
       [](Configuration& c, const Value& v, Complaints& w) { as_boolean(v, c.tcp.pacing, w); }},
      {"tcp", "ecn",
       [](Configuration& c, const Value& v, Complaints& w) {
         static constexpr Choice<EcnPolicy> kChoices[] = {
             {"off", EcnPolicy::kOff}, {"accept", EcnPolicy::kAccept}, {"offer", EcnPolicy::kOffer}};
         as_choice(v, kChoices, c.tcp.ecn, w);
       }},
      {"tcp", "mtu_probing",
       [](Configuration& c, const Value& v, Complaints& w) {
         static constexpr Choice<MtuProbingPolicy> kChoices[] = {
             {"off", MtuProbingPolicy::kOff},
             {"after-reduction", MtuProbingPolicy::kAfterReduction},
             {"always", MtuProbingPolicy::kAlways}};
         as_choice(v, kChoices, c.tcp.mtu_probing, w);
       }},
      {"tcp", "user_timeout_option",
       [](Configuration& c, const Value& v, Complaints& w) { as_boolean(v, c.tcp.user_timeout_option, w); }},
      SLUICE_INTEGER("tcp", "receive_window_limit_bytes", 65'536, 1 << 30, tcp.receive_window_limit_bytes),
      SLUICE_INTEGER("tcp", "user_timeout_ms", 1000, kDayMs, tcp.user_timeout_ms),
      SLUICE_INTEGER("http", "head_bytes", 256, 1 << 20, http.head_bytes),
      SLUICE_INTEGER("http", "target_bytes", 64, 1 << 20, http.target_bytes),
      SLUICE_INTEGER("http", "header_count", 1, 10'000, http.header_count),
      SLUICE_INTEGER("http", "body_bytes", 0, kMaxExact, http.body_bytes),
      SLUICE_INTEGER("http", "header_timeout_ms", 1, kDayMs, http.header_timeout_ms),
      SLUICE_INTEGER("http", "idle_timeout_ms", 1, kDayMs, http.idle_timeout_ms),
      SLUICE_INTEGER("http", "body_timeout_ms", 1, kDayMs, http.body_timeout_ms),
      SLUICE_INTEGER("http", "pipeline_requests", 1, 10'000, http.pipeline_requests),
      SLUICE_INTEGER("http", "pending_body_bytes", 4096, 1 << 30, http.pending_body_bytes),
      SLUICE_INTEGER("http", "connections", 1, 16'000'000, http.connections),
      SLUICE_INTEGER("http", "requests_per_connection", 0, UINT32_MAX, http.requests_per_connection),
      SLUICE_INTEGER("isolate", "heap_mb", 16, 65'536, isolate.heap_mb),
      SLUICE_INTEGER("isolate", "watchdog_ms", 0, kDayMs, isolate.watchdog_ms),
      SLUICE_INTEGER("isolate", "drain_ms", 0, kDayMs, isolate.drain_ms),
      {"isolate", "account_cycles",
       [](Configuration& c, const Value& v, Complaints& w) { as_boolean(v, c.isolate.account_cycles, w); }},
      {"isolate", "v8_flags",
       [](Configuration& c, const Value& v, Complaints& w) { as_string(v, c.v8_flags, w); }},
  };
  return kSettings;
}

std::vector<std::string_view> keys_of(std::string_view section) {
  std::vector<std::string_view> keys;
  for (const Setting& setting : settings()) {
    if (setting.section == section) keys.push_back(setting.key);
    if (section.empty() && !setting.section.empty() &&
        std::find(keys.begin(), keys.end(), setting.section) == keys.end())
      keys.push_back(setting.section);
  }
  return keys;
}

const Setting* find_setting(std::string_view section, std::string_view key) {
  for (const Setting& setting : settings())
    if (setting.section == section && setting.key == key) return &setting;
  return nullptr;
}

void apply_all(Configuration& into, const std::vector<Field>& top, Complaints& complaints) {
  for (const Field& field : top) {
    if (const Setting* setting = find_setting("", field.key)) {
      setting->apply(into, field.value, complaints);
      continue;
    }
    const std::vector<std::string_view> keys = keys_of(field.key);
    if (keys.empty() || field.key.empty()) {
      complaints.about_key(field, "there is no setting " + field.key + suggestion(field.key, keys_of("")));
      continue;
    }
    if (field.value.kind != Value::Kind::kTable) {
      complaints.about(field.value, "a table is wanted: [" + field.key + "]");
      continue;
    }
    for (const Field& inner : field.value.fields) {
      if (const Setting* setting = find_setting(field.key, inner.key))
        setting->apply(into, inner.value, complaints);
      else
        complaints.about_key(
            inner, "there is no setting " + field.key + "." + inner.key + suggestion(inner.key, keys));
    }
  }
}

}  // namespace sluice::config
