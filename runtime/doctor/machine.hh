// SPDX-License-Identifier: Apache-2.0
// Reading /sys and /proc below a replaceable root. What is not there reads as empty.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::doctor {

class Machine {
 public:
  explicit Machine(std::string root) : root_(std::move(root)) {}

  bool exists(const std::string& path) const;
  std::string text(const std::string& path) const;               // the whole file
  std::string line(const std::string& path) const;               // its first line, without blanks at its ends
  uint64_t number(const std::string& path) const;                // its first line as a decimal number, or 0
  std::vector<std::string> list(const std::string& path) const;  // names in a folder, sorted
  std::string link_name(const std::string& path) const;  // last part of where a symbolic link leads, or empty

  // "Name: value" or "Name<tab>: value" in a file: the first value, or empty.
  std::string field(const std::string& path, std::string_view name) const;
  // The soft limit of a line of /proc/self/limits; UINT64_MAX for unlimited.
  uint64_t limit(std::string_view name) const;
  // Effective capabilities of this process, bit by number (capabilities(7)).
  uint64_t capabilities() const;
  bool is_root() const;

  // A command as whoever runs this has to type it.
  std::string as_root(const std::string& command) const { return (is_root() ? "" : "sudo ") + command; }
  std::string write(const std::string& value, const std::string& path) const {
    return is_root() ? "echo " + value + " > " + path : "echo " + value + " | sudo tee " + path;
  }

 private:
  std::string root_;
};

// How many processors a list such as "0-3,8" names.
unsigned count_list(std::string_view list);

}  // namespace sluice::doctor
