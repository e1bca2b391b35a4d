// SPDX-License-Identifier: Apache-2.0
#include "runtime/message.hh"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <tuple>
#include <utility>

#include "runtime/host_internals.hh"
#include "runtime/message_port.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

namespace {

// Its address tells our objects from others with internal fields.
alignas(8) char host_object_mark;
constexpr int kMarkField = 0, kHandleField = 1, kFields = 2;

enum class Host : uint32_t { kPort, kDescribed };

MessagingHooks& hooks(IsolateHost& host) { return MessagePorts::of(host).hooks; }

void throw_data_clone_error(IsolateHost& host, v8::Local<v8::String> text) {
  v8::Isolate* isolate = host.isolate();
  v8::Local<v8::Value> arguments[] = {text};
  v8::Local<v8::Value> error;
  if (hooks(host)
          .data_clone_error.Get(isolate)
          ->Call(isolate->GetCurrentContext(), v8::Undefined(isolate), 1, arguments)
          .ToLocal(&error))
    isolate->ThrowException(error);
}

void throw_data_clone_error(IsolateHost& host, std::string_view text) {
  throw_data_clone_error(host, to_v8(host.isolate(), text));
}

}  // namespace

v8::Local<v8::Object> new_host_object(IsolateHost& host, v8::Local<v8::Value> prototype, PortHandle* handle) {
  v8::Isolate* isolate = host.isolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Global<v8::ObjectTemplate>& known = hooks(host).host_object;
  if (known.IsEmpty()) {
    v8::Local<v8::ObjectTemplate> made = v8::ObjectTemplate::New(isolate);
    made->SetInternalFieldCount(kFields);
    known.Reset(isolate, made);
  }
  v8::Local<v8::Object> object = known.Get(isolate)->NewInstance(context).ToLocalChecked();
  object->SetAlignedPointerInInternalField(kMarkField, &host_object_mark);
  object->SetAlignedPointerInInternalField(kHandleField, handle);
  object->SetPrototype(context, prototype).Check();
  return object;
}

bool is_host_object(v8::Local<v8::Value> value) {
  if (!value->IsObject()) return false;
  v8::Local<v8::Object> object = value.As<v8::Object>();
  return object->InternalFieldCount() == kFields && !object->IsArrayBuffer() && !object->IsArrayBufferView() &&
         object->GetAlignedPointerFromInternalField(kMarkField) == &host_object_mark;
}

PortHandle* port_of(v8::Local<v8::Value> value) {
  if (!is_host_object(value)) return nullptr;
  return static_cast<PortHandle*>(value.As<v8::Object>()->GetAlignedPointerFromInternalField(kHandleField));
}

void set_port_of(v8::Local<v8::Object> object, PortHandle* handle) {
  object->SetAlignedPointerInInternalField(kHandleField, handle);
}

void Message::Freed::operator()(uint8_t* bytes) const { std::free(bytes); }

bool Message::carries(const PortEnd* end) const {
  return std::any_of(ports_.begin(), ports_.end(), [end](const auto& each) { return each.get() == end; });
}

std::shared_ptr<Message> Message::closing() {
  auto message = std::make_shared<Message>();
  message->closing_ = true;
  return message;
}

// ---- writing

class MessageWriter final : public v8::ValueSerializer::Delegate {
 public:
  MessageWriter(IsolateHost& host, Message& message)
      : host_(host), message_(message), serializer_(host.isolate(), this) {}

  bool write(v8::Local<v8::Value> value, v8::Local<v8::Array> transfer, const PortHandle* source) {
    v8::Local<v8::Context> context = host_.isolate()->GetCurrentContext();
    for (uint32_t i = 0; i < transfer->Length(); ++i) {
      v8::Local<v8::Value> item;
      if (!transfer->Get(context, i).ToLocal(&item) || !list(item, source)) return false;
    }
    serializer_.WriteHeader();
    if (!serializer_.WriteValue(context, value).FromMaybe(false)) return false;
    for (size_t i = 0; i < objects_.size(); ++i)
      if (!objects_written_[i]) {
        v8::Local<v8::Array> parts;
        if (!describe(objects_[i], true).ToLocal(&parts)) return false;
      }
    const auto [bytes, size] = serializer_.Release();
    message_.bytes_.reset(bytes);
    message_.size_ = size;
    for (v8::Local<v8::ArrayBuffer> buffer : buffers_) {
      message_.buffers_.push_back(buffer->GetBackingStore());
      buffer->Detach();
    }
    for (v8::Local<v8::Object> port : ports_) message_.ports_.push_back(MessagePorts::of(host_).detach(port));
    return true;
  }

  void ThrowDataCloneError(v8::Local<v8::String> text) override { throw_data_clone_error(host_, text); }

  v8::Maybe<bool> WriteHostObject(v8::Isolate* isolate, v8::Local<v8::Object> object) override {
    v8::Local<v8::Context> context = isolate->GetCurrentContext();
    if (!is_host_object(object)) {
      throw_data_clone_error(host_, from_v8(isolate, object->GetConstructorName()) + " object could not be cloned.");
      return v8::Nothing<bool>();
    }
    const auto port = std::find(ports_.begin(), ports_.end(), object);
    if (port != ports_.end()) {
      serializer_.WriteUint32(static_cast<uint32_t>(Host::kPort));
      serializer_.WriteUint32(static_cast<uint32_t>(port - ports_.begin()));
      return v8::Just(true);
    }
    const auto listed = std::find(objects_.begin(), objects_.end(), object);
    const bool transferred = listed != objects_.end();
    if (transferred) objects_written_[static_cast<size_t>(listed - objects_.begin())] = true;
    v8::Local<v8::Array> parts;
    if (!describe(object, transferred).ToLocal(&parts)) return v8::Nothing<bool>();
    serializer_.WriteUint32(static_cast<uint32_t>(Host::kDescribed));
    for (uint32_t i = 0; i < 2; ++i) {
      v8::Local<v8::Value> part;
      if (!parts->Get(context, i).ToLocal(&part) || !serializer_.WriteValue(context, part).FromMaybe(false))
        return v8::Nothing<bool>();
    }
    return v8::Just(true);
  }

  v8::Maybe<uint32_t> GetSharedArrayBufferId(v8::Isolate*, v8::Local<v8::SharedArrayBuffer> buffer) override {
    const auto known = std::find(shared_.begin(), shared_.end(), buffer);
    if (known != shared_.end()) return v8::Just(static_cast<uint32_t>(known - shared_.begin()));
    shared_.push_back(buffer);
    message_.shared_.push_back(buffer->GetBackingStore());
    return v8::Just(static_cast<uint32_t>(shared_.size() - 1));
  }

  v8::Maybe<uint32_t> GetWasmModuleTransferId(v8::Isolate*, v8::Local<v8::WasmModuleObject> module) override {
    message_.modules_.push_back(module->GetCompiledModule());
    return v8::Just(static_cast<uint32_t>(message_.modules_.size() - 1));
  }

 private:
  bool fail(std::string_view text) {
    throw_data_clone_error(host_, text);
    return false;
  }

  template <typename T>
  static bool has(const std::vector<v8::Local<T>>& list, v8::Local<v8::Value> item) {
    return std::any_of(list.begin(), list.end(), [item](v8::Local<T> each) { return each == item; });
  }

  bool list(v8::Local<v8::Value> item, const PortHandle* source) {
    if (item->IsArrayBuffer()) {
      v8::Local<v8::ArrayBuffer> buffer = item.As<v8::ArrayBuffer>();
      if (has(buffers_, buffer)) return fail("Transfer list contains duplicate ArrayBuffer");
      if (!buffer->IsDetachable() || buffer->WasDetached())
        return fail("An ArrayBuffer is detached and could not be cloned.");
      serializer_.TransferArrayBuffer(static_cast<uint32_t>(buffers_.size()), buffer);
      buffers_.push_back(buffer);
      return true;
    }
    if (!is_host_object(item)) return fail("Found invalid object in transferList");
    v8::Local<v8::Object> object = item.As<v8::Object>();
    const PortHandle* handle = port_of(item);
    if (handle == nullptr && !MessagePorts::of(host_).is_port(object)) {
      if (has(objects_, object))
        return fail("Transfer list contains duplicate " +
                    from_v8(host_.isolate(), object->GetConstructorName()));
      objects_.push_back(object);
      objects_written_.push_back(false);
      return true;
    }
    if (handle == nullptr || handle->closing) return fail("MessagePort in transfer list is already detached");
    if (handle == source) return fail("Transfer list contains source port");
    if (has(ports_, object)) return fail("Transfer list contains duplicate MessagePort");
    ports_.push_back(object);
    return true;
  }

  // What stands for an object of built-in JavaScript; ports that go with it join the list.
  v8::MaybeLocal<v8::Array> describe(v8::Local<v8::Object> object, bool transferred) {
    v8::Isolate* isolate = host_.isolate();
    v8::Local<v8::Context> context = isolate->GetCurrentContext();
    v8::Local<v8::Value> arguments[] = {object, v8::Boolean::New(isolate, transferred)};
    v8::Local<v8::Value> parts, ports;
    if (!hooks(host_)
             .describe.Get(isolate)
             ->Call(context, v8::Undefined(isolate), 2, arguments)
             .ToLocal(&parts) ||
        !parts.As<v8::Array>()->Get(context, 2).ToLocal(&ports))
      return {};
    for (uint32_t i = 0; i < ports.As<v8::Array>()->Length(); ++i) {
      v8::Local<v8::Value> port;
      if (!ports.As<v8::Array>()->Get(context, i).ToLocal(&port) || !list(port, nullptr)) return {};
    }
    return parts.As<v8::Array>();
  }

  IsolateHost& host_;
  Message& message_;
  v8::ValueSerializer serializer_;
  std::vector<v8::Local<v8::ArrayBuffer>> buffers_;
  std::vector<v8::Local<v8::SharedArrayBuffer>> shared_;
  std::vector<v8::Local<v8::Object>> ports_, objects_;
  std::vector<bool> objects_written_;
};

std::shared_ptr<Message> Message::write(IsolateHost& host, v8::Local<v8::Value> value,
                                        v8::Local<v8::Array> transfer, const PortHandle* source) {
  auto message = std::make_shared<Message>();
  MessageWriter writer(host, *message);
  if (!writer.write(value, transfer, source)) return nullptr;
  return message;
}

// ---- reading

class MessageReader final : public v8::ValueDeserializer::Delegate {
 public:
  MessageReader(IsolateHost& host, Message& message)
      : host_(host),
        message_(message),
        deserializer_(host.isolate(), message.bytes_.get(), message.size_, this) {}

  v8::MaybeLocal<v8::Value> read(std::vector<v8::Local<v8::Value>>& ports) {
    v8::Isolate* isolate = host_.isolate();
    v8::Local<v8::Context> context = isolate->GetCurrentContext();
    for (std::shared_ptr<PortEnd>& end : message_.ports_)
      ports_.push_back(MessagePorts::of(host_).open(std::move(end)));
    message_.ports_.clear();
    for (uint32_t i = 0; i < message_.buffers_.size(); ++i)
      deserializer_.TransferArrayBuffer(i, v8::ArrayBuffer::New(isolate, std::move(message_.buffers_[i])));
    message_.buffers_.clear();
    for (const auto& store : message_.shared_) shared_.push_back(v8::SharedArrayBuffer::New(isolate, store));
    v8::Local<v8::Value> value;
    if (!deserializer_.ReadHeader(context).FromMaybe(false) ||
        !deserializer_.ReadValue(context).ToLocal(&value))
      return {};
    ports.insert(ports.end(), ports_.begin(), ports_.end());
    return value;
  }

  v8::MaybeLocal<v8::Object> ReadHostObject(v8::Isolate* isolate) override {
    v8::Local<v8::Context> context = isolate->GetCurrentContext();
    uint32_t kind = 0, index = 0;
    if (!deserializer_.ReadUint32(&kind)) return {};
    if (kind == static_cast<uint32_t>(Host::kPort)) {
      if (!deserializer_.ReadUint32(&index) || index >= ports_.size()) return {};
      return ports_[index].As<v8::Object>();
    }
    v8::Local<v8::Value> parts[2], object;
    for (auto& part : parts)
      if (!deserializer_.ReadValue(context).ToLocal(&part)) return {};
    if (!hooks(host_)
             .revive.Get(isolate)
             ->Call(context, v8::Undefined(isolate), 2, parts)
             .ToLocal(&object) ||
        !object->IsObject())
      return {};
    return object.As<v8::Object>();
  }

  v8::MaybeLocal<v8::SharedArrayBuffer> GetSharedArrayBufferFromId(v8::Isolate*, uint32_t id) override {
    if (id >= shared_.size()) return {};
    return shared_[id];
  }

  v8::MaybeLocal<v8::WasmModuleObject> GetWasmModuleFromId(v8::Isolate* isolate, uint32_t id) override {
    if (id >= message_.modules_.size()) return {};
    return v8::WasmModuleObject::FromCompiledModule(isolate, message_.modules_[id]);
  }

 private:
  IsolateHost& host_;
  Message& message_;
  v8::ValueDeserializer deserializer_;
  std::vector<v8::Local<v8::Value>> ports_;
  std::vector<v8::Local<v8::SharedArrayBuffer>> shared_;
};

v8::MaybeLocal<v8::Value> Message::read(IsolateHost& host, std::vector<v8::Local<v8::Value>>& ports) {
  MessageReader reader(host, *this);
  return reader.read(ports);
}

}  // namespace sluice::runtime
