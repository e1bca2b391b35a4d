// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dhcp/client4.hh"

#include <algorithm>

#include "dataplane/wire/bytes.hh"
#include "dataplane/wire/ethernet.hh"

namespace sluice::dhcp {

namespace {
constexpr uint32_t kEverybody = 0xffffffff;

uint64_t after(uint64_t from_ns, uint32_t seconds) {
  return seconds == UINT32_MAX ? UINT64_MAX : from_ns + seconds * kNanosecondsPerSecond;
}
}  // namespace

std::string_view state_name(State4 state) {
  switch (state) {
    case State4::kStopped: return "stopped";
    case State4::kInit: return "init";
    case State4::kSelecting: return "selecting";
    case State4::kRequesting: return "requesting";
    case State4::kChecking: return "checking";
    case State4::kBound: return "bound";
    case State4::kRenewing: return "renewing";
    case State4::kRebinding: return "rebinding";
  }
  return "";
}

std::vector<std::byte> duid(const MacAddress& mac) {
  std::vector<std::byte> bytes(10);
  wire::store_16(bytes.data(), 3);      // DUID-LL
  wire::store_16(bytes.data() + 2, 1);  // Ethernet
  wire::store_mac(bytes.data() + 4, mac);
  return bytes;
}

Client4::Client4(TimerWheel& timers, Entropy& entropy, Link4& link, const ClientOptions& options)
    : timers_(timers), entropy_(entropy), link_(link), options_(options) {
  // RFC 4361 section 6.1: 255, IAID, DUID.
  client_id_.resize(5);
  client_id_[0] = std::byte{255};
  wire::store_32(&client_id_[1], options_.interface_id);
  const auto whose = duid(options_.mac);
  client_id_.insert(client_id_.end(), whose.begin(), whose.end());
  timer_.owner = this;
  timer_.fire = [](Timer& timer, uint64_t now_ns) { static_cast<ClientTimer&>(timer).owner->timer(now_ns); };
}

Client4::~Client4() { timers_.cancel(timer_); }

void Client4::start(uint64_t now_ns) {
  if (state_ != State4::kStopped) return;
  // RFC 2131 section 4.4.1 would have everybody wait for up to 10 seconds; a server of today answers them all at once.
  wait(now_ns, 0);
}

void Client4::wait(uint64_t now_ns, uint64_t pause_ns) {
  state_ = State4::kInit;
  timers_.arm(timer_, now_ns + pause_ns);
}

void Client4::begin(uint64_t now_ns) {
  state_ = State4::kSelecting;
  transaction_ = entropy_.u32();
  began_ns_ = now_ns;
  retry_ns_ = kFirstRetryNs;
  send(now_ns, Type4::kDiscover);
  retry_later(now_ns);
}

void Client4::retry_later(uint64_t now_ns) {
  timers_.arm(timer_, now_ns + give_or_take(retry_ns_, kNanosecondsPerSecond));
  retry_ns_ = std::min(retry_ns_ * 2, kLastRetryNs);
}

void Client4::send(uint64_t now_ns, Type4 type) {
  Request4 request;
  request.type = type;
  request.transaction = transaction_;
  request.seconds = static_cast<uint16_t>(
      std::min<uint64_t>((now_ns - std::min(began_ns_, now_ns)) / kNanosecondsPerSecond, 0xffff));
  request.mac = options_.mac;
  request.client_id = client_id_;
  uint32_t source = 0, destination = kEverybody;
  // RFC 2131 section 4.3.6 and table 5.
  switch (type) {
    case Type4::kDiscover:
      request.broadcast = true;
      request.requested_address = last_address_;
      break;
    case Type4::kRequest:
      if (state_ == State4::kRequesting) {
        request.broadcast = true;
        request.requested_address = lease_.address;
        request.server = lease_.server;
      } else {
        source = request.own_address = lease_.address;
        if (state_ == State4::kRenewing) destination = lease_.server;
      }
      break;
    case Type4::kDecline:
      request.requested_address = lease_.address;
      request.server = lease_.server;
      break;
    case Type4::kRelease:
      source = request.own_address = lease_.address;
      request.server = destination = lease_.server;
      break;
    default: SLUICE_ASSERT(false);
  }
  ++counters.sent;
  link_.send4(source, destination, emit_request4(request));
}

void Client4::timer(uint64_t now_ns) {
  switch (state_) {
    case State4::kStopped:
    case State4::kChecking: break;
    case State4::kInit: begin(now_ns); break;
    case State4::kSelecting:
      send(now_ns, Type4::kDiscover);
      retry_later(now_ns);
      break;
    case State4::kRequesting:
      if (tries_ == kRequestTries) return begin(now_ns);
      ++tries_;
      send(now_ns, Type4::kRequest);
      retry_later(now_ns);
      break;
    case State4::kBound:
    case State4::kRenewing:
    case State4::kRebinding: {
      if (now_ns >= expires_ns_) {
        ++counters.expired;
        return lose(now_ns);
      }
      const State4 next = now_ns >= rebind_ns_ ? State4::kRebinding : State4::kRenewing;
      if (now_ns < renew_ns_) return arm_renewal(now_ns);  // a long wait is cut in pieces
      if (state_ == State4::kBound) {
        transaction_ = entropy_.u32();
        requested_ns_ = began_ns_ = now_ns;
      }
      state_ = next;
      send(now_ns, Type4::kRequest);
      arm_renewal(now_ns);
      break;
    }
  }
}

// When the timer is to look again at a lease that is in use.
void Client4::arm_renewal(uint64_t now_ns) {
  constexpr uint64_t kLongestNs = 3600 * 24 * kNanosecondsPerSecond;  // the wheel need not reach for years
  uint64_t next_ns = renew_ns_;
  if (state_ != State4::kBound) {
    const uint64_t end_ns = state_ == State4::kRenewing ? rebind_ns_ : expires_ns_;
    const uint64_t left_ns = end_ns > now_ns ? end_ns - now_ns : 0;
    next_ns = std::min(end_ns, now_ns + std::max(left_ns / 2, kLeastRenewNs));
  }
  if (next_ns == UINT64_MAX) return timers_.cancel(timer_);
  timers_.arm(timer_, std::min(next_ns, now_ns + kLongestNs));
}

void Client4::receive(uint64_t now_ns, std::span<const std::byte> payload) {
  ++counters.received;
  const auto reply = Reply4::parse(payload.first(std::min<size_t>(payload.size(), kMessageLimitBytes4)));
  if (!reply) {
    ++counters.malformed;
    return;
  }
  const bool asking = state_ == State4::kSelecting || state_ == State4::kRequesting ||
                      state_ == State4::kRenewing || state_ == State4::kRebinding;
  if (!asking || reply->transaction() != transaction_ || reply->client_mac() != options_.mac) {
    ++counters.unexpected;
    return;
  }
  const bool offer = reply->type() == Type4::kOffer;
  if (offer != (state_ == State4::kSelecting)) {
    ++counters.unexpected;
    return;
  }
  // Only from whom we asked; when rebinding, that is everybody.
  const bool asked_one = state_ == State4::kRequesting || state_ == State4::kRenewing;
  if (asked_one && reply->server() != lease_.server) {
    ++counters.unexpected;
    return;
  }
  if (reply->type() == Type4::kNak) {
    ++counters.naks;
    last_address_ = 0;
    const uint64_t pause_ns = kFirstNakPauseNs << std::min(naks_, 6u);
    ++naks_;
    const bool had = in_use_;
    in_use_ = false;
    if (had) link_.use4(nullptr);
    return wait(now_ns, pause_ns);
  }
  auto lease = reply->lease();
  if (!lease) {
    ++counters.malformed;
    return;
  }
  if (offer) {
    lease_ = std::move(*lease);
    state_ = State4::kRequesting;
    tries_ = 1;
    retry_ns_ = kFirstRetryNs;
    requested_ns_ = now_ns;
    send(now_ns, Type4::kRequest);
    return retry_later(now_ns);
  }
  if (lease->address != lease_.address) {
    ++counters.unexpected;
    return;
  }
  granted(now_ns, std::move(*lease));
}

void Client4::granted(uint64_t now_ns, Lease4 lease) {
  naks_ = 0;
  const bool changed = !(lease == lease_);
  lease_ = std::move(lease);
  // Section 4.4.1: from when we asked, so that ours never is the longer idea of it.
  renew_ns_ = after(requested_ns_, lease_.renewal_s);
  rebind_ns_ = after(requested_ns_, lease_.rebinding_s);
  expires_ns_ = after(requested_ns_, lease_.lease_s);
  if (in_use_) {
    ++counters.renewed;
    state_ = State4::kBound;
    arm_renewal(now_ns);
    if (changed) link_.use4(&lease_);
    return;
  }
  if (!options_.check) return bind(now_ns);
  state_ = State4::kChecking;
  timers_.cancel(timer_);
  link_.check4(lease_.address);
}

void Client4::bind(uint64_t now_ns) {
  ++counters.acquired;
  state_ = State4::kBound;
  in_use_ = true;
  last_address_ = lease_.address;
  arm_renewal(now_ns);
  link_.use4(&lease_);
}

void Client4::checked(uint64_t now_ns, bool free) {
  if (state_ != State4::kChecking) return;
  if (free) return bind(now_ns);
  decline(now_ns);
}

void Client4::conflict(uint64_t now_ns) {
  if (!in_use_) return;
  decline(now_ns);
}

void Client4::decline(uint64_t now_ns) {
  ++counters.declined;
  send(now_ns, Type4::kDecline);
  last_address_ = 0;
  const bool had = in_use_;
  in_use_ = false;
  if (had) link_.use4(nullptr);
  wait(now_ns, kDeclinePauseNs);
}

void Client4::lose(uint64_t now_ns) {
  in_use_ = false;
  link_.use4(nullptr);
  begin(now_ns);
}

void Client4::stop(uint64_t now_ns) {
  if (state_ == State4::kStopped) return;
  if (state_ == State4::kChecking) link_.stop_check4();
  if (in_use_) {
    transaction_ = entropy_.u32();
    send(now_ns, Type4::kRelease);
  }
  state_ = State4::kStopped;
  in_use_ = false;
  timers_.cancel(timer_);
}

}  // namespace sluice::dhcp
