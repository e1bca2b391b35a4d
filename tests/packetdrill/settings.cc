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
      {"tcp_timestamps", {"1"}},
      {"tcp_sack", {"1"}},
      {"tcp_window_scaling", {"1"}},
      {"tcp_dsack", {"1"}},
      {"tcp_fack", {"0"}},
      {"tcp_frto", {"1", "2"}},
      {"tcp_reordering", {"3"}},
      {"tcp_slow_start_after_idle", {"0"}},
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
      {"tcp_fastopen_key", {}},
      {"tcp_ecn_option", {}},
      {"tcp_wmem", {}},
      {"tcp_fastopen", {"0", "0x70403"}},
  };
  return values;
}

void set(Settings& settings, std::string name, const std::string& value) {
  for (const char* prefix : {"net.ipv4.", "/proc/sys/net/ipv4/"})
    if (name.starts_with(prefix)) name.erase(0, std::string(prefix).size());
  if (name == "tcp_rmem") {
    std::istringstream numbers(value);
    uint64_t least = 0, usual = 0, most = 0;
    numbers >> least >> usual >> most;
    if (most > 0)
      settings.limits.receive_window_bytes = static_cast<uint32_t>(std::min<uint64_t>(most, 1u << 30));
    return;
  }
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
      settings.limits.receive_window_bytes = 15 * 1024 * 1024;
      settings.limits.ecn_accept = false;
    } else if (program == "sysctl" || program.ends_with("/set_sysctls.py")) {
      for (size_t i = 1; i < line.size(); ++i) {
        const size_t equals = line[i].find('=');
        if (equals != std::string::npos) set(settings, line[i].substr(0, equals), line[i].substr(equals + 1));
      }
    } else if (program.starts_with("/tmp/sysctl_restore") || program == "sleep" ||
               (program == "ip" && line.size() > 1 && line[1] == "tcp_metrics")) {
      // Puts back what nobody else sees, or forgets what we do not keep.
    } else if (!settings.foreign) {
      std::string text;
      for (const std::string& word : line) text += (text.empty() ? "" : " ") + word;
      settings.foreign = NotApplicable{"the command: " + text};
    }
  }
}

}  // namespace

Settings settings_of(const Script& script) {
  Settings settings;
  for (const auto& [name, value] : script.options)
    if (name == "ip_version" && value != "ipv4") settings.foreign = NotApplicable{"--ip_version=" + value};
  for (const Event& event : script.events)
    if (const auto* command = std::get_if<CommandEvent>(&event.what)) apply(settings, command->text);
  return settings;
}

}  // namespace sluice::packetdrill
