// SPDX-License-Identifier: Apache-2.0
// What a script in packetdrill's language says (Cardwell et al., "packetdrill: Scriptable Network Stack Testing", USENIX
// ATC 2013), as data: events in time, each of them a packet, a socket call, a command or an assertion.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sluice::packetdrill {

struct When {
  enum class Kind : uint8_t { kAbsolute, kRelative, kAny } kind = Kind::kRelative;
  int64_t at_us = 0;
  std::optional<int64_t> latest_us;   // "+.1~+.2": any time between the two
  std::optional<int64_t> returns_us;  // ".1...0.2": a call that blocks, and when it returns
};

struct TcpOption {
  enum class Kind : uint8_t {
    kNop,
    kEnd,
    kMss,
    kWindowScale,
    kSackPermitted,
    kSack,
    kTimestamp,
    kFastOpen
  } kind;
  uint32_t value = 0, echo = 0;
  std::vector<std::pair<uint32_t, uint32_t>> ranges{};
  std::string cookie{};       // bytes
  bool experimental = false;  // kFastOpen: in the shape of option 254
  bool own_cookie = false;    // kFastOpen: the one that the host gives (TFO_COOKIE)
};

struct PacketEvent {
  bool inbound = false;        // to the stack under test
  std::optional<int> socket;   // "sock(4)": of which descriptor, else that of the connection spoken of last
  std::optional<uint8_t> ecn;  // low two bits of the traffic class
  uint8_t flags = 0;           // wire::TcpFlag
  uint32_t sequence = 0, length = 0;
  std::optional<uint32_t> acknowledgement;
  std::optional<uint32_t> window;
  uint16_t urgent = 0;
  std::vector<TcpOption> options;
  bool any_options = false;  // "<...>"
  // An ICMP error about a segment of ours, whose sequence numbers are those above.
  struct Icmp {
    uint8_t type = 0, code = 0;
    uint16_t mtu_bytes = 0;
    bool of_newest = false;  // about the segment that came last, no sequence numbers are given
  };
  std::optional<Icmp> icmp;
};

// An argument or result of a call.
struct Value {
  enum class Kind : uint8_t { kAny, kNull, kNumber, kText, kList, kStruct } kind = Kind::kAny;
  int64_t number = 0;
  std::string text;
  std::vector<Value> items;                            // kList
  std::vector<std::pair<std::string, Value>> members;  // kStruct
};

struct CallEvent {
  std::string name;
  std::vector<Value> arguments;
  Value result;
  std::string error;  // "EAGAIN", empty: none
};

struct CommandEvent {
  std::string text;
};

struct CodeEvent {
  std::string text;
};

struct Event {
  unsigned line = 0;
  When when;
  std::variant<PacketEvent, CallEvent, CommandEvent, CodeEvent> what;
};

struct Script {
  std::vector<std::pair<std::string, std::string>> options;  // --name=value
  std::vector<Event> events;
};

// Why a script cannot be judged here: it uses what only Linux has, or what this runner does not know.
struct NotApplicable {
  std::string reason;
};
struct Mistake {
  unsigned line = 0;
  std::string text;
};
using Parsed = std::variant<Script, Mistake, NotApplicable>;

Parsed parse(const std::string& text);

// The value of a name such as SOL_SOCKET, with Linux's numbers; nullopt: not known here.
std::optional<int64_t> constant(const std::string& name);

}  // namespace sluice::packetdrill
