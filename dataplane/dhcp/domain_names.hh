// SPDX-License-Identifier: Apache-2.0
// Lists of domain names as DNS codes them, in the options of both versions of DHCP (RFC 3397, RFC 8415 section 10).
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace sluice::dhcp {

inline constexpr size_t kNamesLimit = 16;  // of a list; what is beyond is left out

// The names of `bytes`, in text form without the last dot. Pointers (RFC 1035 section 4.1.4) count from the first byte and may
// point backwards only. Empty when anything in it is not as it should be, or would not be a host name.
std::vector<std::string> domain_names(std::span<const std::byte> bytes, bool pointers);
// Whether this text is one: letters, digits, hyphens and underscores between dots, 253 characters at most.
bool is_domain_name(std::string_view text);

}  // namespace sluice::dhcp
