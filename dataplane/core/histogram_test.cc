// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/histogram.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace sluice {
namespace {

TEST(Histogram, IsEmptyAtFirst) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.percentile_ns(50), 0u);
  EXPECT_EQ(histogram.min_ns(), 0u);
  EXPECT_EQ(histogram.max_ns(), 0u);
}

TEST(Histogram, KeepsThreeDigitsOverTheWholeRange) {
  for (uint64_t value = 1; value < Histogram::kHighestNs; value += 1 + value / 7) {
    Histogram histogram;
    histogram.record(1);
    histogram.record(value);
    histogram.record(Histogram::kHighestNs);
    const uint64_t read = histogram.percentile_ns(60);
    EXPECT_GE(read, value);
    EXPECT_LE(static_cast<double>(read - value), static_cast<double>(value) / 1000) << value;
  }
}

TEST(Histogram, AgreesWithASortedList) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> durations(11, 2);
  Histogram histogram;
  std::vector<uint64_t> all;
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t value = static_cast<uint64_t>(durations(random));
    all.push_back(value);
    histogram.record(value);
  }
  std::sort(all.begin(), all.end());
  for (double percentile : {0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const size_t at = percentile == 0 ? 0 : static_cast<size_t>(std::ceil(percentile / 100 * 20'000)) - 1;
    EXPECT_NEAR(static_cast<double>(histogram.percentile_ns(percentile)), static_cast<double>(all[at]),
                static_cast<double>(all[at]) / 1000 + 1)
        << percentile;
  }
  EXPECT_EQ(histogram.min_ns(), all.front());
  EXPECT_EQ(histogram.max_ns(), all.back());
  const size_t below = static_cast<size_t>(std::upper_bound(all.begin(), all.end(), 100'000u) - all.begin());
  EXPECT_NEAR(static_cast<double>(histogram.count_at_most(100'000)), static_cast<double>(below), 40);
}

TEST(Histogram, CountsWhatIsTooLongAtTheTop) {
  Histogram histogram;
  histogram.record(UINT64_MAX);
  EXPECT_EQ(histogram.count(), 1u);
  EXPECT_EQ(histogram.saturated(), 1u);
  EXPECT_EQ(histogram.max_ns(), Histogram::kHighestNs);
  EXPECT_EQ(histogram.percentile_ns(100), Histogram::kHighestNs);
}

TEST(Histogram, Merges) {
  Histogram a, b, both;
  for (uint64_t i = 1; i <= 1000; ++i) {
    (i % 2 ? a : b).record(i * 1000);
    both.record(i * 1000);
  }
  a.merge(b);
  EXPECT_EQ(a.count(), 1000u);
  EXPECT_EQ(a.sum_ns(), both.sum_ns());
  EXPECT_EQ(a.min_ns(), 1000u);
  EXPECT_EQ(a.max_ns(), 1'000'000u);
  for (double percentile : {10.0, 50.0, 99.0})
    EXPECT_EQ(a.percentile_ns(percentile), both.percentile_ns(percentile));
  a.reset();
  EXPECT_EQ(a.count(), 0u);
  EXPECT_EQ(a.percentile_ns(50), 0u);
}

TEST(Histogram, CorrectsForCoordinatedOmission) {
  Histogram histogram;
  histogram.record_corrected(1'000'000, 100'000);  // held up nine more that should have been sent meanwhile
  EXPECT_EQ(histogram.count(), 10u);
  EXPECT_EQ(histogram.min_ns(), 100'000u);
  EXPECT_NEAR(histogram.mean_ns(), 550'000, 1);
  histogram.record_corrected(100'000, 100'000);
  EXPECT_EQ(histogram.count(), 11u);
}

}  // namespace
}  // namespace sluice
