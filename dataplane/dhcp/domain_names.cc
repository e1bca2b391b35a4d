// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dhcp/domain_names.hh"

#include <string_view>

namespace sluice::dhcp {

bool is_domain_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  size_t label = 0;
  for (const char c : text) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    const bool good =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!good || ++label > 63) return false;
  }
  return label > 0;
}

std::vector<std::string> domain_names(std::span<const std::byte> bytes, bool pointers) {
  std::vector<std::string> names;
  for (size_t at = 0; at < bytes.size() && names.size() < kNamesLimit;) {
    std::string name;
    bool jumped = false;
    size_t next = at, lowest = at;  // a pointer goes below where it stands, so that there is an end
    for (;;) {
      if (at >= bytes.size()) return {};
      const auto length = static_cast<uint8_t>(bytes[at]);
      if ((length & 0xc0) == 0xc0) {
        if (!pointers || at + 1 >= bytes.size()) return {};
        const size_t target = size_t{length & 0x3fu} << 8 | static_cast<uint8_t>(bytes[at + 1]);
        if (!jumped) next = at + 2;
        if (target >= lowest) return {};
        jumped = true;
        at = lowest = target;
        continue;
      }
      if ((length & 0xc0) != 0 || at + 1 + length > bytes.size()) return {};
      if (length == 0) {
        if (!jumped) next = at + 1;
        break;
      }
      if (!name.empty()) name += '.';
      name.append(reinterpret_cast<const char*>(bytes.data()) + at + 1, length);
      if (name.size() > 253) return {};
      at += 1 + length;
    }
    if (!is_domain_name(name)) return {};
    names.push_back(std::move(name));
    at = next;
  }
  return names;
}

}  // namespace sluice::dhcp
