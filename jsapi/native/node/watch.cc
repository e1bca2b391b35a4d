// SPDX-License-Identifier: Apache-2.0
// Changes of files and directories (inotify(7)), for fs.watch. One instance and one thread for the process, made with the
// first watch; it waits for the kernel and tells the isolates through their mailboxes.
#include <sched.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "jsapi/native/node/bindings.hh"
#include "runtime/isolate_host.hh"
#include "runtime/v8_text.hh"

namespace sluice::jsapi {

namespace {

using runtime::IsolateHost;
using Info = v8::FunctionCallbackInfo<v8::Value>;

constexpr uint32_t kMask = IN_ATTRIB | IN_CREATE | IN_MODIFY | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF |
                           IN_MOVED_FROM | IN_MOVED_TO;

class Watchers;

// The process's inotify instance.
class WatchService {
 public:
  static WatchService& shared() {
    static auto* service = new WatchService;  // its thread runs until the process ends
    return *service;
  }

  // -> 0 or -errno
  int add(const std::string& path, Watchers* owner, std::shared_ptr<IsolateHost::Mailbox> mailbox,
          uint32_t number) {
    std::lock_guard lock(mutex_);
    if (descriptor_ < 0) {
      descriptor_ = ::inotify_init1(IN_CLOEXEC);
      if (descriptor_ < 0) return -errno;
      std::thread([this] { run(); }).detach();
    }
    const int watch = ::inotify_add_watch(descriptor_, path.c_str(), kMask);
    if (watch < 0) return -errno;
    users_[watch].push_back({owner, number, std::move(mailbox)});
    return 0;
  }

  void remove(const Watchers* owner, uint32_t number) {
    std::lock_guard lock(mutex_);
    for (auto at = users_.begin(); at != users_.end();) {
      std::erase_if(at->second,
                    [&](const User& user) { return user.owner == owner && user.number == number; });
      if (at->second.empty()) {
        ::inotify_rm_watch(descriptor_, at->first);
        at = users_.erase(at);
      } else {
        ++at;
      }
    }
  }

 private:
  struct User {
    Watchers* owner;
    uint32_t number;
    std::shared_ptr<IsolateHost::Mailbox> mailbox;
  };
  void run();
  std::mutex mutex_;
  int descriptor_ = -1;
  std::unordered_map<int, std::vector<User>> users_;
};

// The watches of one isolate.
class Watchers {
 public:
  explicit Watchers(IsolateHost& host) : host_(host) {
    host.on_teardown([this] {
      for (const auto& [number, watch] : watches_) WatchService::shared().remove(this, number);
      watches_.clear();
    });
  }

  int add(const std::string& path, bool persistent, v8::Local<v8::Function> on_event, uint32_t& number) {
    number = ++last_;
    const int error = WatchService::shared().add(path, this, host_.mailbox(), number);
    if (error < 0) return error;
    Watch& watch = watches_[number];
    watch.on_event.Reset(host_.isolate(), on_event);
    set_referenced(number, persistent);
    return 0;
  }

  void remove(uint32_t number) {
    set_referenced(number, false);
    if (watches_.erase(number) > 0) WatchService::shared().remove(this, number);
  }

  void set_referenced(uint32_t number, bool referenced) {
    const auto found = watches_.find(number);
    if (found == watches_.end() || found->second.referenced == referenced) return;
    found->second.referenced = referenced;
    if (referenced) {
      host_.ref();
    } else {
      host_.unref();
    }
  }

  void tell(uint32_t number, uint32_t mask, const std::string& name) {
    const auto found = watches_.find(number);
    if (found == watches_.end()) return;
    v8::Isolate* isolate = host_.isolate();
    v8::HandleScope scope(isolate);
    v8::Local<v8::Context> context = host_.context();
    v8::Local<v8::Value> bytes = v8::Null(isolate);
    if (!name.empty()) {
      v8::Local<v8::ArrayBuffer> buffer = v8::ArrayBuffer::New(isolate, name.size());
      std::memcpy(buffer->Data(), name.data(), name.size());
      bytes = v8::Uint8Array::New(buffer, 0, name.size());
    }
    v8::Local<v8::Value> arguments[] = {v8::Integer::NewFromUnsigned(isolate, mask), bytes};
    v8::TryCatch caught(isolate);
    std::ignore = found->second.on_event.Get(isolate)->Call(context, v8::Undefined(isolate), 2, arguments);
    if (caught.HasCaught()) host_.uncaught(caught);
    host_.settle();
  }

 private:
  struct Watch {
    v8::Global<v8::Function> on_event;
    bool referenced = false;
  };
  IsolateHost& host_;
  uint32_t last_ = 0;
  std::map<uint32_t, Watch> watches_;
};

void WatchService::run() {
  cpu_set_t set;
  if (::sched_getaffinity(::getpid(), sizeof(set), &set) == 0) ::sched_setaffinity(0, sizeof(set), &set);
  alignas(inotify_event) char bytes[16384];
  for (;;) {
    const ssize_t count = ::read(descriptor_, bytes, sizeof(bytes));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    for (ssize_t at = 0; at < count;) {
      const auto* event = reinterpret_cast<const inotify_event*>(bytes + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      const std::string name = event->len > 0 ? event->name : "";
      std::lock_guard lock(mutex_);
      const auto found = users_.find(event->wd);
      if (found == users_.end()) continue;
      if (event->mask & IN_IGNORED) {
        users_.erase(found);
        continue;
      }
      for (const User& user : found->second)
        std::ignore = user.mailbox->post(
            [owner = user.owner, number = user.number, mask = event->mask, name](IsolateHost&) {
              owner->tell(number, mask, name);
            });
    }
  }
}

Watchers& watchers_of(const Info& info) {
  return *static_cast<Watchers*>(info.Data().As<v8::External>()->Value());
}

// add(path, persistent, onEvent(mask, name as bytes or null)) -> number, or -errno
void add(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  std::string path;
  if (info[0]->IsArrayBufferView()) {
    path.resize(info[0].As<v8::ArrayBufferView>()->ByteLength());
    info[0].As<v8::ArrayBufferView>()->CopyContents(path.data(), path.size());
  } else {
    path = runtime::from_v8(isolate, info[0]);
  }
  uint32_t number = 0;
  const int error =
      watchers_of(info).add(path, info[1]->IsTrue(), info[2].As<v8::Function>(), number);
  if (error < 0) return info.GetReturnValue().Set(error);
  info.GetReturnValue().Set(number);
}
void remove(const Info& info) { watchers_of(info).remove(info[0].As<v8::Uint32>()->Value()); }
void set_ref(const Info& info) {
  watchers_of(info).set_referenced(info[0].As<v8::Uint32>()->Value(), info[1]->IsTrue());
}

}  // namespace

void install_watch(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host) {
  v8::Local<v8::External> watchers =
      v8::External::New(context->GetIsolate(), host.own(std::make_unique<Watchers>(host)));
  runtime::set_function(context, target, "add", add, watchers);
  runtime::set_function(context, target, "remove", remove, watchers);
  runtime::set_function(context, target, "setRef", set_ref, watchers);
}

}  // namespace sluice::jsapi
