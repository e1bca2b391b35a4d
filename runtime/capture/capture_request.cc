// SPDX-License-Identifier: Apache-2.0
#include "runtime/capture/capture_request.hh"

#include <algorithm>
#include <charconv>

#include "dataplane/wire/arp.hh"
#include "dataplane/wire/bytes.hh"
#include "dataplane/wire/ethernet.hh"

namespace sluice::runtime {

namespace {

constexpr uint8_t kTcp = 6, kUdp = 17;

bool number(std::string_view text, uint32_t least, uint32_t most, uint32_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= least && value <= most;
}

// What a frame says of its ends.
struct Ends {
  IpAddress source, destination;
  uint16_t source_port = 0, destination_port = 0;  // 0: none
};

bool read_ends(std::span<const std::byte> frame, Ends& ends) {
  const auto ethernet = wire::EthernetView::parse(frame);
  if (!ethernet) return false;
  const auto packet = frame.subspan(ethernet->header_bytes());
  const auto v4 = [&](size_t at) { return IpAddress::v4(wire::load_32(packet.data() + at)); };
  const auto v6 = [&](size_t at) {
    IpAddress address;
    std::memcpy(address.bytes.data(), packet.data() + at, 16);
    return address;
  };
  uint8_t protocol = 0;
  size_t header_bytes = 0;
  if (ethernet->ether_type() == wire::kEtherTypeArp) {
    if (packet.size() < wire::kArpBytes) return false;
    ends.source = v4(14);
    ends.destination = v4(24);
    return true;
  }
  if (ethernet->ether_type() == wire::kEtherTypeIpv4) {
    if (packet.size() < 20) return false;
    ends.source = v4(12);
    ends.destination = v4(16);
    header_bytes = (wire::load_8(packet.data()) & 15u) * 4u;
    protocol = wire::load_8(packet.data() + 9);
    if ((wire::load_16(packet.data() + 6) & 0x1fff) != 0) return true;  // a later fragment has no ports
  } else if (ethernet->ether_type() == wire::kEtherTypeIpv6) {
    if (packet.size() < 40) return false;
    ends.source = v6(8);
    ends.destination = v6(24);
    header_bytes = 40;
    protocol = wire::load_8(packet.data() + 6);
  } else {
    return false;
  }
  if ((protocol != kTcp && protocol != kUdp) || packet.size() < header_bytes + 4) return true;
  ends.source_port = wire::load_16(packet.data() + header_bytes);
  ends.destination_port = wire::load_16(packet.data() + header_bytes + 2);
  return true;
}

}  // namespace

std::string parse_capture(std::string_view text, CaptureRequest& request) {
  constexpr const char* kKeys = "host, port, interface, snap and megabytes";
  const size_t comma = text.find(',');
  request.file = text.substr(0, comma);
  if (request.file.empty()) return "a file is wanted, as in capture.pcapng,host=10.0.0.1,port=80";
  std::string_view rest = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  while (!rest.empty()) {
    const size_t end = rest.find(',');
    const std::string_view term = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    const size_t equals = term.find('=');
    const std::string_view key = term.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : term.substr(equals + 1);
    std::string shown(1, '\'');
    shown.append(term).append("': ");
    uint32_t parsed = 0;
    if (key == "host") {
      const auto address = IpAddress::parse(value);
      if (!address) return shown + "an address is wanted, as in host=10.0.0.1";
      request.hosts.push_back(*address);
    } else if (key == "port") {
      if (!number(value, 1, 65'535, parsed)) return shown + "a port from 1 to 65535 is wanted";
      request.ports.push_back(static_cast<uint16_t>(parsed));
    } else if (key == "interface") {
      if (value.empty()) return shown + "the name of a port is wanted, as in interface=sl0";
      request.interfaces.emplace_back(value);
    } else if (key == "snap") {
      if (!number(value, 14, 262'144, request.snap_bytes))
        return shown + "from 14 to 262144 bytes are wanted";
    } else if (key == "megabytes") {
      if (!number(value, 1, 1 << 20, request.limit_mb)) return shown + "from 1 to 1048576 are wanted";
    } else {
      return shown + "not known; there are " + kKeys;
    }
  }
  if (request.hosts.size() > CaptureRequest::kTermsLimit ||
      request.ports.size() > CaptureRequest::kTermsLimit)
    return "at most " + std::to_string(CaptureRequest::kTermsLimit) + " hosts and as many ports can be given";
  return "";
}

bool capture_wants(const CaptureRequest& request, std::span<const std::byte> frame) {
  if (request.hosts.empty() && request.ports.empty()) return true;
  Ends ends;
  if (!read_ends(frame, ends)) return false;
  for (const IpAddress& host : request.hosts)
    if (host != ends.source && host != ends.destination) return false;
  for (const uint16_t port : request.ports)
    if (port != ends.source_port && port != ends.destination_port) return false;
  return true;
}

}  // namespace sluice::runtime
