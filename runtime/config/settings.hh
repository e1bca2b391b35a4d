// SPDX-License-Identifier: Apache-2.0
// All settings there are, by name: what a file may say, and the command line with it.
#pragma once
#include <string_view>
#include <vector>

#include "runtime/config/config.hh"
#include "runtime/config/value.hh"

namespace sluice::config {

// Takes one configured value into the configuration, or complains.
using Apply = void (*)(Configuration&, const Value&, Complaints&);

struct Setting {
  std::string_view section;  // "" for the top of the file, else the table it stands in
  std::string_view key;
  Apply apply;
};

const std::vector<Setting>& settings();
// Keys of a section, for suggestions; for "" the names of the sections too.
std::vector<std::string_view> keys_of(std::string_view section);
const Setting* find_setting(std::string_view section, std::string_view key);

// The top of a file: applies each field, complains about unknown ones.
void apply_all(Configuration& into, const std::vector<Field>& top, Complaints& complaints);

// "tap:sl0,address=10.0.0.2/24,gateway=10.0.0.1" as the table that a file would have.
// `arguments=` takes the rest, commas and all.
Value port_table(std::string_view text);
// Takes a table of a port and adds the port.
void apply_port(Configuration& into, const Value& table, Complaints& complaints);

// ADDR/LEN with an IPv4 address; complains about everything else.
bool as_prefix(const Value& value, Prefix& out, Complaints& complaints);

}  // namespace sluice::config
