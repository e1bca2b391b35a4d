// SPDX-License-Identifier: Apache-2.0
// structuredClone, message channels and broadcast channels, as internal/node/messaging uses them.
#include <tuple>
#include <vector>

#include "runtime/bindings/bindings.hh"
#include "runtime/host_internals.hh"
#include "runtime/message.hh"
#include "runtime/message_port.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

using Info = v8::FunctionCallbackInfo<v8::Value>;

static IsolateHost& host_of(const Info& info) { return IsolateHost::from(info.GetIsolate()); }

static void set_hooks(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  MessagingHooks& hooks = MessagePorts::of(host_of(info)).hooks;
  v8::Local<v8::Object> given = info[0].As<v8::Object>();
  const auto take = [&](v8::Global<v8::Function>& hook, const char* name) {
    hook.Reset(isolate, given->Get(context, name_of(isolate, name)).ToLocalChecked().As<v8::Function>());
  };
  take(hooks.data_clone_error, "dataCloneError");
  take(hooks.describe, "describe");
  take(hooks.revive, "revive");
  take(hooks.on_message, "onMessage");
  take(hooks.on_message_error, "onMessageError");
  take(hooks.on_close, "onClose");
  hooks.port_prototype.Reset(
      isolate, given->Get(context, name_of(isolate, "portPrototype")).ToLocalChecked().As<v8::Object>());
}

static void make_host(const Info& info) {
  info.GetReturnValue().Set(new_host_object(host_of(info), info[0], nullptr));
}

static void create_channel(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  MessagePorts& ports = MessagePorts::of(host_of(info));
  auto [first, second] = PortEnd::make_channel();
  v8::Local<v8::Value> both[] = {ports.open(std::move(first)), ports.open(std::move(second))};
  info.GetReturnValue().Set(v8::Array::New(isolate, both, 2));
}

static void join_broadcast(const Info& info) {
  info.GetReturnValue().Set(MessagePorts::of(host_of(info))
                                .open(PortEnd::join_broadcast(from_v8(info.GetIsolate(), info[0]))));
}

// post(port, value, transfer) -> how many got it; false when the port was sent to where it leads: the channel is lost
static void post(const Info& info) {
  IsolateHost& host = host_of(info);
  PortHandle* handle = port_of(info[0]);
  const std::shared_ptr<Message> message = Message::write(host, info[1], info[2].As<v8::Array>(), handle);
  if (!message) return;
  // Serialising runs getters, which may have closed it.
  handle = port_of(info[0]);
  if (!handle || handle->closing) return;
  v8::Local<v8::Array> transfer = info[2].As<v8::Array>();
  bool lost = false;
  if (transfer->Length() > 0) lost = handle->end->carried_by(*message);
  if (lost) {
    MessagePorts::of(host).close(*handle);
    return info.GetReturnValue().Set(false);
  }
  info.GetReturnValue().Set(static_cast<uint32_t>(handle->end->post(message)));
}

static void start(const Info& info) {
  if (PortHandle* handle = port_of(info[0])) MessagePorts::of(host_of(info)).start(*handle);
}
static void stop(const Info& info) {
  if (PortHandle* handle = port_of(info[0])) handle->receiving = false;
}
static void set_ref(const Info& info) {
  PortHandle* handle = port_of(info[0]);
  if (handle && !handle->closing) MessagePorts::of(host_of(info)).set_referenced(*handle, info[1]->IsTrue());
}
static void has_ref(const Info& info) {
  const PortHandle* handle = port_of(info[0]);
  info.GetReturnValue().Set(handle && handle->referenced && !handle->closing);
}
static void close(const Info& info) {
  if (PortHandle* handle = port_of(info[0])) MessagePorts::of(host_of(info)).close(*handle);
}
static void is_open(const Info& info) {
  const PortHandle* handle = port_of(info[0]);
  info.GetReturnValue().Set(handle && !handle->closing);
}

// receive(port) -> [value], or undefined when nothing waits
static void receive(const Info& info) {
  IsolateHost& host = host_of(info);
  v8::Isolate* isolate = info.GetIsolate();
  PortHandle* handle = port_of(info[0]);
  if (!handle) return;
  const std::shared_ptr<Message> message = handle->end->take(false);
  if (!message) return;
  if (message->is_closing()) return MessagePorts::of(host).close(*handle);
  std::vector<v8::Local<v8::Value>> ports;
  v8::Local<v8::Value> value;
  if (!message->read(host, ports).ToLocal(&value)) return;
  info.GetReturnValue().Set(v8::Array::New(isolate, &value, 1));
}

// clone(value, transfer)
static void clone(const Info& info) {
  IsolateHost& host = host_of(info);
  const std::shared_ptr<Message> message = Message::write(host, info[0], info[1].As<v8::Array>(), nullptr);
  if (!message) return;
  std::vector<v8::Local<v8::Value>> ports;
  v8::Local<v8::Value> value;
  if (message->read(host, ports).ToLocal(&value)) info.GetReturnValue().Set(value);
}

void install_messaging(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost& host) {
  host.own(std::make_unique<MessagePorts>(host));
  set_function(context, target, "setHooks", set_hooks);
  set_function(context, target, "makeHost", make_host);
  set_function(context, target, "createChannel", create_channel);
  set_function(context, target, "joinBroadcast", join_broadcast);
  set_function(context, target, "post", post);
  set_function(context, target, "start", start);
  set_function(context, target, "stop", stop);
  set_function(context, target, "setRef", set_ref);
  set_function(context, target, "hasRef", has_ref);
  set_function(context, target, "close", close);
  set_function(context, target, "isOpen", is_open);
  set_function(context, target, "receive", receive);
  set_function(context, target, "clone", clone);
  set_function(context, target, "detach", [](const Info& info) {
    if (info[0]->IsArrayBuffer() && info[0].As<v8::ArrayBuffer>()->IsDetachable())
      info[0].As<v8::ArrayBuffer>()->Detach();
  });
}

}  // namespace sluice::runtime
