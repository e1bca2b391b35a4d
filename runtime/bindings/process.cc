// SPDX-License-Identifier: Apache-2.0
// What the process object needs from the operating system.
#include <errno.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <openssl/opensslv.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <climits>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>

#include "runtime/array_buffer_allocator.hh"
#include "runtime/bindings/bindings.hh"
#include "runtime/host_internals.hh"
#include "runtime/process_signals.hh"
#include "runtime/v8_text.hh"
#include "runtime/version.hh"

extern char** environ;

namespace sluice::runtime {

using Info = v8::FunctionCallbackInfo<v8::Value>;

static IsolateHost& host_of(const Info& info) { return IsolateHost::from(info.GetIsolate()); }

static void write_bytes(int descriptor, const char* data, size_t count) {
  while (count > 0) {
    const ssize_t written = ::write(descriptor, data, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {  // a terminal or pipe that somebody made non-blocking
      ::usleep(1000);
      continue;
    }
    if (written <= 0) return;
    data += written;
    count -= static_cast<size_t>(written);
  }
}

// write(fd, string or bytes)
static void write(const Info& info) {
  const int descriptor = info[0].As<v8::Int32>()->Value();
  if (info[1]->IsArrayBufferView()) {
    v8::Local<v8::ArrayBufferView> view = info[1].As<v8::ArrayBufferView>();
    std::string bytes(view->ByteLength(), '\0');
    view->CopyContents(bytes.data(), bytes.size());
    write_bytes(descriptor, bytes.data(), bytes.size());
    return;
  }
  v8::String::Utf8Value text(info.GetIsolate(), info[1]);
  if (*text) write_bytes(descriptor, *text, static_cast<size_t>(text.length()));
}

static void is_terminal(const Info& info) {
  info.GetReturnValue().Set(::isatty(info[0].As<v8::Int32>()->Value()) == 1);
}

static void columns(const Info& info) {
  winsize size{};
  if (::ioctl(info[0].As<v8::Int32>()->Value(), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    info.GetReturnValue().Set(static_cast<int32_t>(size.ws_col));
}

static v8::Local<v8::Array> list(v8::Isolate* isolate, const std::vector<std::string>& texts) {
  std::vector<v8::Local<v8::Value>> values;
  for (const std::string& text : texts) values.push_back(to_v8(isolate, text));
  return v8::Array::New(isolate, values.data(), values.size());
}

static void argv(const Info& info) {
  info.GetReturnValue().Set(list(info.GetIsolate(), host_of(info).image().arguments));
}
static void exec_argv(const Info& info) {
  info.GetReturnValue().Set(list(info.GetIsolate(), host_of(info).image().exec_arguments));
}
static void options(const Info& info) {
  info.GetReturnValue().Set(list(info.GetIsolate(), host_of(info).image().node_options));
}
static void environment_options(const Info& info) {
  info.GetReturnValue().Set(list(info.GetIsolate(), host_of(info).image().environment_options));
}
// cLibrary(): its version now, and when this was built
static void c_library(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Object> found = v8::Object::New(isolate);
  const std::string built = std::to_string(__GLIBC__) + "." + std::to_string(__GLIBC_MINOR__);
  std::ignore =
      found->Set(context, name_of(isolate, "glibcVersionRuntime"), to_v8(isolate, gnu_get_libc_version()));
  std::ignore = found->Set(context, name_of(isolate, "glibcVersionCompiler"), to_v8(isolate, built));
  info.GetReturnValue().Set(found);
}

// sharedObjects(): paths of what is loaded into this process
static void shared_objects(const Info& info) {
  std::vector<std::string> names;
  const auto add = [](dl_phdr_info* object, size_t, void* into) {
    if (object->dlpi_name && *object->dlpi_name)
      static_cast<std::vector<std::string>*>(into)->emplace_back(object->dlpi_name);
    return 0;
  };
  ::dl_iterate_phdr(add, &names);
  info.GetReturnValue().Set(list(info.GetIsolate(), names));
}

// userLimits(): [soft, hard, ...] of the resources in the order of Node's report; Infinity: no limit
static void user_limits(const Info& info) {
  static constexpr int kResources[] = {RLIMIT_CORE,   RLIMIT_DATA,  RLIMIT_FSIZE, RLIMIT_MEMLOCK, RLIMIT_RSS,
                                       RLIMIT_NOFILE, RLIMIT_STACK, RLIMIT_CPU,   RLIMIT_NPROC,   RLIMIT_AS};
  v8::Isolate* isolate = info.GetIsolate();
  std::vector<v8::Local<v8::Value>> found;
  const auto add = [&](rlim_t value) {
    found.push_back(v8::Number::New(isolate, value == RLIM_INFINITY ? std::numeric_limits<double>::infinity()
                                                                    : static_cast<double>(value)));
  };
  for (const int resource : kResources) {
    rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    ::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
    add(limit.rlim_cur);
    add(limit.rlim_max);
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, found.data(), found.size()));
}

static void first_argument(const Info& info) {
  info.GetReturnValue().Set(to_v8(info.GetIsolate(), host_of(info).image().first_argument));
}
static void exec_path(const Info& info) {
  info.GetReturnValue().Set(to_v8(info.GetIsolate(), host_of(info).image().executable));
}

static void environment(const Info& info) {
  std::vector<std::string> values;
  for (char** at = environ; at && *at; ++at) {
    const char* equals = std::strchr(*at, '=');
    if (!equals) continue;
    values.emplace_back(*at, static_cast<size_t>(equals - *at));
    values.emplace_back(equals + 1);
  }
  info.GetReturnValue().Set(list(info.GetIsolate(), values));
}

// takeVariable(name): a variable of the environment that is for this isolate alone, and no longer there then.
static void take_variable(const Info& info) {
  const std::string name = from_v8(info.GetIsolate(), info[0]);
  const char* value = ::getenv(name.c_str());
  if (!value) return;
  info.GetReturnValue().Set(to_v8(info.GetIsolate(), value));
  ::unsetenv(name.c_str());
}

static void variable(const Info& info) {
  const char* value = ::getenv(from_v8(info.GetIsolate(), info[0]).c_str());
  if (value) info.GetReturnValue().Set(to_v8(info.GetIsolate(), value));
}

// watchResolves(on): whether promises that are settled once more are told of
static void watch_resolves(const Info& info) {
  host_of(info).internals().watches_resolves = info[0]->IsTrue();
}

static void cwd(const Info& info) {
  char buffer[PATH_MAX];
  info.GetReturnValue().Set(to_v8(info.GetIsolate(), ::getcwd(buffer, sizeof(buffer)) ? buffer : "/"));
}

// chdir(path) -> 0 or the errno
static void chdir(const Info& info) {
  const std::string path = from_v8(info.GetIsolate(), info[0]);
  info.GetReturnValue().Set(::chdir(path.c_str()) == 0 ? 0 : errno);
}

// Bytes that are free for programs.
static void memory_of_machine(const Info& info) {
  info.GetReturnValue().Set(static_cast<double>(::sysconf(_SC_AVPHYS_PAGES)) *
                            static_cast<double>(::sysconf(_SC_PAGESIZE)));
}

static void now(const Info& info) { info.GetReturnValue().Set(host_of(info).internals().now_ms()); }
static void time_origin(const Info& info) {
  info.GetReturnValue().Set(static_cast<double>(host_of(info).internals().started_realtime_ns) * 1e-6);
}
static void hrtime(const Info& info) {
  info.GetReturnValue().Set(
      v8::BigInt::NewFromUnsigned(info.GetIsolate(), host_of(info).core().clock.monotonic_ns()));
}

static void exit(const Info& info) {
  host_of(info).request_exit(info[0]->Int32Value(info.GetIsolate()->GetCurrentContext()).FromMaybe(1));
}
static void abort(const Info&) { std::abort(); }
static void pid(const Info& info) { info.GetReturnValue().Set(static_cast<int32_t>(::getpid())); }
static void ppid(const Info& info) { info.GetReturnValue().Set(static_cast<int32_t>(::getppid())); }
// ids() -> [user, effective user, group, effective group]
static void ids(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Value> values[] = {
      v8::Integer::NewFromUnsigned(isolate, ::getuid()), v8::Integer::NewFromUnsigned(isolate, ::geteuid()),
      v8::Integer::NewFromUnsigned(isolate, ::getgid()), v8::Integer::NewFromUnsigned(isolate, ::getegid())};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 4));
}

// umask([new one]) -> the one before
static void umask(const Info& info) {
  if (info.Length() > 0 && info[0]->IsUint32())
    return info.GetReturnValue().Set(static_cast<uint32_t>(::umask(info[0].As<v8::Uint32>()->Value())));
  const mode_t now = ::umask(0);
  ::umask(now);
  info.GetReturnValue().Set(static_cast<uint32_t>(now));
}

static void watch_signal(const Info& info) {
  const int number = signal_number(from_v8(info.GetIsolate(), info[0]));
  if (number <= 0 || number >= 64) return;
  host_of(info).watch_signal(number);
  deliver_signal_to_control(number);
}

// The signal does again what it does by default; those that end a program in order stay with the control thread.
static void unwatch_signal(const Info& info) {
  const int number = signal_number(from_v8(info.GetIsolate(), info[0]));
  if (number <= 0 || number >= 64) return;
  host_of(info).unwatch_signal(number);
  if (number != SIGINT && number != SIGTERM && number != SIGHUP) ::signal(number, SIG_DFL);
}

// sendSignal(pid, number) -> 0 or an errno
static void send_signal(const Info& info) {
  const int result = ::kill(info[0].As<v8::Int32>()->Value(), info[1].As<v8::Int32>()->Value());
  info.GetReturnValue().Set(result == 0 ? 0 : errno);
}

static void memory_usage(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::HeapStatistics heap;
  isolate->GetHeapStatistics(&heap);
  size_t pages = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%*u %zu", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  const double values[] = {
      static_cast<double>(pages) * static_cast<double>(::sysconf(_SC_PAGESIZE)),
      static_cast<double>(heap.total_heap_size()), static_cast<double>(heap.used_heap_size()),
      static_cast<double>(heap.external_memory()), static_cast<double>(host_of(info).array_buffer_bytes())};
  std::vector<v8::Local<v8::Value>> numbers;
  for (const double value : values) numbers.push_back(v8::Number::New(isolate, value));
  info.GetReturnValue().Set(v8::Array::New(isolate, numbers.data(), numbers.size()));
}

static void cpu_usage(const Info& info) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  v8::Isolate* isolate = info.GetIsolate();
  const auto us = [isolate](const timeval& time) -> v8::Local<v8::Value> {
    return v8::Number::New(isolate,
                           static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec));
  };
  v8::Local<v8::Value> values[] = {us(usage.ru_utime), us(usage.ru_stime)};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 2));
}

static void versions(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Object> result = v8::Object::New(isolate);
  const auto set = [&](const char* name, const char* text) {
    result->Set(context, name_of(isolate, name), to_v8(isolate, text)).Check();
  };
  set("sluice", kVersion);
  set("node", kNodeVersion);
  set("v8", v8::V8::GetVersion());
  // Of the libraries, as their headers were when this was built.
  set("openssl", OPENSSL_FULL_VERSION_STR);
  set("sqlite", SQLITE_VERSION);
  set("zlib", ZLIB_VERSION);
  set("zstd", ZSTD_VERSION_STRING);
  set("modules", std::to_string(kNodeModuleVersion).c_str());
  set("napi", std::to_string(kNodeApiVersion).c_str());
  info.GetReturnValue().Set(result);
}

// What a program may want to know of its core.
static void core(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  CoreServices& services = host_of(info).core();
  v8::Local<v8::Object> result = v8::Object::New(isolate);
  result->Set(context, name_of(isolate, "core"), v8::Integer::NewFromUnsigned(isolate, services.index))
      .Check();
  result->Set(context, name_of(isolate, "cores"), v8::Integer::NewFromUnsigned(isolate, services.count))
      .Check();
  result->Set(context, name_of(isolate, "transport"), to_v8(isolate, services.transport.name())).Check();
  info.GetReturnValue().Set(result);
}

void install_process(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost&) {
  set_function(context, target, "write", write);
  set_function(context, target, "isTerminal", is_terminal);
  set_function(context, target, "columns", columns);
  set_function(context, target, "argv", argv);
  set_function(context, target, "execArgv", exec_argv);
  set_function(context, target, "execPath", exec_path);
  set_function(context, target, "environment", environment);
  set_function(context, target, "options", options);
  set_function(context, target, "environmentOptions", environment_options);
  set_function(context, target, "cLibrary", c_library);
  set_function(context, target, "sharedObjects", shared_objects);
  set_function(context, target, "userLimits", user_limits);
  set_function(context, target, "firstArgument", first_argument);
  set_function(context, target, "takeVariable", take_variable);
  set_function(context, target, "variable", variable);
  set_function(context, target, "watchResolves", watch_resolves);
  set_function(context, target, "cwd", cwd);
  set_function(context, target, "chdir", chdir);
  set_function(context, target, "memoryOfMachine", memory_of_machine);
  set_function(context, target, "now", now);
  set_function(context, target, "timeOrigin", time_origin);
  set_function(context, target, "hrtime", hrtime);
  set_function(context, target, "exit", exit);
  set_function(context, target, "abort", abort);
  set_function(context, target, "pid", pid);
  set_function(context, target, "ppid", ppid);
  set_function(context, target, "ids", ids);
  set_function(context, target, "umask", umask);
  set_function(context, target, "sendSignal", send_signal);
  set_function(context, target, "unwatchSignal", unwatch_signal);
  set_function(context, target, "watchSignal", watch_signal);
  set_function(context, target, "memoryUsage", memory_usage);
  set_function(context, target, "cpuUsage", cpu_usage);
  set_function(context, target, "versions", versions);
  set_function(context, target, "core", core);
  install_process_identity(context, target);
  install_process_usage(context, target);
}

}  // namespace sluice::runtime
