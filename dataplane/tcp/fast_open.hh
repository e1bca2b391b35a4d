// SPDX-License-Identifier: Apache-2.0
// TCP Fast Open (RFC 7413): the cookie by which a server knows that a client has received at its address before, and the
// cookies that we, as a client, were given. Data in a SYN may arrive twice: only who can bear that asks for it.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>

#include "dataplane/tcp/flow.hh"
#include "dataplane/wire/tcp.hh"
#include "drivers/entropy.hh"

namespace sluice::tcp {

// Section 4.1.2: a keyed hash of the addresses; nothing is stored.
class FastOpenCookies {
 public:
  static constexpr uint8_t kCookieBytes = 8;

  explicit FastOpenCookies(Entropy& entropy) : key_(HashKey::from(entropy)) {}
  explicit FastOpenCookies(const HashKey& key) : key_(key) {}
  // Puts the cookie of the client at the other end of `flow` into `options`.
  void grant(const Flow& flow, wire::TcpOptions& options) const {
    const uint64_t value = cookie(flow);
    options.has_fast_open = true;
    options.cookie_bytes = kCookieBytes;
    std::memcpy(options.cookie.data(), &value, kCookieBytes);
  }
  bool valid(const Flow& flow, const wire::TcpOptions& options) const {
    const uint64_t value = cookie(flow);
    return options.has_fast_open && options.cookie_bytes == kCookieBytes &&
           std::memcmp(options.cookie.data(), &value, kCookieBytes) == 0;
  }

 private:
  uint64_t cookie(const Flow& flow) const {
    Flow addresses = flow;
    addresses.local_port = addresses.remote_port = 0;
    return addresses.hash(key_);
  }
  HashKey key_;
};

// Section 4.1.3: by server address. A fixed number of places; an address that falls on a taken one replaces it.
class FastOpenCache {
 public:
  struct Entry {
    IpAddress address;
    uint16_t mss_bytes = 0;
    uint8_t cookie_bytes = 0;   // 0: none
    bool known = false;         // else free
    bool experimental = false;  // the shape of the option that it answers to, or is to be asked in next
    bool both_asked = false;    // in both shapes, in vain
    std::array<std::byte, wire::TcpOptions::kCookieLimitBytes> cookie{};
  };
  static constexpr size_t kEntries = 256;

  explicit FastOpenCache(Entropy& entropy) : key_(HashKey::from(entropy)) {}
  // nullptr: nothing is known of it.
  const Entry* find(const IpAddress& address) const {
    const Entry& entry = entries_[place(address)];
    return entry.known && entry.address == address ? &entry : nullptr;
  }
  // What a server answered. Without a cookie in the answer a known one is kept; `asked`: it was to a SYN with the option, which
  // then is in the other shape the next time, once.
  void store(const IpAddress& address, const wire::TcpOptions& options, bool asked) {
    Entry& entry = entries_[place(address)];
    if (!entry.known || entry.address != address) {
      entry = {};
      entry.known = true;
      entry.address = address;
    }
    if (options.mss) entry.mss_bytes = options.mss;
    if (options.has_fast_open && options.cookie_bytes > 0) {
      entry.cookie_bytes = options.cookie_bytes;
      entry.cookie = options.cookie;
      entry.experimental = options.fast_open_experimental;
    } else if (asked && entry.cookie_bytes == 0 && !entry.both_asked) {
      entry.both_asked = entry.experimental;
      entry.experimental = !entry.experimental;
    }
  }
  void forget(const IpAddress& address) {
    Entry& entry = entries_[place(address)];
    if (entry.address == address) entry.cookie_bytes = 0;
  }
  void clear() { entries_.fill({}); }

 private:
  size_t place(const IpAddress& address) const {
    Flow flow;
    flow.remote = address;
    return flow.hash(key_) % kEntries;
  }
  HashKey key_;
  std::array<Entry, kEntries> entries_{};
};

}  // namespace sluice::tcp
