// SPDX-License-Identifier: Apache-2.0
#include "tests/packetdrill/settings.hh"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <sstream>
#include <vector>

namespace sluice::packetdrill {
namespace {

// Words of a shell line: quotes hold blanks together, a backslash at the end of a line joins it to the next.
std::vector<std::vector<std::string>> lines_of(const std::string& text) {
  std::vector<std::vector<std::string>> lines(1);
  std::string word;
  bool in_word = false, quoted = false;
  const auto end_word = [&] {
    if (in_word) lines.back().push_back(word);
    word.clear();
    in_word = false;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size() && text[i + 1] == '\n') {
      ++i;
      end_word();
    } else if (c == '"' || c == '\'') {
      quoted = !quoted;
      in_word = true;
    } else if (c == '#' && !quoted && !in_word) {
      while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
    } else if (!quoted &&
               (c == '\n' || c == ';' || (c == '&' && i + 1 < text.size() && text[i + 1] == '&'))) {
      end_word();
      lines.emplace_back();
      if (c == '&') ++i;
    } else if (!quoted && (c == ' ' || c == '\t' || c == '\r')) {
      end_word();
    } else {
      word += c;
      in_word = true;
    }
  }
  end_word();
  std::erase_if(lines, [](const auto& line) { return line.empty(); });
  return lines;
}

// Settings of Linux that our stack has as a matter of course, and the values that describe what it does.
const std::map<std::string, std::vector<std::string>>& matters_of_course() {
  static const std::map<std::string, std::vector<std::string>> values = {
      {"tcp_sack", {"1"}},
      {"tcp_window_scaling", {"1"}},
      {"tcp_dsack", {"1"}},
      {"tcp_fack", {"0"}},
      {"tcp_frto", {"1", "2"}},
      {"tcp_reordering", {"3"}},
      {"tcp_slow_start_after_idle", {"0", "1"}},  // ours always does (RFC 5681 section 4.1)
      {"tcp_early_retrans", {"3", "4"}},
      {"tcp_recovery", {"1"}},
      {"tcp_syn_retries", {"5", "6"}},
      {"tcp_synack_retries", {"5"}},
      {"tcp_syncookies", {"1"}},
      {"tcp_no_metrics_save", {"0", "1"}},
      {"tcp_thin_linear_timeouts", {"0"}},
      {"tcp_moderate_rcvbuf", {"0", "1"}},
      {"tcp_abort_on_overflow", {"0"}},
      {"tcp_min_tso_segs", {}},
      {"tcp_tso_win_divisor", {}},
      {"tcp_pacing_ss_ratio", {}},
      {"tcp_pacing_ca_ratio", {}},
      {"tcp_notsent_lowat", {}},
      {"tcp_limit_output_bytes", {}},
      {"tcp_fastopen_blackhole_timeout_sec", {"0"}},
      {"tcp_ecn_option", {}},
      {"tcp_wmem", {}},
  };
  return values;
}

// It begins with what a SYN can say, and grows to `most_bytes`, by which the scale is chosen.
void set_receive_window(Settings& settings, uint32_t most_bytes) {
  settings.limits.receive_window_bytes = std::min(most_bytes, 65'535u);
  settings.limits.receive_window_limit_bytes = most_bytes;
}

void set(Settings& settings, std::string name, const std::string& value) {
  for (const char* prefix : {"net.ipv4.", "net/ipv4/", "/proc/sys/net/ipv4/"})
    if (name.starts_with(prefix)) name.erase(0, std::string(prefix).size());
  if (name == "tcp_rmem") {
    std::istringstream numbers(value);
    uint64_t least = 0, usual = 0, most = 0;
    numbers >> least >> usual >> most;
    if (most > 0) set_receive_window(settings, static_cast<uint32_t>(std::min<uint64_t>(most, 1u << 30)));
    return;
  }
  if (name == "tcp_timestamps" && (value == "0" || value == "1")) {
    settings.limits.timestamps = value == "1";
    return;
  }
  if (name == "tcp_fastopen") {
    const long flags = std::strtol(value.c_str(), nullptr, 0);
    settings.fast_open_client = flags & 1;
    settings.fast_open_server = flags & 2;
    settings.fast_open_all = settings.fast_open_server && (flags & 0x400);
    settings.limits.fast_open_cookies = !(flags & (4 | 0x200));
    return;
  }
  if (name == "tcp_fastopen_cookies") {
    settings.forgets_cookies = true;
    return;
  }
  if (name == "tcp_fastopen_key" && parse_key(value, settings.fast_open_key)) return;
  if (name == "tcp_ecn" && (value == "0" || value == "1" || value == "2")) {
    settings.limits.ecn_offer = value == "1";
    settings.limits.ecn_accept = value != "0";
    return;
  }
  if (name == "tcp_congestion_control") {
    if (value == "cubic") {
      settings.congestion_control = tcp::CongestionControl::kCubic;
    } else if (value == "reno") {
      settings.congestion_control = tcp::CongestionControl::kReno;
    } else {
      settings.foreign = NotApplicable{"congestion control " + value};
    }
    return;
  }
  const auto known = matters_of_course().find(name);
  if (known == matters_of_course().end() ||
      (!known->second.empty() &&
       std::find(known->second.begin(), known->second.end(), value) == known->second.end()))
    settings.foreign = NotApplicable{"sysctl " + name + "=" + value};
}

void apply(Settings& settings, const std::string& command) {
  for (const auto& line : lines_of(command)) {
    const std::string& program = line[0];
    if (program.ends_with("/defaults.sh")) {
      // Of these two show: the largest receive buffer, which the window scale comes from, and that there is no ECN.
      set_receive_window(settings, 15 * 1024 * 1024);
      settings.limits.ecn_accept = false;
      set(settings, "tcp_fastopen", "0x70403");
      set(settings, "tcp_fastopen_key", "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4");
    } else if (program == "sysctl" || program.ends_with("/set_sysctls.py")) {
      for (size_t i = 1; i < line.size(); ++i) {
        const size_t equals = line[i].find('=');
        if (equals != std::string::npos) set(settings, line[i].substr(0, equals), line[i].substr(equals + 1));
      }
    } else if (program.starts_with("/tmp/sysctl_restore") || program == "sleep" || program == "ethtool" ||
               program == "/bin/rm" || program == "/bin/dd" || (program == "tc" && line.back() == "pfifo")) {
      // Puts back what nobody else sees, or makes what is here as a matter of course.
    } else if (program == "ip" && line.size() > 1 && line[1] == "tcp_metrics") {
      settings.forgets_cookies = true;
    } else if (!settings.foreign) {
      std::string text;
      for (const std::string& word : line) text += (text.empty() ? "" : " ") + word;
      settings.foreign = NotApplicable{"the command: " + text};
    }
  }
}

}  // namespace

bool parse_key(const std::string& text, std::array<std::byte, 16>& key) {
  // Four words of hexadecimal digits, each of which is stored with its lowest byte first.
  std::istringstream words(text);
  std::string word;
  size_t at = 0;
  for (; std::getline(words, word, '-'); at += 4) {
    if (at == key.size() || word.empty()) return false;
    const uint64_t value = std::strtoull(word.c_str(), nullptr, 16);
    for (size_t i = 0; i < 4; ++i) key[at + i] = static_cast<std::byte>(value >> (8 * i));
  }
  return at == key.size();
}

void change(Settings& settings, const std::string& command) {
  settings.forgets_cookies = false;
  apply(settings, command);
}

Settings settings_of(const Script& script) {
  Settings settings, all;
  // packetdrill's own.
  settings.local = IpAddress::v4(0xc0a80001);
  settings.remote = IpAddress::v4(0xc0000201);
  for (const auto& [name, value] : script.options) {
    if (name == "ip_version" && value != "ipv4") all.foreign = NotApplicable{"--ip_version=" + value};
    const auto address = IpAddress::parse(value);
    if (name == "local_ip" && address) settings.local = *address;
    if (name == "remote_ip" && address) settings.remote = *address;
  }
  bool begun = false;
  for (const Event& event : script.events) {
    const auto* command = std::get_if<CommandEvent>(&event.what);
    if (!command) {
      begun = true;
      continue;
    }
    apply(all, command->text);
    if (!begun) apply(settings, command->text);
  }
  settings.foreign = all.foreign;
  return settings;
}

}  // namespace sluice::packetdrill
