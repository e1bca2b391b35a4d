// SPDX-License-Identifier: Apache-2.0
// Putting fragments together (RFC 791, RFC 815, RFC 8200 section 4.5), within limits. Fragments that overlap make the whole datagram
// suspect: it is dropped, with those that still come (RFC 5722; honest senders never make them). An exact duplicate is
// only ignored, because networks do make those.
#pragma once
#include <array>
#include <cstdint>

#include "dataplane/ip/stack.hh"
#include "drivers/clock.hh"

namespace sluice::ip {

class Reassembly {
 public:
  static constexpr unsigned kDatagrams = 64;  // under way at a time; beyond it the oldest is dropped
  static constexpr uint32_t kStorageLimitBytes =
      4u << 20;  // held by fragments, counted by the storage of their Buffers
  static constexpr unsigned kFragmentsPerDatagram = 128;
  static constexpr uint64_t kTimeoutNs =
      30 * kNanosecondsPerSecond;  // RFC 1122 section 3.3.2 and RFC 8200 say 60 or more; attacks say less

  struct Key {
    IpAddress source, destination;
    uint32_t identification = 0;
    uint8_t protocol = 0;  // of IPv4; IPv6 tells datagrams apart without it
    bool operator==(const Key&) const = default;
  };
  struct Fragment {
    Key key;
    uint32_t offset_bytes = 0;
    bool more = false;
  };

  explicit Reassembly(Stack::Counters& counters) : counters_(counters) {}
  ~Reassembly();
  Reassembly(const Reassembly&) = delete;

  // Takes a fragment, its data at the L4 bytes, the IP header in front of it. On the datagram's last missing piece returns
  // the whole, described by `about` (that of the fragment at offset 0, ECN of all: RFC 3168 section 5.3); else nullptr.
  // Drops are counted.
  Buffer* add(const Fragment& fragment, const ReceivedPacket& received, Buffer* taken, uint64_t now_ns,
              ReceivedPacket& about);

  // When the oldest datagram is to be given up; UINT64_MAX when there is none.
  uint64_t next_deadline_ns() const;
  // Gives up one datagram that is due at `now_ns`: true when there was one, counted. `first` is then its fragment at offset
  // 0, described by `about`, or nullptr when that never came; the caller takes it.
  bool expire(uint64_t now_ns, Buffer*& first, ReceivedPacket& about);

  uint32_t storage_bytes() const { return storage_bytes_; }

 private:
  struct Datagram {
    bool live = false;
    bool poisoned = false;  // overlapped: the rest of it is dropped until it times out
    bool congestion_experienced = false;
    Key key;
    uint64_t deadline_ns = 0;
    uint32_t total_bytes = 0;  // known with the last fragment, else 0
    uint32_t held_bytes = 0;
    uint32_t fragments = 0;
    ReceivedPacket about;  // of the fragment at offset 0
    Buffer* head =
        nullptr;  // by offset, through Buffer::next; Buffer::user holds the offset in units of 8 bytes
  };
  Datagram& find_or_start(const Key& key, uint64_t now_ns);
  void drop_fragments(Datagram& datagram);
  void clear(Datagram& datagram);
  static uint32_t storage_of(const Buffer* chain);

  Stack::Counters& counters_;
  std::array<Datagram, kDatagrams> datagrams_;
  uint32_t storage_bytes_ = 0;
};

}  // namespace sluice::ip
