// SPDX-License-Identifier: Apache-2.0
// What the commands of a script ask of the host, as far as it is a setting of our TCP: sysctl, and packetdrill's files of
// defaults, which hold Linux's values.
#pragma once
#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "dataplane/tcp/congestion.hh"
#include "dataplane/tcp/limits.hh"
#include "drivers/address.hh"
#include "tests/packetdrill/script.hh"

namespace sluice::packetdrill {

struct Settings {
  tcp::Limits limits;
  tcp::CongestionControl congestion_control = tcp::CongestionControl::kCubic;
  // tcp_fastopen: for callers, for listeners, for listeners that did not ask for it too.
  bool fast_open_client = true, fast_open_server = false, fast_open_all = false;
  // By which Linux would give cookies, as the key's bytes.
  std::array<std::byte, 16> fast_open_key{};
  IpAddress local, remote;               // as Linux would have them
  bool forgets_cookies = false;          // the last command empties the cache of cookies
  std::optional<NotApplicable> foreign;  // a command without a meaning here
};

// What the commands before the first event ask for; `foreign` is of all commands.
Settings settings_of(const Script& script);
// What a command between events changes.
void change(Settings& settings, const std::string& command);
// A key as sysctl and setsockopt() have it; false: it is not one.
bool parse_key(const std::string& text, std::array<std::byte, 16>& key);

}  // namespace sluice::packetdrill
