// SPDX-License-Identifier: Apache-2.0
// Names of hosts without a name server.
#include "jsapi/native/host_names.hh"

#include <fstream>
#include <iterator>

#include "jsapi/native/header_shapes.hh"

namespace sluice::jsapi {

void HostNames::read(std::string_view hosts) {
  read_ = true;
  while (!hosts.empty()) {
    const size_t end = hosts.find('\n');
    std::string_view line = hosts.substr(0, end);
    hosts = end == std::string_view::npos ? std::string_view() : hosts.substr(end + 1);
    line = line.substr(0, line.find('#'));
    std::optional<IpAddress> address;
    bool first = true;
    while (true) {
      const size_t begin = line.find_first_not_of(" \t\r");
      if (begin == std::string_view::npos) break;
      line.remove_prefix(begin);
      const size_t length = std::min(line.find_first_of(" \t\r"), line.size());
      const std::string_view word = line.substr(0, length);
      line.remove_prefix(length);
      if (first) {
        address = IpAddress::parse(word);
        first = false;
        if (!address) break;
        continue;
      }
      const auto [at, inserted] = names_.emplace(lower_case(word), *address);
      if (!inserted && !at->second.is_v4() && address->is_v4()) at->second = *address;
    }
  }
}

std::optional<IpAddress> HostNames::find(std::string_view name) {
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') name = name.substr(1, name.size() - 2);
  if (const auto literal = IpAddress::parse(name)) return literal;
  const std::string lower = lower_case(name);
  if (lower == "localhost" || lower.ends_with(".localhost")) return IpAddress::v4(0x7f000001);
  if (!read_) {
    std::ifstream file("/etc/hosts", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    read(text);
  }
  const auto at = names_.find(lower);
  if (at == names_.end()) return std::nullopt;
  return at->second;
}

}  // namespace sluice::jsapi
