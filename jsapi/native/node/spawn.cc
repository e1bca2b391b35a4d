// SPDX-License-Identifier: Apache-2.0
// Starts other programs: the native half of child_process. spawnSync() waits for the end of one; for spawn() a descriptor of
// the child (pidfd_open(2)) tells of its end, and its pipes are handed to jsapi/native/node/pipe.cc.
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "jsapi/native/node/bindings.hh"
#include "runtime/descriptor_watch.hh"
#include "runtime/isolate_host.hh"
#include "runtime/v8_text.hh"

namespace sluice::jsapi {

using Info = v8::FunctionCallbackInfo<v8::Value>;
using runtime::from_v8;
using runtime::IsolateHost;

namespace {

constexpr size_t kChunkBytes = 64u << 10;

std::vector<std::string> texts_of(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  std::vector<std::string> texts;
  if (!value->IsArray()) return texts;
  v8::Local<v8::Array> array = value.As<v8::Array>();
  for (uint32_t i = 0; i < array->Length(); ++i)
    texts.push_back(from_v8(isolate, array->Get(isolate->GetCurrentContext(), i).ToLocalChecked()));
  return texts;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct Channel {
  enum class Kind { kIgnore, kPipe, kInherit } kind = Kind::kIgnore;
  int inherited = -1;
  int ours = -1, theirs = -1;
  std::string input, output;
  size_t written = 0;
};

struct Order {
  std::string file, directory;
  std::vector<std::string> arguments, environment;
  bool own_environment = false, detached = false;
  bool waits = true;  // the caller does
  double timeout_ms = 0, most_bytes = 0;
  int kill_signal = SIGTERM;
  double user = -1, group = -1;
  std::vector<Channel> channels;
};

struct Outcome {
  pid_t pid = 0;
  int status = 0, failed = 0;  // failed: an errno
};

// In the child, between fork and exec: only calls that are safe there. Does not return.
[[noreturn]] void become(Order& order, const std::vector<char*>& arguments,
                         const std::vector<char*>& environment, int report) {
  const auto fail = [&report] {
    const int number = errno;
    std::ignore = ::write(report, &number, sizeof(number));
    ::_exit(127);
  };
  if (order.detached) ::setsid();
  // First out of the way of the numbers that they are to have, then onto them.
  report = ::fcntl(report, F_DUPFD_CLOEXEC, static_cast<int>(order.channels.size()));
  if (report < 0) ::_exit(127);
  for (Channel& channel : order.channels) {
    const int source = channel.kind == Channel::Kind::kInherit ? channel.inherited : channel.theirs;
    if (source < 0) continue;
    channel.theirs = ::fcntl(source, F_DUPFD_CLOEXEC, static_cast<int>(order.channels.size()));
    if (channel.theirs < 0) fail();
  }
  for (size_t i = 0; i < order.channels.size(); ++i) {
    int source = order.channels[i].theirs;
    if (source < 0) {
      if (i > 2) continue;
      source = ::open("/dev/null", i == 0 ? O_RDONLY : O_RDWR);
      if (source < 0) fail();
    }
    if (source == static_cast<int>(i)) continue;
    if (::dup2(source, static_cast<int>(i)) < 0) fail();
    // Programs do not expect a standard stream that returns EAGAIN.
    if (i < 3) ::fcntl(static_cast<int>(i), F_SETFL, ::fcntl(static_cast<int>(i), F_GETFL) & ~O_NONBLOCK);
  }
  if (!order.directory.empty() && ::chdir(order.directory.c_str()) != 0) fail();
  if (order.group >= 0 || order.user >= 0) std::ignore = ::setgroups(0, nullptr);  // only root may
  if (order.group >= 0 && ::setgid(static_cast<gid_t>(order.group)) != 0) fail();
  if (order.user >= 0 && ::setuid(static_cast<uid_t>(order.user)) != 0) fail();
  // Not what this thread has: it is bound to its core and leaves signals to another one.
  cpu_set_t all;
  std::memset(&all, 0xff, sizeof(all));
  ::sched_setaffinity(0, sizeof(all), &all);
  for (int number = 1; number < NSIG; ++number)
    if (number != SIGKILL && number != SIGSTOP) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (order.own_environment) environ = const_cast<char**>(environment.data());
  ::execvp(order.file.c_str(), arguments.data());
  fail();
  ::_exit(127);
}

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Feeds and reads the pipes until they are closed, the time is over or too much has come; then waits.
void attend(Order& order, Outcome& outcome) {
  const double deadline_ms = order.timeout_ms > 0 ? now_ms() + order.timeout_ms : 0;
  bool killed = false;
  const auto end = [&](int why) {
    if (killed) return;
    killed = true;
    outcome.failed = why;
    ::kill(outcome.pid, order.kill_signal);
  };
  const int end_of_child = static_cast<int>(::syscall(SYS_pidfd_open, outcome.pid, 0));
  bool ended = false;
  for (;;) {
    std::vector<pollfd> polled;
    std::vector<Channel*> of;
    for (size_t i = 0; i < order.channels.size(); ++i) {
      Channel& channel = order.channels[i];
      if (channel.ours < 0) continue;
      polled.push_back({channel.ours, static_cast<short>(i == 0 ? POLLOUT : POLLIN), 0});
      of.push_back(&channel);
    }
    if (!ended) ended = ::waitpid(outcome.pid, &outcome.status, WNOHANG) == outcome.pid;
    if (ended && (polled.empty() || killed)) break;
    const size_t pipes = polled.size();
    if (!ended && end_of_child >= 0) polled.push_back({end_of_child, POLLIN, 0});
    double wait_ms = -1;
    if (deadline_ms > 0 && !killed) {
      wait_ms = deadline_ms - now_ms();
      if (wait_ms <= 0) {
        end(ETIMEDOUT);
        continue;
      }
      wait_ms += 1;
    }
    if (::poll(polled.data(), polled.size(), static_cast<int>(wait_ms)) <= 0) continue;
    for (size_t i = 0; i < pipes; ++i) {
      Channel& channel = *of[i];
      if (polled[i].revents == 0) continue;
      const auto close = [&channel] {
        ::close(channel.ours);
        channel.ours = -1;
      };
      if (polled[i].events == POLLOUT) {
        const ssize_t count = ::write(channel.ours, channel.input.data() + channel.written,
                                      channel.input.size() - channel.written);
        if (count > 0) channel.written += static_cast<size_t>(count);
        if (channel.written == channel.input.size() || (count < 0 && errno != EAGAIN && errno != EINTR))
          close();
        continue;
      }
      char chunk[kChunkBytes];
      const ssize_t count = ::read(channel.ours, chunk, sizeof(chunk));
      if (count > 0) {
        size_t taken = static_cast<size_t>(count);
        if (order.most_bytes > 0 && static_cast<double>(channel.output.size() + taken) > order.most_bytes) {
          taken = static_cast<size_t>(order.most_bytes) - channel.output.size();
          end(ENOBUFS);
        }
        channel.output.append(chunk, taken);
      } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        close();
      }
    }
  }
  if (end_of_child >= 0) ::close(end_of_child);
}

// Forks. Afterwards outcome.pid is the child, or outcome.failed says why there is none. Pipes have our ends in `ours`.
void start(Order& order, Outcome& outcome) {
  std::vector<char*> arguments = pointers_to(order.arguments), environment = pointers_to(order.environment);
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) {
    outcome.failed = errno;
    return;
  }
  for (size_t i = 0; i < order.channels.size(); ++i) {
    Channel& channel = order.channels[i];
    if (channel.kind != Channel::Kind::kPipe) continue;
    int ends[2];
    // A pair of sockets where the program may use both directions.
    if ((order.waits ? ::pipe2(ends, O_CLOEXEC)
                     : ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) != 0) {
      outcome.failed = errno;
      break;
    }
    channel.ours = ends[i == 0 ? 1 : 0];
    channel.theirs = ends[i == 0 ? 0 : 1];
    ::fcntl(channel.ours, F_SETFL, O_NONBLOCK);
  }
  if (outcome.failed == 0) {
    outcome.pid = ::fork();
    if (outcome.pid == 0) become(order, arguments, environment, report[1]);
    if (outcome.pid < 0) outcome.failed = errno;
  }
  ::close(report[1]);
  for (Channel& channel : order.channels) {
    if (channel.kind == Channel::Kind::kPipe && channel.theirs >= 0) ::close(channel.theirs);
    channel.theirs = -1;
  }
  int why = 0;
  ssize_t count = 0;
  if (outcome.failed == 0) {
    do {
      count = ::read(report[0], &why, sizeof(why));
    } while (count < 0 && errno == EINTR);
  }
  if (count == static_cast<ssize_t>(sizeof(why))) {
    while (::waitpid(outcome.pid, &outcome.status, 0) < 0 && errno == EINTR) {
    }
    outcome.failed = why;
    outcome.pid = 0;
  }
  ::close(report[0]);
}

void close_ours(Order& order) {
  for (Channel& channel : order.channels) {
    if (channel.ours >= 0) ::close(channel.ours);
    channel.ours = -1;
  }
}

Outcome run(Order& order) {
  Outcome outcome;
  // A write to a child that is gone is an error, not the end of this process.
  sigset_t pipe_signal, before;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  start(order, outcome);
  if (outcome.pid > 0) attend(order, outcome);
  close_ours(order);
  timespec none{};
  while (::sigtimedwait(&pipe_signal, nullptr, &none) > 0) {
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return outcome;
}

Order order_of(v8::Isolate* isolate, v8::Local<v8::Object> given) {
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  const auto get = [&](const char* name) {
    return given->Get(context, runtime::name_of(isolate, name)).ToLocalChecked();
  };
  const auto number = [&](const char* name, double standard) {
    v8::Local<v8::Value> value = get(name);
    return value->IsNumber() ? value.As<v8::Number>()->Value() : standard;
  };
  Order order;
  order.file = from_v8(isolate, get("file"));
  order.arguments = texts_of(isolate, get("args"));
  order.own_environment = get("env")->IsArray();
  order.environment = texts_of(isolate, get("env"));
  if (get("cwd")->IsString()) order.directory = from_v8(isolate, get("cwd"));
  order.timeout_ms = number("timeout", 0);
  order.most_bytes = number("maxBuffer", 0);
  order.kill_signal = static_cast<int>(number("killSignal", SIGTERM));
  order.user = number("uid", -1);
  order.group = number("gid", -1);
  order.detached = get("detached")->IsTrue();
  v8::Local<v8::Array> stdio = get("stdio").As<v8::Array>();
  order.channels.resize(stdio->Length());
  for (uint32_t i = 0; i < stdio->Length(); ++i) {
    v8::Local<v8::Value> item = stdio->Get(context, i).ToLocalChecked();
    Channel& channel = order.channels[i];
    if (item->IsNumber()) {
      channel.kind = Channel::Kind::kInherit;
      channel.inherited = item.As<v8::Int32>()->Value();
    } else if (item->IsArrayBufferView()) {
      channel.kind = Channel::Kind::kPipe;
      v8::Local<v8::ArrayBufferView> view = item.As<v8::ArrayBufferView>();
      channel.input.resize(view->ByteLength());
      view->CopyContents(channel.input.data(), channel.input.size());
    } else if (item->IsString()) {
      channel.kind = Channel::Kind::kPipe;
    }
  }
  return order;
}

// A child that nobody waits for in a call.
class Child final : public runtime::DescriptorUser {
 public:
  Child(class Children& children, pid_t pid, int descriptor)
      : children_(children), pid_(pid), descriptor_(descriptor) {}
  void on_ready(uint32_t) override;
  Children& children_;
  const pid_t pid_;
  const int descriptor_;
  bool counted = false;
  v8::Global<v8::Function> on_exit;
};

class Children {
 public:
  explicit Children(IsolateHost& host) : host_(host) {
    host.on_teardown([this] {
      while (!children_.empty()) take(children_.begin()->first);
    });
  }
  static Children& from(const Info& info) {
    return *static_cast<Children*>(info.Data().As<v8::External>()->Value());
  }
  // 0 or an errno.
  int watch(v8::Isolate* isolate, pid_t pid, v8::Local<v8::Function> on_exit) {
    const int descriptor = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (descriptor < 0) return errno;
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    auto child = std::make_unique<Child>(*this, pid, descriptor);
    child->on_exit.Reset(isolate, on_exit);
    if (const int failed = host_.descriptors().watch(descriptor, EPOLLIN, *child)) {
      ::close(descriptor);
      return failed;
    }
    hold(*child, true);
    children_[pid] = std::move(child);
    return 0;
  }
  Child* find(pid_t pid) {
    const auto found = children_.find(pid);
    return found == children_.end() ? nullptr : found->second.get();
  }
  void hold(Child& child, bool on) {
    if (child.counted == on) return;
    child.counted = on;
    if (on)
      host_.ref();
    else
      host_.unref();
  }
  std::unique_ptr<Child> take(pid_t pid) {
    const auto found = children_.find(pid);
    std::unique_ptr<Child> child = std::move(found->second);
    children_.erase(found);
    host_.descriptors().unwatch(child->descriptor_, *child);
    ::close(child->descriptor_);
    hold(*child, false);
    return child;
  }
  IsolateHost& host() { return host_; }

 private:
  IsolateHost& host_;
  std::unordered_map<pid_t, std::unique_ptr<Child>> children_;
};

void Child::on_ready(uint32_t) {
  int status = 0;
  const pid_t done = ::waitpid(pid_, &status, WNOHANG);
  if (done == 0) return;
  IsolateHost& host = children_.host();
  v8::Isolate* isolate = host.isolate();
  const std::unique_ptr<Child> self = children_.take(pid_);
  const bool signalled = done > 0 && WIFSIGNALED(status);
  v8::Local<v8::Value> arguments[] = {
      v8::Integer::New(isolate, done > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 0),
      v8::Integer::New(isolate, signalled ? WTERMSIG(status) : 0)};
  v8::TryCatch caught(isolate);
  std::ignore = on_exit.Get(isolate)->Call(host.context(), v8::Undefined(isolate), 2, arguments);
  if (caught.HasCaught()) host.uncaught(caught);
}

// spawn({ as for spawnSync, without input }, onExit(code, signal)) -> [pid or -errno, [our end of a pipe, or -1, ...]]
void spawn(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  Order order = order_of(isolate, info[0].As<v8::Object>());
  order.waits = false;
  Outcome outcome;
  start(order, outcome);
  if (outcome.failed == 0)
    outcome.failed = Children::from(info).watch(isolate, outcome.pid, info[1].As<v8::Function>());
  v8::Local<v8::Array> ends = v8::Array::New(isolate, static_cast<int>(order.channels.size()));
  for (uint32_t i = 0; i < order.channels.size(); ++i)
    ends->Set(context, i, v8::Integer::New(isolate, order.channels[i].ours)).Check();
  v8::Local<v8::Value> both[] = {
      v8::Integer::New(isolate, outcome.failed ? -outcome.failed : outcome.pid), ends};
  info.GetReturnValue().Set(v8::Array::New(isolate, both, 2));
}

// kill(pid, signal) -> errno or 0; only of a child that has not been waited for, so that no other process is hit.
void kill(const Info& info) {
  const Child* const child = Children::from(info).find(info[0].As<v8::Int32>()->Value());
  if (!child) return info.GetReturnValue().Set(ESRCH);
  info.GetReturnValue().Set(::kill(child->pid_, info[1].As<v8::Int32>()->Value()) == 0 ? 0 : errno);
}

// hold(pid, on): whether the child keeps this program alive
void hold(const Info& info) {
  Children& children = Children::from(info);
  Child* const child = children.find(info[0].As<v8::Int32>()->Value());
  if (child) children.hold(*child, info[1]->IsTrue());
}

// spawnSync({ file, args, env, cwd, stdio: [input bytes or '' (a pipe) | descriptor | null], timeout, maxBuffer, killSignal, uid,
// gid, detached }) -> [pid, exit code or null, signal or 0, errno or 0, [output or null, ...]]
void spawn_sync(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  Order order = order_of(isolate, info[0].As<v8::Object>());
  const Outcome outcome = run(order);
  v8::Local<v8::Array> outputs = v8::Array::New(isolate, static_cast<int>(order.channels.size()));
  for (uint32_t i = 0; i < order.channels.size(); ++i) {
    v8::Local<v8::Value> output = v8::Null(isolate);
    const Channel& channel = order.channels[i];
    if (channel.kind == Channel::Kind::kPipe && i > 0) {
      v8::Local<v8::ArrayBuffer> buffer = v8::ArrayBuffer::New(isolate, channel.output.size());
      if (!channel.output.empty()) std::memcpy(buffer->Data(), channel.output.data(), channel.output.size());
      output = v8::Uint8Array::New(buffer, 0, channel.output.size());
    }
    outputs->Set(context, i, output).Check();
  }
  const bool exited = outcome.pid > 0 && WIFEXITED(outcome.status);
  const bool signalled = outcome.pid > 0 && WIFSIGNALED(outcome.status);
  v8::Local<v8::Value> values[] = {
      v8::Integer::New(isolate, outcome.pid),
      exited ? v8::Integer::New(isolate, WEXITSTATUS(outcome.status)).As<v8::Value>()
             : v8::Null(isolate).As<v8::Value>(),
      v8::Integer::New(isolate, signalled ? WTERMSIG(outcome.status) : 0),
      v8::Integer::New(isolate, outcome.failed), outputs};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 5));
}

}  // namespace

void install_spawn(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost& host) {
  v8::Local<v8::Value> data =
      v8::External::New(context->GetIsolate(), host.own(std::make_unique<Children>(host)));
  runtime::set_function(context, target, "spawn", spawn, data);
  runtime::set_function(context, target, "kill", kill, data);
  runtime::set_function(context, target, "hold", hold, data);
  runtime::set_function(context, target, "spawnSync", spawn_sync);
}

}  // namespace sluice::jsapi
