// SPDX-License-Identifier: Apache-2.0
// Objects with memory of their own that requests need now and then: those not in use are kept, with their memory, so that at
// steady state nothing is allocated for a request.
#pragma once
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace sluice::jsapi {

// T has clear(), which makes it as new but may keep its memory. Bounded: beyond kKept spare objects they are freed.
template <typename T>
class Spares {
 public:
  static constexpr size_t kKept = 1024;

  std::unique_ptr<T> take() {
    if (spare_.empty()) return std::make_unique<T>();
    std::unique_ptr<T> object = std::move(spare_.back());
    spare_.pop_back();
    return object;
  }
  void give(std::unique_ptr<T> object) {
    object->clear();
    if (spare_.size() < kKept) spare_.push_back(std::move(object));
  }

 private:
  std::vector<std::unique_ptr<T>> spare_;
};

}  // namespace sluice::jsapi
