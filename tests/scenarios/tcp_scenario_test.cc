// SPDX-License-Identifier: Apache-2.0
// TCP on hostile wires, seed by seed. A failing seed is replayed by `./dev test sim --seed S`.
#include "tests/scenarios/tcp_scenario.hh"

#include <gtest/gtest.h>

namespace sluice::scenarios {
namespace {

class HostileWire : public testing::TestWithParam<uint64_t> {};

TEST_P(HostileWire, EveryByteArrivesInOrderAndNothingIsLeft) {
  // Ten seeds a case: a case each would be mostly the test program's own noise.
  for (uint64_t seed = GetParam() * 10 + 1; seed <= GetParam() * 10 + 10; ++seed) {
    const std::string wrong = run_tcp_scenario(seed);
    EXPECT_TRUE(wrong.empty()) << "seed " << seed << ": " << wrong;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, HostileWire, testing::Range<uint64_t>(0, 100));

}  // namespace
}  // namespace sluice::scenarios
