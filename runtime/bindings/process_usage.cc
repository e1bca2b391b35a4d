// SPDX-License-Identifier: Apache-2.0
// What the process uses: processor time, memory, the limits that hold for it.
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/bindings/bindings.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

using Info = v8::FunctionCallbackInfo<v8::Value>;

static double microseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
}

static void give(const Info& info, const std::vector<double>& numbers) {
  std::vector<v8::Local<v8::Value>> values;
  for (const double number : numbers) values.push_back(v8::Number::New(info.GetIsolate(), number));
  info.GetReturnValue().Set(v8::Array::New(info.GetIsolate(), values.data(), values.size()));
}

// resourceUsage() -> the numbers of getrusage(2), in its order, times in microseconds
static void resource_usage(const Info& info) {
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  const auto number = [](long value) { return static_cast<double>(value); };
  give(info,
       {microseconds(use.ru_utime), microseconds(use.ru_stime), number(use.ru_maxrss), number(use.ru_ixrss),
        number(use.ru_idrss), number(use.ru_isrss), number(use.ru_minflt), number(use.ru_majflt),
        number(use.ru_nswap), number(use.ru_inblock), number(use.ru_oublock), number(use.ru_msgsnd),
        number(use.ru_msgrcv), number(use.ru_nsignals), number(use.ru_nvcsw), number(use.ru_nivcsw)});
}

// threadCpuUsage() -> [user, system] of this thread, microseconds
static void thread_cpu_usage(const Info& info) {
  rusage use{};
  ::getrusage(RUSAGE_THREAD, &use);
  give(info, {microseconds(use.ru_utime), microseconds(use.ru_stime)});
}

static bool read_number(const std::string& path, double& number) {
  FILE* const file = std::fopen(path.c_str(), "re");
  if (!file) return false;
  const bool there = std::fscanf(file, "%lf", &number) == 1;
  std::fclose(file);
  return there;
}

// The control group's limit and use of memory, bytes (version 2, and 1 where that is missing); 0: no limit.
static void memory_limit(const Info& info) {
  double limit = 0, used = 0;
  std::string group = "/";
  if (FILE* const file = std::fopen("/proc/self/cgroup", "re")) {
    char line[4096];
    while (std::fgets(line, sizeof(line), file))
      if (std::strncmp(line, "0::", 3) == 0) group.assign(line + 3, std::strcspn(line + 3, "\n"));
    std::fclose(file);
  }
  const std::string base = "/sys/fs/cgroup" + (group == "/" ? std::string() : group);
  if (read_number(base + "/memory.max", limit)) {
    read_number(base + "/memory.current", used);
  } else if (read_number("/sys/fs/cgroup/memory/memory.limit_in_bytes", limit)) {
    read_number("/sys/fs/cgroup/memory/memory.usage_in_bytes", used);
    if (limit > 9e18) limit = 0;  // how version 1 says that there is none
  } else {
    limit = 0;
  }
  give(info, {limit, used});
}

void install_process_usage(v8::Local<v8::Context> context, v8::Local<v8::Object> target) {
  set_function(context, target, "resourceUsage", resource_usage);
  set_function(context, target, "threadCpuUsage", thread_cpu_usage);
  set_function(context, target, "memoryLimit", memory_limit);
}

}  // namespace sluice::runtime
