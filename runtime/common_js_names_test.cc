// SPDX-License-Identifier: Apache-2.0
// Which names are found in the text of CommonJS files, as bundlers and people write them.
#include <gtest/gtest.h>

#include "runtime/module_loader.hh"

namespace sluice::runtime {
namespace {

using Names = std::vector<std::string>;

Names names(std::string_view source) {
  Names reexports;
  return common_js_export_names(source, reexports);
}

Names reexports(std::string_view source) {
  Names found;
  common_js_export_names(source, found);
  return found;
}

TEST(CommonJsNames, Assignments) {
  EXPECT_EQ(names("exports.a = 1; module.exports.b = 2; exports['c'] = 3;"), (Names{"a", "b", "c"}));
  EXPECT_EQ(names("exports.a = exports.b = void 0;"), (Names{"a", "b"}));
  EXPECT_EQ(names("exports.a = 1; exports.a = 2;"), Names{"a"});
  EXPECT_EQ(names("exports.$x_1=1"), Names{"$x_1"});
}

TEST(CommonJsNames, WhatIsNoAssignment) {
  EXPECT_EQ(names("if (exports.a === 1) log(exports.b);"), Names{});
  EXPECT_EQ(names("my.exports.a = 1; myexports.b = 2;"), Names{});
  EXPECT_EQ(names("// exports.a = 1\n/* exports.b = 2 */ 'exports.c = 3'; `exports.d = 4`"), Names{});
  EXPECT_EQ(names("exports.default = 1; exports.__esModule = true;"), Names{"__esModule"});
}

TEST(CommonJsNames, ObjectLiterals) {
  EXPECT_EQ(names("module.exports = { a, b: 1, 'c': { x: 1, y: [1, 2] }, d() { return { z: 1 }; }, get e() { "
                  "return 1; }, f };"),
            (Names{"a", "b", "c", "d", "e", "f"}));
  EXPECT_EQ(names("module.exports = {};"), Names{});
  EXPECT_EQ(names("module.exports = { ...require('./x'), a };"), Names{"a"});
  EXPECT_EQ(reexports("module.exports = { ...require('./x'), a };"), Names{"./x"});
}

TEST(CommonJsNames, DefinedProperties) {
  EXPECT_EQ(names("Object.defineProperty(exports, '__esModule', { value: true });\n"
                  "Object.defineProperty(exports, \"helper\", { enumerable: true, get: function () { return "
                  "x; } });"),
            (Names{"__esModule", "helper"}));
}

TEST(CommonJsNames, Reexports) {
  EXPECT_EQ(reexports("module.exports = require('./lib/main');"), Names{"./lib/main"});
  EXPECT_EQ(
      reexports("__exportStar(require(\"./a\"), exports); tslib.__exportStar(require('./b'), exports);"),
      (Names{"./a", "./b"}));
  EXPECT_EQ(reexports("const x = require('./no');"), Names{});
}

TEST(CommonJsNames, EndsOnWhatIsCutOff) {
  for (const char* source :
       {"exports", "exports.", "exports.a", "module.exports = {", "module.exports = { a: [", "exports['a",
        "/* ", "'", "module.exports = { ...", "Object.defineProperty(exports, "})
    names(source);
}

}  // namespace
}  // namespace sluice::runtime
