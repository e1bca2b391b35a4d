// SPDX-License-Identifier: Apache-2.0
// The two bursts of a queue. Receiving writes a Buffer header next to each mbuf; sending translates back, and keeps the
// two counts of references (Buffer's for the stack, mbuf's for the driver) in step.
#include "drivers/ethdev/ethernet_queue.hh"

#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_memory.h>
#include <rte_tcp.h>
#include <unistd.h>

#include <algorithm>

#include "drivers/ethdev/ethdev.hh"
#include "drivers/ethdev/mbuf.hh"

namespace sluice::ethdev {

namespace {

constexpr uint16_t kChecksumFlags =
    Buffer::kTransmitIpChecksum | Buffer::kTransmitTcpChecksum | Buffer::kTransmitUdpChecksum;
constexpr uint16_t kOffloadFlags = kChecksumFlags | Buffer::kTransmitTso;
// What an mbuf says of its storage; stays when its flags are set anew for sending.
constexpr uint64_t kStorageFlags = RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;

constexpr unsigned kPrefetchAhead = 4;

// "Good" and "bad" both set means: the sum in the packet is not there yet, but the bytes are known to be intact (a virtual
// wire in one machine). For whoever wants to know whether the packet is damaged that is good.
uint16_t receive_flags(uint64_t told) {
  static_assert(RTE_MBUF_F_RX_IP_CKSUM_GOOD == 1 << 7 && RTE_MBUF_F_RX_IP_CKSUM_BAD == 1 << 4);
  static_assert(RTE_MBUF_F_RX_L4_CKSUM_GOOD == 1 << 8 && RTE_MBUF_F_RX_L4_CKSUM_BAD == 1 << 3);
  static_assert(RTE_MBUF_F_RX_RSS_HASH == 1 << 1);
  const unsigned ip_good = told >> 7 & 1, ip_bad = told >> 4 & ~ip_good & 1;
  const unsigned l4_good = told >> 8 & 1, l4_bad = told >> 3 & ~l4_good & 1;
  const unsigned hash = told >> 1 & 1;
  return static_cast<uint16_t>(ip_good * Buffer::kReceiveIpChecksumGood |
                               ip_bad * Buffer::kReceiveIpChecksumBad |
                               l4_good * Buffer::kReceiveL4ChecksumGood |
                               l4_bad * Buffer::kReceiveL4ChecksumBad | hash * Buffer::kRssHashValid);
}

// An external Buffer, from the first time it is sent: the mbuf stands for the foreign bytes, and this record, which lies
// in the mbuf's own (then unused) storage, gives them back when both counts have gone.
struct ExternalHold {
  rte_mbuf_ext_shared_info shared;
  void (*release)(void*);
  void* context;
};

void release_hold(void*, void* opaque) {
  auto* hold = static_cast<ExternalHold*>(opaque);
  if (hold->release) hold->release(hold->context);
}

}  // namespace

MacAddress EthernetQueue::mac() const { return device_.mac(); }
uint32_t EthernetQueue::mtu_bytes() const { return device_.mtu_bytes(); }
const PortCapabilities& EthernetQueue::capabilities() const { return device_.capabilities(); }

bool EthernetQueue::flow_is_local(const IpAddress& source, const IpAddress& destination, uint16_t source_port,
                                  uint16_t destination_port) const {
  const int queue = device_.queue_of_flow(source, destination, source_port, destination_port);
  return queue < 0 || queue == traits_.queue_id;
}

void EthernetQueue::arm_interrupt() {
  if (interrupt_controlled_) rte_eth_dev_rx_intr_enable(traits_.port_id, traits_.queue_id);
}

void EthernetQueue::disarm_interrupt() {
  if (!interrupt_controlled_) return;
  rte_eth_dev_rx_intr_disable(traits_.port_id, traits_.queue_id);
  uint64_t count;  // an eventfd, not blocking: empties it
  [[maybe_unused]] const ssize_t got = read(interrupt_fd_, &count, sizeof count);
}

// ---- receiving ---------------------------------------------------------------------------------------------------

unsigned EthernetQueue::receive(Buffer** frames, unsigned limit) {
  auto** mbufs = reinterpret_cast<rte_mbuf**>(frames);  // turned into Buffers in place
  const unsigned count = rte_eth_rx_burst(traits_.port_id, traits_.queue_id, mbufs,
                                          static_cast<uint16_t>(std::min(limit, 1024u)));
  if (count == 0) return 0;
  // The mbuf's first line and the Buffer's first line: a peer on another core, or a device, has just written the one.
  for (unsigned i = 0; i < std::min(count, kPrefetchAhead); ++i) {
    __builtin_prefetch(mbufs[i]);
    __builtin_prefetch(buffer_of(mbufs[i]), 1);
  }
  MbufPool* const pool = pool_.get();
  const bool trusted = traits_.trusts_wire;
  uint64_t bytes = 0;

  const auto fill = [pool](Buffer* buffer, const rte_mbuf* mbuf) {
    buffer->storage = static_cast<std::byte*>(mbuf->buf_addr);
    buffer->data = buffer->storage + mbuf->data_off;
    buffer->length = mbuf->data_len;
    buffer->capacity = mbuf->buf_len;
    buffer->references = 1;
    buffer->flags = 0;
    buffer->next_segment = nullptr;
    buffer->next = nullptr;
    // Also when the mbuf is a peer's: the pool knows how to send it home.
    buffer->pool = pool;
  };

  for (unsigned i = 0; i < count; ++i) {
    if (i + kPrefetchAhead < count) {
      __builtin_prefetch(mbufs[i + kPrefetchAhead]);
      __builtin_prefetch(buffer_of(mbufs[i + kPrefetchAhead]), 1);
    }
    rte_mbuf* mbuf = mbufs[i];
    Buffer* const head = buffer_of(mbuf);
    fill(head, mbuf);
    head->rss_hash = mbuf->hash.rss;
    head->flags = trusted ? uint16_t{Buffer::kReceiveIpChecksumGood | Buffer::kReceiveL4ChecksumGood}
                          : receive_flags(mbuf->ol_flags);
    if (__builtin_expect(head->flags & (Buffer::kReceiveIpChecksumBad | Buffer::kReceiveL4ChecksumBad), 0))
      ++counters.receive_bad_checksum;
    bytes += mbuf->pkt_len;
    if (__builtin_expect(mbuf->nb_segs > 1, 0)) {
      // From here on the chain is Buffer's business; a forgotten link between mbufs would outlive it.
      Buffer* tail = head;
      rte_mbuf* segment = mbuf->next;
      mbuf->next = nullptr;
      mbuf->nb_segs = 1;
      while (segment) {
        rte_mbuf* const next = segment->next;
        segment->next = nullptr;
        segment->nb_segs = 1;
        Buffer* const buffer = buffer_of(segment);
        fill(buffer, segment);
        tail = tail->next_segment = buffer;
        segment = next;
      }
    }
    frames[i] = head;
  }
  counters.received_frames += count;
  counters.received_bytes += bytes;
  return count;
}

// ---- sending -----------------------------------------------------------------------------------------------------

// The mbuf's offload flags, and its lengths in `tx_offload`. The headers are in the first segment.
uint64_t EthernetQueue::offload_flags(const Buffer* frame, rte_mbuf* mbuf, const std::byte* headers) const {
  const auto* l3 = reinterpret_cast<const uint8_t*>(headers) + frame->l2_bytes;
  const bool v4 = l3[0] >> 4 == 4;
  uint64_t flags = v4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
  if (frame->flags & Buffer::kTransmitIpChecksum) flags |= RTE_MBUF_F_TX_IP_CKSUM;
  if (frame->flags & Buffer::kTransmitTcpChecksum) flags |= RTE_MBUF_F_TX_TCP_CKSUM;
  if (frame->flags & Buffer::kTransmitUdpChecksum) flags |= RTE_MBUF_F_TX_UDP_CKSUM;
  uint64_t segment_bytes = 0;
  if (frame->flags & Buffer::kTransmitTso) {
    flags |= RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM;
    if (v4 && device_.capabilities().transmit_ip_checksum) flags |= RTE_MBUF_F_TX_IP_CKSUM;
    segment_bytes = frame->tso_segment_bytes;
    if (traits_.tso_clamp_bytes)
      segment_bytes =
          std::min<uint64_t>(segment_bytes, traits_.tso_clamp_bytes - frame->l3_bytes - frame->l4_bytes);
    // The pseudo header of a packet that will be cut has no length; the hardware adds each piece's.
    auto* tcp = reinterpret_cast<rte_tcp_hdr*>(const_cast<uint8_t*>(l3) + frame->l3_bytes);
    tcp->cksum = v4 ? rte_ipv4_phdr_cksum(reinterpret_cast<const rte_ipv4_hdr*>(l3), RTE_MBUF_F_TX_TCP_SEG)
                    : rte_ipv6_phdr_cksum(reinterpret_cast<const rte_ipv6_hdr*>(l3), RTE_MBUF_F_TX_TCP_SEG);
  }
  mbuf->tx_offload =
      rte_mbuf_tx_offload(frame->l2_bytes, frame->l3_bytes, frame->l4_bytes, segment_bytes, 0, 0, 0);
  return flags;
}

// One Buffer with nothing special about it, which is passed on whole; everything else goes the slow way.
inline EthernetQueue::Verdict EthernetQueue::prepare(Buffer* frame, rte_mbuf*& out, bool& copied,
                                                     bool& offloads) {
  rte_mbuf* const mbuf = mbuf_of(frame);
  const bool sendable = frame->pool == pool_.get() || frame->pool->has_mbufs();
  const uint16_t flags = traits_.trusts_wire ? frame->flags & ~kChecksumFlags : frame->flags;
  offloads |= (flags & kOffloadFlags) != 0;
  const bool plain = sendable && frame->next_segment == nullptr && frame->references == 1 &&
                     !(flags & Buffer::kExternal) && mbuf->refcnt == 1 && mbuf->nb_segs == 1 &&
                     frame->length != 0 &&
                     (frame->length <= traits_.frame_limit_bytes || flags & Buffer::kTransmitTso);
  if (__builtin_expect(plain, 1)) {
    mbuf->data_off = static_cast<uint16_t>(frame->data - static_cast<std::byte*>(mbuf->buf_addr));
    mbuf->data_len = static_cast<uint16_t>(frame->length);
    mbuf->pkt_len = frame->length;
    out = mbuf;
  } else {
    const Verdict verdict = prepare_slowly(frame, out, copied);
    if (verdict != Verdict::kSend) return verdict;
  }
  uint64_t ol_flags = out->ol_flags & kStorageFlags;
  if (flags & kOffloadFlags) {
    if (__builtin_expect(flags & Buffer::kTransmitTso && !device_.capabilities().tso, 0)) {
      take_back(frame, out, copied);
      ++counters.transmit_unsendable;
      return Verdict::kDrop;
    }
    ol_flags |= offload_flags(frame, out, rte_pktmbuf_mtod(out, const std::byte*));
  }
  out->ol_flags = ol_flags;
  return Verdict::kSend;
}

// Chains, Buffers of which the stack keeps a reference, external memory, and what cannot be sent at all.
EthernetQueue::Verdict EthernetQueue::prepare_slowly(Buffer* frame, rte_mbuf*& out, bool& copied) {
  uint32_t total = 0;
  unsigned segments = 0;
  bool copy = false;
  for (Buffer* segment = frame; segment; segment = segment->next_segment) {
    total += segment->length;
    ++segments;
    if (!segment->pool->has_mbufs()) {  // there is no mbuf in front of it
      copy = true;
      continue;
    }
    const bool external = segment->flags & Buffer::kExternal;
    // The driver has not let go of it since the last time it was sent: its links must stay as they are. (Rare: a
    // retransmission out of a full ring.) Some devices choke on empty segments.
    if (mbuf_of(segment)->refcnt != 1 || segment->length == 0) copy = true;
    if (traits_.style == TransmitStyle::kHandsOver && (external || segment->references > 1)) copy = true;
    if (external && !copy && !attach_external(segment, mbuf_of(segment))) copy = true;
  }
  const bool tso = frame->flags & Buffer::kTransmitTso;
  if (total == 0 || total > (tso ? 65535u + 18u : traits_.frame_limit_bytes)) {
    ++counters.transmit_oversized;
    return Verdict::kDrop;
  }
  if (segments > 1 && !device_.capabilities().transmit_scatter) copy = true;
  if (copy) {
    if (!device_.capabilities().transmit_scatter && total > pool_->storage_bytes() - kTransmitHeadroomBytes) {
      ++counters.transmit_unsendable;
      return Verdict::kDrop;
    }
    out = copy_of(frame);
    if (!out) return Verdict::kWait;
    copied = true;
    return Verdict::kSend;
  }

  for (Buffer* segment = frame; segment; segment = segment->next_segment) {
    rte_mbuf* const mbuf = mbuf_of(segment);
    mbuf->data_off = static_cast<uint16_t>(segment->data - static_cast<std::byte*>(mbuf->buf_addr));
    mbuf->data_len = static_cast<uint16_t>(segment->length);
    mbuf->next = segment->next_segment ? mbuf_of(segment->next_segment) : nullptr;
    mbuf->nb_segs = 1;
    mbuf->ol_flags &= kStorageFlags;
    if (segment->references > 1) {
      // The stack keeps it (until it is acknowledged): the driver gets a reference of its own. One thread, so plainly.
      --segment->references;
      ++mbuf->refcnt;
      // Tells give_back() that `next` must be cleared: the driver leaves it in an mbuf that is not freed.
      if (mbuf->next) mbuf->nb_segs = 2;
    }
  }
  out = mbuf_of(frame);
  out->nb_segs = static_cast<uint16_t>(segments);
  out->pkt_len = total;
  return Verdict::kSend;
}

// Makes the mbuf stand for the external memory. False when the device could not read it there.
bool EthernetQueue::attach_external(Buffer* segment, rte_mbuf* mbuf) {
  if (RTE_MBUF_HAS_EXTBUF(mbuf)) return true;  // it has been sent before
  if (segment->length > UINT16_MAX || segment->capacity < sizeof(ExternalHold)) return false;
  rte_iova_t address = reinterpret_cast<rte_iova_t>(segment->data);  // --iova-mode=va
  if (traits_.style == TransmitStyle::kRefers) {
    // A device, or a peer to whom our memory is mapped, sees only memory that DPDK knows.
    const rte_memseg_list* list = rte_mem_virt2memseg_list(segment->data);
    if (!list || (list->external && device_.spec().kind != PortKind::kPci)) return false;
  }
  auto* hold = new (segment->storage) ExternalHold{};
  hold->release = segment->release_external;
  hold->context = segment->external_context;
  segment->release_external = nullptr;  // from now on the mbuf's last reference releases it
  hold->shared.free_cb = release_hold;
  hold->shared.fcb_opaque = hold;
  rte_mbuf_ext_refcnt_set(&hold->shared, 1);
  rte_pktmbuf_attach_extbuf(mbuf, segment->data, address, static_cast<uint16_t>(segment->length),
                            &hold->shared);
  return true;
}

// The frame's bytes in fresh Buffers, as an mbuf chain; nullptr when the pool is at its limit.
rte_mbuf* EthernetQueue::copy_of(const Buffer* frame) {
  rte_mbuf* head = nullptr;
  rte_mbuf* tail = nullptr;
  Buffer* into = nullptr;
  unsigned segments = 0;
  uint32_t total = 0;
  for (const Buffer* segment = frame; segment; segment = segment->next_segment) {
    const std::byte* from = segment->data;
    uint32_t left = segment->length;
    while (left) {
      if (!into || into->tailroom() == 0) {
        into = pool_->allocate(head ? 0 : kTransmitHeadroomBytes);
        if (!into) {
          if (head) rte_pktmbuf_free(head);
          return nullptr;
        }
        rte_mbuf* const mbuf = mbuf_of(into);
        mbuf->data_off = static_cast<uint16_t>(into->data - into->storage);
        mbuf->data_len = 0;
        mbuf->ol_flags = 0;
        (tail ? tail->next : head) = mbuf;
        tail = mbuf;
        head->nb_segs = static_cast<uint16_t>(++segments);
      }
      const uint32_t part = std::min(left, into->tailroom());
      into->append(from, part);
      tail->data_len = static_cast<uint16_t>(into->length);
      from += part;
      left -= part;
      total += part;
    }
  }
  head->pkt_len = total;
  ++counters.transmit_copied;
  return head;
}

// Undoes prepare() for a frame that the driver did not take: it is the caller's again.
void EthernetQueue::take_back(Buffer* frame, rte_mbuf* mbuf, bool copied) {
  if (copied) {
    rte_pktmbuf_free(mbuf);
    return;
  }
  for (Buffer* segment = frame; segment; segment = segment->next_segment) {
    rte_mbuf* const each = mbuf_of(segment);
    each->next = nullptr;
    each->nb_segs = 1;
    if (each->refcnt > 1) {
      --each->refcnt;
      ++segment->references;
    }
  }
}

unsigned EthernetQueue::transmit(Buffer** frames, unsigned count) {
  unsigned done = 0;
  while (done < count) {
    Buffer** const burst = frames + done;
    const unsigned most = std::min(count - done, burst_limit_);
    rte_mbuf* mbufs[kBurstFrames];
    CopiedSet copies = 0;
    bool offloads = false;
    uint64_t bytes = 0;
    unsigned prepared = 0;
    Verdict verdict = Verdict::kSend;
    for (; prepared < most; ++prepared) {
      bool copied = false;
      verdict = prepare(burst[prepared], mbufs[prepared], copied, offloads);
      if (__builtin_expect(verdict != Verdict::kSend, 0)) break;
      copies |= CopiedSet{copied} << prepared;
      bytes += mbufs[prepared]->pkt_len;
    }

    unsigned ready = prepared, sent = 0;
    if (offloads && prepared)  // a no-op where the driver has no need of it
      ready = rte_eth_tx_prepare(traits_.port_id, traits_.queue_id, mbufs, static_cast<uint16_t>(prepared));
    if (ready)
      sent = rte_eth_tx_burst(traits_.port_id, traits_.queue_id, mbufs, static_cast<uint16_t>(ready));
    for (unsigned i = sent; i < prepared; ++i) {
      bytes -= mbufs[i]->pkt_len;
      take_back(burst[i], mbufs[i], copies >> i & 1);
    }
    if (__builtin_expect(copies != 0, 0)) {
      for (unsigned i = 0; i < sent; ++i)
        if (copies >> i & 1) release(burst[i]);  // the copy is on its way
    }
    counters.transmitted_frames += sent;
    counters.transmitted_bytes += bytes;
    done += sent;

    if (__builtin_expect(sent < ready, 0)) {  // the port is full
      burst_limit_ = kCautiousFrames;
      counters.transmit_refused += count - done;
      return done;
    }
    burst_limit_ = kBurstFrames;
    if (__builtin_expect(ready < prepared, 0)) {  // this one it will never send
      ++counters.transmit_unsendable;
      release(frames[done++]);
      continue;
    }
    if (verdict == Verdict::kDrop) release(frames[done++]);
    if (verdict == Verdict::kWait) {
      counters.transmit_refused += count - done;
      return done;
    }
  }
  return done;
}

}  // namespace sluice::ethdev
