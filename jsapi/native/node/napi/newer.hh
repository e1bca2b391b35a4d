// SPDX-License-Identifier: Apache-2.0
// Declarations of functions of Node-API that are younger than the public headers beside V8: version 10, and such as
// Node still calls experimental.
#pragma once
#include "jsapi/native/node/napi/env.hh"

extern "C" {

NAPI_EXTERN napi_status node_api_create_property_key_latin1(napi_env env, const char* text, size_t length,
                                                            napi_value* result);
NAPI_EXTERN napi_status node_api_create_property_key_utf8(napi_env env, const char* text, size_t length,
                                                          napi_value* result);
NAPI_EXTERN napi_status node_api_create_property_key_utf16(napi_env env, const char16_t* text, size_t length,
                                                           napi_value* result);
NAPI_EXTERN napi_status node_api_create_buffer_from_arraybuffer(napi_env env, napi_value memory,
                                                                size_t byte_offset, size_t byte_length,
                                                                napi_value* result);
NAPI_EXTERN napi_status node_api_set_prototype(napi_env env, napi_value object, napi_value prototype);
NAPI_EXTERN napi_status node_api_create_object_with_properties(napi_env env, napi_value prototype,
                                                               napi_value* names, napi_value* values,
                                                               size_t count, napi_value* result);
NAPI_EXTERN napi_status node_api_is_sharedarraybuffer(napi_env env, napi_value value, bool* result);
NAPI_EXTERN napi_status node_api_create_sharedarraybuffer(napi_env env, size_t byte_length, void** data,
                                                          napi_value* result);

}  // extern "C"
