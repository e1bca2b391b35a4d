// SPDX-License-Identifier: Apache-2.0
// Which names a request's header fields have, in which order, as a number. Requests of one client have the same names
// again and again: the script compiles one object literal for each shape, and only values have to be fetched.
#pragma once
#include <v8.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dataplane/http/message.hh"

namespace sluice::jsapi {

class HeaderShapes {
 public:
  static constexpr int32_t kNoShape = -1;
  static constexpr uint32_t kShapesLimit = 256;
  static constexpr uint32_t kHeadersLimit = 48;  // in one shape; heads with more have none

  // The number of the names' shape; a new one is made when the same names come twice. kNoShape: none (too many names, shapes
  // used up, or first sight).
  int32_t find(std::span<const http::HeaderField> headers);
  // The lower-cased names of a shape.
  const std::vector<std::string>& names(int32_t shape) const {
    return shapes_[static_cast<size_t>(shape)].lower;
  }
  size_t size() const { return shapes_.size(); }

 private:
  struct Shape {
    std::vector<std::string> received, lower;
  };
  static bool same(const Shape& shape, std::span<const http::HeaderField> headers);
  static constexpr uint32_t kPlaces = 1024;
  struct Place {
    int32_t shape = kNoShape;
    uint32_t tag = 0, candidate = 0;
  };
  std::vector<Shape> shapes_;
  std::vector<Place> places_ = std::vector<Place>(kPlaces);
};

std::string lower_case(std::string_view text);

}  // namespace sluice::jsapi
