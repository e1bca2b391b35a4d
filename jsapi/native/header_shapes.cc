// SPDX-License-Identifier: Apache-2.0
// Which names a request's header fields have, as a number.
#include "jsapi/native/header_shapes.hh"

#include <cstring>

namespace sluice::jsapi {

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return lower;
}

bool HeaderShapes::same(const Shape& shape, std::span<const http::HeaderField> headers) {
  if (shape.received.size() != headers.size()) return false;
  for (size_t i = 0; i < headers.size(); ++i)
    if (shape.received[i] != headers[i].name) return false;
  return true;
}

int32_t HeaderShapes::find(std::span<const http::HeaderField> headers) {
  if (headers.size() > kHeadersLimit) return kNoShape;
  uint64_t hash = headers.size();
  for (const http::HeaderField& field : headers) {
    // Length and both ends of a name tell most names apart; same() has the last word.
    const size_t length = field.name.size();
    uint64_t piece = 0;
    std::memcpy(&piece, field.name.data(), length < 8 ? length : 8);
    hash = (hash ^ piece ^ length << 56) * 0xbf58476d1ce4e5b9u;
    hash ^= hash >> 31;
  }
  const auto tag = static_cast<uint32_t>(hash >> 32);
  Place& place = places_[hash % kPlaces];
  if (place.shape != kNoShape && place.tag == tag && same(shapes_[static_cast<size_t>(place.shape)], headers))
    return place.shape;
  if (place.shape != kNoShape || shapes_.size() == kShapesLimit) return kNoShape;
  if (place.candidate != tag) {
    place.candidate = tag;
    return kNoShape;
  }
  Shape shape;
  for (const http::HeaderField& field : headers) {
    shape.received.emplace_back(field.name);
    shape.lower.push_back(lower_case(field.name));
  }
  place.shape = static_cast<int32_t>(shapes_.size());
  place.tag = tag;
  shapes_.push_back(std::move(shape));
  return place.shape;
}

}  // namespace sluice::jsapi
