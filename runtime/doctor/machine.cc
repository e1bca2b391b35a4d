// SPDX-License-Identifier: Apache-2.0
// Small files of the kernel, read forgivingly.
#include "runtime/doctor/machine.hh"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace sluice::doctor {

namespace fs = std::filesystem;

namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

}  // namespace

bool Machine::exists(const std::string& path) const {
  std::error_code error;
  return fs::exists(root_ + path, error);
}

std::string Machine::text(const std::string& path) const {
  std::ifstream file(root_ + path);
  std::ostringstream all;
  if (file) all << file.rdbuf();
  return all.str();
}

std::string Machine::line(const std::string& path) const {
  std::ifstream file(root_ + path);
  std::string first;
  std::getline(file, first);
  return std::string(trimmed(first));
}

uint64_t Machine::number(const std::string& path) const {
  const std::string first = line(path);
  uint64_t value = 0;
  std::from_chars(first.data(), first.data() + first.size(), value);
  return value;
}

std::vector<std::string> Machine::list(const std::string& path) const {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(root_ + path, error), end; !error && at != end; at.increment(error))
    names.push_back(at->path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::string Machine::link_name(const std::string& path) const {
  std::error_code error;
  return fs::read_symlink(root_ + path, error).filename();
}

std::string Machine::field(const std::string& path, std::string_view name) const {
  std::ifstream file(root_ + path);
  for (std::string one; std::getline(file, one);) {
    const size_t colon = one.find(':');
    if (colon != std::string::npos && trimmed(std::string_view(one).substr(0, colon)) == name)
      return std::string(trimmed(std::string_view(one).substr(colon + 1)));
  }
  return "";
}

uint64_t Machine::limit(std::string_view name) const {
  std::istringstream lines(text("/proc/self/limits"));
  for (std::string one; std::getline(lines, one);) {
    if (one.compare(0, name.size(), name) != 0) continue;
    std::istringstream rest(one.substr(name.size()));
    std::string soft;
    rest >> soft;
    if (soft == "unlimited") return UINT64_MAX;
    uint64_t value = 0;
    std::from_chars(soft.data(), soft.data() + soft.size(), value);
    return value;
  }
  return 0;
}

uint64_t Machine::capabilities() const {
  const std::string mask = field("/proc/self/status", "CapEff");
  uint64_t value = 0;
  std::from_chars(mask.data(), mask.data() + mask.size(), value, 16);
  return value;
}

bool Machine::is_root() const {
  // Uid: real, effective, saved, file system.
  std::istringstream ids(field("/proc/self/status", "Uid"));
  std::string real, effective;
  ids >> real >> effective;
  return effective == "0";
}

unsigned count_list(std::string_view list) {
  unsigned count = 0;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view part = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    unsigned first = 0, last = 0;
    const auto [stop, code] = std::from_chars(part.data(), part.data() + part.size(), first);
    if (code != std::errc()) continue;
    last = first;
    if (stop != part.data() + part.size()) std::from_chars(stop + 1, part.data() + part.size(), last);
    if (last >= first) count += last - first + 1;
  }
  return count;
}

}  // namespace sluice::doctor
