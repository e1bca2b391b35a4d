// SPDX-License-Identifier: Apache-2.0
// Errors as text for people: where they happened, the line of source, what points at it, the stack.
#pragma once
#include <v8.h>

#include <string>
#include <string_view>

namespace sluice::runtime {

// "file:line\nsource line\n    ^^^\n" of a message, or empty when it has no place in a script of the user.
std::string arrow_of(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Message> message);

// Keeps the arrow with the error object, so that it is still known when the error surfaces as a rejection.
void remember_arrow(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Value> error,
                    v8::Local<v8::Message> message);
void set_arrow(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Value> error,
               const std::string& arrow);
// The same for a place in a text at hand; line and column from 0.
std::string arrow_at(const std::string& file, std::string_view text, int line, int column, int width);
// Puts the arrow before the error's stack, once; it is not shown again then.
void decorate_stack(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Value> error,
                    v8::Local<v8::Message> message);
std::string remembered_arrow(v8::Isolate* isolate, v8::Local<v8::Context> context,
                             v8::Local<v8::Value> error);

// The whole report of an uncaught error; `shown` is the error as text (its stack, usually). `message` may be empty.
std::string uncaught_report(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Value> error,
                            v8::Local<v8::Message> message, const std::string& shown);

// Arrow and stack, without calling any JavaScript of the runtime.
std::string describe_caught(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::TryCatch& caught);

// "    at f (file:1:2)" lines of a stack.
std::string stack_text(v8::Isolate* isolate, v8::Local<v8::StackTrace> stack);

}  // namespace sluice::runtime
