// SPDX-License-Identifier: Apache-2.0
// Large TCP segments for a port that cannot cut them (known as generic segmentation offload): TCP and IP have seen the data
// once, and the frames are made here, on their way into the port's queue. No payload is copied: each Buffer of the large
// segment becomes a frame, with the first one's headers in front.
#include "dataplane/ip/state.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/tcp.hh"

namespace sluice::ip {

// Takes `whole`. What a NIC would do: lengths, sequence numbers, FIN and PSH with the last frame only, CWR with the first
// only (RFC 3168 section 6.1.2).
Error Stack::State::enqueue_cut(Interface& out, Buffer* whole) {
  const uint32_t l3_at = whole->l2_bytes, l4_at = l3_at + whole->l3_bytes,
                 header_bytes = l4_at + whole->l4_bytes;
  const uint16_t piece_bytes = whole->tso_segment_bytes;
  const bool ipv4 = wire::load_8(whole->data + l3_at) >> 4 == 4;
  const uint16_t flags = whole->flags & ~(Buffer::kTransmitTso | Buffer::kTransmitTcpChecksum);
  const uint8_t l2_bytes = whole->l2_bytes, l4_bytes = whole->l4_bytes;
  const uint16_t l3_bytes = whole->l3_bytes;
  std::byte headers[wire::kEthernetHeaderBytes + wire::kIpv4HeaderLimitBytes + wire::kTcpHeaderBytes +
                    wire::kTcpOptionsLimitBytes];
  SLUICE_ASSERT(header_bytes <= sizeof headers && whole->length > header_bytes);
  std::memcpy(headers, whole->data, header_bytes);
  const uint32_t sequence = wire::load_32(headers + l4_at + 4);
  const uint8_t tcp_flags = wire::load_8(headers + l4_at + 13);
  // TCP has left the pseudo header's sum, without a length.
  const wire::PartialSum pseudo = __builtin_bswap16(wire::load_16(headers + l4_at + 16));
  const uint16_t ip_length = ipv4 ? wire::load_16(headers + l3_at + 2) : uint16_t{0};
  const uint16_t ip_checksum = ipv4 ? wire::load_16(headers + l3_at + 10) : uint16_t{0};

  Error result = Error::kNone;
  uint32_t done = 0;
  for (Buffer* piece = whole; piece != nullptr;) {
    Buffer* const next = piece->next_segment;
    piece->next_segment = nullptr;
    if (result != Error::kNone) {
      release(piece);
      piece = next;
      continue;
    }
    if (piece != whole) std::memcpy(piece->prepend(header_bytes), headers, header_bytes);
    const uint32_t payload_bytes = piece->length - header_bytes;
    SLUICE_ASSERT(payload_bytes == piece_bytes || (next == nullptr && payload_bytes < piece_bytes));
    std::byte* const l3 = piece->data + l3_at;
    std::byte* const l4 = piece->data + l4_at;
    const uint16_t l4_length = static_cast<uint16_t>(l4_bytes + payload_bytes);
    if (ipv4) {
      const uint16_t length = static_cast<uint16_t>(l3_bytes + l4_length);
      wire::store_16(l3 + 2, length);
      if (!(flags & Buffer::kTransmitIpChecksum))
        wire::store_16(l3 + 10, wire::checksum_update_16(ip_checksum, ip_length, length));
    } else {
      wire::store_16(l3 + 4, l4_length);
    }
    wire::store_32(l4 + 4, sequence + done);
    uint8_t its_flags = tcp_flags;
    if (next != nullptr) its_flags &= static_cast<uint8_t>(~(wire::kTcpFin | wire::kTcpPsh));
    if (done > 0) its_flags &= static_cast<uint8_t>(~wire::kTcpCwr);
    wire::store_8(l4 + 13, its_flags);
    const wire::PartialSum sum = pseudo + __builtin_bswap16(l4_length);
    piece->flags = flags;
    if (out.capabilities.transmit_tcp_checksum) {
      piece->flags |= Buffer::kTransmitTcpChecksum;
      wire::set_tcp_checksum(l4, wire::checksum_unfinished(sum));
    } else {
      wire::set_tcp_checksum(l4, 0);
      wire::set_tcp_checksum(l4, wire::checksum_finish(wire::checksum_add(sum, l4, l4_length)));
    }
    piece->l2_bytes = l2_bytes;
    piece->l3_bytes = l3_bytes;
    piece->l4_bytes = l4_bytes;
    done += payload_bytes;
    ++counters.frames_cut;
    result = enqueue(out, piece);
    piece = next;
  }
  return result;
}

}  // namespace sluice::ip
