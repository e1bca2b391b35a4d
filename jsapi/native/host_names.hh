// SPDX-License-Identifier: Apache-2.0
// Names of hosts without a name server: address literals, localhost (RFC 6761 section 6.3) and what /etc/hosts has.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "drivers/address.hh"

namespace sluice::jsapi {

class HostNames {
 public:
  // nullopt: not known here. IPv4 is preferred where both are given. The file is read once, at the first name that needs it.
  std::optional<IpAddress> find(std::string_view name);
  void read(std::string_view hosts);  // the text of a hosts file; for find() and tests

 private:
  bool read_ = false;
  std::unordered_map<std::string, IpAddress> names_;
};

}  // namespace sluice::jsapi
