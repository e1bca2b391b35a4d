// SPDX-License-Identifier: Apache-2.0
// Text forms of addresses, by the host's inet_pton and inet_ntop: they are pure functions, and exact.
#include "drivers/address.hh"

#include <arpa/inet.h>

namespace sluice {

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof buffer) return std::nullopt;
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = 0;
  in_addr four;
  if (inet_pton(AF_INET, buffer, &four) == 1) return v4(ntohl(four.s_addr));
  in6_addr six;
  if (inet_pton(AF_INET6, buffer, &six) != 1) return std::nullopt;
  IpAddress address;
  std::memcpy(address.bytes.data(), &six, 16);
  return address;
}

std::string IpAddress::to_string() const {
  char buffer[INET6_ADDRSTRLEN];
  if (is_v4()) {
    inet_ntop(AF_INET, bytes.data() + 12, buffer, sizeof buffer);
  } else {
    inet_ntop(AF_INET6, bytes.data(), buffer, sizeof buffer);
  }
  return buffer;
}

std::string Endpoint::to_string() const {
  const std::string host = address.to_string();
  return address.is_v4() ? host + ":" + std::to_string(port) : "[" + host + "]:" + std::to_string(port);
}

}  // namespace sluice
