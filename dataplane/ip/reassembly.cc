// SPDX-License-Identifier: Apache-2.0
// Fragments are kept in order of their offsets, so that overlap shows on insertion and the whole is a matter of linking.
#include "dataplane/ip/reassembly.hh"

#include "dataplane/wire/ipv4.hh"
#include "dataplane/wire/ipv6.hh"

namespace sluice::ip {

static uint32_t offset_of(const Buffer* fragment) { return uint32_t{fragment->user} * 8; }

uint32_t Reassembly::storage_of(const Buffer* chain) {
  uint32_t bytes = 0;
  for (; chain; chain = chain->next_segment) bytes += chain->capacity;
  return bytes;
}

Reassembly::~Reassembly() {
  for (Datagram& datagram : datagrams_) clear(datagram);
}

void Reassembly::drop_fragments(Datagram& datagram) {
  while (Buffer* fragment = datagram.head) {
    datagram.head = fragment->next;
    storage_bytes_ -= storage_of(fragment);
    release(fragment);
  }
}

void Reassembly::clear(Datagram& datagram) {
  drop_fragments(datagram);
  datagram = Datagram{};
}

Reassembly::Datagram& Reassembly::find_or_start(const Key& key, uint64_t now_ns) {
  Datagram* chosen = nullptr;
  for (Datagram& datagram : datagrams_) {
    if (datagram.live && datagram.key == key) return datagram;
    // A free place, else the oldest.
    if (chosen == nullptr || (chosen->live && (!datagram.live || datagram.deadline_ns < chosen->deadline_ns)))
      chosen = &datagram;
  }
  if (chosen->live) {
    ++counters_.reassembly_limit;
    clear(*chosen);
  }
  chosen->live = true;
  chosen->key = key;
  chosen->deadline_ns = now_ns + kTimeoutNs;
  return *chosen;
}

Buffer* Reassembly::add(const Fragment& fragment, const ReceivedPacket& received, Buffer* taken,
                        uint64_t now_ns, ReceivedPacket& about) {
  const uint32_t begin = fragment.offset_bytes, length = taken->chain_length(), end = begin + length;
  // What counts besides the data: in IPv4 its header, in IPv6 all before the fragment header but the fixed one.
  const uint32_t headers_bytes =
      received.source.is_v4()
          ? received.network_header_bytes
          : received.network_header_bytes - wire::kIpv6HeaderBytes - wire::kFragmentHeaderBytes;
  if (length == 0 || (fragment.more && length % 8 != 0) ||
      end + headers_bytes > wire::kIpv4PacketLimitBytes) {
    ++counters_.malformed;
    release(taken);
    return nullptr;
  }
  Datagram& datagram = find_or_start(fragment.key, now_ns);
  if (datagram.poisoned) {
    ++counters_.fragment_overlap;
    release(taken);
    return nullptr;
  }

  Buffer** place = &datagram.head;
  const Buffer* before = nullptr;
  while (*place && offset_of(*place) < begin) {
    before = *place;
    place = &(*place)->next;
  }
  const bool duplicate = *place && offset_of(*place) == begin && (*place)->chain_length() == length;
  const bool total_fits = datagram.total_bytes == 0 ? true
                          : fragment.more           ? end < datagram.total_bytes
                                                    : end == datagram.total_bytes;
  if (duplicate && total_fits) {
    release(taken);
    return nullptr;
  }
  bool overlap = !total_fits || (before && offset_of(before) + before->chain_length() > begin) ||
                 (*place && offset_of(*place) < end);
  if (!fragment.more && !overlap) {
    // Nothing may lie behind the end.
    overlap = *place != nullptr;
  }
  if (overlap) {
    ++counters_.fragment_overlap;
    drop_fragments(datagram);
    datagram.poisoned = true;
    release(taken);
    return nullptr;
  }
  const uint32_t storage = storage_of(taken);
  if (datagram.fragments == kFragmentsPerDatagram || storage_bytes_ + storage > kStorageLimitBytes) {
    ++counters_.reassembly_limit;
    clear(datagram);
    release(taken);
    return nullptr;
  }

  storage_bytes_ += storage;
  taken->user = static_cast<uint16_t>(begin / 8);
  taken->next = *place;
  *place = taken;
  ++datagram.fragments;
  datagram.held_bytes += length;
  if (!fragment.more) datagram.total_bytes = end;
  if ((received.traffic_class & 3) == 3) datagram.congestion_experienced = true;
  if (begin == 0) datagram.about = received;
  // No overlap and no bytes behind the end: when the count is right, all is there.
  if (datagram.total_bytes == 0 || datagram.held_bytes != datagram.total_bytes) return nullptr;

  Buffer* const head = datagram.head;
  storage_bytes_ -= storage_of(head);
  Buffer* tail = head;
  for (Buffer* next = head->next; next;) {
    Buffer* const after = next->next;
    storage_bytes_ -= storage_of(next);
    while (tail->next_segment) tail = tail->next_segment;
    tail->next_segment = next;
    next->next = nullptr;
    next = after;
  }
  head->next = nullptr;
  head->user = 0;
  about = datagram.about;
  if (datagram.congestion_experienced) about.traffic_class |= 3;
  about.l4_checksum_verified = false;
  datagram = Datagram{};
  ++counters_.reassembled;
  return head;
}

uint64_t Reassembly::next_deadline_ns() const {
  uint64_t next_ns = UINT64_MAX;
  for (const Datagram& datagram : datagrams_)
    if (datagram.live && datagram.deadline_ns < next_ns) next_ns = datagram.deadline_ns;
  return next_ns;
}

bool Reassembly::expire(uint64_t now_ns, Buffer*& first, ReceivedPacket& about) {
  for (Datagram& datagram : datagrams_) {
    if (!datagram.live || datagram.deadline_ns > now_ns) continue;
    first = nullptr;
    if (datagram.head && offset_of(datagram.head) == 0) {
      first = datagram.head;
      datagram.head = first->next;
      first->next = nullptr;
      storage_bytes_ -= storage_of(first);
      about = datagram.about;
    }
    // A poisoned one has been counted as what it was.
    if (!datagram.poisoned) ++counters_.reassembly_timed_out;
    clear(datagram);
    return true;
  }
  return false;
}

}  // namespace sluice::ip
