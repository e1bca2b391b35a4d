// SPDX-License-Identifier: Apache-2.0
// Import attributes for an engine that only knows their elder spelling: `import x from "y" with { type: "json" }` is handed to it as
// `assert { ... }`, and the second argument of import() is turned likewise. Lines keep their numbers.
#pragma once
#include <string>

namespace sluice::runtime {

// Rewrites `text` in place; false: there was nothing to rewrite.
bool rewrite_import_attributes(std::string& text);

}  // namespace sluice::runtime
