// SPDX-License-Identifier: Apache-2.0
// The native half of node:fs: one function that does a call on the file system at once, or on a thread of a pool away from
// the data cores.
#include <cstring>
#include <memory>
#include <vector>

#include "jsapi/native/node/bindings.hh"
#include "jsapi/native/node/file_operations.hh"
#include "jsapi/native/node/pool.hh"
#include "runtime/isolate_host.hh"
#include "runtime/v8_text.hh"

namespace sluice::jsapi {

using Info = v8::FunctionCallbackInfo<v8::Value>;
using runtime::IsolateHost;

namespace {

// A call under way, and what it must keep alive.
struct Call {
  FileRequest request;
  bool as_bytes = false, as_bigint = false;
  std::vector<std::shared_ptr<v8::BackingStore>> stores;
};

v8::Local<v8::Value> result_of(v8::Isolate* isolate, Call& call);

void start(PoolWork& pool, const std::shared_ptr<Call>& call, v8::Local<v8::Function> done) {
  pool.start([call] { perform(call->request); },
             [call](v8::Isolate* isolate, PoolWork::Results& results) {
               results.values[0] = result_of(isolate, *call);
               results.count = 1;
             },
             done);
}

v8::Local<v8::Value> text_value(v8::Isolate* isolate, const std::string& text, bool as_bytes) {
  if (!as_bytes) return runtime::to_v8(isolate, text);
  v8::Local<v8::ArrayBuffer> buffer = v8::ArrayBuffer::New(isolate, text.size());
  if (!text.empty()) std::memcpy(buffer->Data(), text.data(), text.size());
  return v8::Uint8Array::New(buffer, 0, text.size());
}

// A number (negative: -errno), a text, an array of texts and types, numbers of stat, or bytes.
v8::Local<v8::Value> result_of(v8::Isolate* isolate, Call& call) {
  FileRequest& request = call.request;
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  if (request.result < 0 && request.operation == FileOperation::kRemoveAll) {
    v8::Local<v8::Value> both[] = {v8::Number::New(isolate, static_cast<double>(request.result)),
                                   runtime::to_v8(isolate, request.failed_path)};
    return v8::Array::New(isolate, both, 2);
  }
  if (request.result < 0) return v8::Number::New(isolate, static_cast<double>(request.result));
  switch (request.operation) {
    case FileOperation::kStat:
    case FileOperation::kLstat:
    case FileOperation::kFstat:
    case FileOperation::kStatfs: {
      const size_t count = request.values.size();
      v8::Local<v8::ArrayBuffer> buffer = v8::ArrayBuffer::New(isolate, count * 8);
      if (call.as_bigint) {
        std::memcpy(buffer->Data(), request.values.data(), count * 8);
        return v8::BigInt64Array::New(buffer, 0, count);
      }
      auto* at = static_cast<double*>(buffer->Data());
      for (const int64_t value : request.values)
        *at++ = static_cast<double>(static_cast<uint64_t>(value) >> 63
                                        ? static_cast<double>(value)
                                        : static_cast<double>(static_cast<uint64_t>(value)));
      return v8::Float64Array::New(buffer, 0, count);
    }
    case FileOperation::kReaddir: {
      v8::Local<v8::Array> names = v8::Array::New(isolate, static_cast<int>(request.texts.size()));
      v8::Local<v8::Array> types = v8::Array::New(isolate, static_cast<int>(request.texts.size()));
      for (uint32_t i = 0; i < request.texts.size(); ++i) {
        names->Set(context, i, text_value(isolate, request.texts[i], call.as_bytes)).Check();
        types->Set(context, i, v8::Integer::New(isolate, static_cast<int>(request.values[i]))).Check();
      }
      v8::Local<v8::Value> both[] = {names, types};
      return v8::Array::New(isolate, both, 2);
    }
    case FileOperation::kMkdirAll:
    case FileOperation::kReadlink:
    case FileOperation::kRealpath:
    case FileOperation::kMkdtemp:
      if (request.texts.empty()) return v8::Undefined(isolate);
      return text_value(isolate, request.texts[0], call.as_bytes);
    case FileOperation::kReadAll: {
      v8::Local<v8::ArrayBuffer> buffer = v8::ArrayBuffer::New(isolate, request.content.size());
      if (!request.content.empty())
        std::memcpy(buffer->Data(), request.content.data(), request.content.size());
      return v8::Uint8Array::New(buffer, 0, request.content.size());
    }
    default: return v8::Number::New(isolate, static_cast<double>(request.result));
  }
}

std::string path_of(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  if (!value->IsArrayBufferView())
    return value->IsUndefined() ? std::string() : runtime::from_v8(isolate, value);
  v8::Local<v8::ArrayBufferView> view = value.As<v8::ArrayBufferView>();
  std::string bytes(view->ByteLength(), '\0');
  view->CopyContents(bytes.data(), bytes.size());
  return bytes;
}

// call(operation, done or undefined, path, other path, number, number, number, views, flags): flags 1: texts as bytes, 2:
// numbers as BigInt. Without `done` the result is returned.
void call(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  auto call = std::make_shared<Call>();
  FileRequest& request = call->request;
  request.operation = static_cast<FileOperation>(info[0].As<v8::Int32>()->Value());
  request.path = path_of(isolate, info[2]);
  request.other = path_of(isolate, info[3]);
  for (int i = 0; i < 3; ++i)
    if (info[4 + i]->IsNumber()) request.numbers[i] = info[4 + i].As<v8::Number>()->Value();
  if (info[7]->IsArray()) {
    v8::Local<v8::Array> views = info[7].As<v8::Array>();
    for (uint32_t i = 0; i < views->Length(); ++i) {
      v8::Local<v8::Value> item;
      if (!views->Get(context, i).ToLocal(&item) || !item->IsArrayBufferView()) continue;
      v8::Local<v8::ArrayBufferView> view = item.As<v8::ArrayBufferView>();
      std::shared_ptr<v8::BackingStore> store = view->Buffer()->GetBackingStore();
      request.buffers.emplace_back(static_cast<uint8_t*>(store->Data()) + view->ByteOffset(),
                                   view->ByteLength());
      call->stores.push_back(std::move(store));
    }
  }
  const int flags = info[8]->IsInt32() ? info[8].As<v8::Int32>()->Value() : 0;
  call->as_bytes = (flags & 1) != 0;
  call->as_bigint = (flags & 2) != 0;
  if (info[1]->IsFunction()) {
    start(*static_cast<PoolWork*>(info.Data().As<v8::External>()->Value()), call, info[1].As<v8::Function>());
    return;
  }
  perform(request);
  info.GetReturnValue().Set(result_of(isolate, *call));
}

// pending(): how many calls are under way
void pending(const Info& info) {
  info.GetReturnValue().Set(static_cast<PoolWork*>(info.Data().As<v8::External>()->Value())->under_way());
}

}  // namespace

void install_fs(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost& host) {
  PoolWork* pool = host.own(std::make_unique<PoolWork>(host));
  v8::Local<v8::Value> data = v8::External::New(context->GetIsolate(), pool);
  runtime::set_function(context, target, "call", call, data);
  runtime::set_function(context, target, "pending", pending, data);
}

}  // namespace sluice::jsapi
