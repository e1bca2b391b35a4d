// SPDX-License-Identifier: Apache-2.0
// Memory for large tables: zeroed, taken from the machine page by page as it is touched, and in huge pages where there is
// enough of it and the machine grants them: a table of gigabytes that is read at random would else spend its time in
// page walks. Never for small things: each costs a call of the kernel.
#pragma once
#include <cstddef>
#include <utility>

namespace sluice {

class Pages {
 public:
  static constexpr size_t kHugePageBytes = size_t{2} << 20;

  Pages() = default;
  // At least `bytes`, aligned to a page. There is no way to go on without: out of memory ends the process.
  explicit Pages(size_t bytes);
  ~Pages() { reset(); }
  Pages(Pages&& other) noexcept { swap(other); }
  Pages& operator=(Pages&& other) noexcept {
    Pages gone(std::move(other));
    swap(gone);
    return *this;
  }
  void reset();

  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  // The machine may have [begin, end) back as far as whole huge pages go; it is zero when it is touched again.
  void give_back(size_t begin, size_t end);

 private:
  void swap(Pages& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace sluice
