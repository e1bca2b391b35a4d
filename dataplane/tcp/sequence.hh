// SPDX-License-Identifier: Apache-2.0
// Arithmetic of sequence numbers, which wrap at 2^32 (RFC 9293 section 3.4), and of 32-bit times, which do
// the same.
#pragma once
#include <cstdint>

namespace sluice::tcp {

using Sequence = uint32_t;

constexpr bool before(Sequence a, Sequence b) { return static_cast<int32_t>(a - b) < 0; }
constexpr bool at_or_before(Sequence a, Sequence b) { return static_cast<int32_t>(a - b) <= 0; }
constexpr bool after(Sequence a, Sequence b) { return static_cast<int32_t>(a - b) > 0; }
constexpr bool at_or_after(Sequence a, Sequence b) { return static_cast<int32_t>(a - b) >= 0; }
constexpr Sequence earlier(Sequence a, Sequence b) { return before(a, b) ? a : b; }
constexpr Sequence later(Sequence a, Sequence b) { return after(a, b) ? a : b; }

}  // namespace sluice::tcp
