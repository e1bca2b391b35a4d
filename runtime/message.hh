// SPDX-License-Identifier: Apache-2.0
// A value on its way from one isolate to another, or to a copy of itself (HTML Standard, section 2.7): the bytes of V8's
// serialiser, and what goes along by reference: buffers, shared memory, compiled WebAssembly, ends of message channels.
//
// Objects of built-in JavaScript that can be cloned or transferred (MessagePort, Blob, streams, file handles ...) are made by
// new_host_object(): V8's serialiser asks about objects with internal fields, and about no others.
#pragma once
#include <v8.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/isolate_host.hh"

namespace sluice::runtime {

class PortEnd;
struct PortHandle;

class Message {
 public:
  // Serialises `value`. `transfer` is a JavaScript array: what moves instead of being copied; nothing has moved when this
  // fails. Empty (an exception is pending, a DataCloneError mostly) when that is not possible. `source`: the port that it is
  // sent through, or nullptr. Own thread.
  static std::shared_ptr<Message> write(IsolateHost& host, v8::Local<v8::Value> value,
                                        v8::Local<v8::Array> transfer, const PortHandle* source);
  // The end of a channel: nothing comes after it.
  static std::shared_ptr<Message> closing();

  // The value, in the isolate of `host`; ports among it are appended to `ports`. Once, unless nothing was transferred.
  v8::MaybeLocal<v8::Value> read(IsolateHost& host, std::vector<v8::Local<v8::Value>>& ports);

  bool is_closing() const { return closing_; }
  // Whether `end` is among what is transferred.
  bool carries(const PortEnd* end) const;

 private:
  friend class MessageWriter;
  friend class MessageReader;
  struct Freed {
    void operator()(uint8_t* bytes) const;
  };
  std::unique_ptr<uint8_t, Freed> bytes_;
  size_t size_ = 0;
  bool closing_ = false;
  std::vector<std::shared_ptr<v8::BackingStore>> buffers_;  // transferred
  std::vector<std::shared_ptr<v8::BackingStore>> shared_;
  std::vector<v8::CompiledWasmModule> modules_;
  std::vector<std::shared_ptr<PortEnd>> ports_;
};

// Hooks of internal/node/messaging.
struct MessagingHooks {
  // (text) -> a DataCloneError
  v8::Global<v8::Function> data_clone_error;
  // (object, whether it is transferred) -> [what revives it, data, ports that go along], or throws
  v8::Global<v8::Function> describe;
  v8::Global<v8::Function> revive;  // (what revives it, data) -> object
  v8::Global<v8::Function> on_message, on_message_error, on_close;
  v8::Global<v8::Object> port_prototype;
  v8::Global<v8::ObjectTemplate> host_object;
};

// An object with `prototype` that V8's serialiser asks about. `handle`: of a port.
v8::Local<v8::Object> new_host_object(IsolateHost& host, v8::Local<v8::Value> prototype, PortHandle* handle);
bool is_host_object(v8::Local<v8::Value> value);
// Of a port that is open; nullptr for anything else.
PortHandle* port_of(v8::Local<v8::Value> value);

}  // namespace sluice::runtime
