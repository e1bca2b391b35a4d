// SPDX-License-Identifier: Apache-2.0
// The native half of node:zlib: coders as handles, run piece by piece or over a whole input, at once or on the pool.
#include <zlib.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "jsapi/native/node/bindings.hh"
#include "jsapi/native/node/bytes.hh"
#include "jsapi/native/node/coders.hh"
#include "jsapi/native/node/native_object.hh"
#include "jsapi/native/node/pool.hh"
#include "runtime/isolate_host.hh"
#include "runtime/v8_text.hh"

namespace sluice::jsapi {

using Info = v8::FunctionCallbackInfo<v8::Value>;
using runtime::IsolateHost;

namespace {

struct Zlib {
  Zlib(IsolateHost& host) : objects(host.isolate()), pool(host) {}
  NativeObjects objects;
  PoolWork pool;
};
Zlib& zlib_of(const Info& info) { return *static_cast<Zlib*>(info.Data().As<v8::External>()->Value()); }

// The pool may hold it longer than JavaScript does.
struct Handle {
  std::shared_ptr<Coder> coder;
};

// undefined, or [message, errno, code]
v8::Local<v8::Value> error_value(v8::Isolate* isolate, const CoderError& error) {
  if (!error) return v8::Undefined(isolate);
  v8::Local<v8::Value> parts[] = {runtime::to_v8(isolate, error.message), v8::Integer::New(isolate, error.number),
                                  runtime::to_v8(isolate, error.code)};
  return v8::Array::New(isolate, parts, 3);
}

int integer(v8::Local<v8::Value> value, int standard = 0) {
  return value->IsNumber() ? static_cast<int>(value.As<v8::Number>()->Value()) : standard;
}

// make(mode, level, windowBits, memLevel, strategy, dictionary, parameters, pledged, rejectGarbage): a handle, or an error
void make(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  const auto mode = static_cast<CoderMode>(integer(info[0]));
  CoderOptions options;
  options.level = integer(info[1], -1);
  options.window_bits = integer(info[2], 15);
  options.memory_level = integer(info[3], 8);
  options.strategy = integer(info[4]);
  if (info[5]->IsObject()) options.dictionary = InputBytes(isolate, info[5]).copy();
  if (info[6]->IsArray()) {
    v8::Local<v8::Array> list = info[6].As<v8::Array>();
    for (uint32_t i = 0; i + 1 < list->Length(); i += 2)
      options.parameters.emplace_back(list->Get(context, i).ToLocalChecked()->Int32Value(context).FromMaybe(0),
                                      list->Get(context, i + 1).ToLocalChecked()->Uint32Value(context).FromMaybe(0));
  }
  if (info[7]->IsNumber()) options.pledged_bytes = static_cast<uint64_t>(info[7].As<v8::Number>()->Value());
  options.reject_garbage_after_end = info[8]->IsTrue();
  CoderError error;
  std::unique_ptr<Coder> coder = make_coder(mode, std::move(options), error);
  if (error) {
    info.GetReturnValue().Set(error_value(isolate, error));
    return;
  }
  auto handle = std::make_unique<Handle>();
  handle->coder = std::move(coder);
  info.GetReturnValue().Set(zlib_of(info).objects.wrap(std::move(handle), coder_bytes(mode)));
}

struct Piece {
  std::shared_ptr<Coder> coder;
  HeldBytes input, output, left;
  int flush = 0;
  std::span<const uint8_t> from;
  std::span<uint8_t> to;
  CoderError error;

  void run() { error = coder->run(flush, from, to); }
  void tell() const {
    auto* numbers = reinterpret_cast<uint32_t*>(left.data);
    numbers[0] = static_cast<uint32_t>(to.size());
    numbers[1] = static_cast<uint32_t>(from.size());
  }
};

// run(handle, done, flush, input, inputOffset, inputBytes, output, outputOffset, outputBytes, left): into `left` (Uint32Array) go
// the bytes left of output and input. An error is returned, or given to `done`.
void run(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Handle* handle = NativeObjects::unwrap<Handle>(info[0]);
  if (handle == nullptr || handle->coder == nullptr) return;
  auto piece = std::make_shared<Piece>();
  piece->coder = handle->coder;
  piece->flush = integer(info[2]);
  piece->input = hold_bytes(info[3]);
  piece->output = hold_bytes(info[6]);
  piece->left = hold_bytes(info[9]);
  const auto within = [&](const HeldBytes& held, int at) {
    const size_t offset = std::min<size_t>(static_cast<size_t>(info[at].As<v8::Number>()->Value()), held.size);
    const size_t size = std::min<size_t>(static_cast<size_t>(info[at + 1].As<v8::Number>()->Value()), held.size - offset);
    return std::span<uint8_t>(held.data + offset, size);
  };
  piece->from = within(piece->input, 4);
  piece->to = within(piece->output, 7);
  if (info[1]->IsFunction()) {
    zlib_of(info).pool.start([piece] { piece->run(); },
                             [piece](v8::Isolate* to, PoolWork::Results& results) {
                               piece->tell();
                               results.values[0] = error_value(to, piece->error);
                               results.count = 1;
                             },
                             info[1].As<v8::Function>());
    return;
  }
  piece->run();
  piece->tell();
  info.GetReturnValue().Set(error_value(isolate, piece->error));
}

struct Whole {
  std::shared_ptr<Coder> coder;
  HeldBytes input;
  std::vector<uint8_t> output;
  size_t chunk_bytes = 0;
  double limit_bytes = 0;
  int flush = 0;
  CoderError error;
  bool too_large = false, garbage = false;

  void run() {
    std::span<const uint8_t> from(input.data, input.size);
    size_t filled = 0;
    for (;;) {
      // Grows with what is there: few moves, and little that is not used.
      output.resize(std::max(filled + chunk_bytes, filled + filled / 2));
      std::span<uint8_t> to(output.data() + filled, output.size() - filled);
      error = coder->run(flush, from, to);
      filled = output.size() - to.size();
      if (static_cast<double>(filled) > limit_bytes) {
        too_large = true;
        break;
      }
      if (error || !to.empty()) break;
    }
    garbage = !error && !from.empty();
    output.resize(filled);
  }
  // [error or bytes, kind]: 0 bytes, 1 error, 2 too large; 4 is added when input was left
  void give(v8::Isolate* isolate, v8::Local<v8::Value>& value, v8::Local<v8::Value>& kind) {
    int number = 0;
    if (too_large) {
      value = v8::Undefined(isolate);
      number = 2;
    } else if (error) {
      value = error_value(isolate, error);
      number = 1;
    } else {
      value = new_bytes(isolate, output);
      if (garbage) number = 4;
    }
    kind = v8::Integer::New(isolate, number);
  }
};

// whole(handle, done, flush, input, chunkBytes, limitBytes)
void whole(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Handle* handle = NativeObjects::unwrap<Handle>(info[0]);
  if (handle == nullptr || handle->coder == nullptr) return;
  auto work = std::make_shared<Whole>();
  work->coder = handle->coder;
  work->flush = integer(info[2]);
  work->input = hold_bytes(info[3]);
  work->chunk_bytes = static_cast<size_t>(info[4].As<v8::Number>()->Value());
  work->limit_bytes = info[5].As<v8::Number>()->Value();
  if (info[1]->IsFunction()) {
    zlib_of(info).pool.start([work] { work->run(); },
                             [work](v8::Isolate* to, PoolWork::Results& results) {
                               work->give(to, results.values[0], results.values[1]);
                               results.count = 2;
                             },
                             info[1].As<v8::Function>());
    return;
  }
  work->run();
  v8::Local<v8::Value> both[2];
  work->give(isolate, both[0], both[1]);
  info.GetReturnValue().Set(v8::Array::New(isolate, both, 2));
}

void reset(const Info& info) {
  if (Handle* handle = NativeObjects::unwrap<Handle>(info[0]); handle != nullptr && handle->coder != nullptr)
    info.GetReturnValue().Set(error_value(info.GetIsolate(), handle->coder->reset()));
}
void parameters(const Info& info) {
  if (Handle* handle = NativeObjects::unwrap<Handle>(info[0]); handle != nullptr && handle->coder != nullptr)
    info.GetReturnValue().Set(
        error_value(info.GetIsolate(), handle->coder->set_parameters(integer(info[1]), integer(info[2]))));
}
// What it holds is freed now, or when the pool has done with it.
void close(const Info& info) {
  if (Handle* handle = NativeObjects::unwrap<Handle>(info[0]); handle != nullptr && handle->coder != nullptr) handle->coder.reset();
}

void crc32(const Info& info) {
  InputBytes bytes(info.GetIsolate(), info[0]);
  const auto start = static_cast<uLong>(info[1].As<v8::Number>()->Value());
  info.GetReturnValue().Set(static_cast<uint32_t>(::crc32_z(start, bytes.data(), bytes.size())));
}

}  // namespace

void install_zlib(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost& host) {
  v8::Local<v8::External> data = v8::External::New(context->GetIsolate(), host.own(std::make_unique<Zlib>(host)));
  runtime::set_function(context, target, "make", make, data);
  runtime::set_function(context, target, "run", run, data);
  runtime::set_function(context, target, "whole", whole, data);
  runtime::set_function(context, target, "reset", reset, data);
  runtime::set_function(context, target, "parameters", parameters, data);
  runtime::set_function(context, target, "close", close, data);
  runtime::set_function(context, target, "crc32", crc32, data);
}

}  // namespace sluice::jsapi
