// SPDX-License-Identifier: Apache-2.0
// Whole heads that come again: a client sends the same header lines with request after request, and the values that were made
// of them for the script serve again.
#pragma once
#include <v8.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "dataplane/http/message.hh"

namespace sluice::jsapi {

// Direct-mapped, bounded: kEntries heads of at most kBytes. A head enters when it is seen twice in a row in its place.
class HeadCache {
 public:
  static constexpr uint32_t kEntries = 64;
  static constexpr size_t kBytes = 1024;

  struct Place {
    v8::Global<v8::Array> values;
    std::string bytes;
    size_t count = 0;
    uint32_t candidate = 0;
  };

  // The lines' bytes from the first name to the last value, which tell what the fields are. Empty: not one piece, or too long.
  static std::string_view bytes_of(std::span<const http::HeaderField> headers) {
    if (headers.empty()) return {};
    const char* begin = headers.front().name.data();
    const char* end = headers.back().value.data() + headers.back().value.size();
    if (end <= begin || static_cast<size_t>(end - begin) > kBytes) return {};
    return {begin, static_cast<size_t>(end - begin)};
  }
  // Where such a head has its place. `known`: what is there is it. `again`: it was the last to be missed there.
  Place& find(std::string_view bytes, size_t count, bool& known, bool& again) {
    uint64_t hash = count;
    const char* at = bytes.data();
    size_t left = bytes.size();
    uint64_t piece;
    for (; left >= 8; at += 8, left -= 8) {
      std::memcpy(&piece, at, 8);
      hash = (hash ^ piece) * 0xbf58476d1ce4e5b9u;
      hash ^= hash >> 32;
    }
    piece = 0;
    std::memcpy(&piece, at, left);
    hash = (hash ^ piece ^ bytes.size()) * 0x94d049bb133111ebu;
    hash ^= hash >> 31;
    Place& place = places_[hash % kEntries];
    known = place.count == count && place.bytes == bytes;
    const auto tag = static_cast<uint32_t>(hash >> 32) | 1;
    again = place.candidate == tag;
    if (!known) place.candidate = tag;
    return place;
  }

 private:
  std::unique_ptr<Place[]> places_ = std::make_unique<Place[]>(kEntries);
};

}  // namespace sluice::jsapi
