// SPDX-License-Identifier: Apache-2.0
// Strings that come again and again from the network: targets and header values of requests. A hit gives the same
// internalised string without an allocation, and scripts compare it (routes!) by pointer.
#pragma once
#include <v8.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "jsapi/native/encoding.hh"

namespace sluice::jsapi {

// Direct-mapped; a text enters when it is seen twice without another one of its place in between, so that texts that
// never return (identifiers, cookies) cost a hash and nothing else. Bounded: kEntries texts of at most kTextBytes.
class StringCache {
 public:
  static constexpr uint32_t kEntries = 512;
  static constexpr size_t kTextBytes = 96;

  StringCache() : entries_(std::make_unique<Entry[]>(kEntries)) {}

  v8::Local<v8::String> get(v8::Isolate* isolate, std::string_view text) {
    if (text.empty()) return v8::String::Empty(isolate);
    if (text.size() > kTextBytes) return latin1(isolate, text);
    const uint64_t hash = hash_of(text);
    Entry& entry = entries_[hash % kEntries];
    if (entry.length == text.size() && std::memcmp(entry.text, text.data(), text.size()) == 0)
      return entry.string.Get(isolate);
    const auto tag = static_cast<uint32_t>(hash >> 32);
    if (entry.candidate != tag) {
      entry.candidate = tag;
      return latin1(isolate, text);
    }
    const auto string = latin1_internalized(isolate, text);
    entry.string.Reset(isolate, string);
    entry.length = static_cast<uint32_t>(text.size());
    std::memcpy(entry.text, text.data(), text.size());
    return string;
  }

 private:
  struct Entry {
    v8::Global<v8::String> string;
    uint32_t length = 0;  // 0: nothing here
    uint32_t candidate = 0;
    char text[kTextBytes];
  };
  static uint64_t hash_of(std::string_view text) {
    uint64_t hash = text.size() * 0x9e3779b97f4a7c15u;
    const char* at = text.data();
    size_t left = text.size();
    for (; left >= 8; at += 8, left -= 8) {
      uint64_t piece;
      std::memcpy(&piece, at, 8);
      hash = (hash ^ piece) * 0xbf58476d1ce4e5b9u;
      hash ^= hash >> 29;
    }
    uint64_t piece = 0;
    std::memcpy(&piece, at, left);
    hash = (hash ^ piece) * 0x94d049bb133111ebu;
    return hash ^ (hash >> 31);
  }
  std::unique_ptr<Entry[]> entries_;
};

}  // namespace sluice::jsapi
