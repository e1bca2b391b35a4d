// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dhcp/client6.hh"

#include <algorithm>

namespace sluice::dhcp {

namespace {
uint64_t after(uint64_t from_ns, uint32_t seconds) {
  return seconds == UINT32_MAX ? UINT64_MAX : from_ns + seconds * kNanosecondsPerSecond;
}
}  // namespace

std::string_view state_name(State6 state) {
  switch (state) {
    case State6::kStopped: return "stopped";
    case State6::kInit: return "init";
    case State6::kSoliciting: return "soliciting";
    case State6::kRequesting: return "requesting";
    case State6::kBound: return "bound";
    case State6::kRenewing: return "renewing";
    case State6::kRebinding: return "rebinding";
    case State6::kDeclining: return "declining";
    case State6::kInforming: return "informing";
    case State6::kInformed: return "informed";
  }
  return "";
}

Client6::Client6(TimerWheel& timers, Entropy& entropy, Link6& link, const ClientOptions& options)
    : timers_(timers), entropy_(entropy), link_(link), options_(options), client_id_(duid(options.mac)) {
  timer_.owner = this;
  timer_.fire = [](Timer& timer, uint64_t now_ns) { static_cast<ClientTimer&>(timer).owner->timer(now_ns); };
}

Client6::~Client6() { timers_.cancel(timer_); }

void Client6::start(uint64_t now_ns) {
  if (wants_addresses_) return;
  wants_addresses_ = true;
  // Section 18.2.1: not all hosts of a building at once.
  wait(now_ns, entropy_.u64() % kFirstDelayNs);
}

void Client6::inform(uint64_t now_ns) {
  if (wants_addresses_ || state_ != State6::kStopped) return;
  wait(now_ns, entropy_.u64() % kFirstDelayNs);
}

void Client6::wait(uint64_t now_ns, uint64_t pause_ns) {
  state_ = State6::kInit;
  timers_.arm(timer_, now_ns + pause_ns);
}

void Client6::exchange(uint64_t now_ns, State6 state, const Retransmission& how, bool first_solicit) {
  state_ = state;
  how_ = how;
  tries_ = 0;
  transaction_ = entropy_.u32() & 0xffffff;
  began_ns_ = now_ns;
  // Section 15: RT = IRT + RAND * IRT; the first SOLICIT's is not below IRT.
  wait_ns_ = how.initial_ms * kNanosecondsPerMillisecond;
  const int64_t spread = spread_ns(wait_ns_);
  wait_ns_ += static_cast<uint64_t>(first_solicit ? std::abs(spread) + 1 : spread);
  first_wait_ = first_solicit;
  has_best_ = false;
  send(now_ns);
}

void Client6::send(uint64_t now_ns) {
  ++tries_;
  Query6 query;
  std::vector<Address6> addresses;
  query.transaction = transaction_;
  query.elapsed_ms = static_cast<uint32_t>(
      std::min<uint64_t>((now_ns - began_ns_) / kNanosecondsPerMillisecond, UINT32_MAX));
  query.client = client_id_;
  query.association_id = options_.interface_id;
  const auto held = [&] {
    for (const auto& each : lease_.addresses) addresses.push_back({each.address, 0, 0});
  };
  switch (state_) {
    case State6::kSoliciting: query.type = Type6::kSolicit; break;
    case State6::kRequesting:
      query.type = Type6::kRequest;
      query.server = lease_.server;
      addresses = best_.addresses;
      break;
    case State6::kRenewing:
      query.type = Type6::kRenew;
      query.server = lease_.server;
      held();
      break;
    case State6::kRebinding:
      query.type = Type6::kRebind;
      held();
      break;
    case State6::kDeclining:
      query.type = Type6::kDecline;
      query.server = lease_.server;
      addresses = declined_;
      break;
    case State6::kInforming:
      query.type = Type6::kInformationRequest;
      query.association_id.reset();
      break;
    default:  // stop()
      query.type = Type6::kRelease;
      query.server = lease_.server;
      held();
      break;
  }
  query.addresses = addresses;
  ++counters.sent;
  link_.send6(emit_query6(query));
  if (state_ != State6::kStopped) arm_retransmission(now_ns);
}

void Client6::arm_retransmission(uint64_t now_ns) {
  uint64_t at_ns = now_ns + wait_ns_;
  if (state_ == State6::kRenewing) at_ns = std::min(at_ns, rebind_ns_);
  if (state_ == State6::kRebinding) at_ns = std::min(at_ns, last_valid_ns());
  timers_.arm(timer_, at_ns);
  // For the next one: RT = 2 * RTprev + RAND * RTprev, at most MRT + RAND * MRT.
  const uint64_t limit_ns = how_.limit_ms * kNanosecondsPerMillisecond;
  const uint64_t next_ns = 2 * wait_ns_ + static_cast<uint64_t>(spread_ns(wait_ns_));
  wait_ns_ = next_ns > limit_ns ? limit_ns + static_cast<uint64_t>(spread_ns(limit_ns)) : next_ns;
}

void Client6::timer(uint64_t now_ns) {
  constexpr uint64_t kNotReadyNs = 100 * kNanosecondsPerMillisecond;
  switch (state_) {
    case State6::kStopped: break;
    case State6::kInit:
      if (!link_.ready6()) return wait(now_ns, kNotReadyNs);  // the address of the link is being checked
      if (wants_addresses_) {
        Retransmission how = kSolicit;
        how.limit_ms = solicit_limit_ms_;
        exchange(now_ns, State6::kSoliciting, how, true);
      } else {
        Retransmission how = kInformation;
        how.limit_ms = information_limit_ms_;
        exchange(now_ns, State6::kInforming, how);
      }
      break;
    case State6::kSoliciting:
      first_wait_ = false;
      if (has_best_) {
        lease_.server = best_.server;
        exchange(now_ns, State6::kRequesting, kRequest);
        break;
      }
      send(now_ns);
      break;
    case State6::kRequesting:
    case State6::kDeclining:
      if (how_.tries != 0 && tries_ >= how_.tries)
        return wait(now_ns, state_ == State6::kDeclining ? kDeclinePauseNs : 0);
      send(now_ns);
      break;
    case State6::kBound:
      if (now_ns < renew_ns_) return arm_renewal(now_ns);
      exchange(now_ns, State6::kRenewing, kRenew);
      break;
    case State6::kRenewing:
      forget_expired(now_ns);
      if (state_ == State6::kInit) break;
      if (now_ns >= rebind_ns_) {
        exchange(now_ns, State6::kRebinding, kRebind);
      } else {
        send(now_ns);
      }
      break;
    case State6::kRebinding:
      forget_expired(now_ns);
      if (state_ == State6::kRebinding) send(now_ns);
      break;
    case State6::kInforming: send(now_ns); break;
    case State6::kInformed: wait(now_ns, entropy_.u64() % kFirstDelayNs); break;
  }
}

uint64_t Client6::last_valid_ns() const {
  uint64_t last_ns = 0;
  for (const auto& each : lease_.addresses) last_ns = std::max(last_ns, each.valid_until_ns);
  return last_ns;
}

// Section 18.2.5: when all valid lifetimes are over, the client begins anew.
void Client6::forget_expired(uint64_t now_ns) {
  if (std::erase_if(lease_.addresses, [&](const auto& each) { return each.valid_until_ns <= now_ns; }) == 0)
    return;
  link_.hold6(lease_);
  link_.use6(lease_);
  if (!lease_.addresses.empty()) return;
  ++counters.expired;
  wait(now_ns, 0);
}

void Client6::arm_renewal(uint64_t now_ns) {
  constexpr uint64_t kLongestNs = 86400 * kNanosecondsPerSecond;  // the wheel need not reach for years
  if (renew_ns_ == UINT64_MAX) return timers_.cancel(timer_);
  timers_.arm(timer_, std::min(std::max(renew_ns_, now_ns + kNanosecondsPerSecond), now_ns + kLongestNs));
}

void Client6::receive(uint64_t now_ns, std::span<const std::byte> payload) {
  ++counters.received;
  auto answer = Answer6::parse(payload, options_.interface_id);
  if (!answer) {
    ++counters.malformed;
    return;
  }
  const bool waiting = state_ == State6::kSoliciting || state_ == State6::kRequesting ||
                       state_ == State6::kRenewing || state_ == State6::kRebinding ||
                       state_ == State6::kDeclining || state_ == State6::kInforming;
  // Sections 16.3 and 16.10. An answer to INFORMATION-REQUEST names us since we named ourselves.
  if (!waiting || answer->transaction != transaction_ || answer->client != client_id_ ||
      answer->server.empty()) {
    ++counters.unexpected;
    return;
  }
  // Sections 18.2.9 and 18.2.10: also from answers that give nothing.
  if (answer->solicit_limit_s) solicit_limit_ms_ = *answer->solicit_limit_s * 1000;
  if (answer->information_limit_s) information_limit_ms_ = *answer->information_limit_s * 1000;
  if (state_ == State6::kSoliciting) how_.limit_ms = solicit_limit_ms_;
  if (answer->type == Type6::kAdvertise) {
    if (state_ != State6::kSoliciting) {
      ++counters.unexpected;
      return;
    }
    return advertised(now_ns, std::move(*answer));
  }
  const bool from_anybody =
      state_ == State6::kSoliciting || state_ == State6::kRebinding || state_ == State6::kInforming;
  if ((state_ == State6::kSoliciting && !answer->rapid_commit) ||
      (!from_anybody && answer->server != lease_.server)) {
    ++counters.unexpected;
    return;
  }
  replied(now_ns, *answer);
}

void Client6::advertised(uint64_t now_ns, Answer6&& answer) {
  if (answer.status != Status6::kSuccess || !answer.has_association ||
      answer.association_status != Status6::kSuccess || answer.addresses.empty()) {
    ++counters.refused;
    return;
  }
  if (has_best_ && best_.preference >= answer.preference) return;
  constexpr uint8_t kAtOnce = 255;
  const bool now = !first_wait_ || answer.preference == kAtOnce;
  best_ = std::move(answer);
  has_best_ = true;
  if (!now) return;
  lease_.server = best_.server;
  exchange(now_ns, State6::kRequesting, kRequest);
}

bool Client6::take(uint64_t now_ns, const Answer6& answer) {
  // From when the exchange began, so that ours never is the longer idea of it.
  const uint64_t from_ns = began_ns_;
  uint32_t shortest_s = UINT32_MAX;
  for (const Address6& told : answer.addresses) {
    const auto known = std::find_if(lease_.addresses.begin(), lease_.addresses.end(),
                                    [&](const auto& each) { return each.address == told.address; });
    if (told.valid_s == 0) {
      if (known != lease_.addresses.end()) lease_.addresses.erase(known);
      continue;
    }
    auto& held = known != lease_.addresses.end() ? *known : lease_.addresses.emplace_back();
    held.address = told.address;
    held.preferred_until_ns = after(from_ns, told.preferred_s);
    held.valid_until_ns = after(from_ns, told.valid_s);
    held.valid_s = told.valid_s;
    if (told.preferred_s != 0) shortest_s = std::min(shortest_s, told.preferred_s);
  }
  if (lease_.addresses.size() > Answer6::kAddressesLimit) lease_.addresses.resize(Answer6::kAddressesLimit);
  if (lease_.addresses.empty()) return false;
  // Section 14.2: half and four fifths of the shortest preferred lifetime, where the server leaves it to us.
  const uint32_t renewal_s = answer.renewal_s != 0      ? answer.renewal_s
                             : shortest_s == UINT32_MAX ? UINT32_MAX
                                                        : shortest_s / 2;
  uint32_t rebinding_s = answer.rebinding_s != 0    ? answer.rebinding_s
                         : shortest_s == UINT32_MAX ? UINT32_MAX
                                                    : shortest_s - shortest_s / 5;
  if (rebinding_s < renewal_s) rebinding_s = renewal_s;
  renew_ns_ = after(from_ns, renewal_s);
  rebind_ns_ = after(from_ns, rebinding_s);
  state_ = State6::kBound;
  arm_renewal(now_ns);
  return true;
}

void Client6::replied(uint64_t now_ns, const Answer6& answer) {
  const auto others = [&] {
    lease_.dns_servers = answer.dns_servers;
    lease_.domains = answer.domains;
  };
  switch (state_) {
    case State6::kInforming: {
      if (answer.status != Status6::kSuccess) {
        ++counters.refused;
        return;
      }
      others();
      ++counters.informed;
      state_ = State6::kInformed;
      const uint32_t refresh_s = std::max(answer.refresh_s.value_or(kRefreshDefaultS), kRefreshLeastS);
      if (refresh_s == UINT32_MAX) {
        timers_.cancel(timer_);
      } else {
        timers_.arm(timer_, after(now_ns, refresh_s));
      }
      return link_.use6(lease_);
    }
    case State6::kDeclining: return wait(now_ns, kDeclinePauseNs);
    case State6::kSoliciting:
    case State6::kRequesting: {
      const bool granted = answer.status == Status6::kSuccess && answer.has_association &&
                           answer.association_status == Status6::kSuccess;
      lease_.server = answer.server;
      if (granted && take(now_ns, answer)) {
        others();
        ++counters.acquired;
        return link_.hold6(lease_);
      }
      ++counters.refused;
      // Section 18.2.10.1: a failure that is none of ours is tried again, anything else at another server.
      if (answer.status == Status6::kUnspecified || state_ == State6::kSoliciting) return;
      return wait(now_ns, kFirstDelayNs);
    }
    case State6::kRenewing:
    case State6::kRebinding: {
      if (answer.status != Status6::kSuccess || !answer.has_association) {
        ++counters.refused;
        return;
      }
      if (answer.association_status == Status6::kNoBinding) {
        // The server has forgotten us: we ask it anew for what we have (section 18.2.10.1).
        ++counters.refused;
        best_ = {};
        for (const auto& each : lease_.addresses) best_.addresses.push_back({each.address, 0, 0});
        lease_.server = answer.server;
        return exchange(now_ns, State6::kRequesting, kRequest);
      }
      if (answer.association_status != Status6::kSuccess || answer.addresses.empty()) {
        ++counters.refused;
        return;
      }
      lease_.server = answer.server;
      others();
      ++counters.renewed;
      if (!take(now_ns, answer)) wait(now_ns, 0);  // all were taken back
      link_.hold6(lease_);
      return link_.use6(lease_);
    }
    default: return;
  }
}

bool Client6::has_address() const {
  return std::any_of(lease_.addresses.begin(), lease_.addresses.end(),
                     [](const auto& each) { return each.checked; });
}

void Client6::checked(uint64_t now_ns, const IpAddress& address, bool free) {
  const auto held = std::find_if(lease_.addresses.begin(), lease_.addresses.end(),
                                 [&](const auto& each) { return each.address == address; });
  if (held == lease_.addresses.end()) return;
  if (free) {
    if (held->checked) return;
    held->checked = true;
    return link_.use6(lease_);
  }
  ++counters.declined;
  declined_ = {{address, 0, 0}};
  lease_.addresses.clear();
  link_.hold6(lease_);
  link_.use6(lease_);
  exchange(now_ns, State6::kDeclining, kDecline);
}

void Client6::stop(uint64_t now_ns) {
  const bool had = !lease_.addresses.empty();
  state_ = State6::kStopped;
  timers_.cancel(timer_);
  if (!had) return;
  transaction_ = entropy_.u32() & 0xffffff;
  began_ns_ = now_ns;
  send(now_ns);
}

}  // namespace sluice::dhcp
