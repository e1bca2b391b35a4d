// SPDX-License-Identifier: Apache-2.0
// Reads packetdrill's language. Two things end the reading: a mistake in the text, and a word that has no meaning here.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>

#include "dataplane/wire/icmp.hh"
#include "dataplane/wire/tcp.hh"
#include "tests/packetdrill/script.hh"

namespace sluice::packetdrill {
namespace {

class Parser {
 public:
  explicit Parser(const std::string& text) : text_(text) {}

  Parsed run() {
    Script script;
    for (skip(); at_ < text_.size() && !stopped(); skip()) {
      if (looking_at("--")) {
        at_ += 2;
        const std::string name = word();
        std::string value;
        if (accept("=")) {
          while (at_ < text_.size() && !std::isspace(peek())) value += text_[at_++];
        }
        script.options.emplace_back(name, value);
        continue;
      }
      Event event;
      event.line = line();
      event.when = when();
      if (!stopped()) what(event);
      if (!stopped()) script.events.push_back(std::move(event));
    }
    if (mistake_) return *mistake_;
    if (foreign_) return *foreign_;
    return script;
  }

 private:
  // ---- text ----
  unsigned char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? static_cast<unsigned char>(text_[at_ + ahead]) : 0;
  }
  bool looking_at(std::string_view what) const { return text_.compare(at_, what.size(), what) == 0; }
  bool accept(std::string_view what) {
    skip();
    if (!looking_at(what)) return false;
    at_ += what.size();
    return true;
  }
  void expect(std::string_view what) {
    if (!stopped() && !accept(what)) fail("'" + std::string(what) + "' is missing");
  }
  unsigned line() const {
    return 1 + static_cast<unsigned>(std::count(text_.begin(), text_.begin() + static_cast<long>(at_), '\n'));
  }
  void skip() {
    while (at_ < text_.size()) {
      if (std::isspace(peek())) {
        ++at_;
      } else if (looking_at("//") || peek() == '#') {
        while (at_ < text_.size() && peek() != '\n') ++at_;
      } else if (looking_at("/*")) {
        const size_t end = text_.find("*/", at_ + 2);
        at_ = end == std::string::npos ? text_.size() : end + 2;
      } else {
        return;
      }
    }
  }
  std::string word() {
    skip();
    std::string name;
    while (std::isalnum(peek()) || peek() == '_') name += text_[at_++];
    return name;
  }
  bool at_number() const { return std::isdigit(peek()) || (peek() == '-' && std::isdigit(peek(1))); }
  int64_t number() {
    skip();
    if (!at_number()) {
      fail("a number is missing");
      return 0;
    }
    char* end = nullptr;
    const int64_t value = std::strtoll(text_.c_str() + at_, &end, 0);
    at_ = static_cast<size_t>(end - text_.c_str());
    return value;
  }
  // Seconds with a fraction, as microseconds. Not strtod: "0...0.2" is two numbers.
  int64_t seconds() {
    skip();
    const size_t start = at_;
    while (std::isdigit(peek())) ++at_;
    if (peek() == '.' && std::isdigit(peek(1))) {
      ++at_;
      while (std::isdigit(peek())) ++at_;
    }
    if (at_ == start) fail("a time is missing");
    return std::llround(std::strtod(text_.substr(start, at_ - start).c_str(), nullptr) * 1e6);
  }
  void fail(std::string text) {
    if (!stopped()) mistake_ = Mistake{line(), std::move(text)};
  }
  void foreign(std::string reason) {
    if (!stopped()) foreign_ = NotApplicable{std::move(reason)};
  }
  bool stopped() const { return mistake_ || foreign_; }

  // ---- time ----
  When when() {
    When when;
    skip();
    if (peek() == '`' || looking_at("%{")) return when;  // at once
    if (accept("*")) {
      when.kind = When::Kind::kAny;
      return when;
    }
    when.kind = accept("+") ? When::Kind::kRelative : When::Kind::kAbsolute;
    when.at_us = seconds();
    if (accept("~")) {
      accept("+");
      when.latest_us = seconds();
    } else if (accept("...")) {
      accept("+");
      when.returns_us = seconds();
    }
    return when;
  }

  void what(Event& event) {
    skip();
    if (peek() == '`') {
      event.what = CommandEvent{until("`", "`")};
    } else if (looking_at("%{")) {
      event.what = CodeEvent{until("%{", "}%")};
    } else if (peek() == '<' || peek() == '>') {
      PacketEvent packet_event;
      packet(packet_event);
      event.what = std::move(packet_event);
    } else if (std::isalpha(peek())) {
      const size_t start = at_;
      if (word() == "sock") {
        expect("(");
        PacketEvent packet_event;
        packet_event.socket = static_cast<int>(number());
        expect(")");
        skip();
        packet(packet_event);
        event.what = std::move(packet_event);
      } else {
        at_ = start;
        CallEvent call_event;
        call(call_event);
        event.what = std::move(call_event);
      }
    } else {
      fail("neither a packet, nor a call, nor a command");
    }
  }
  std::string until(std::string_view open, std::string_view close) {
    at_ += open.size();
    const size_t end = text_.find(close, at_);
    if (end == std::string::npos) {
      fail("'" + std::string(close) + "' is missing");
      return {};
    }
    std::string inside = text_.substr(at_, end - at_);
    at_ = end + close.size();
    return inside;
  }

  // ---- packets ----
  void packet(PacketEvent& packet) {
    if (accept("<")) {
      packet.inbound = true;
    } else {
      expect(">");
    }
    if (accept("[")) {
      const std::string ecn = word();
      if (ecn == "noecn") {
        packet.ecn = 0;
      } else if (ecn == "ect1") {
        packet.ecn = 1;
      } else if (ecn == "ect0") {
        packet.ecn = 2;
      } else if (ecn == "ce") {
        packet.ecn = 3;
      } else {
        foreign("packets with [" + ecn + "]");
      }
      expect("]");
    }
    if (accept("sock")) {
      expect("(");
      packet.socket = static_cast<int>(number());
      expect(")");
    }
    skip();
    for (const char* other : {"ipv4", "ipv6", "udp", "gre", "mpls"})
      if (looking_at(other)) return foreign("packets of " + std::string(other));
    if (looking_at("icmp")) return icmp(packet);
    flags(packet);
    range(packet);
    for (;;) {
      if (accept("ack")) {
        packet.acknowledgement = static_cast<uint32_t>(number());
      } else if (accept("win")) {
        packet.window = static_cast<uint32_t>(number());
      } else if (accept("urg")) {
        packet.urgent = static_cast<uint16_t>(number());
      } else {
        break;
      }
    }
    if (!stopped() && accept("<")) options(packet);
  }
  void flags(PacketEvent& packet) {
    skip();
    for (; !std::isspace(peek()) && peek(); ++at_) {
      switch (peek()) {
        case 'F': packet.flags |= wire::kTcpFin; break;
        case 'S': packet.flags |= wire::kTcpSyn; break;
        case 'R': packet.flags |= wire::kTcpRst; break;
        case 'P': packet.flags |= wire::kTcpPsh; break;
        case '.': packet.flags |= wire::kTcpAck; break;
        case 'U': packet.flags |= wire::kTcpUrg; break;
        case 'E': packet.flags |= wire::kTcpEce; break;
        case 'W': packet.flags |= wire::kTcpCwr; break;
        case '-': break;
        case 'A': return foreign("accurate ECN");
        default: return fail(std::string("a flag that TCP does not have: ") + static_cast<char>(peek()));
      }
    }
  }
  void range(PacketEvent& packet) {
    packet.sequence = static_cast<uint32_t>(number());
    expect(":");
    const auto end = static_cast<uint32_t>(number());
    expect("(");
    packet.length = static_cast<uint32_t>(number());
    expect(")");
    if (!stopped() && packet.sequence + packet.length != end)
      fail("the sequence numbers are not as far apart as the length");
  }
  void icmp(PacketEvent& packet) {
    word();
    PacketEvent::Icmp icmp;
    const std::string type = word();
    if (type == "unreachable") {
      icmp.type = wire::kIcmpUnreachable;
      const std::string code = word();
      if (code == "net_unreachable") {
        icmp.code = wire::kIcmpNetUnreachable;
      } else if (code == "host_unreachable") {
        icmp.code = wire::kIcmpHostUnreachable;
      } else if (code == "protocol_unreachable") {
        icmp.code = wire::kIcmpProtocolUnreachable;
      } else if (code == "port_unreachable") {
        icmp.code = wire::kIcmpPortUnreachable;
      } else if (code == "frag_needed") {
        icmp.code = wire::kIcmpFragmentationNeeded;
        expect("mtu");
        icmp.mtu_bytes = static_cast<uint16_t>(number());
      } else {
        return foreign("icmp unreachable " + code);
      }
    } else if (type == "time_exceeded") {
      icmp.type = wire::kIcmpTimeExceeded;
    } else {
      return foreign("icmp " + type);
    }
    skip();
    icmp.of_newest = peek() != '[';
    packet.icmp = icmp;
    if (icmp.of_newest) return;
    expect("[");
    skip();
    if (!at_number()) flags(packet);
    range(packet);
    expect("]");
  }
  void options(PacketEvent& packet) {
    if (accept("...")) {
      packet.any_options = true;
      return expect(">");
    }
    if (accept(">")) return;
    using Kind = TcpOption::Kind;
    do {
      TcpOption option{};
      const std::string name = word();
      if (name == "nop") {
        option.kind = Kind::kNop;
      } else if (name == "eol") {
        option.kind = Kind::kEnd;
      } else if (name == "mss") {
        option.kind = Kind::kMss;
        option.value = static_cast<uint32_t>(number());
      } else if (name == "wscale") {
        option.kind = Kind::kWindowScale;
        option.value = static_cast<uint32_t>(number());
      } else if (name == "sackOK") {
        option.kind = Kind::kSackPermitted;
      } else if (name == "sack") {
        option.kind = Kind::kSack;
        skip();
        while (at_number()) {
          const auto left = static_cast<uint32_t>(number());
          expect(":");
          option.ranges.emplace_back(left, static_cast<uint32_t>(number()));
          skip();
        }
      } else if (name == "TS") {
        option.kind = Kind::kTimestamp;
        expect("val");
        option.value = static_cast<uint32_t>(number());
        expect("ecr");
        option.echo = static_cast<uint32_t>(number());
      } else if (name == "FO" || name == "FOEXP") {
        option.kind = Kind::kFastOpen;
        option.experimental = name == "FOEXP";
        std::string digits = word();
        option.own_cookie = digits == "TFO_COOKIE";
        if (option.own_cookie) digits.clear();
        for (size_t i = 0; i + 1 < digits.size(); i += 2)
          option.cookie += static_cast<char>(std::strtol(digits.substr(i, 2).c_str(), nullptr, 16));
      } else {
        return foreign("the option " + (name.empty() ? std::string(1, static_cast<char>(peek())) : name));
      }
      packet.options.push_back(std::move(option));
    } while (!stopped() && accept(","));
    expect(">");
  }

  // ---- calls ----
  void call(CallEvent& call) {
    call.name = word();
    expect("(");
    if (!accept(")")) {
      do call.arguments.push_back(value());
      while (!stopped() && accept(","));
      expect(")");
    }
    expect("=");
    call.result = value();
    if (stopped()) return;
    // What follows on the same line may be an errno and its text, in parentheses.
    while (peek() == ' ' || peek() == '\t') ++at_;
    if (peek() == 'E') {
      call.error = word();
      while (peek() == ' ' || peek() == '\t') ++at_;
    }
    if (peek() == '(') until("(", ")");
  }
  Value value() {
    Value result;
    skip();
    if (accept("...")) return result;
    if (accept("NULL")) {
      result.kind = Value::Kind::kNull;
    } else if (peek() == '"') {
      result.kind = Value::Kind::kText;
      result.text = until("\"", "\"");
    } else if (accept("[")) {
      result.kind = Value::Kind::kList;
      if (!accept("]")) {
        do result.items.push_back(value());
        while (!stopped() && accept(","));
        expect("]");
      }
    } else if (accept("{")) {
      result.kind = Value::Kind::kStruct;
      if (!accept("}")) {
        do {
          skip();
          const size_t start = at_;
          std::string name = word();
          if (!name.empty() && accept("(")) until("", ")");
          if (name.empty() || !accept("=")) {
            at_ = start;
            name.clear();
          }
          result.members.emplace_back(name, value());
        } while (!stopped() && accept(","));
        expect("}");
      }
    } else {
      result.kind = Value::Kind::kNumber;
      do result.number |= term();
      while (!stopped() && accept("|"));
    }
    return result;
  }
  int64_t term() {
    skip();
    if (at_number()) return number();
    const std::string name = word();
    if (name.empty()) {
      fail("a value is missing");
      return 0;
    }
    if (name == "htons" || name == "htonl") {
      expect("(");
      const int64_t inner = number();
      expect(")");
      return inner;
    }
    if (name == "inet_addr") {
      expect("(");
      skip();
      until("\"", "\"");
      expect(")");
      return 0;
    }
    const auto known = constant(name);
    if (!known) foreign(name);
    return known.value_or(0);
  }

  const std::string& text_;
  size_t at_ = 0;
  std::optional<Mistake> mistake_;
  std::optional<NotApplicable> foreign_;
};

}  // namespace

Parsed parse(const std::string& text) { return Parser(text).run(); }

}  // namespace sluice::packetdrill
