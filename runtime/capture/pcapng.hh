// SPDX-License-Identifier: Apache-2.0
// The blocks of a pcapng file (draft-ietf-opsawg-pcapng), as Wireshark and tcpdump read it: appended to a text in the
// machine's own byte order. Times are nanoseconds since 1970.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::runtime::pcapng {

// The head of the file (section 4.1).
void append_section(std::string& out, std::string_view application);
// An Ethernet interface; the first one described has number 0 (section 4.2).
void append_interface(std::string& out, std::string_view name, uint32_t snap_bytes);
// One frame, of which `bytes` were kept (section 4.3).
void append_frame(std::string& out, uint32_t interface_number, uint64_t time_ns, bool outgoing,
                  std::span<const std::byte> bytes, uint32_t original_bytes);
// What became of an interface's frames, at the end of the file (section 4.6).
void append_statistics(std::string& out, uint32_t interface_number, uint64_t time_ns, uint64_t written,
                       uint64_t dropped);

}  // namespace sluice::runtime::pcapng
