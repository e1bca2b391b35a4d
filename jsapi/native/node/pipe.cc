// SPDX-License-Identifier: Apache-2.0
// Byte channels over descriptors: pipes to children, terminals, standard streams. Reads come when the kernel says that there
// is something; writes take what the kernel takes at once, the rest waits in JavaScript until there is room.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <tuple>
#include <unordered_map>

#include "jsapi/native/node/bindings.hh"
#include "runtime/descriptor_watch.hh"
#include "runtime/isolate_host.hh"
#include "runtime/v8_text.hh"

namespace sluice::jsapi {

using Info = v8::FunctionCallbackInfo<v8::Value>;
using runtime::IsolateHost;

namespace {

constexpr size_t kReadBytes = 64u << 10;

class Pipes;

class Pipe final : public runtime::DescriptorUser {
 public:
  Pipe(Pipes& pipes, uint32_t number, int fd) : pipes_(pipes), number_(number), fd_(fd) {}
  void on_ready(uint32_t events) override;
  int update();  // what is watched, and whether it holds the program

  Pipes& pipes_;
  const uint32_t number_;
  int fd_;
  bool reading = false, wants_room = false, reffed = true, counted = false, watched = false;
  v8::Global<v8::Function> on_read, on_room;
};

class Pipes {
 public:
  explicit Pipes(IsolateHost& host) : host_(host) {
    host.on_teardown([this] {
      while (!pipes_.empty()) close(pipes_.begin()->first, true);
    });
  }
  static Pipes& from(const Info& info) {
    return *static_cast<Pipes*>(info.Data().As<v8::External>()->Value());
  }
  Pipe* find(v8::Local<v8::Value> number) {
    const auto found = pipes_.find(number.As<v8::Uint32>()->Value());
    return found == pipes_.end() ? nullptr : found->second.get();
  }
  uint32_t open(v8::Isolate* isolate, int fd, v8::Local<v8::Value> on_read, v8::Local<v8::Value> on_room) {
    const uint32_t number = next_++;
    auto pipe = std::make_unique<Pipe>(*this, number, fd);
    pipe->on_read.Reset(isolate, on_read.As<v8::Function>());
    pipe->on_room.Reset(isolate, on_room.As<v8::Function>());
    pipes_[number] = std::move(pipe);
    return number;
  }
  void close(uint32_t number, bool close_fd) {
    const auto found = pipes_.find(number);
    if (found == pipes_.end()) return;
    Pipe& pipe = *found->second;
    if (pipe.watched) host_.descriptors().unwatch(pipe.fd_, pipe);
    if (pipe.counted) host_.unref();
    if (close_fd && pipe.fd_ > 2) ::close(pipe.fd_);
    // One that is closed by its own callback must outlive it.
    if (busy_ == &pipe) closed_while_busy_ = std::move(found->second);
    pipes_.erase(found);
  }
  void call(Pipe& pipe, v8::Global<v8::Function>& function, int count, v8::Local<v8::Value>* arguments) {
    v8::Isolate* isolate = host_.isolate();
    v8::TryCatch caught(isolate);
    Pipe* const before = busy_;
    busy_ = &pipe;
    v8::Local<v8::Function> callee = function.Get(isolate);
    std::ignore = callee->Call(host_.context(), v8::Undefined(isolate), count, arguments);
    busy_ = before;
    if (caught.HasCaught()) host_.uncaught(caught);
  }
  bool has(uint32_t number) const { return pipes_.contains(number); }
  void forget_closed() { closed_while_busy_.reset(); }
  IsolateHost& host() { return host_; }
  uint8_t* scratch() {
    if (!scratch_) scratch_ = std::make_unique<uint8_t[]>(kReadBytes);
    return scratch_.get();
  }

 private:
  IsolateHost& host_;
  uint32_t next_ = 1;
  std::unordered_map<uint32_t, std::unique_ptr<Pipe>> pipes_;
  Pipe* busy_ = nullptr;
  std::unique_ptr<Pipe> closed_while_busy_;
  std::unique_ptr<uint8_t[]> scratch_;
};

int Pipe::update() {
  IsolateHost& host = pipes_.host();
  const uint32_t events = (reading ? EPOLLIN : 0u) | (wants_room ? EPOLLOUT : 0u);
  int failed = 0;
  if (events != 0) {
    failed = host.descriptors().watch(fd_, events, *this);
    watched = failed == 0;
  } else if (watched) {
    host.descriptors().unwatch(fd_, *this);
    watched = false;
  }
  const bool counts = reffed && watched;
  if (counts != counted) {
    counted = counts;
    if (counts)
      host.ref();
    else
      host.unref();
  }
  return failed;
}

void Pipe::on_ready(uint32_t events) {
  Pipes& pipes = pipes_;
  v8::Isolate* isolate = pipes.host().isolate();
  const uint32_t number = number_;
  if (wants_room && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
    wants_room = false;
    update();
    pipes.call(*this, on_room, 0, nullptr);
    pipes.forget_closed();
    if (!pipes.has(number)) return;
  }
  if (!reading || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
  uint8_t* const bytes = pipes.scratch();
  const ssize_t count = ::read(fd_, bytes, kReadBytes);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  v8::Local<v8::Value> arguments[2] = {
      v8::Integer::New(isolate, count < 0 ? -errno : static_cast<int>(count)), v8::Undefined(isolate)};
  if (count > 0) {
    v8::Local<v8::ArrayBuffer> buffer = v8::ArrayBuffer::New(isolate, static_cast<size_t>(count));
    std::memcpy(buffer->Data(), bytes, static_cast<size_t>(count));
    arguments[1] = buffer;
  } else {
    reading = false;
    update();
  }
  pipes.call(*this, on_read, 2, arguments);
  pipes.forget_closed();
}

// open(fd, onRead(count or -errno, ArrayBuffer), onRoom()) -> number. With `own`, the descriptor's flags are ours to change.
void open(const Info& info) {
  const int fd = info[0].As<v8::Int32>()->Value();
  if (info[3]->IsTrue()) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  info.GetReturnValue().Set(Pipes::from(info).open(info.GetIsolate(), fd, info[1], info[2]));
}

// set(number, what, on): 0 reading, 1 told when there is room, 2 holds the program -> errno or 0
void set(const Info& info) {
  Pipe* const pipe = Pipes::from(info).find(info[0]);
  if (!pipe) return info.GetReturnValue().Set(EBADF);
  const int what = info[1].As<v8::Int32>()->Value();
  (what == 0 ? pipe->reading : what == 1 ? pipe->wants_room : pipe->reffed) = info[2]->IsTrue();
  const int failed = pipe->update();
  if (failed) {
    pipe->reading = pipe->wants_room = false;
    pipe->update();
  }
  info.GetReturnValue().Set(failed);
}

// write(number, view) -> bytes taken, or -errno
void write(const Info& info) {
  Pipe* const pipe = Pipes::from(info).find(info[0]);
  if (!pipe) return info.GetReturnValue().Set(-EBADF);
  v8::Local<v8::ArrayBufferView> view = info[1].As<v8::ArrayBufferView>();
  const auto* bytes = static_cast<const uint8_t*>(view->Buffer()->Data()) + view->ByteOffset();
  ssize_t count;
  do {
    count = ::write(pipe->fd_, bytes, view->ByteLength());
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno == EAGAIN) count = 0;
  info.GetReturnValue().Set(count < 0 ? -errno : static_cast<int>(count));
}

// shutdown(number): no more is written; the other side sees the end -> errno or 0
void shutdown(const Info& info) {
  Pipe* const pipe = Pipes::from(info).find(info[0]);
  if (!pipe) return info.GetReturnValue().Set(EBADF);
  info.GetReturnValue().Set(::shutdown(pipe->fd_, SHUT_WR) == 0 ? 0 : errno);
}

// close(number, keep the descriptor)
void close(const Info& info) {
  Pipes::from(info).close(info[0].As<v8::Uint32>()->Value(), !info[1]->IsTrue());
}

// writeAll(fd, view) -> 0 or errno: waits until all is written. For standard streams, whose writes are synchronous.
void write_all(const Info& info) {
  const int fd = info[0].As<v8::Int32>()->Value();
  v8::Local<v8::ArrayBufferView> view = info[1].As<v8::ArrayBufferView>();
  const auto* bytes = static_cast<const uint8_t*>(view->Buffer()->Data()) + view->ByteOffset();
  size_t left = view->ByteLength();
  while (left > 0) {
    const ssize_t count = ::write(fd, bytes, left);
    if (count >= 0) {
      bytes += count;
      left -= static_cast<size_t>(count);
    } else if (errno == EAGAIN) {
      pollfd waits{fd, POLLOUT, 0};
      ::poll(&waits, 1, -1);
    } else if (errno != EINTR) {
      return info.GetReturnValue().Set(errno);
    }
  }
  info.GetReturnValue().Set(0);
}

// kindOf(fd) -> 'TTY', 'FILE', 'PIPE', 'TCP', 'UDP', 'UNKNOWN', 'INVALID', as Node names them
void kind_of(const Info& info) {
  const int fd = info[0].As<v8::Int32>()->Value();
  const auto name = [&]() -> const char* {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return "INVALID";
    if (::isatty(fd)) return "TTY";
    if (S_ISREG(status.st_mode) || S_ISCHR(status.st_mode)) return "FILE";
    if (S_ISFIFO(status.st_mode)) return "PIPE";
    if (!S_ISSOCK(status.st_mode)) return "UNKNOWN";
    int type = 0, domain = 0;
    socklen_t bytes = sizeof(type);
    ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes);
    bytes = sizeof(domain);
    ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes);
    if (type == SOCK_STREAM) return domain == AF_UNIX ? "PIPE" : "TCP";
    return type == SOCK_DGRAM && domain != AF_UNIX ? "UDP" : "UNKNOWN";
  };
  info.GetReturnValue().Set(runtime::name_of(info.GetIsolate(), name()));
}

// size(fd) -> [columns, rows] or an errno
void size(const Info& info) {
  winsize window{};
  if (::ioctl(info[0].As<v8::Int32>()->Value(), TIOCGWINSZ, &window) != 0)
    return info.GetReturnValue().Set(errno);
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Value> both[] = {v8::Integer::New(isolate, window.ws_col),
                                 v8::Integer::New(isolate, window.ws_row)};
  info.GetReturnValue().Set(v8::Array::New(isolate, both, 2));
}

// What terminals were before the program changed them: put back when the process ends, however it does.
struct Changed {
  int fd = -1;
  termios before{};
};
Changed the_changed;
void put_back() {
  if (the_changed.fd >= 0) ::tcsetattr(the_changed.fd, TCSANOW, &the_changed.before);
}

// setRaw(fd, on) -> errno or 0
void set_raw(const Info& info) {
  const int fd = info[0].As<v8::Int32>()->Value();
  if (!info[1]->IsTrue()) {
    if (the_changed.fd != fd) return info.GetReturnValue().Set(0);
    return info.GetReturnValue().Set(::tcsetattr(fd, TCSADRAIN, &the_changed.before) == 0 ? 0 : errno);
  }
  termios mode{};
  if (::tcgetattr(fd, &mode) != 0) return info.GetReturnValue().Set(errno);
  if (the_changed.fd < 0) {
    the_changed = {fd, mode};
    std::atexit(put_back);
  }
  mode.c_iflag &= ~static_cast<tcflag_t>(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
  mode.c_oflag |= ONLCR;
  mode.c_cflag |= CS8;
  mode.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | IEXTEN | ISIG);
  mode.c_cc[VMIN] = 1;
  mode.c_cc[VTIME] = 0;
  info.GetReturnValue().Set(::tcsetattr(fd, TCSADRAIN, &mode) == 0 ? 0 : errno);
}

}  // namespace

void install_pipe(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost& host) {
  v8::Local<v8::Value> data =
      v8::External::New(context->GetIsolate(), host.own(std::make_unique<Pipes>(host)));
  runtime::set_function(context, target, "open", open, data);
  runtime::set_function(context, target, "set", set, data);
  runtime::set_function(context, target, "write", write, data);
  runtime::set_function(context, target, "shutdown", shutdown, data);
  runtime::set_function(context, target, "close", close, data);
  runtime::set_function(context, target, "writeAll", write_all);
  runtime::set_function(context, target, "kindOf", kind_of);
  runtime::set_function(context, target, "size", size);
  runtime::set_function(context, target, "setRaw", set_raw);
}

}  // namespace sluice::jsapi
