// SPDX-License-Identifier: Apache-2.0
// Message channels (HTML Standard, section 9.4) between isolates of this process, and channels by name to all who listen.
//
// A PortEnd is one end of a channel. It belongs to nobody while it travels in a message, else to the isolate that has a
// PortHandle for it. Whoever sends puts the message into the queue of the other end, under the lock of the channel, and
// tells the owner by its mailbox; the owner reads a bounded number in a turn.
#pragma once
#include <v8.h>

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "runtime/isolate_host.hh"
#include "runtime/message.hh"

namespace sluice::runtime {

// Messages that one port hands over before others get their turn.
inline constexpr size_t kMessagesPerTurn = 1000;

// A port object of one isolate.
struct PortHandle {
  IsolateHost& host;
  std::shared_ptr<PortEnd> end;
  v8::Global<v8::Object> object;
  bool receiving = false;   // start()
  bool referenced = false;  // keeps the program alive
  bool closing = false;
};

class PortEnd : public std::enable_shared_from_this<PortEnd> {
 public:
  static std::pair<std::shared_ptr<PortEnd>, std::shared_ptr<PortEnd>> make_channel();
  // One of any number of ends that hear each other.
  static std::shared_ptr<PortEnd> join_broadcast(const std::string& name);
  ~PortEnd();

  // To the other ends; how many there are. Any thread.
  size_t post(const std::shared_ptr<Message>& message);
  // The next message, or nullptr. `only_closing`: unless it is the channel's end, leave it.
  std::shared_ptr<Message> take(bool only_closing);
  size_t waiting();
  bool is_broadcast() const { return broadcast_; }
  // Whether the other end of this channel is in `message`.
  bool carried_by(const Message& message);
  // This end is done: the other one of a pair gets to know.
  void close();
  // From now on `handle` (or nobody) is told of messages.
  void give_to(PortHandle* handle);
  PortHandle* owner(IsolateHost& host);
  void wake();  // tells the owner, if there is something

 private:
  friend class MessagePorts;
  struct Channel {
    std::mutex mutex;
    std::vector<PortEnd*> ends;
  };
  PortEnd(std::shared_ptr<Channel> channel, bool broadcast);
  void put(const std::shared_ptr<Message>& message);  // locked
  void tell();                                        // locked
  void leave();                                       // locked
  const std::shared_ptr<Channel> channel_;
  const bool broadcast_;
  // Under the channel's lock.
  std::deque<std::shared_ptr<Message>> queue_;
  bool closed_ = false, told_ = false;
  PortHandle* handle_ = nullptr;
  std::shared_ptr<IsolateHost::Mailbox> mailbox_;
};

// The ports of one isolate. Own thread.
class MessagePorts {
 public:
  explicit MessagePorts(IsolateHost& host);
  static MessagePorts& of(IsolateHost& host);

  v8::Local<v8::Object> open(std::shared_ptr<PortEnd> end);
  // Takes the end away, to be sent elsewhere.
  std::shared_ptr<PortEnd> detach(v8::Local<v8::Object> object);
  bool is_port(v8::Local<v8::Object> object);
  void start(PortHandle& handle);
  void set_referenced(PortHandle& handle, bool referenced);
  // 'close' is emitted later, on both sides.
  void close(PortHandle& handle);
  // Calls on_message for what waits.
  void deliver(const std::shared_ptr<PortEnd>& end);
  void close_all();

  MessagingHooks hooks;

 private:
  IsolateHost& host_;
  std::unordered_set<PortHandle*> handles_;
};

}  // namespace sluice::runtime
