// SPDX-License-Identifier: Apache-2.0
#include "runtime/message_port.hh"

#include <algorithm>
#include <map>
#include <tuple>

#include "runtime/host_internals.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

void set_port_of(v8::Local<v8::Object> object, PortHandle* handle);  // message.cc

// ---- ends

PortEnd::PortEnd(std::shared_ptr<Channel> channel, bool broadcast)
    : channel_(std::move(channel)), broadcast_(broadcast) {
  std::lock_guard lock(channel_->mutex);
  channel_->ends.push_back(this);
}

PortEnd::~PortEnd() {
  std::deque<std::shared_ptr<Message>> rest;  // ends in it close when the lock is free
  std::lock_guard lock(channel_->mutex);
  leave();
  rest.swap(queue_);
}

std::pair<std::shared_ptr<PortEnd>, std::shared_ptr<PortEnd>> PortEnd::make_channel() {
  auto channel = std::make_shared<Channel>();
  std::shared_ptr<PortEnd> first(new PortEnd(channel, false));
  return {first, std::shared_ptr<PortEnd>(new PortEnd(channel, false))};
}

std::shared_ptr<PortEnd> PortEnd::join_broadcast(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<Channel>> channels;
  std::lock_guard lock(mutex);
  std::erase_if(channels, [](const auto& each) { return each.second.expired(); });
  std::shared_ptr<Channel> channel = channels[name].lock();
  if (!channel) channels[name] = channel = std::make_shared<Channel>();
  return std::shared_ptr<PortEnd>(new PortEnd(channel, true));
}

void PortEnd::tell() {
  if (told_ || !mailbox_) return;
  told_ = true;
  std::ignore = mailbox_->post([weak = weak_from_this()](IsolateHost& host) {
    if (const std::shared_ptr<PortEnd> end = weak.lock()) MessagePorts::of(host).deliver(end);
  });
}

void PortEnd::put(const std::shared_ptr<Message>& message) {
  if (closed_) return;
  queue_.push_back(message);
  tell();
}

void PortEnd::leave() {
  if (closed_) return;
  closed_ = true;
  std::erase(channel_->ends, this);
  if (broadcast_) return;
  for (PortEnd* other : channel_->ends) other->put(Message::closing());
}

size_t PortEnd::post(const std::shared_ptr<Message>& message) {
  std::lock_guard lock(channel_->mutex);
  if (closed_) return 0;
  size_t count = 0;
  for (PortEnd* other : channel_->ends) {
    if (other == this) continue;
    other->put(message);
    ++count;
  }
  return count;
}

std::shared_ptr<Message> PortEnd::take(bool only_closing) {
  std::lock_guard lock(channel_->mutex);
  if (queue_.empty() || (only_closing && !queue_.front()->is_closing())) return nullptr;
  std::shared_ptr<Message> message = std::move(queue_.front());
  queue_.pop_front();
  return message;
}

size_t PortEnd::waiting() {
  std::lock_guard lock(channel_->mutex);
  return queue_.size();
}

bool PortEnd::carried_by(const Message& message) {
  std::lock_guard lock(channel_->mutex);
  return std::any_of(channel_->ends.begin(), channel_->ends.end(),
                     [&](const PortEnd* end) { return end != this && message.carries(end); });
}

void PortEnd::close() {
  std::lock_guard lock(channel_->mutex);
  leave();
}

void PortEnd::give_to(PortHandle* handle) {
  std::lock_guard lock(channel_->mutex);
  handle_ = handle;
  mailbox_ = handle ? handle->host.mailbox() : nullptr;
  told_ = false;
  if (handle && !queue_.empty()) tell();
}

PortHandle* PortEnd::owner(IsolateHost& host) {
  std::lock_guard lock(channel_->mutex);
  if (!handle_ || &handle_->host != &host) return nullptr;
  told_ = false;
  return handle_;
}

void PortEnd::wake() {
  std::lock_guard lock(channel_->mutex);
  if (!queue_.empty()) tell();
}

// ---- ports of an isolate

MessagePorts::MessagePorts(IsolateHost& host) : host_(host) {
  host.internals().ports = this;
  host.on_teardown([this] { close_all(); });
}

MessagePorts& MessagePorts::of(IsolateHost& host) {
  SLUICE_ASSERT(host.internals().ports != nullptr);
  return *host.internals().ports;
}

v8::Local<v8::Object> MessagePorts::open(std::shared_ptr<PortEnd> end) {
  v8::Isolate* isolate = host_.isolate();
  auto* handle = new PortHandle{host_, std::move(end), {}};
  handles_.insert(handle);
  v8::Local<v8::Object> object = new_host_object(host_, hooks.port_prototype.Get(isolate), handle);
  handle->object.Reset(isolate, object);
  handle->end->give_to(handle);
  return object;
}

bool MessagePorts::is_port(v8::Local<v8::Object> object) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Value> wanted = hooks.port_prototype.Get(isolate);
  for (v8::Local<v8::Value> at = object->GetPrototype(); at->IsObject();
       at = at.As<v8::Object>()->GetPrototype())
    if (at == wanted) return true;
  return false;
}

std::shared_ptr<PortEnd> MessagePorts::detach(v8::Local<v8::Object> object) {
  PortHandle* handle = port_of(object);
  SLUICE_ASSERT(handle != nullptr);
  set_referenced(*handle, false);
  set_port_of(object, nullptr);
  std::shared_ptr<PortEnd> end = std::move(handle->end);
  end->give_to(nullptr);
  handles_.erase(handle);
  delete handle;
  return end;
}

void MessagePorts::start(PortHandle& handle) {
  handle.receiving = true;
  handle.end->wake();
}

void MessagePorts::set_referenced(PortHandle& handle, bool referenced) {
  if (handle.referenced == referenced) return;
  handle.referenced = referenced;
  if (referenced) {
    host_.ref();
  } else {
    host_.unref();
  }
}

void MessagePorts::close(PortHandle& handle) {
  if (handle.closing) return;
  handle.closing = true;
  handle.end->close();
  set_referenced(handle, true);  // until 'close' is emitted
  std::ignore = host_.mailbox()->post([this, handle = &handle](IsolateHost& host) {
    if (!handles_.contains(handle)) return;
    v8::Isolate* isolate = host.isolate();
    v8::HandleScope scope(isolate);
    v8::Local<v8::Object> object = handle->object.Get(isolate);
    detach(object);
    v8::Local<v8::Value> arguments[] = {object};
    v8::TryCatch caught(isolate);
    std::ignore =
        hooks.on_close.Get(isolate)->Call(host.context(), v8::Undefined(isolate), 1, arguments);
    if (caught.HasCaught()) host.uncaught(caught);
  });
}

void MessagePorts::deliver(const std::shared_ptr<PortEnd>& end) {
  v8::Isolate* isolate = host_.isolate();
  size_t limit = std::max(end->waiting(), kMessagesPerTurn);
  for (; limit > 0; --limit) {
    PortHandle* handle = end->owner(host_);
    if (!handle) return;
    const std::shared_ptr<Message> message = end->take(!handle->receiving);
    if (!message) return;
    if (message->is_closing()) {
      close(*handle);
      return;
    }
    v8::HandleScope scope(isolate);
    v8::Local<v8::Context> context = host_.context();
    v8::TryCatch caught(isolate);
    std::vector<v8::Local<v8::Value>> ports;
    v8::Local<v8::Value> value;
    v8::Local<v8::Object> object = handle->object.Get(isolate);
    if (message->read(host_, ports).ToLocal(&value)) {
      v8::Local<v8::Value> arguments[] = {object, value,
                                          v8::Array::New(isolate, ports.data(), ports.size())};
      std::ignore =
          hooks.on_message.Get(isolate)->Call(context, v8::Undefined(isolate), 3, arguments);
    } else if (!caught.HasTerminated()) {
      v8::Local<v8::Value> arguments[] = {object, caught.Exception()};
      caught.Reset();
      std::ignore =
          hooks.on_message_error.Get(isolate)->Call(context, v8::Undefined(isolate), 2, arguments);
    }
    if (caught.HasCaught()) host_.uncaught(caught);
    host_.settle();
    if (host_.ending() != Ending::kRunning) return;
  }
  end->wake();
}

void MessagePorts::close_all() {
  while (!handles_.empty()) {
    PortHandle* handle = *handles_.begin();
    handles_.erase(handles_.begin());
    handle->end->give_to(nullptr);
    handle->end->close();
    delete handle;
  }
}

}  // namespace sluice::runtime
