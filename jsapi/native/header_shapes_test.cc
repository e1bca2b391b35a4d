// SPDX-License-Identifier: Apache-2.0
#include "jsapi/native/header_shapes.hh"

#include <gtest/gtest.h>

namespace sluice::jsapi {
namespace {

using Fields = std::vector<http::HeaderField>;

TEST(HeaderShapes, SameNamesInTheSameOrderAreOneShapeFromTheSecondTimeOn) {
  HeaderShapes shapes;
  const Fields first = {{"Host", "a"}, {"Accept", "b"}}, second = {{"Host", "other"}, {"Accept", ""}};
  EXPECT_EQ(shapes.find(first), HeaderShapes::kNoShape);
  const int32_t shape = shapes.find(second);
  ASSERT_NE(shape, HeaderShapes::kNoShape);
  EXPECT_EQ(shapes.find(first), shape);
  EXPECT_EQ(shapes.names(shape), (std::vector<std::string>{"host", "accept"}));
}

TEST(HeaderShapes, OtherNamesOrderOrCaseAreOtherShapes) {
  HeaderShapes shapes;
  const Fields all[] = {
      {{"Host", "a"}, {"Accept", "b"}},   {{"Accept", "b"}, {"Host", "a"}},
      {{"host", "a"}, {"Accept", "b"}},   {{"Host", "a"}},
      {{"Host", "a"}, {"Accept-X", "b"}}, {{"Content-Length", "1"}, {"Content-Lengto", "2"}}};
  for (const Fields& fields : all) shapes.find(fields);
  std::vector<int32_t> found;
  for (const Fields& fields : all) found.push_back(shapes.find(fields));
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i] == HeaderShapes::kNoShape) continue;  // two of one place
    ASSERT_EQ(shapes.names(found[i]).size(), all[i].size());
    for (size_t j = 0; j < all[i].size(); ++j)
      EXPECT_EQ(shapes.names(found[i])[j], lower_case(all[i][j].name));
  }
}

TEST(HeaderShapes, AreBounded) {
  HeaderShapes shapes;
  for (int round = 0; round < 2; ++round)
    for (uint32_t i = 0; i < 4 * HeaderShapes::kShapesLimit; ++i) {
      const std::string name = "X-" + std::to_string(i);
      const Fields fields = {{name, "v"}};
      shapes.find(fields);
      shapes.find(fields);
    }
  EXPECT_LE(shapes.size(), HeaderShapes::kShapesLimit);
  EXPECT_GT(shapes.size(), HeaderShapes::kShapesLimit / 2);
  const Fields many(HeaderShapes::kHeadersLimit + 1, {"A", "b"});
  shapes.find(many);
  EXPECT_EQ(shapes.find(many), HeaderShapes::kNoShape);
}

}  // namespace
}  // namespace sluice::jsapi
