// SPDX-License-Identifier: Apache-2.0
// UDP's two ways, and its ports.
#include "dataplane/udp/udp.hh"

#include "dataplane/core/chain.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ipv6.hh"
#include "dataplane/wire/udp.hh"

namespace sluice::udp {

namespace {
// Ethernet with a VLAN tag, IPv6 and UDP: what is put in front of a payload.
constexpr uint32_t kHeadroomBytes = 18 + wire::kIpv6HeaderBytes + wire::kUdpHeaderBytes;
}  // namespace

Udp::Udp(ip::Stack& stack, Entropy& entropy) : stack_(stack), entropy_(entropy) {
  stack_.set_protocol(ip::kProtocolUdp, this);
}

Udp::~Udp() {
  SLUICE_ASSERT(open_sockets_ == 0);
  stack_.set_protocol(ip::kProtocolUdp, nullptr);
}

bool Udp::in_use(const Endpoint& local) {
  for (const Socket* socket = bucket_of(local.port); socket; socket = socket->next_) {
    if (socket->local_.port != local.port) continue;
    // 0.0.0.0 and an IPv6 address have nothing in common.
    if (local.address.takes(socket->local_.address) || socket->local_.address.takes(local.address))
      return true;
  }
  return false;
}

transport::Result<std::unique_ptr<transport::DatagramSocket>> Udp::bind(const Endpoint& local,
                                                                        transport::DatagramUser& user) {
  transport::Result<std::unique_ptr<transport::DatagramSocket>> result;
  const auto fail = [&](Error error, std::string detail) {
    result.error = error;
    result.detail = std::move(detail);
  };
  if (!local.address.is_any() && !stack_.is_local(local.address)) {
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
    if (in_use(chosen)) {
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
      if (!in_use(chosen) && (owners_ == nullptr || owners_->claim(chosen.port, core_))) break;
    }
    if (tried == ports) {
      ++counters.sockets_refused;
      fail(Error::kAddressInUse, "bind " + local.to_string() + ": all ephemeral ports are taken");
      return result;
    }
  }
  if (owners_ != nullptr) owners_->claim(chosen.port, core_);  // the first core that has it
  auto* socket = new Socket(*this, chosen, user);
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
    if (socket->local_.address.takes(address)) any = socket;
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
    last_source_ = local_.address;
    last_remote_ = to.address;
    if (const Error error = udp_.stack_.find_path(to.address, last_source_, last_path_);
        error != Error::kNone) {
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
  const Error error = udp_.stack_.send(
      last_path_,
      {.source = last_source_, .destination = to.address, .protocol = ip::kProtocolUdp, .may_fragment = true},
      packet);
  ++(error == Error::kNone ? udp_.counters.transmitted_datagrams : udp_.counters.send_failed);
  return error;
}

}  // namespace sluice::udp
