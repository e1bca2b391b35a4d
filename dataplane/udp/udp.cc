// SPDX-License-Identifier: Apache-2.0
// UDP's two ways, and its ports.
#include "dataplane/udp/udp.hh"

#include <utility>

#include "dataplane/core/chain.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ipv6.hh"
#include "dataplane/wire/udp.hh"

namespace sluice::udp {

namespace {
// Ethernet with a VLAN tag, IPv6 and UDP: what is put in front of a payload.
constexpr uint32_t kHeadroomBytes = 18 + wire::kIpv6HeaderBytes + wire::kUdpHeaderBytes;

bool is_group(const IpAddress& address) {
  return address.is_v4() ? address.v4() >> 28 == 14 : address.bytes[0] == 0xff;
}
}  // namespace

Udp::Udp(ip::Stack& stack, Entropy& entropy) : stack_(stack), entropy_(entropy) {
  stack_.set_protocol(ip::kProtocolUdp, this);
}

Udp::~Udp() {
  SLUICE_ASSERT(open_sockets_ == 0);
  stack_.set_protocol(ip::kProtocolUdp, nullptr);
}

bool Udp::in_use(const Endpoint& local, bool reuse) {
  for (const Socket* socket = bucket_of(local.port); socket; socket = socket->next_) {
    if (socket->local_.port != local.port || (reuse && socket->reuse_)) continue;
    // 0.0.0.0 and an IPv6 address have nothing in common.
    if (local.address.takes(socket->local_.address) || socket->local_.address.takes(local.address))
      return true;
  }
  return false;
}

transport::Result<std::unique_ptr<transport::DatagramSocket>> Udp::bind(
    const transport::DatagramOptions& options, transport::DatagramUser& user) {
  const Endpoint& local = options.local;
  transport::Result<std::unique_ptr<transport::DatagramSocket>> result;
  const auto fail = [&](Error error, std::string detail) {
    result.error = error;
    result.detail = std::move(detail);
  };
  if (!local.address.is_any() && !is_group(local.address) && !stack_.is_local(local.address)) {
    fail(Error::kAddressNotAvailable, "bind " + local.to_string() + ": no interface has this address");
    return result;
  }
  if (open_sockets_ == kSocketsLimit) {
    ++counters.sockets_refused;
    fail(Error::kNoBuffers, "bind " + local.to_string() + ": " + std::to_string(kSocketsLimit) +
                                " UDP sockets are open, which is the limit");
    return result;
  }
  Endpoint chosen = local;
  if (chosen.port != 0) {
    if (in_use(chosen, options.reuse_address)) {
      fail(Error::kAddressInUse, "bind " + local.to_string() + ": another socket has this port");
      return result;
    }
  } else {
    // RFC 6056 section 3.3.1: a random start, then the next that is free.
    const uint32_t ports = ephemeral_count_;
    const uint32_t start = entropy_.u32() % ports;
    uint32_t tried = 0;
    for (; tried < ports; ++tried) {
      chosen.port = static_cast<uint16_t>(ephemeral_first_ + (start + tried) % ports);
      if (!in_use(chosen, false) && (owners_ == nullptr || owners_->claim(chosen.port, core_))) break;
    }
    if (tried == ports) {
      ++counters.sockets_refused;
      fail(Error::kAddressInUse, "bind " + local.to_string() + ": all ephemeral ports are taken");
      return result;
    }
  }
  if (owners_ != nullptr) owners_->claim(chosen.port, core_);  // the first core that has it
  auto* socket = new Socket(*this, chosen, options.reuse_address, user);
  Socket*& bucket = bucket_of(chosen.port);
  socket->next_ = bucket;
  bucket = socket;
  ++open_sockets_;
  result.value.reset(socket);
  return result;
}

void Udp::close(Socket& socket) {
  Socket** link = &bucket_of(socket.local_.port);
  while (*link != &socket) link = &(*link)->next_;
  *link = socket.next_;
  --open_sockets_;
  if (owners_ == nullptr) return;
  for (const Socket* other = bucket_of(socket.local_.port); other; other = other->next_)
    if (other->local_.port == socket.local_.port) return;
  owners_->release(socket.local_.port, core_);
}

// Takes the packet when it is.
bool Udp::is_another_cores(const ip::ReceivedPacket& about, uint16_t port, Buffer* packet) {
  if (stack_.pass_on(about, packet)) return true;  // from ourselves: whoever has it is asked
  if (owners_ == nullptr) return false;
  const int owner = owners_->owner(port);
  return owner >= 0 && owner != static_cast<int>(core_) &&
         stack_.hand_to(static_cast<unsigned>(owner), about, packet);
}

Socket* Udp::find(const IpAddress& address, uint16_t port) {
  Socket* any = nullptr;
  for (Socket* socket = bucket_of(port); socket; socket = socket->next_) {
    if (socket->local_.port != port) continue;
    if (socket->local_.address == address) return socket;
    if (any == nullptr && socket->local_.address.takes(address)) any = socket;  // the newest
  }
  return any;
}

void Udp::receive(const ip::ReceivedPacket& about, Buffer* packet) {
  const auto header = wire::UdpView::parse(packet->bytes());
  const uint32_t available = packet->next_segment ? packet->chain_length() : packet->length;
  if (!header || header->total_bytes() > available || header->destination_port() == 0) {
    ++counters.malformed;
    release(packet);
    return;
  }
  if (header->total_bytes() < available) trim_chain_to(packet, header->total_bytes());
  // IPv4 may go without (RFC 768), IPv6 not (RFC 8200 section 8.1).
  if (!about.l4_checksum_verified && (header->checksum() != 0 || !about.source.is_v4())) {
    const wire::PartialSum pseudo =
        wire::pseudo_header_sum(about.source, about.destination, ip::kProtocolUdp, header->total_bytes());
    if (wire::checksum_finish(wire::checksum_add_chain(pseudo, packet, header->total_bytes())) != 0) {
      ++counters.bad_checksum;
      release(packet);
      return;
    }
  }
  const uint16_t port = header->destination_port();
  if (about.broadcast) [[unlikely]]
    return receive_group(about, {about.source, header->source_port()}, port, packet);
  Socket* socket = find(about.destination, port);
  if (socket == nullptr) {
    if (is_another_cores(about, port, packet) || stack_.give_to_kernel(about, packet)) return;
    ++counters.no_socket;
    stack_.send_unreachable(about, packet, ip::Stack::Unreachable::kPort);
    release(packet);
    return;
  }
  ++counters.received_datagrams;
  const Endpoint from{about.source, header->source_port()}, to{about.destination, port};
  socket->user_.on_datagram(from, to, trim_chain_front(packet, wire::kUdpHeaderBytes));
}

bool Udp::is_open(const Socket* socket, uint16_t port) {
  for (const Socket* each = bucket_of(port); each; each = each->next_)
    if (each == socket) return true;
  return false;
}

void Udp::receive_group(const ip::ReceivedPacket& about, const Endpoint& from, uint16_t port,
                        Buffer* packet) {
  constexpr unsigned kReceiversLimit = 64;
  Socket* receivers[kReceiversLimit];
  unsigned count = 0;
  for (Socket* socket = bucket_of(port); socket; socket = socket->next_) {
    if (socket->local_.port != port || !socket->takes_group(about)) continue;
    if (count == kReceiversLimit)
      ++counters.group_receivers_limit;
    else
      receivers[count++] = socket;
  }
  if (count == 0) {
    if (is_another_cores(about, port, packet) || stack_.give_to_kernel(about, packet)) return;
    ++counters.no_socket;
    release(packet);
    return;
  }
  const Endpoint to{about.destination, port};
  for (unsigned i = 0; i < count; ++i) {
    // A user may close other sockets.
    if (i > 0 && !is_open(receivers[i], port)) continue;
    // The last one, who is mostly the only one, gets the packet itself.
    Buffer* const mine = i + 1 < count ? copy_chain(stack_.pool(), packet) : std::exchange(packet, nullptr);
    if (mine == nullptr) {
      ++counters.no_buffer;
      continue;
    }
    ++counters.received_datagrams;
    receivers[i]->user_.on_datagram(from, to, trim_chain_front(mine, wire::kUdpHeaderBytes));
  }
  release(packet);
}

void Udp::icmp_error(const ip::IcmpError& about) {
  const auto header = wire::UdpView::parse(about.l4);
  if (!header) return;
  Socket* socket = find(about.local, header->source_port());
  if (socket == nullptr) return;
  if (about.path_mtu_bytes != 0) {
    // Larger datagrams are cut by us from now on; there is nothing for the user to do.
    stack_.learn_path_mtu(about.remote, about.path_mtu_bytes);
    if (socket->last_remote_ == about.remote) socket->last_path_ = {};
    return;
  }
  ++counters.icmp_errors;
  socket->user_.on_error({about.remote, header->destination_port()}, about.error);
}

Error Socket::send(const Endpoint& to, Buffer* payload) {
  const auto fail = [&](Error error) {
    ++udp_.counters.send_failed;
    release(payload);
    return error;
  };
  const uint32_t payload_bytes = payload->next_segment ? payload->chain_length() : payload->length;
  if (payload_bytes > Udp::kPayloadLimitBytes) return fail(Error::kMessageTooLong);
  if (to.port == 0 || (local_.address.is_v4() && !to.address.is_v4())) return fail(Error::kInvalid);
  if (to.address != last_remote_ || !udp_.stack_.path_is_current(last_path_)) {
    if (const Error error = find_path(to); error != Error::kNone) {
      last_remote_ = {};
      return fail(error);
    }
  }
  Buffer* packet = payload;
  if (payload->references > 1 || payload->headroom() < kHeadroomBytes) {
    packet = udp_.stack_.pool(last_path_).allocate();
    if (packet == nullptr) return fail(Error::kNoBuffers);
    packet->next_segment = payload;
  }
  const auto total_bytes = static_cast<uint16_t>(wire::kUdpHeaderBytes + payload_bytes);
  std::byte* const at = packet->prepend(wire::kUdpHeaderBytes);
  wire::emit_udp(at, local_.port, to.port, total_bytes);
  packet->flags &= Buffer::kExternal;  // a received Buffer may be sent on
  packet->l4_bytes = wire::kUdpHeaderBytes;
  const wire::PartialSum pseudo =
      wire::pseudo_header_sum(last_source_, to.address, ip::kProtocolUdp, total_bytes);
  if (udp_.stack_.capabilities(last_path_).transmit_udp_checksum) {
    packet->flags |= Buffer::kTransmitUdpChecksum;
    wire::store_16(at + 6, wire::checksum_unfinished(pseudo));
  } else {
    wire::set_udp_checksum(at, wire::checksum_finish(wire::checksum_add_chain(pseudo, packet, total_bytes)));
  }
  const bool group = is_group(to.address);
  const ip::Stack::Outgoing about{.source = last_source_,
                                  .destination = to.address,
                                  .protocol = ip::kProtocolUdp,
                                  .hop_limit = group ? group_hops_ : hops_,
                                  .may_fragment = true};
  if (group && loops_) udp_.stack_.loop_group(last_path_, about, packet);
  if (group && group_hops_ == 0) {
    // Not beyond this host (RFC 1112 section 6.1).
    release(packet);
    ++udp_.counters.transmitted_datagrams;
    return Error::kNone;
  }
  const Error error = udp_.stack_.send(last_path_, about, packet);
  ++(error == Error::kNone ? udp_.counters.transmitted_datagrams : udp_.counters.send_failed);
  return error;
}

// ---- groups

Socket::~Socket() {
  for (const Membership& each : memberships_) udp_.stack_.leave_group(each.interface_index, each.group);
  udp_.close(*this);
}

Error Socket::find_path(const Endpoint& to) {
  const bool group = is_group(to.address);
  last_source_ = is_group(local_.address) ? IpAddress{} : local_.address;
  last_remote_ = to.address;
  if (group && group_interface_ >= 0)
    return udp_.stack_.find_group_path(static_cast<uint8_t>(group_interface_), to.address, last_source_,
                                       last_path_);
  if (const Error error = udp_.stack_.find_path(to.address, last_source_, last_path_); error != Error::kNone)
    return error;
  return !group && !broadcast_allowed_ && ip::Stack::is_to_everybody(last_path_) ? Error::kAccess
                                                                                 : Error::kNone;
}

bool Socket::takes_group(const ip::ReceivedPacket& about) const {
  if (!local_.address.takes(about.destination)) return false;
  if (!is_group(about.destination)) return true;  // for everybody
  for (const Membership& each : memberships_)
    if (each.group == about.destination && each.interface_index == about.interface_index) return true;
  return false;
}

Error Socket::choose(const InterfaceChoice& on, const IpAddress& group, uint8_t& interface_index) const {
  std::optional<uint8_t> found;
  if (!on.name.empty()) {
    found = udp_.stack_.interface_named(on.name);
  } else if (!on.address.is_any()) {
    found = udp_.stack_.interface_with(on.address);
  } else {
    IpAddress source = is_group(local_.address) ? IpAddress{} : local_.address;
    ip::Path path;
    const Error error = udp_.stack_.find_path(group, source, path);
    // Where there is no address yet, the first interface will have to do.
    found = error == Error::kNone ? path.interface_index : uint8_t{0};
  }
  if (!found) return Error::kAddressNotAvailable;
  interface_index = *found;
  return Error::kNone;
}

Error Socket::join_group(const GroupMembership& membership) {
  if (!is_group(membership.group) || !membership.source.is_any()) return Error::kInvalid;
  if (local_.address.is_v4() && !membership.group.is_v4()) return Error::kInvalid;
  Membership wanted{0, membership.group};
  if (const Error error = choose(membership.on, membership.group, wanted.interface_index);
      error != Error::kNone)
    return error;
  for (const Membership& each : memberships_)
    if (each == wanted) return Error::kAddressInUse;
  if (memberships_.size() == kGroupsLimit) return Error::kNoBuffers;
  if (const Error error = udp_.stack_.join_group(wanted.interface_index, wanted.group); error != Error::kNone)
    return error;
  memberships_.push_back(wanted);
  return Error::kNone;
}

Error Socket::leave_group(const GroupMembership& membership) {
  if (!is_group(membership.group) || !membership.source.is_any()) return Error::kInvalid;
  const bool any = membership.on.name.empty() && membership.on.address.is_any();
  Membership wanted{0, membership.group};
  if (!any)
    if (const Error error = choose(membership.on, membership.group, wanted.interface_index);
        error != Error::kNone)
      return error;
  for (size_t i = 0; i < memberships_.size(); ++i) {
    // Without an interface: the one that was joined first.
    if (any ? memberships_[i].group != wanted.group : !(memberships_[i] == wanted)) continue;
    udp_.stack_.leave_group(memberships_[i].interface_index, memberships_[i].group);
    memberships_.erase(memberships_.begin() + static_cast<ptrdiff_t>(i));
    return Error::kNone;
  }
  return Error::kAddressNotAvailable;
}

Error Socket::set_multicast_interface(const InterfaceChoice& on) {
  last_remote_ = {};
  if (on.name.empty() && on.address.is_any()) {
    group_interface_ = -1;
    return Error::kNone;
  }
  uint8_t interface_index = 0;
  const Error error = choose(on, {}, interface_index);
  if (error == Error::kNone) group_interface_ = interface_index;
  return error;
}

Error Socket::set_multicast_hops(uint8_t hops) {
  group_hops_ = hops;
  return Error::kNone;
}

Error Socket::set_multicast_loopback(bool comes_back) {
  loops_ = comes_back;
  return Error::kNone;
}

Error Socket::set_broadcast(bool allowed) {
  broadcast_allowed_ = allowed;
  last_remote_ = {};
  return Error::kNone;
}

Error Socket::set_hops(uint8_t hops) {
  if (hops == 0) return Error::kInvalid;
  hops_ = hops;
  return Error::kNone;
}

}  // namespace sluice::udp
