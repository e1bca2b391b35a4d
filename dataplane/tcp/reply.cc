// SPDX-License-Identifier: Apache-2.0
// The last step of every segment, and segments that no connection stands behind: resets, and acknowledgements
// of half-open and TIME-WAIT records.
#include "dataplane/tcp/tcp.hh"
#include "dataplane/wire/checksum.hh"

namespace sluice::tcp {

using wire::kTcpAck;
using wire::kTcpFin;
using wire::kTcpRst;
using wire::kTcpSyn;

Error Tcp::transmit(const ip::Path& path, const Flow& flow, const wire::TcpFields& fields,
                    const std::byte* options, uint32_t options_bytes, Buffer* packet, uint8_t traffic_class) {
  const uint32_t header_bytes = wire::kTcpHeaderBytes + options_bytes;
  std::byte* const at = packet->prepend(header_bytes);
  wire::emit_tcp(at, fields, options_bytes);
  if (options_bytes) std::memcpy(at + wire::kTcpHeaderBytes, options, options_bytes);
  const uint32_t bytes = packet->next_segment ? packet->chain_length() : packet->length;
  // The port adds each piece's own length where it cuts.
  const bool cut = packet->flags & Buffer::kTransmitTso;
  const wire::PartialSum sum =
      wire::pseudo_header_sum(flow.local, flow.remote, ip::kProtocolTcp, cut ? 0 : bytes);
  if (cut || stack_.capabilities(path).transmit_tcp_checksum) {
    packet->flags |= Buffer::kTransmitTcpChecksum;
    wire::set_tcp_checksum(at, wire::checksum_unfinished(sum));
  } else {
    wire::set_tcp_checksum(at, wire::checksum_finish(wire::checksum_add_chain(sum, packet, bytes)));
  }
  packet->l4_bytes = static_cast<uint8_t>(header_bytes);
  ip::Stack::Outgoing outgoing;
  outgoing.source = flow.local;
  outgoing.destination = flow.remote;
  outgoing.protocol = ip::kProtocolTcp;
  outgoing.traffic_class = traffic_class;
  const uint32_t pieces = cut ? bytes / packet->tso_segment_bytes : 1;
  const Error error = stack_.send(path, outgoing, packet);
  segment_was_sent(pieces);
  return error;
}

void Tcp::send_reply(const Reply& reply) {
  ip::Path path;
  IpAddress local = reply.flow.local;
  if (stack_.find_path(reply.flow.remote, local, path) != Error::kNone) {
    ++counters.no_path;
    return;
  }
  send_reply(reply, path);
}

void Tcp::send_reply(const Reply& reply, const ip::Path& path) {
  Buffer* packet = stack_.pool(path).allocate();
  if (!packet) {
    ++counters.no_buffer;
    return;
  }
  std::byte options[wire::kTcpOptionsLimitBytes];
  const uint32_t options_bytes = wire::emit_tcp_options(options, reply.options);
  wire::TcpFields fields;
  fields.source_port = reply.flow.local_port;
  fields.destination_port = reply.flow.remote_port;
  fields.sequence = reply.sequence;
  fields.acknowledgement = reply.acknowledgement;
  fields.flags = reply.flags;
  fields.window = reply.window;
  transmit(path, reply.flow, fields, options, options_bytes, packet);
}

void Tcp::reset_segment(const Flow& flow, const wire::TcpView& view, uint32_t payload_bytes) {
  if (view.flags() & kTcpRst) return;
  const uint64_t second = now_ns_ / 1'000'000'000;
  if (second != reset_second_) {
    reset_second_ = second;
    resets_this_second_ = 0;
  }
  if (resets_this_second_ >= limits_.resets_per_second) {
    ++counters.resets_limited;
    return;
  }
  ++resets_this_second_;
  ++counters.resets_sent;
  Reply reply;
  reply.flow = flow;
  if (view.flags() & kTcpAck) {
    reply.flags = kTcpRst;
    reply.sequence = view.acknowledgement();
  } else {
    reply.flags = kTcpRst | kTcpAck;
    reply.acknowledgement =
        view.sequence() + payload_bytes + (view.flags() & kTcpSyn ? 1 : 0) + (view.flags() & kTcpFin ? 1 : 0);
  }
  send_reply(reply);
}

}  // namespace sluice::tcp
