// SPDX-License-Identifier: Apache-2.0
#include "tests/packetdrill/runner.hh"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>

#include "dataplane/tcp/test_host.hh"
#include "dataplane/wire/tcp.hh"
#include "tests/packetdrill/assertion.hh"
#include "tests/packetdrill/linux_cookie.hh"
#include "tests/packetdrill/settings.hh"
#include "tests/packetdrill/sockets.hh"
#include "tests/packetdrill/wire_end.hh"

namespace sluice::packetdrill {
namespace {

constexpr IpAddress kHost = IpAddress::v4(0xc0000201), kPeer = IpAddress::v4(0xc0000202);
constexpr uint16_t kFirstPeerPort = 49'152;
// A packet that may come at any time has to come within this.
constexpr int64_t kAnyTimeUs = 300'000'000;

// Longest payload of a packet to the host, unless a script says --mss: fits into 1500 bytes with all options.
constexpr uint32_t kInboundMssBytes = 1420;

std::string describe(const std::vector<TcpOption>& options) {
  std::string text = " <";
  using Kind = TcpOption::Kind;
  for (const TcpOption& option : options) {
    if (text.size() > 2) text += ",";
    switch (option.kind) {
      case Kind::kNop: text += "nop"; break;
      case Kind::kEnd: text += "eol"; break;
      case Kind::kMss: text += "mss " + std::to_string(option.value); break;
      case Kind::kWindowScale: text += "wscale " + std::to_string(option.value); break;
      case Kind::kSackPermitted: text += "sackOK"; break;
      case Kind::kSack:
        text += "sack";
        for (const auto& [left, right] : option.ranges)
          text += " " + std::to_string(left) + ":" + std::to_string(right);
        break;
      case Kind::kTimestamp:
        text += "TS val " + std::to_string(option.value) + " ecr " + std::to_string(option.echo);
        break;
      case Kind::kFastOpen:
        text += (option.experimental ? "FOEXP " : "FO ") + std::to_string(option.cookie.size()) + " bytes";
        break;
    }
  }
  return text + ">";
}

std::string describe(const Segment& segment) {
  std::string text;
  for (const auto& [flag, letter] : {std::pair<uint8_t, char>{wire::kTcpFin, 'F'},
                                     {wire::kTcpSyn, 'S'},
                                     {wire::kTcpRst, 'R'},
                                     {wire::kTcpPsh, 'P'},
                                     {wire::kTcpUrg, 'U'},
                                     {wire::kTcpEce, 'E'},
                                     {wire::kTcpCwr, 'W'},
                                     {wire::kTcpAck, '.'}})
    if (segment.flags & flag) text += letter;
  if (text.empty()) text = "-";
  text += " " + std::to_string(segment.sequence) + ":" + std::to_string(segment.sequence + segment.length) +
          "(" + std::to_string(segment.length) + ")";
  if (segment.flags & wire::kTcpAck) text += " ack " + std::to_string(segment.acknowledgement);
  text += " win " + std::to_string(segment.window);
  return text + (segment.options.empty() ? "" : describe(segment.options));
}

// Options as a set: their order and padding have no meaning (RFC 9293 section 3.1).
std::vector<TcpOption> meaningful(std::vector<TcpOption> options) {
  std::erase_if(options, [](const TcpOption& option) {
    return option.kind == TcpOption::Kind::kNop || option.kind == TcpOption::Kind::kEnd;
  });
  std::stable_sort(options.begin(), options.end(),
                   [](const TcpOption& a, const TcpOption& b) { return a.kind < b.kind; });
  return options;
}

std::string seconds(int64_t us) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6f", static_cast<double>(us) / 1e6);
  return text;
}

bool matches(const Value& expected, const Value& got) {
  switch (expected.kind) {
    case Value::Kind::kAny:
    case Value::Kind::kNull: return true;
    case Value::Kind::kNumber: return got.kind == Value::Kind::kNumber && got.number == expected.number;
    case Value::Kind::kText: return got.text == expected.text;
    case Value::Kind::kList:
      if (got.items.size() != expected.items.size()) return false;
      for (size_t i = 0; i < got.items.size(); ++i)
        if (!matches(expected.items[i], got.items[i])) return false;
      return true;
    case Value::Kind::kStruct:
      for (const auto& [name, content] : got.members)
        for (const auto& [wanted, value] : expected.members)
          if (wanted == name && !matches(value, content)) return false;
      return true;
  }
  return false;
}

// One connection as the script counts it: from zero, at both ends.
struct Flow {
  uint16_t local_port = 0, remote_port = 0;
  // Initial numbers on the wire, and in the script: which counts from zero, but for its SYNs.
  uint32_t local_base = 0, remote_base = 0, local_initial = 0, remote_initial = 0;
  bool local_known = false, remote_known = false;
  uint32_t inbound_mss_bytes = 0;  // as the script's end announced; 0: not
  // Of the host's newest segment, to know window updates by.
  uint32_t newest_acknowledgement = 0, newest_window = 0;
  bool handshake_done = false;
  uint32_t first_timestamp = 0, first_script_timestamp = 0;
  std::map<uint32_t, uint32_t> timestamps;  // of the host: as the script names them, as they were
  // What the host has sent, as seen on the wire: end of each segment, and whether it was acknowledged.
  std::map<uint32_t, std::pair<uint32_t, bool>> sent{};  // by its beginning, of the script
  uint32_t newest_sequence = 0, newest_length = 0;       // of the script
  unsigned delivered = 0;                                // tcpi_delivered
};

class Run {
 public:
  Run(const Script& script, uint64_t seed, const std::string& pcap_path)
      : script_(script),
        settings_(settings_of(script)),
        world_(seed),
        host_(world_, kHost, settings_.limits),
        end_(world_, kPeer, kHost, host_.port.mac()),
        sockets_(*host_.tcp, settings_, kHost, kPeer) {
    simulation::Conditions conditions;
    conditions.delay_ns = 0;
    world_.wire.set_conditions(conditions);
    if (!pcap_path.empty()) world_.wire.trace(pcap_path);
    host_.tcp->congestion_control = settings_.congestion_control;
    start_ns_ = world_.now_ns();
    const HashKey key = HashKey::from(world_.entropy);
    host_.tcp->set_fast_open_key(key);
    tcp::Flow addresses;
    addresses.local = kHost;
    addresses.remote = kPeer;
    wire::TcpOptions granted;
    tcp::FastOpenCookies(key).grant(addresses, granted);
    own_cookie_.assign(reinterpret_cast<const char*>(granted.cookie.data()), granted.cookie_bytes);
    for (const auto& [name, value] : script.options) {
      if (name == "strict_segments") strict_segments_ = true;
      if (name == "tolerance_usecs") tolerance_us_ = std::atoll(value.c_str());
      if (name == "mss") inbound_mss_bytes_ = static_cast<uint32_t>(std::atoll(value.c_str()));
    }
  }

  Verdict go() {
    if (settings_.foreign) return {Verdict::Kind::kNotApplicable, settings_.foreign->reason};
    for (const Event& event : script_.events) {
      step(event);
      if (verdict_.kind != Verdict::Kind::kPassed) return verdict_;
    }
    if (blocked_) advance_to(blocked_latest_us_ + tolerance_us_);
    if (blocked_ && verdict_.kind == Verdict::Kind::kPassed) fail(blocked_->line, "the call never returned");
    return verdict_;
  }

 private:
  void fail(unsigned line, const std::string& text) {
    if (verdict_.kind == Verdict::Kind::kPassed)
      verdict_ = {Verdict::Kind::kFailed,
                  "line " + std::to_string(line) + ", at " + seconds(now_us()) + ": " + text};
  }
  void not_applicable(const std::string& reason) {
    if (verdict_.kind == Verdict::Kind::kPassed) verdict_ = {Verdict::Kind::kNotApplicable, reason};
  }
  int64_t now_us() const { return static_cast<int64_t>(world_.now_ns() - start_ns_) / 1000; }

  void settle() {
    world_.run_for(0);
    if (blocked_) retry();
  }
  void advance_to(int64_t at_us) {
    const uint64_t until_ns = start_ns_ + static_cast<uint64_t>(std::max<int64_t>(at_us, now_us())) * 1000;
    while (world_.step(until_ns) && verdict_.kind == Verdict::Kind::kPassed)
      if (blocked_) retry();
    settle();
  }

  void step(const Event& event) {
    int64_t at_us = previous_us_, latest_us = 0;
    switch (event.when.kind) {
      case When::Kind::kAbsolute: at_us = event.when.at_us; break;
      case When::Kind::kRelative: at_us = previous_us_ + event.when.at_us; break;
      case When::Kind::kAny: at_us = now_us(); break;
    }
    latest_us = at_us;
    const int64_t origin_us = event.when.kind == When::Kind::kRelative ? previous_us_ : 0;
    if (event.when.latest_us) latest_us = origin_us + *event.when.latest_us;
    if (event.when.kind == When::Kind::kAny) latest_us = at_us + kAnyTimeUs;
    previous_us_ = at_us;

    const auto* packet = std::get_if<PacketEvent>(&event.what);
    begun_ |= !std::holds_alternative<CommandEvent>(event.what);
    if (packet && !packet->inbound) return outbound(event.line, *packet, at_us, latest_us, event.when.kind);
    advance_to(at_us);
    if (verdict_.kind != Verdict::Kind::kPassed) return;
    if (packet) return inbound(event.line, *packet);
    if (const auto* call = std::get_if<CallEvent>(&event.what))
      return make_call(event, *call, event.when.returns_us ? origin_us + *event.when.returns_us : at_us);
    if (const auto* code = std::get_if<CodeEvent>(&event.what)) return check(event.line, *code);
    // Those before the first event are settings.
    if (const auto* command = std::get_if<CommandEvent>(&event.what); command && begun_) {
      change(settings_, command->text);
      host_.tcp->change_limits(settings_.limits);
      if (settings_.forgets_cookies) host_.tcp->forget_fast_open();
    }
  }

  // ---- calls ----
  void make_call(const Event& event, const CallEvent& call, int64_t returns_us) {
    if (blocked_) return fail(event.line, "the call before has not returned yet");
    auto result = sockets_.call(call);
    if (!result) {
      if (!event.when.returns_us) return fail(event.line, call.name + "() blocks");
      blocked_ = &event;
      blocked_latest_us_ = returns_us;
      settle();
      return;
    }
    if (result->foreign) return not_applicable(result->foreign->reason);
    if (event.when.returns_us && std::abs(now_us() - returns_us) > tolerance_us_)
      return fail(event.line, call.name + "() did not block");
    judge(event.line, call, *result);
    settle();
  }
  void retry() {
    const auto& call = std::get<CallEvent>(blocked_->what);
    const auto result = sockets_.call(call);
    if (!result) return;
    const unsigned line = blocked_->line;
    blocked_ = nullptr;
    if (std::abs(now_us() - blocked_latest_us_) > tolerance_us_)
      return fail(line, call.name + "() returned now, not at " + seconds(blocked_latest_us_));
    judge(line, call, *result);
    world_.run_for(0);
  }
  void judge(unsigned line, const CallEvent& call, const CallResult& result) {
    if (result.foreign) return not_applicable(result.foreign->reason);
    if (call.result.kind == Value::Kind::kNumber && call.result.number == -1 && call.error.empty() &&
        result.value == -1)
      return;  // whatever the error
    const bool wants_number = call.result.kind == Value::Kind::kNumber;
    if ((wants_number && call.result.number != result.value) || call.error != result.error) {
      return fail(line, call.name + "() gave " + std::to_string(result.value) + " " + result.error +
                            ", not " + std::to_string(call.result.number) + " " + call.error);
    }
    if (result.filled && result.value >= 0) {
      const size_t index = call.name == "poll"         ? 0
                           : call.name == "epoll_wait" ? 1
                           : call.name == "ioctl"      ? 2
                                                       : 3;
      const Value& expected = call.arguments[index];
      if (!matches(expected, *result.filled)) fail(line, call.name + "() filled in something else");
    }
  }

  // ---- packets to the host ----
  void inbound(unsigned line, const PacketEvent& packet) {
    if (packet.icmp) return inbound_icmp(line, packet);
    Flow* flow = find_flow(packet);
    const bool opens = (packet.flags & (wire::kTcpSyn | wire::kTcpAck)) == wire::kTcpSyn;
    if (opens && !packet.socket && !(flow && !flow->handshake_done)) {
      flows_.push_back({.local_port = Sockets::kPort,
                        .remote_port = static_cast<uint16_t>(kFirstPeerPort + flows_.size()),
                        .remote_base = static_cast<uint32_t>(world_.entropy.next()),
                        .remote_initial = packet.sequence,
                        .remote_known = true});
      flow = &flows_.back();
      current_ = flows_.size() - 1;
    }
    if (!flow) return fail(line, "there is no connection that this packet could belong to");
    if (!opens && !(packet.flags & wire::kTcpSyn)) flow->handshake_done = true;
    Segment segment;
    segment.source_port = flow->remote_port;
    segment.destination_port = flow->local_port;
    if ((packet.flags & wire::kTcpSyn) && !flow->remote_known) {
      flow->remote_base = static_cast<uint32_t>(world_.entropy.next());
      flow->remote_initial = packet.sequence;
      flow->remote_known = true;
    }
    const bool syn = packet.flags & wire::kTcpSyn;
    const uint32_t first = packet.sequence + flow->remote_base - (syn ? flow->remote_initial : 0);
    segment.sequence = first;
    if (packet.flags & wire::kTcpAck)
      segment.acknowledgement =
          packet.acknowledgement.value_or(0) + flow->local_base - (syn ? flow->local_initial : 0);
    segment.flags = packet.flags;
    segment.ecn = packet.ecn.value_or(0);
    segment.window = static_cast<uint16_t>(std::min<uint32_t>(packet.window.value_or(0), 65'535));
    segment.urgent = packet.urgent;
    segment.length = packet.length;
    segment.options = packet.options;
    for (TcpOption& option : segment.options) {
      for (auto& [left, right] : option.ranges) left += flow->local_base, right += flow->local_base;
      if (option.kind == TcpOption::Kind::kTimestamp && (packet.flags & wire::kTcpAck)) {
        const auto known = flow->timestamps.find(option.echo);
        option.echo = known != flow->timestamps.end()
                          ? known->second
                          : option.echo - flow->first_script_timestamp + flow->first_timestamp;
      }
      if (option.kind == TcpOption::Kind::kFastOpen && opens) {
        const std::string right = linux_cookie(settings_.fast_open_key, settings_.remote, settings_.local);
        if (option.own_cookie || option.cookie == right) option.cookie = own_cookie_;
      }
    }
    if (packet.flags & wire::kTcpAck) count_delivered(*flow, packet);
    // What a script calls one packet may be longer than a packet can be: the pieces of a burst.
    const uint32_t whole_bytes = segment.length;
    const uint8_t whole_flags = segment.flags;
    for (const TcpOption& option : packet.options)
      if (syn && option.kind == TcpOption::Kind::kMss) flow->inbound_mss_bytes = option.value;
    uint32_t most = inbound_mss_bytes_;
    if (flow->inbound_mss_bytes && !syn) most = std::min(most, flow->inbound_mss_bytes);
    do {
      segment.length = std::min(whole_bytes - (segment.sequence - first), most);
      const bool last = segment.sequence + segment.length == first + whole_bytes;
      segment.flags = last ? whole_flags : whole_flags & ~(wire::kTcpFin | wire::kTcpPsh);
      end_.send(segment);
      segment.sequence += segment.length;
    } while (segment.sequence != first + whole_bytes);
    settle();
  }
  void inbound_icmp(unsigned line, const PacketEvent& packet) {
    Flow* flow = find_flow(packet);
    if (!flow) return fail(line, "there is no connection that this ICMP message could be about");
    Segment about;
    about.source_port = flow->local_port;
    about.destination_port = flow->remote_port;
    about.sequence = (packet.icmp->of_newest ? flow->newest_sequence : packet.sequence) + flow->local_base;
    about.length = packet.icmp->of_newest ? flow->newest_length : packet.length;
    about.flags = packet.flags;
    end_.send_icmp(*packet.icmp, about);
    settle();
  }
  Flow* find_flow(const PacketEvent& packet) {
    if (packet.socket) {
      for (Flow& flow : flows_)
        if (sockets_.descriptor_of(flow.local_port, flow.remote_port) == *packet.socket) return &flow;
    }
    return flows_.empty() ? nullptr : &flows_[current_];
  }

  // ---- packets from the host ----
  void outbound(unsigned line, const PacketEvent& expected, int64_t at_us, int64_t latest_us,
                When::Kind kind) {
    settle();
    const uint64_t until_ns = start_ns_ + static_cast<uint64_t>(latest_us + tolerance_us_) * 1000;
    drop_excused(expected);
    while (end_.received.empty() && world_.now_ns() < until_ns && verdict_.kind == Verdict::Kind::kPassed) {
      world_.step(until_ns);
      settle();
      drop_excused(expected);
    }
    if (verdict_.kind != Verdict::Kind::kPassed) return;
    if (end_.received.empty())
      return fail(line, "no packet came until " + seconds(latest_us + tolerance_us_));
    Segment got = std::move(end_.received.front());
    end_.received.pop_front();
    const int64_t came_us = static_cast<int64_t>(got.at_ns - start_ns_) / 1000;
    // What a port would cut (TSO) comes in pieces: they count as the whole that the script names.
    const auto note = [&](const Segment& piece) {
      for (Flow& each : flows_)
        if (each.local_port == piece.source_port && each.remote_port == piece.destination_port)
          note_sent(each, piece);
    };
    std::vector<Segment> pieces{got};
    while (!strict_segments_ && got.length > 0 && got.length < expected.length && !end_.received.empty()) {
      const Segment& next = end_.received.front();
      if (next.sequence != got.sequence + got.length || next.destination_port != got.destination_port ||
          next.length == 0 || got.length + next.length > expected.length)
        break;
      got.length += next.length;
      got.flags |= next.flags;
      got.acknowledgement = next.acknowledgement;
      got.window = next.window;
      got.options = next.options;
      pieces.push_back(next);
      end_.received.pop_front();
    }
    Flow* flow = nullptr;
    for (size_t i = flows_.size(); i-- > 0 && !flow;)
      if (flows_[i].local_port == got.source_port && flows_[i].remote_port == got.destination_port)
        flow = &flows_[i], current_ = i;
    if (!flow && (got.flags & wire::kTcpSyn)) {
      flows_.push_back({.local_port = got.source_port, .remote_port = got.destination_port});
      current_ = flows_.size() - 1;
      flow = &flows_.back();
    }
    if (!flow) return fail(line, "a packet of no connection of the script came: " + describe(got));
    if (!flow->local_known && (got.flags & wire::kTcpSyn)) {
      flow->local_base = got.sequence;
      flow->local_initial = expected.sequence;
      flow->local_known = true;
    }
    for (const Segment& piece : pieces) note(piece);
    translate(got, *flow);
    const auto mismatch = [&](const std::string& what) { fail(line, what + ": came " + describe(got)); };
    // When a sender pushes is its own affair (RFC 9293 section 3.9.1.2); Linux does it more often than at the end of a
    // write. A push that the script does not have is still one too many.
    const uint8_t excused = expected.flags & wire::kTcpPsh;
    if ((got.flags | excused) != expected.flags) return mismatch("other flags");
    if (got.sequence != expected.sequence || got.length != expected.length)
      return mismatch("other sequence numbers");
    if (expected.acknowledgement && got.acknowledgement != *expected.acknowledgement)
      return mismatch("another acknowledgement");
    if (expected.window && got.window != *expected.window) return mismatch("another window");
    if (expected.ecn && got.ecn != *expected.ecn)
      return mismatch("other ECN bits, " + std::to_string(got.ecn));
    if (!expected.any_options && !same_options(*flow, expected, got)) return mismatch("other options");
    if (kind != When::Kind::kAny && (came_us < at_us - tolerance_us_ || came_us > latest_us + tolerance_us_))
      return fail(line, "the packet came at " + seconds(came_us) + ", not at " + seconds(at_us));
    if (kind == When::Kind::kAny || latest_us != at_us) previous_us_ = came_us;
  }
  // What the script does not speak of: connections whose socket it has closed while it goes on with another one, and window
  // updates, which each host sends when it thinks fit (RFC 9293 section 3.8.6.2.2).
  void drop_excused(const PacketEvent& expected) {
    const bool begins = (expected.flags & (wire::kTcpSyn | wire::kTcpAck)) == wire::kTcpSyn;
    while (!end_.received.empty()) {
      const Segment& next = end_.received.front();
      Flow* flow = nullptr;
      for (Flow& each : flows_)
        if (each.local_port == next.source_port && each.remote_port == next.destination_port) flow = &each;
      if (!flow || (next.flags & wire::kTcpSyn)) return;
      const bool left = sockets_.descriptor_of(flow->local_port, flow->remote_port) < 0;
      const bool other = begins || flow != &flows_[current_];
      const bool update = next.flags == wire::kTcpAck && next.length == 0 &&
                          next.acknowledgement == flow->newest_acknowledgement &&
                          next.window > flow->newest_window &&
                          next.acknowledgement - flow->remote_base != expected.acknowledgement.value_or(0);
      // A pure acknowledgement of what is new, sooner than Linux sends it with the segment that the script has.
      const bool early = next.flags == wire::kTcpAck && next.length == 0 && !reports_holes(next) &&
                         static_cast<int32_t>(next.acknowledgement - flow->newest_acknowledgement) > 0 &&
                         (expected.length > 0 || (expected.flags & wire::kTcpFin)) && !other;
      if (early) flow->newest_acknowledgement = next.acknowledgement;
      if (!(begins || (left && other)) && !update && !early) return;
      end_.received.pop_front();
    }
  }
  static bool reports_holes(const Segment& segment) {
    return std::any_of(segment.options.begin(), segment.options.end(),
                       [](const TcpOption& option) { return option.kind == TcpOption::Kind::kSack; });
  }
  // Numbers of the wire to those of the script.
  void translate(Segment& segment, const Flow& flow) const {
    const bool syn = segment.flags & wire::kTcpSyn;
    segment.sequence -= flow.local_base - (syn ? flow.local_initial : 0);
    if (segment.flags & wire::kTcpAck)
      segment.acknowledgement -= flow.remote_base - (syn ? flow.remote_initial : 0);
    for (TcpOption& option : segment.options)
      for (auto& [left, right] : option.ranges) left -= flow.remote_base, right -= flow.remote_base;
  }
  static bool same_options(Flow& flow, const PacketEvent& expected, const Segment& got) {
    using Kind = TcpOption::Kind;
    const auto wanted = meaningful(expected.options), there = meaningful(got.options);
    if (wanted.size() != there.size()) return false;
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i].kind != there[i].kind || wanted[i].ranges != there[i].ranges) return false;
      if (wanted[i].kind == Kind::kTimestamp) {
        if (flow.timestamps.empty()) {
          flow.first_timestamp = there[i].value;
          flow.first_script_timestamp = wanted[i].value;
        }
        flow.timestamps[wanted[i].value] = there[i].value;
        if (wanted[i].echo != there[i].echo) return false;
      } else if (wanted[i].kind == Kind::kFastOpen) {
        if (wanted[i].experimental != there[i].experimental) return false;
        // What the host gives is its own affair, but for its length; what it was given it must give back.
        const bool given = (expected.flags & wire::kTcpAck) || wanted[i].own_cookie;
        if (given ? there[i].cookie.size() != (wanted[i].own_cookie ? 8 : wanted[i].cookie.size())
                  : there[i].cookie != wanted[i].cookie)
          return false;
      } else if (wanted[i].value != there[i].value) {
        return false;
      }
    }
    return true;
  }

  // ---- what was delivered, as the wire shows it ----
  static void note_sent(Flow& flow, const Segment& segment) {
    const uint32_t begin = segment.sequence - flow.local_base;
    flow.newest_sequence = begin;
    flow.newest_length = segment.length;
    flow.newest_acknowledgement = segment.acknowledgement;
    flow.newest_window = segment.window;
    const bool syn = segment.flags & wire::kTcpSyn;
    const uint32_t length = syn ? 1 : segment.length + (segment.flags & wire::kTcpFin ? 1 : 0);
    if (length > 0) flow.sent.try_emplace(begin, begin + length, false);
  }
  static void count_delivered(Flow& flow, const PacketEvent& packet) {
    for (auto& [begin, rest] : flow.sent) {
      auto& [end, delivered] = rest;
      if (delivered) continue;
      delivered = static_cast<int32_t>(packet.acknowledgement.value_or(0) - end) >= 0;
      for (const TcpOption& option : packet.options)
        for (const auto& [left, right] : option.ranges) delivered |= left <= begin && end <= right;
      flow.delivered += delivered;
    }
  }

  // ---- assertions ----
  void check(unsigned line, const CodeEvent& code) {
    int descriptor = sockets_.newest_descriptor();
    if (!flows_.empty()) {
      const int of_flow = sockets_.descriptor_of(flows_[current_].local_port, flows_[current_].remote_port);
      if (of_flow >= 0) descriptor = of_flow;
    }
    sockets_.add_info(descriptor, names_);
    if (!flows_.empty()) names_["tcpi_delivered"] = flows_[current_].delivered;
    const auto result = check_assertions(code.text, names_);
    if (result.foreign) return not_applicable(result.foreign->reason);
    if (!result.failure.empty()) fail(line, result.failure);
  }

  const Script& script_;
  Settings settings_;
  simulation::Simulation world_;
  tcp::test::Host host_;
  WireEnd end_;
  Sockets sockets_;
  bool strict_segments_ = false, begun_ = false;
  std::string own_cookie_;  // of the host, for any client: all have the same address
  int64_t tolerance_us_ = kToleranceUs;
  uint32_t inbound_mss_bytes_ = kInboundMssBytes;
  uint64_t start_ns_ = 0;
  int64_t previous_us_ = 0;
  std::vector<Flow> flows_;
  size_t current_ = 0;
  const Event* blocked_ = nullptr;
  int64_t blocked_latest_us_ = 0;
  std::map<std::string, double> names_;
  Verdict verdict_;
};

}  // namespace

Verdict run(const Script& script, uint64_t seed, const std::string& pcap_path) {
  return Run(script, seed, pcap_path).go();
}

}  // namespace sluice::packetdrill
