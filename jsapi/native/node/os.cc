// SPDX-License-Identifier: Apache-2.0
// What node:os tells about the machine, and the priorities of processes.
#include <arpa/inet.h>
#include <gnu/libc-version.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <pwd.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "jsapi/native/node/bindings.hh"
#include "runtime/isolate_host.hh"
#include "runtime/v8_text.hh"

namespace sluice::jsapi {

using Info = v8::FunctionCallbackInfo<v8::Value>;
using runtime::name_of;
using runtime::set_function;
using runtime::to_v8;

namespace {

v8::Local<v8::Array> numbers(v8::Isolate* isolate, const std::vector<double>& values) {
  std::vector<v8::Local<v8::Value>> items;
  for (const double value : values) items.push_back(v8::Number::New(isolate, value));
  return v8::Array::New(isolate, items.data(), items.size());
}

// libcVersion() -> that of the GNU C library: installers and loaders of addons tell it from others by this.
void libc_version(const Info& info) {
  info.GetReturnValue().Set(runtime::to_v8(info.GetIsolate(), ::gnu_get_libc_version()));
}

// uname() -> [sysname, release, version, machine, nodename]
void uname(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  utsname name{};
  ::uname(&name);
  v8::Local<v8::Value> values[] = {to_v8(isolate, name.sysname), to_v8(isolate, name.release),
                                   to_v8(isolate, name.version), to_v8(isolate, name.machine),
                                   to_v8(isolate, name.nodename)};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 5));
}

// memory() -> [total, available, of this process by its control group or total] in bytes
void memory(const Info& info) {
  double total = 0, available = 0;
  if (FILE* file = std::fopen("/proc/meminfo", "re")) {
    char line[256];
    unsigned long long kb;
    while (std::fgets(line, sizeof(line), file)) {
      if (std::sscanf(line, "MemTotal: %llu", &kb) == 1) total = static_cast<double>(kb) * 1024;
      if (std::sscanf(line, "MemAvailable: %llu", &kb) == 1) available = static_cast<double>(kb) * 1024;
    }
    std::fclose(file);
  }
  info.GetReturnValue().Set(numbers(info.GetIsolate(), {total, available}));
}

void uptime(const Info& info) {
  double seconds = 0;
  if (FILE* file = std::fopen("/proc/uptime", "re")) {
    if (std::fscanf(file, "%lf", &seconds) != 1) seconds = 0;
    std::fclose(file);
  }
  info.GetReturnValue().Set(seconds);
}

void load_average(const Info& info) {
  double values[3] = {};
  if (::getloadavg(values, 3) < 0) std::memset(values, 0, sizeof(values));
  info.GetReturnValue().Set(numbers(info.GetIsolate(), {values[0], values[1], values[2]}));
}

// cpus() -> [model, MHz, user, nice, sys, idle, irq, ...] (times in ms)
void cpus(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  std::vector<std::string> models;
  std::vector<double> speeds;
  std::string line;
  for (std::ifstream file("/proc/cpuinfo"); std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    if (line.starts_with("model name")) models.push_back(line.substr(colon + 2));
    if (line.starts_with("cpu MHz")) speeds.push_back(std::atof(line.c_str() + colon + 2));
  }
  v8::Local<v8::Array> all = v8::Array::New(isolate);
  uint32_t at = 0;
  const double tick_ms = 1000.0 / static_cast<double>(::sysconf(_SC_CLK_TCK));
  size_t number = 0;
  for (std::ifstream file("/proc/stat"); std::getline(file, line);) {
    unsigned cpu;
    unsigned long long user, nice, sys, idle, wait, irq;
    if (std::sscanf(line.c_str(), "cpu%u %llu %llu %llu %llu %llu %llu", &cpu, &user, &nice, &sys, &idle,
                    &wait, &irq) != 7)
      continue;
    const std::string model = number < models.size() ? models[number] : "unknown";
    const double speed = number < speeds.size() ? static_cast<double>(static_cast<int>(speeds[number])) : 0;
    all->Set(context, at++, to_v8(isolate, model)).Check();
    for (const double value : {speed, static_cast<double>(user) * tick_ms,
                               static_cast<double>(nice) * tick_ms, static_cast<double>(sys) * tick_ms,
                               static_cast<double>(idle) * tick_ms, static_cast<double>(irq) * tick_ms})
      all->Set(context, at++, v8::Number::New(isolate, value)).Check();
    ++number;
  }
  info.GetReturnValue().Set(all);
}

void parallelism(const Info& info) {
  cpu_set_t set;
  CPU_ZERO(&set);
  // Of the process as it was started: this thread is bound to its core.
  const int count = ::sched_getaffinity(::getpid(), sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 0;
  const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
  info.GetReturnValue().Set(static_cast<int>(online > count ? online : count));
}

// interfaces() -> [name, address, netmask, family 4|6, mac, internal, scope id, ...]
void interfaces(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Array> all = v8::Array::New(isolate);
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return info.GetReturnValue().Set(all);
  uint32_t at = 0;
  for (const ifaddrs* each = list; each; each = each->ifa_next) {
    if (!each->ifa_addr || (each->ifa_flags & (IFF_UP | IFF_RUNNING)) != (IFF_UP | IFF_RUNNING)) continue;
    const int family = each->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    char address[INET6_ADDRSTRLEN] = {}, mask[INET6_ADDRSTRLEN] = {}, mac[18] = "00:00:00:00:00:00";
    int scope = 0;
    const auto text = [family](const sockaddr* from, char* to) {
      if (!from) return;
      const void* raw = family == AF_INET
                            ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(from)->sin_addr)
                            : &reinterpret_cast<const sockaddr_in6*>(from)->sin6_addr;
      ::inet_ntop(family, raw, to, INET6_ADDRSTRLEN);
    };
    text(each->ifa_addr, address);
    text(each->ifa_netmask, mask);
    if (family == AF_INET6)
      scope = static_cast<int>(reinterpret_cast<const sockaddr_in6*>(each->ifa_addr)->sin6_scope_id);
    for (const ifaddrs* link = list; link; link = link->ifa_next) {
      if (!link->ifa_addr || link->ifa_addr->sa_family != AF_PACKET ||
          std::strcmp(link->ifa_name, each->ifa_name) != 0)
        continue;
      const auto* hardware = reinterpret_cast<const sockaddr_ll*>(link->ifa_addr);
      std::snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", hardware->sll_addr[0],
                    hardware->sll_addr[1], hardware->sll_addr[2], hardware->sll_addr[3],
                    hardware->sll_addr[4], hardware->sll_addr[5]);
    }
    const v8::Local<v8::Value> values[] = {to_v8(isolate, each->ifa_name),
                                           to_v8(isolate, address),
                                           to_v8(isolate, mask),
                                           v8::Integer::New(isolate, family == AF_INET ? 4 : 6),
                                           to_v8(isolate, mac),
                                           v8::Boolean::New(isolate, (each->ifa_flags & IFF_LOOPBACK) != 0),
                                           v8::Integer::New(isolate, scope)};
    for (const v8::Local<v8::Value>& value : values) all->Set(context, at++, value).Check();
  }
  ::freeifaddrs(list);
  info.GetReturnValue().Set(all);
}

// user() -> [uid, gid, name, home, shell], or the errno
void user(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> room(16384);
  int failed;
  while ((failed = ::getpwuid_r(::geteuid(), &entry, room.data(), room.size(), &found)) == ERANGE)
    room.resize(room.size() * 2);
  if (failed != 0 || !found) return info.GetReturnValue().Set(failed != 0 ? failed : ENOENT);
  v8::Local<v8::Value> values[] = {v8::Integer::NewFromUnsigned(isolate, entry.pw_uid),
                                   v8::Integer::NewFromUnsigned(isolate, entry.pw_gid),
                                   to_v8(isolate, entry.pw_name), to_v8(isolate, entry.pw_dir),
                                   to_v8(isolate, entry.pw_shell)};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 5));
}

// getPriority(pid) -> [value] or the errno
void get_priority(const Info& info) {
  errno = 0;
  const int value = ::getpriority(PRIO_PROCESS, static_cast<id_t>(info[0].As<v8::Int32>()->Value()));
  if (errno != 0) return info.GetReturnValue().Set(errno);
  info.GetReturnValue().Set(numbers(info.GetIsolate(), {static_cast<double>(value)}));
}

// setPriority(pid, value) -> 0 or the errno
void set_priority(const Info& info) {
  const int failed = ::setpriority(PRIO_PROCESS, static_cast<id_t>(info[0].As<v8::Int32>()->Value()),
                                   info[1].As<v8::Int32>()->Value());
  info.GetReturnValue().Set(failed == 0 ? 0 : errno);
}

}  // namespace

void install_os(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost&) {
  set_function(context, target, "libcVersion", libc_version);
  set_function(context, target, "uname", uname);
  set_function(context, target, "memory", memory);
  set_function(context, target, "uptime", uptime);
  set_function(context, target, "loadAverage", load_average);
  set_function(context, target, "cpus", cpus);
  set_function(context, target, "parallelism", parallelism);
  set_function(context, target, "interfaces", interfaces);
  set_function(context, target, "user", user);
  set_function(context, target, "getPriority", get_priority);
  set_function(context, target, "setPriority", set_priority);
}

}  // namespace sluice::jsapi
