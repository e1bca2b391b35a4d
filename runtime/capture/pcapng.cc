// SPDX-License-Identifier: Apache-2.0
#include "runtime/capture/pcapng.hh"

#include <cstring>

namespace sluice::runtime::pcapng {

namespace {

constexpr uint32_t kSection = 0x0a0d0d0a, kInterface = 1, kStatistics = 5, kEnhancedPacket = 6;
constexpr uint16_t kEthernet = 1;
constexpr uint16_t kEndOfOptions = 0, kApplication = 4, kName = 2, kTimeResolution = 9, kFrameFlags = 2,
                   kReceived = 4, kDropped = 7;

template <typename T>
void put(std::string& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof bytes);
}
void put_padded(std::string& out, std::string_view bytes) {
  out.append(bytes);
  out.append((4 - bytes.size() % 4) % 4, '\0');
}
void put_option(std::string& out, uint16_t code, std::string_view value) {
  put(out, code);
  put(out, static_cast<uint16_t>(value.size()));
  put_padded(out, value);
}
template <typename T>
void put_number(std::string& out, uint16_t code, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  put_option(out, code, {bytes, sizeof bytes});
}
void put_time(std::string& out, uint64_t time_ns) {
  put(out, static_cast<uint32_t>(time_ns >> 32));
  put(out, static_cast<uint32_t>(time_ns));
}

// A block has its length at both ends, so that files can be read backwards.
size_t begin_block(std::string& out, uint32_t type) {
  const size_t begin = out.size();
  put(out, type);
  put(out, uint32_t{0});
  return begin;
}
void end_block(std::string& out, size_t begin) {
  const auto length = static_cast<uint32_t>(out.size() - begin + sizeof(uint32_t));
  put(out, length);
  std::memcpy(out.data() + begin + sizeof(uint32_t), &length, sizeof length);
}

}  // namespace

void append_section(std::string& out, std::string_view application) {
  const size_t begin = begin_block(out, kSection);
  put(out, uint32_t{0x1a2b3c4d});  // tells the byte order
  put(out, uint16_t{1});
  put(out, uint16_t{0});
  put(out, uint64_t{UINT64_MAX});  // length unknown
  put_option(out, kApplication, application);
  put_option(out, kEndOfOptions, {});
  end_block(out, begin);
}

void append_interface(std::string& out, std::string_view name, uint32_t snap_bytes) {
  const size_t begin = begin_block(out, kInterface);
  put(out, kEthernet);
  put(out, uint16_t{0});
  put(out, snap_bytes);
  put_option(out, kName, name);
  put_number(out, kTimeResolution, uint8_t{9});  // 10^-9 s
  put_option(out, kEndOfOptions, {});
  end_block(out, begin);
}

void append_frame(std::string& out, uint32_t interface_number, uint64_t time_ns, bool outgoing,
                  std::span<const std::byte> bytes, uint32_t original_bytes) {
  const size_t begin = begin_block(out, kEnhancedPacket);
  put(out, interface_number);
  put_time(out, time_ns);
  put(out, static_cast<uint32_t>(bytes.size()));
  put(out, original_bytes);
  put_padded(out, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  put_number(out, kFrameFlags, uint32_t{outgoing ? 2u : 1u});
  put_option(out, kEndOfOptions, {});
  end_block(out, begin);
}

void append_statistics(std::string& out, uint32_t interface_number, uint64_t time_ns, uint64_t written,
                       uint64_t dropped) {
  const size_t begin = begin_block(out, kStatistics);
  put(out, interface_number);
  put_time(out, time_ns);
  put_number(out, kReceived, written + dropped);
  put_number(out, kDropped, dropped);
  put_option(out, kEndOfOptions, {});
  end_block(out, begin);
}

}  // namespace sluice::runtime::pcapng
