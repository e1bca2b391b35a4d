// SPDX-License-Identifier: Apache-2.0
// zlib, brotli and zstd behind one interface: streams of bytes that are pressed or unpressed piece by piece. No V8 here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace sluice::jsapi {

// As jsapi/node/zlib.js numbers them (Node's own numbers).
enum class CoderMode : uint8_t {
  kNone, kDeflate, kInflate, kGzip, kGunzip, kDeflateRaw, kInflateRaw, kUnzip, kBrotliDecode, kBrotliEncode, kZstdCompress, kZstdDecompress
};

// In the words of node:zlib: { message, errno, code }. Empty code: none.
struct CoderError {
  std::string message, code;
  int number = 0;
  explicit operator bool() const { return !code.empty(); }
};

struct CoderOptions {
  int level = -1, window_bits = 15, memory_level = 8, strategy = 0;
  std::vector<uint8_t> dictionary;
  std::vector<std::pair<int, uint32_t>> parameters;  // of brotli and zstd
  uint64_t pledged_bytes = UINT64_MAX;               // of zstd: the size of the whole, if known
  bool reject_garbage_after_end = false;
};

// One stream. Any thread, one at a time.
class Coder {
 public:
  virtual ~Coder() = default;
  // Works until the input is used up, the output is full, or the stream has ended; shortens both spans by what was used.
  virtual CoderError run(int flush, std::span<const uint8_t>& input, std::span<uint8_t>& output) = 0;
  virtual CoderError reset() = 0;
  virtual CoderError set_parameters(int, int) { return {}; }
};

// nullptr with `error` when the library refuses.
std::unique_ptr<Coder> make_coder(CoderMode mode, CoderOptions options, CoderError& error);
// Bytes that a coder holds, roughly.
int64_t coder_bytes(CoderMode mode);

}  // namespace sluice::jsapi
