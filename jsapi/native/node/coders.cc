// SPDX-License-Identifier: Apache-2.0
#include "jsapi/native/node/coders.hh"

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <climits>

namespace sluice::jsapi {

namespace {

constexpr const char* kInitialization = "ERR_ZLIB_INITIALIZATION_FAILED";

const char* zlib_code(int number) {
  switch (number) {
    case Z_OK: return "Z_OK";
    case Z_STREAM_END: return "Z_STREAM_END";
    case Z_NEED_DICT: return "Z_NEED_DICT";
    case Z_ERRNO: return "Z_ERRNO";
    case Z_STREAM_ERROR: return "Z_STREAM_ERROR";
    case Z_DATA_ERROR: return "Z_DATA_ERROR";
    case Z_MEM_ERROR: return "Z_MEM_ERROR";
    case Z_BUF_ERROR: return "Z_BUF_ERROR";
    case Z_VERSION_ERROR: return "Z_VERSION_ERROR";
    default: return "Z_UNKNOWN";
  }
}

// deflate, gzip and their raw form (RFC 1950, 1951, 1952).
class ZlibCoder final : public Coder {
 public:
  ZlibCoder(CoderMode mode, CoderOptions options) : mode_(mode), options_(std::move(options)) {}
  ~ZlibCoder() override { end(); }

  CoderError start() {
    number_ = Z_OK;
    if (compresses()) {
      int bits = options_.window_bits;
      if (mode_ == CoderMode::kGzip) bits += 16;
      if (mode_ == CoderMode::kDeflateRaw) bits = -bits;
      number_ = ::deflateInit2(&stream_, options_.level, Z_DEFLATED, bits, options_.memory_level, options_.strategy);
    } else {
      number_ = ::inflateInit2(&stream_, inflate_bits());
    }
    if (number_ != Z_OK) return {"Initialization failed", kInitialization, number_};
    live_ = true;
    return set_dictionary();
  }

  CoderError run(int flush, std::span<const uint8_t>& input, std::span<uint8_t>& output) override {
    // The library counts in 32 bits.
    const size_t input_now = std::min<size_t>(input.size(), UINT_MAX), output_now = std::min<size_t>(output.size(), UINT_MAX);
    stream_.next_in = const_cast<uint8_t*>(input.data());
    stream_.avail_in = static_cast<unsigned>(input_now);
    stream_.next_out = output.data();
    stream_.avail_out = static_cast<unsigned>(output_now);
    if (input_now < input.size() && flush == Z_FINISH) flush = Z_NO_FLUSH;
    if (compresses()) number_ = ::deflate(&stream_, flush);
    else decompress(flush);
    const CoderError error = failure(flush);
    input = input.subspan(input_now - stream_.avail_in);
    output = output.subspan(output_now - stream_.avail_out);
    return error;
  }

  CoderError reset() override {
    number_ = compresses() ? ::deflateReset(&stream_) : ::inflateReset(&stream_);
    if (number_ != Z_OK) return described("Failed to reset stream");
    if (was_unzip_) {
      mode_ = CoderMode::kUnzip;
      magic_read_ = 0;
      number_ = ::inflateReset2(&stream_, inflate_bits());
    }
    ended_ = false;
    return set_dictionary();
  }

  CoderError set_parameters(int level, int strategy) override {
    if (!compresses()) return {};
    number_ = ::deflateParams(&stream_, level, strategy);
    if (number_ != Z_OK && number_ != Z_BUF_ERROR) return described("Failed to set parameters");
    number_ = Z_OK;
    return {};
  }

 private:
  bool compresses() const {
    return mode_ == CoderMode::kDeflate || mode_ == CoderMode::kGzip || mode_ == CoderMode::kDeflateRaw;
  }
  int inflate_bits() const {
    const int bits = options_.window_bits;
    switch (mode_) {
      case CoderMode::kGunzip: return bits + 16;
      case CoderMode::kUnzip: return bits + 32;
      case CoderMode::kInflateRaw: return -bits;
      default: return bits;
    }
  }
  CoderError set_dictionary() {
    if (options_.dictionary.empty()) return {};
    const auto size = static_cast<unsigned>(options_.dictionary.size());
    if (mode_ == CoderMode::kDeflate || mode_ == CoderMode::kDeflateRaw)
      number_ = ::deflateSetDictionary(&stream_, options_.dictionary.data(), size);
    else if (mode_ == CoderMode::kInflateRaw)
      number_ = ::inflateSetDictionary(&stream_, options_.dictionary.data(), size);
    if (number_ != Z_OK) return described("Failed to set dictionary");
    return {};
  }
  CoderError described(const char* message) const {
    return {stream_.msg != nullptr ? stream_.msg : message, zlib_code(number_), number_};
  }

  void decompress(int flush) {
    if (mode_ == CoderMode::kUnzip && !sniff()) return;
    number_ = ::inflate(&stream_, flush);
    if (mode_ != CoderMode::kInflateRaw && number_ == Z_NEED_DICT && !options_.dictionary.empty()) {
      number_ = ::inflateSetDictionary(&stream_, options_.dictionary.data(), static_cast<unsigned>(options_.dictionary.size()));
      if (number_ == Z_OK) number_ = ::inflate(&stream_, flush);
      else if (number_ == Z_DATA_ERROR) number_ = Z_NEED_DICT;  // so that it is told from damaged data
    }
    // Members of gzip may follow one another (RFC 1952 section 2.2); zeros after the last one are padding.
    while (stream_.avail_in > 0 && mode_ == CoderMode::kGunzip && number_ == Z_STREAM_END && stream_.next_in[0] != 0 &&
           !(options_.reject_garbage_after_end && stream_.next_in[0] != kMagic[0])) {
      ::inflateReset(&stream_);
      number_ = ::inflate(&stream_, flush);
    }
  }
  // Whether it is gzip, from its first two bytes, which may come one by one.
  bool sniff() {
    for (unsigned i = magic_read_; i < 2; ++i) {
      if (stream_.avail_in <= i - magic_read_) {
        // Fed to inflate, which looks for the header by itself.
        break;
      }
      if (stream_.next_in[i - magic_read_] != kMagic[i]) {
        mode_ = CoderMode::kInflate;
        was_unzip_ = true;
        return true;
      }
      if (i == 1) {
        mode_ = CoderMode::kGunzip;
        was_unzip_ = true;
        return true;
      }
    }
    magic_read_ += std::min(stream_.avail_in, 2U - magic_read_);
    return true;
  }

  CoderError failure(int flush) const {
    switch (number_) {
      case Z_OK:
      case Z_BUF_ERROR:
        if (stream_.avail_out != 0 && flush == Z_FINISH) return {"unexpected end of file", "Z_BUF_ERROR", Z_BUF_ERROR};
        return {};
      case Z_STREAM_END: return {};
      case Z_NEED_DICT:
        return {options_.dictionary.empty() ? "Missing dictionary" : "Bad dictionary", "Z_NEED_DICT", Z_NEED_DICT};
      default: return described("Zlib error");
    }
  }
  void end() {
    if (!live_) return;
    if (compresses()) ::deflateEnd(&stream_);
    else ::inflateEnd(&stream_);
    live_ = false;
  }

  static constexpr uint8_t kMagic[2] = {0x1f, 0x8b};
  CoderMode mode_;
  CoderOptions options_;
  z_stream stream_{};
  int number_ = Z_OK;
  unsigned magic_read_ = 0;
  bool live_ = false, ended_ = false, was_unzip_ = false;
};

class BrotliEncoder final : public Coder {
 public:
  explicit BrotliEncoder(CoderOptions options) : options_(std::move(options)) {}
  ~BrotliEncoder() override { ::BrotliEncoderDestroyInstance(state_); }
  CoderError reset() override {
    ::BrotliEncoderDestroyInstance(state_);
    state_ = ::BrotliEncoderCreateInstance(nullptr, nullptr, nullptr);
    if (state_ == nullptr) return {"Could not initialize Brotli instance", kInitialization, -1};
    for (const auto& [key, value] : options_.parameters)
      if (!::BrotliEncoderSetParameter(state_, static_cast<BrotliEncoderParameter>(key), value))
        return {"Initialization failed", kInitialization, -1};
    return {};
  }
  CoderError run(int flush, std::span<const uint8_t>& input, std::span<uint8_t>& output) override {
    size_t input_left = input.size(), output_left = output.size();
    const uint8_t* input_at = input.data();
    uint8_t* output_at = output.data();
    const bool fine = ::BrotliEncoderCompressStream(state_, static_cast<BrotliEncoderOperation>(flush), &input_left, &input_at,
                                                    &output_left, &output_at, nullptr);
    input = input.subspan(input.size() - input_left);
    output = output.subspan(output.size() - output_left);
    if (!fine) return {"Compression failed", "ERR_BROTLI_COMPRESSION_FAILED", -1};
    return {};
  }

 private:
  CoderOptions options_;
  BrotliEncoderState* state_ = nullptr;
};

class BrotliDecoder final : public Coder {
 public:
  explicit BrotliDecoder(CoderOptions options) : options_(std::move(options)) {}
  ~BrotliDecoder() override { ::BrotliDecoderDestroyInstance(state_); }
  CoderError reset() override {
    ::BrotliDecoderDestroyInstance(state_);
    state_ = ::BrotliDecoderCreateInstance(nullptr, nullptr, nullptr);
    if (state_ == nullptr) return {"Could not initialize Brotli instance", kInitialization, -1};
    for (const auto& [key, value] : options_.parameters)
      if (!::BrotliDecoderSetParameter(state_, static_cast<BrotliDecoderParameter>(key), value))
        return {"Initialization failed", kInitialization, -1};
    return {};
  }
  CoderError run(int flush, std::span<const uint8_t>& input, std::span<uint8_t>& output) override {
    size_t input_left = input.size(), output_left = output.size();
    const uint8_t* input_at = input.data();
    uint8_t* output_at = output.data();
    const BrotliDecoderResult result =
        ::BrotliDecoderDecompressStream(state_, &input_left, &input_at, &output_left, &output_at, nullptr);
    input = input.subspan(input.size() - input_left);
    output = output.subspan(output.size() - output_left);
    if (result == BROTLI_DECODER_RESULT_ERROR) {
      const BrotliDecoderErrorCode number = ::BrotliDecoderGetErrorCode(state_);
      // The library's text is the name with or without the part before its kind, by its version.
      std::string name = ::BrotliDecoderErrorString(number);
      if (!name.starts_with("_")) name = (name.starts_with("ERROR_") ? "_" : "_ERROR_FORMAT_") + name;
      return {"Decompression failed", "ERR_" + name, static_cast<int>(number)};
    }
    if (flush == BROTLI_OPERATION_FINISH && result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT)
      return {"unexpected end of file", "Z_BUF_ERROR", Z_BUF_ERROR};
    return {};
  }

 private:
  CoderOptions options_;
  BrotliDecoderState* state_ = nullptr;
};

#define SLUICE_ZSTD_ERRORS(X)                                                                                                    \
  X(no_error) X(GENERIC) X(prefix_unknown) X(version_unsupported) X(frameParameter_unsupported)                                  \
  X(frameParameter_windowTooLarge) X(corruption_detected) X(checksum_wrong) X(dictionary_corrupted) X(dictionary_wrong)          \
  X(dictionaryCreation_failed) X(parameter_unsupported) X(parameter_outOfBound) X(tableLog_tooLarge) X(maxSymbolValue_tooLarge)  \
  X(maxSymbolValue_tooSmall) X(stage_wrong) X(init_missing) X(memory_allocation) X(workSpace_tooSmall) X(dstSize_tooSmall)       \
  X(srcSize_wrong) X(dstBuffer_null)

const char* zstd_code(ZSTD_ErrorCode code) {
  switch (code) {
#define SLUICE_ZSTD_CASE(name) \
  case ZSTD_error_##name: return "ZSTD_error_" #name;
    SLUICE_ZSTD_ERRORS(SLUICE_ZSTD_CASE)
#undef SLUICE_ZSTD_CASE
    default: return "ZSTD_error_GENERIC";
  }
}
CoderError zstd_failure(size_t result) {
  const ZSTD_ErrorCode code = ::ZSTD_getErrorCode(result);
  return {::ZSTD_getErrorString(code), zstd_code(code), static_cast<int>(code)};
}

class ZstdCompressor final : public Coder {
 public:
  explicit ZstdCompressor(CoderOptions options) : options_(std::move(options)) {}
  ~ZstdCompressor() override { ::ZSTD_freeCCtx(state_); }
  CoderError reset() override {
    ::ZSTD_freeCCtx(state_);
    state_ = ::ZSTD_createCCtx();
    if (state_ == nullptr) return {"Could not initialize zstd instance", kInitialization, -1};
    for (const auto& [key, value] : options_.parameters)
      if (::ZSTD_isError(::ZSTD_CCtx_setParameter(state_, static_cast<ZSTD_cParameter>(key), static_cast<int>(value))))
        return {"Setting parameter failed", kInitialization, -1};
    if (::ZSTD_isError(::ZSTD_CCtx_setPledgedSrcSize(state_, options_.pledged_bytes)))
      return {"Could not set pledged src size", kInitialization, -1};
    if (!options_.dictionary.empty() &&
        ::ZSTD_isError(::ZSTD_CCtx_loadDictionary(state_, options_.dictionary.data(), options_.dictionary.size())))
      return {"Failed to load zstd dictionary", kInitialization, -1};
    return {};
  }
  CoderError run(int flush, std::span<const uint8_t>& input, std::span<uint8_t>& output) override {
    ZSTD_inBuffer from{input.data(), input.size(), 0};
    ZSTD_outBuffer to{output.data(), output.size(), 0};
    const size_t result = ::ZSTD_compressStream2(state_, &to, &from, static_cast<ZSTD_EndDirective>(flush));
    input = input.subspan(from.pos);
    output = output.subspan(to.pos);
    if (::ZSTD_isError(result)) return zstd_failure(result);
    return {};
  }

 private:
  CoderOptions options_;
  ZSTD_CCtx* state_ = nullptr;
};

class ZstdDecompressor final : public Coder {
 public:
  explicit ZstdDecompressor(CoderOptions options) : options_(std::move(options)) {}
  ~ZstdDecompressor() override { ::ZSTD_freeDCtx(state_); }
  CoderError reset() override {
    ::ZSTD_freeDCtx(state_);
    state_ = ::ZSTD_createDCtx();
    within_frame_ = false;
    if (state_ == nullptr) return {"Could not initialize zstd instance", kInitialization, -1};
    for (const auto& [key, value] : options_.parameters)
      if (::ZSTD_isError(::ZSTD_DCtx_setParameter(state_, static_cast<ZSTD_dParameter>(key), static_cast<int>(value))))
        return {"Setting parameter failed", kInitialization, -1};
    if (!options_.dictionary.empty() &&
        ::ZSTD_isError(::ZSTD_DCtx_loadDictionary(state_, options_.dictionary.data(), options_.dictionary.size())))
      return {"Failed to load zstd dictionary", kInitialization, -1};
    return {};
  }
  CoderError run(int flush, std::span<const uint8_t>& input, std::span<uint8_t>& output) override {
    ZSTD_inBuffer from{input.data(), input.size(), 0};
    ZSTD_outBuffer to{output.data(), output.size(), 0};
    // Frames may follow one another (RFC 8878 section 3).
    while (from.pos < from.size || within_frame_) {
      const size_t in_before = from.pos, out_before = to.pos;
      const size_t result = ::ZSTD_decompressStream(state_, &to, &from);
      if (::ZSTD_isError(result)) {
        input = input.subspan(from.pos);
        output = output.subspan(to.pos);
        return zstd_failure(result);
      }
      within_frame_ = result != 0;
      if (to.pos == to.size || (from.pos == in_before && to.pos == out_before)) break;
    }
    input = input.subspan(from.pos);
    output = output.subspan(to.pos);
    if (flush == ZSTD_e_end && within_frame_ && input.empty() && !output.empty())
      return {"unexpected end of file", "Z_BUF_ERROR", Z_BUF_ERROR};
    return {};
  }

 private:
  CoderOptions options_;
  ZSTD_DCtx* state_ = nullptr;
  bool within_frame_ = false;
};

template <typename T>
std::unique_ptr<Coder> started(std::unique_ptr<T> coder, CoderError& error) {
  error = coder->reset();
  if (error) return nullptr;
  return coder;
}

}  // namespace

std::unique_ptr<Coder> make_coder(CoderMode mode, CoderOptions options, CoderError& error) {
  switch (mode) {
    case CoderMode::kBrotliEncode: return started(std::make_unique<BrotliEncoder>(std::move(options)), error);
    case CoderMode::kBrotliDecode: return started(std::make_unique<BrotliDecoder>(std::move(options)), error);
    case CoderMode::kZstdCompress: return started(std::make_unique<ZstdCompressor>(std::move(options)), error);
    case CoderMode::kZstdDecompress: return started(std::make_unique<ZstdDecompressor>(std::move(options)), error);
    default: {
      auto coder = std::make_unique<ZlibCoder>(mode, std::move(options));
      error = coder->start();
      if (error) return nullptr;
      return coder;
    }
  }
}

int64_t coder_bytes(CoderMode mode) {
  switch (mode) {
    case CoderMode::kDeflate:
    case CoderMode::kGzip:
    case CoderMode::kDeflateRaw: return 268 << 10;
    case CoderMode::kBrotliEncode: return 1 << 20;
    case CoderMode::kZstdCompress: return 1 << 20;
    case CoderMode::kZstdDecompress: return 256 << 10;
    default: return 48 << 10;
  }
}

}  // namespace sluice::jsapi
