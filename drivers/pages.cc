// SPDX-License-Identifier: Apache-2.0
// Anonymous mappings, aligned to huge pages.
#include "drivers/pages.hh"

#include <sys/mman.h>

#include <cstdint>

#include "drivers/assert.hh"

namespace sluice {

namespace {
constexpr size_t kPageBytes = 4096;
constexpr size_t round_up(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }
}  // namespace

Pages::Pages(size_t bytes) {
  const bool huge = bytes >= kHugePageBytes;
  bytes_ = round_up(bytes, huge ? kHugePageBytes : kPageBytes);
  // More than is wanted, to cut a part out that begins where a huge page may.
  const size_t mapped_bytes = bytes_ + (huge ? kHugePageBytes : 0);
  void* const mapped = ::mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  SLUICE_ASSERT(mapped != MAP_FAILED);
  data_ = static_cast<std::byte*>(mapped);
  if (!huge) return;
  const size_t before =
      round_up(reinterpret_cast<uintptr_t>(mapped), kHugePageBytes) - reinterpret_cast<uintptr_t>(mapped);
  data_ += before;
  if (before) ::munmap(mapped, before);
  ::munmap(data_ + bytes_, kHugePageBytes - before);
  ::madvise(data_, bytes_, MADV_HUGEPAGE);  // if not granted, it works as well
}

void Pages::reset() {
  if (data_) ::munmap(data_, bytes_);
  data_ = nullptr;
  bytes_ = 0;
}

void Pages::give_back(size_t begin, size_t end) {
  begin = round_up(begin, kHugePageBytes);
  end = end / kHugePageBytes * kHugePageBytes;
  if (begin < end) ::madvise(data_ + begin, end - begin, MADV_DONTNEED);
}

}  // namespace sluice
