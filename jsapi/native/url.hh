// SPDX-License-Identifier: Apache-2.0
// Parsing of URLs (URL Standard) for `URL`, by the ada library that libnode carries.
#pragma once
#include <v8.h>

#include "runtime/native_module.hh"

namespace sluice::jsapi {

// Fills internalBinding('url'):
//   urlParse(text, base?) -> [href, protocol, username, password, host, hostname, port, pathname, search, hash, origin],
//     undefined when it is no URL
//   urlSet(href, which, value) -> the same with one part changed (its position in that list), undefined when it cannot be
void install_url(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host);

}  // namespace sluice::jsapi
