// SPDX-License-Identifier: Apache-2.0
// What node:v8 tells of the heap, and flags of V8.
#include <v8-profiler.h>
#include <v8.h>

#include <cstring>
#include <string>
#include <vector>

#include "jsapi/native/node/bindings.hh"
#include "runtime/isolate_host.hh"
#include "runtime/v8_text.hh"

namespace sluice::jsapi {

namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

v8::Local<v8::Array> numbers_of(v8::Isolate* isolate, const std::vector<size_t>& numbers) {
  std::vector<v8::Local<v8::Value>> values;
  values.reserve(numbers.size());
  for (const size_t number : numbers) values.push_back(v8::Number::New(isolate, static_cast<double>(number)));
  return v8::Array::New(isolate, values.data(), values.size());
}

// In the order of Node's documentation.
void statistics(const Info& info) {
  v8::HeapStatistics heap;
  info.GetIsolate()->GetHeapStatistics(&heap);
  info.GetReturnValue().Set(numbers_of(
      info.GetIsolate(),
      {heap.total_heap_size(), heap.total_heap_size_executable(), heap.total_physical_size(),
       heap.total_available_size(), heap.used_heap_size(), heap.heap_size_limit(), heap.malloced_memory(),
       heap.peak_malloced_memory(), heap.does_zap_garbage(), heap.number_of_native_contexts(),
       heap.number_of_detached_contexts(), heap.total_global_handles_size(), heap.used_global_handles_size(),
       heap.external_memory()}));
}

// -> [name, [size, used, available, physical]] of each
void spaces(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  std::vector<v8::Local<v8::Value>> values;
  for (size_t i = 0; i < isolate->NumberOfHeapSpaces(); ++i) {
    v8::HeapSpaceStatistics space;
    if (!isolate->GetHeapSpaceStatistics(&space, i)) continue;
    values.push_back(runtime::to_v8(isolate, space.space_name()));
    values.push_back(numbers_of(isolate, {space.space_size(), space.space_used_size(),
                                          space.space_available_size(), space.physical_space_size()}));
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, values.data(), values.size()));
}

void code(const Info& info) {
  v8::HeapCodeStatistics found;
  info.GetIsolate()->GetHeapCodeAndMetadataStatistics(&found);
  info.GetReturnValue().Set(
      numbers_of(info.GetIsolate(), {found.code_and_metadata_size(), found.bytecode_and_metadata_size(),
                                     found.external_script_source_size(), 0}));
}

void set_flags(const Info& info) {
  const std::string flags = runtime::from_v8(info.GetIsolate(), info[0]);
  v8::V8::SetFlagsFromString(flags.c_str(), flags.size());
}

void version_tag(const Info& info) { info.GetReturnValue().Set(v8::ScriptCompiler::CachedDataVersionTag()); }

class TextStream final : public v8::OutputStream {
 public:
  explicit TextStream(std::string& text) : text_(text) {}
  void EndOfStream() override {}
  int GetChunkSize() override { return 1 << 16; }
  WriteResult WriteAsciiChunk(char* data, int size) override {
    text_.append(data, static_cast<size_t>(size));
    return kContinue;
  }

 private:
  std::string& text_;
};

// snapshot() -> the JSON of a heap snapshot, as bytes
void snapshot(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::HeapSnapshot* taken = isolate->GetHeapProfiler()->TakeHeapSnapshot();
  std::string text;
  TextStream stream(text);
  taken->Serialize(&stream, v8::HeapSnapshot::kJSON);
  const_cast<v8::HeapSnapshot*>(taken)->Delete();
  v8::Local<v8::ArrayBuffer> buffer = v8::ArrayBuffer::New(isolate, text.size());
  std::memcpy(buffer->Data(), text.data(), text.size());
  info.GetReturnValue().Set(v8::Uint8Array::New(buffer, 0, text.size()));
}

}  // namespace

void install_heap(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost&) {
  runtime::set_function(context, target, "statistics", statistics);
  runtime::set_function(context, target, "spaces", spaces);
  runtime::set_function(context, target, "code", code);
  runtime::set_function(context, target, "setFlags", set_flags);
  runtime::set_function(context, target, "versionTag", version_tag);
  runtime::set_function(context, target, "snapshot", snapshot);
}

}  // namespace sluice::jsapi
