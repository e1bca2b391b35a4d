// SPDX-License-Identifier: Apache-2.0
// The command line: which command, which settings, and what belongs to the program. Then the file, then both together.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "runtime/config/config.hh"
#include "runtime/config/node_options.hh"
#include "runtime/config/settings.hh"
#include "runtime/config/value.hh"

#ifndef SLUICE_VERSION
#define SLUICE_VERSION "0.0.0"
#endif

namespace sluice::config {

namespace {

struct Option {
  std::string_view name;
  std::string_view section, key;  // the setting that it sets; key empty: dealt with by name
  std::string_view example;       // of its value; empty: it takes none
  bool bench = false;             // `sluice bench` takes it too, anywhere among its own
};

constexpr Option kOptions[] = {
    {"--transport", "", "transport", "kernel", true},
    {"--port", "", "", "tap:sl0,address=10.0.0.2/24", true},
    {"--cores", "", "cores", "2", true},
    {"--poll", "", "poll", "busy", true},
    {"--admin", "", "admin", "127.0.0.1:9090", true},
    {"--capture", "", "capture", "FILE,host=10.0.0.1"},
    {"--config", "", "", "sluice.toml", true},
    {"--kernel-driver", "kernel", "driver", "epoll", true},
    {"--no-uring", "", "", "", true},
    {"--hugepages", "dpdk", "hugepages", "never", true},
    {"--watchdog-ms", "isolate", "watchdog_ms", "1000"},
    {"--heap-mb", "isolate", "heap_mb", "512"},
    {"--drain-ms", "isolate", "drain_ms", "5000"},
    {"--v8-flags", "isolate", "v8_flags", "--max-lazy"},
    {"--account-cycles", "", "", ""},
    {"--set", "", "", "http.head_bytes=32768", true},
    {"--eval", "", "", "CODE"},
    {"--print", "", "", "CODE"},
    {"--version", "", "", ""},
    {"--help", "", "", ""},
};

const Option* find_option(std::string_view name) {
  for (const Option& option : kOptions)
    if (option.name == name) return &option;
  return nullptr;
}

struct Given {
  const Setting* setting;
  Value value;
};

class CommandLine {
 public:
  // What the variable NODE_OPTIONS says: options only, and not all.
  bool parse_environment(std::string_view text, std::string& error) {
    std::vector<std::string> parts;
    if (!split_node_options(text, parts)) {
      error = "invalid value for NODE_OPTIONS (unterminated string)";
      return false;
    }
    for (size_t i = 0; i < parts.size(); ++i) {
      const std::string name = parts[i].substr(0, parts[i].find('='));
      bool negated = false;
      const NodeOption* option = find_node_option(name, negated);
      if (!option || !option->in_environment) {
        error = parts[i] + " is not allowed in NODE_OPTIONS";
        return false;
      }
      std::vector<std::string> rest(parts.begin() + static_cast<ptrdiff_t>(i), parts.end());
      std::vector<const char*> words_of;
      for (const std::string& part : rest) words_of.push_back(part.c_str());
      size_t used = 0;
      if (!take_node(*option, negated, words_of, used, error)) return false;
      i += used;
    }
    exec_arguments.clear();
    return true;
  }

  bool parse(std::span<const char* const> arguments, std::string& error) {
    bool bench = false;
    for (size_t i = 0; i < arguments.size(); ++i) {
      const std::string_view word = arguments[i];
      if (word == "--" && !bench) {
        return rest(arguments.subspan(i + 1), error);
      }
      if (word == "-" && !bench) {
        set_command(Command::kStdin);
        append(arguments.subspan(i + 1));
        return true;
      }
      if (word.size() < 2 || word[0] != '-') {
        if (bench) {
          words.emplace_back(word);
          continue;
        }
        if (command == Command::kNone && word == "bench") {
          bench = true;
          command = Command::kBench;
          continue;
        }
        return rest(arguments.subspan(i), error);
      }
      const size_t equals = word.substr(0, 2) == "--" ? word.find('=') : std::string_view::npos;
      std::string_view name = word.substr(0, equals);
      if (!bench) {
        if (name == "-e") name = "--eval";
        if (name == "-p" || name == "-pe") name = "--print";
        if (name == "-v") name = "--version";
        if (name == "-h") name = "--help";
        bool negated = false;
        const NodeOption* const node = find_node_option(name, negated);
        if (node) {
          size_t used = 0;
          if (!take_node(*node, negated, arguments.subspan(i), used, error)) return false;
          i += used;
          continue;
        }
        // -p -e CODE, and -p alone in front of other options: what is printed is the code of -e.
        if (name == "--print" && equals == std::string_view::npos && word != "-pe" &&
            i + 1 < arguments.size() &&
            (std::string_view(arguments[i + 1]) == "-e" || std::string_view(arguments[i + 1]) == "--eval")) {
          set_command(Command::kPrint);
          exec_arguments.emplace_back(word);
          continue;
        }
      }
      const Option* option = find_option(name);
      if (bench && (!option || !option->bench)) {
        words.emplace_back(word);
        continue;
      }
      if (!option) {
        std::vector<std::string_view> names;
        for (const Option& known : kOptions) names.push_back(known.name);
        const std::string near = suggestion(name, names);
        // V8 has hundreds of its own: it is asked.
        if (word.starts_with("--") && near.find("did you mean") == std::string::npos) {
          v8_words.emplace_back(word);
          exec_arguments.emplace_back(word);
          continue;
        }
        error = std::string(name) + ": there is no such option" +
                (near.find("did you mean") != std::string::npos ? near
                                                                : std::string("; sluice --help lists them"));
        return false;
      }
      std::string_view value;
      if (option->example.empty()) {
        if (equals != std::string_view::npos) {
          error = std::string(name) + " takes no value";
          return false;
        }
      } else if (equals != std::string_view::npos) {
        value = word.substr(equals + 1);
      } else {
        const bool code =
            option->name == "--eval" || option->name == "--print" || option->name == "--v8-flags";
        const std::string_view next = i + 1 < arguments.size() ? arguments[i + 1] : std::string_view();
        if (i + 1 >= arguments.size() || (!code && next.size() > 1 && next[0] == '-')) {
          error = std::string(word) + " needs a value, as in " + std::string(word) + " " +
                  std::string(option->example);
          return false;
        }
        value = next;
        ++i;
      }
      if (option->name == "--eval" || option->name == "--print") {
        exec_arguments.emplace_back(word);
        if (equals == std::string_view::npos) exec_arguments.emplace_back(value);
      }
      if (!take(*option, value, error)) return false;
      if (command == Command::kVersion || command == Command::kHelp) return true;
    }
    return true;
  }

  Command command = Command::kNone;
  std::string program, code, file;
  std::vector<std::string> words;  // of the program, the bench client or the doctor
  std::vector<Given> given;
  std::vector<Value> ports;
  std::vector<std::string> node_options, v8_words, exec_arguments, notes;

 private:
  // An option of Node at the beginning of `arguments`; `used`: how many more words belong to it.
  bool take_node(const NodeOption& option, bool negated, std::span<const char* const> arguments, size_t& used,
                 std::string& error) {
    const std::string word = arguments[0];
    const size_t equals = word.find('=');
    const bool long_form = word.starts_with("--") && equals != std::string::npos;
    std::string value = negated ? "false" : "true";
    exec_arguments.push_back(word);
    if (long_form) {
      value = word.substr(equals + 1);
    } else if (option.kind == NodeOption::Kind::kValue || option.takes_value) {
      const std::string_view next = arguments.size() > 1 ? arguments[1] : std::string_view();
      if (arguments.size() < 2 || (next.size() > 1 && next[0] == '-')) {
        error = word + " requires an argument";
        return false;
      }
      value = next;
      exec_arguments.push_back(value);
      used = 1;
    }
    const std::string name(option.name);
    switch (option.kind) {
      case NodeOption::Kind::kV8: {
        std::string own = name;
        if (long_form) own += "=" + value;
        v8_words.push_back(std::move(own));
        return true;
      }
      case NodeOption::Kind::kMissing:
        if (!negated) notes.push_back(word + " is not there yet, and is ignored");
        return true;
      case NodeOption::Kind::kIgnored: return true;
      default: break;
    }
    node_options.push_back(name);
    node_options.push_back(value);
    if (negated || (name != "--run" && name != "--test" && name != "--watch" && name != "--check" &&
                    name != "--interactive"))
      return true;
    if (name == "--run") built_in = "internal/node/run_script";
    if (name == "--test" && built_in.empty()) built_in = "internal/node/test_files";
    if (name == "--watch") built_in = "internal/node/watch";
    if (name == "--interactive") {
      error = "there is no REPL yet; -e CODE runs code, - reads it from standard input";
      return false;
    }
    return true;
  }

 public:
  std::string built_in;  // the module that does what an option asks for

 private:
  void set_command(Command what) {
    if (command == Command::kNone) command = what;
  }
  void append(std::span<const char* const> arguments) {
    for (const char* argument : arguments) words.emplace_back(argument);
  }

  // The first word that is no option, and everything behind it.
  bool rest(std::span<const char* const> arguments, std::string& error) {
    if (command != Command::kNone || arguments.empty()) {  // -e CODE ARGUMENTS
      append(arguments);
      return true;
    }
    const std::string_view word = arguments[0];
    if (word == "doctor") {
      command = Command::kDoctor;
    } else if (word.empty()) {
      error = "the name of the program is empty";
      return false;
    } else {
      command = Command::kFile;
      program = word;
    }
    append(arguments.subspan(1));
    return true;
  }

  bool take(const Option& option, std::string_view text, std::string& error) {
    Value value;
    value.typed = false;
    value.text = std::string(text);
    value.where = std::string(option.name) + " ";
    if (!option.key.empty()) {
      given.push_back(Given{find_setting(option.section, option.key), std::move(value)});
    } else if (option.name == "--port") {
      ports.push_back(port_table(text));
    } else if (option.name == "--config") {
      if (!file.empty()) {
        error = "--config " + std::string(text) + ": a configuration file is given already, " + file;
        return false;
      }
      file = text;
    } else if (option.name == "--no-uring") {
      value.text = "epoll";
      given.push_back(Given{find_setting("kernel", "driver"), std::move(value)});
    } else if (option.name == "--account-cycles") {
      value.text = "true";
      given.push_back(Given{find_setting("isolate", "account_cycles"), std::move(value)});
    } else if (option.name == "--eval" || option.name == "--print") {
      // -p -e CODE and -e CODE both run; what was named last is the code, and -p anywhere prints.
      command = option.name == "--print" || command == Command::kPrint ? Command::kPrint : Command::kEval;
      code = text;
      node_options.emplace_back(option.name);
      node_options.emplace_back(text);
    } else if (option.name == "--version") {
      command = Command::kVersion;
    } else if (option.name == "--help") {
      command = Command::kHelp;
    } else {
      return take_set(text, error);
    }
    return true;
  }

  // --set http.head_bytes=32768: any setting that a file may name.
  bool take_set(std::string_view text, std::string& error) {
    const size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const size_t dot = name.find('.');
    const std::string_view section = dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
    const std::string_view key = dot == std::string_view::npos ? name : name.substr(dot + 1);
    if (equals == std::string_view::npos) {
      error = "--set " + std::string(text) + ": KEY=VALUE is wanted, as in --set http.head_bytes=32768";
      return false;
    }
    const Setting* setting = find_setting(section, key);
    if (!setting || key == "port" || key == "route" || key == "program" ||
        (section.empty() && key == "arguments")) {
      std::vector<std::string> full;
      for (const Setting& known : settings())
        if (!known.section.empty()) full.push_back(std::string(known.section) + "." + std::string(known.key));
      const std::string near = suggestion(name, {full.begin(), full.end()});
      error = "--set " + std::string(text) + ": there is no setting " + std::string(name) +
              (near.find("did you mean") != std::string::npos ? near : " that --set can change");
      return false;
    }
    Value value;
    value.typed = false;
    value.text = std::string(text.substr(equals + 1));
    value.where = "--set " + std::string(name) + "=";
    given.push_back(Given{setting, std::move(value)});
    return true;
  }
};

}  // namespace

std::optional<Configuration> load(std::span<const char* const> arguments, std::string& error,
                                  const std::string& root) {
  return load(arguments, nullptr, error, root);
}

std::optional<Configuration> load(std::span<const char* const> arguments, const char* node_options,
                                  std::string& error, const std::string& root) {
  CommandLine line;
  if (node_options && !line.parse_environment(node_options, error)) return std::nullopt;
  if (!line.parse(arguments, error)) return std::nullopt;
  Configuration configuration;
  if (line.command == Command::kVersion || line.command == Command::kHelp) {
    configuration.command = line.command;
    return configuration;
  }
  if (!line.file.empty()) {
    errno = 0;
    std::ifstream file(line.file, std::ios::binary);
    std::stringstream text;
    if (file) text << file.rdbuf();
    if (!file || file.bad() || (text.fail() && errno != 0)) {
      error = "--config " + line.file + ": cannot be read: " + std::strerror(errno ? errno : EIO);
      return std::nullopt;
    }
    if (!read_toml(text.str(), line.file, configuration, error)) return std::nullopt;
    configuration.file = line.file;
  }
  // The command line wins. Its ports stand instead of the file's, and its program with its arguments likewise.
  Complaints complaints;
  for (const Given& given : line.given) given.setting->apply(configuration, given.value, complaints);
  if (!line.ports.empty()) {
    configuration.ports.clear();
    for (const Value& port : line.ports) apply_port(configuration, port, complaints);
  }
  if (!complaints.empty()) {
    error = complaints.first();
    return std::nullopt;
  }
  configuration.node_options = std::move(line.node_options);
  configuration.v8_words = std::move(line.v8_words);
  configuration.exec_arguments = std::move(line.exec_arguments);
  configuration.notes = std::move(line.notes);
  if (!line.built_in.empty() && line.command != Command::kDoctor && line.command != Command::kBench) {
    // What would be the program is the first of its arguments.
    configuration.command = Command::kBuiltIn;
    configuration.program = line.built_in;
    if (line.command == Command::kFile) configuration.arguments.push_back(line.program);
    configuration.arguments.insert(configuration.arguments.end(), line.words.begin(), line.words.end());
  } else if (line.command != Command::kNone) {
    configuration.command = line.command;
    configuration.program = line.program;
    configuration.code = line.code;
    configuration.arguments = line.words;
  } else if (configuration.command == Command::kNone && !line.file.empty()) {
    error =
        line.file + ":1:1: it names no program (program = \"app.js\"), and there is none on the command line";
    return std::nullopt;
  }
  if (configuration.transport_where.empty() && !configuration.ports.empty())
    configuration.transport = TransportKind::kBypass;
  if (configuration.command == Command::kDoctor) return configuration;  // it looks at what is missing itself
  if (!check_consistency(configuration, error) || !check_machine(configuration, root, error))
    return std::nullopt;
  return configuration;
}

std::string version_text() { return "sluice " SLUICE_VERSION "\n"; }

std::string help_text() {
  return R"(usage: sluice [options] PROGRAM [arguments]
       sluice [options] -e CODE [arguments]
       sluice bench URL [options]     measure a server
       sluice doctor                  what this machine offers, and what bypass still needs

Runs a JavaScript program. What stands behind the program's name belongs to it.

  -e, --eval CODE           run CODE
  -p, --print CODE          run CODE and print its value
  -                         read the program from standard input
  -r, --require MODULE      evaluate MODULE first; --import MODULE the same, by import
  -c, --check               only look whether the program has errors of syntax
  -C, --conditions NAME     a condition more for "exports" and "imports" of packages
  --input-type module|commonjs
                            what -e and standard input are
  --env-file FILE           variables of the environment; --env-file-if-exists FILE
  --run SCRIPT              a script of package.json
  --test [FILE...]          run test files;  --watch: start anew when files change
  --no-warnings, --trace-warnings, --unhandled-rejections MODE, --title TEXT, --max-old-space-size MB, ...
                            as Node has them, and all options of V8. NODE_OPTIONS may hold them
  --config FILE             settings from a TOML file; the command line wins over it

The network:
  --transport kernel|bypass the host kernel's sockets (the default), or our own stack on ports
  --port DEVICE,KEY=VALUE.. a port of our own (repeatable), for instance
                              tap:sl0,address=10.0.0.2/24,gateway=10.0.0.1
                              tap:sl0,address=fd00::2/64,gateway=fd00::1
                              0000:01:00.0,address=192.0.2.10/24,queues=2
                            DEVICE: a PCI address, or tap: af_packet: af_xdp: memif: virtio_user: vhost: ring: and a
                            name. Keys: address (repeatable; or dhcp), gateway (one of each family),
                            slaac, dhcp6, dhcp_wait_ms, duplicate_detection, vlan, mtu, queues, mac,
                            promiscuous, and last arguments= for the device itself
  --cores N | LIST          how many data cores, or which processors: 2, or 1,3 or 2-5 (default 1)
  --poll adaptive|busy      sleep when there is nothing to do (the default), or never
  --kernel-driver auto|uring|epoll, --no-uring
                            how the kernel's sockets are driven
  --hugepages auto|always|never
  --admin ADDRESS:PORT      serve /metrics there
  --capture FILE,KEY=VALUE..
                            write what goes over the ports to a pcapng file, for Wireshark. Keys: host and port
                            (repeatable, each must be met), interface, snap, megabytes

Limits:
  --watchdog-ms N           longest turn inside JavaScript; 0: no watchdog (default 10000)
  --heap-mb N               JavaScript heap of each core (default 2048)
  --drain-ms N              how long connections may take to end after SIGTERM (default 30000)
  --v8-flags FLAGS          handed to V8
  --account-cycles          count cycles by stage, and print them for each request at the end
  --set KEY=VALUE           any other setting of the file, for instance http.head_bytes=32768

  -v, --version             print the version
  -h, --help                print this
)";
}

}  // namespace sluice::config
