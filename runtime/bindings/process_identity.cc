// SPDX-License-Identifier: Apache-2.0
// Who the process is: users and groups, its title, and becoming another program.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/bindings/bindings.hh"
#include "runtime/host_internals.hh"
#include "runtime/process_title.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// The number of a user or group given by number or name; -1: there is none.
static int64_t id_of(const Info& info, int index, bool group) {
  if (info[index]->IsUint32()) return info[index].As<v8::Uint32>()->Value();
  const std::string name = from_v8(info.GetIsolate(), info[index]);
  if (group) {
    const struct group* const found = ::getgrnam(name.c_str());
    return found ? static_cast<int64_t>(found->gr_gid) : -1;
  }
  const passwd* const found = ::getpwnam(name.c_str());
  return found ? static_cast<int64_t>(found->pw_uid) : -1;
}

// setId(which, number or name) -> 0, an errno, or -1: no such user or group. which: 0 uid, 1 euid, 2 gid, 3 egid
static void set_id(const Info& info) {
  const int which = info[0].As<v8::Int32>()->Value();
  const int64_t id = id_of(info, 1, which >= 2);
  if (id < 0) return info.GetReturnValue().Set(-1);
  const auto number = static_cast<uid_t>(id);
  const int result = which == 0   ? ::setuid(number)
                     : which == 1 ? ::seteuid(number)
                     : which == 2 ? ::setgid(number)
                                  : ::setegid(number);
  info.GetReturnValue().Set(result == 0 ? 0 : errno);
}

// groups() -> numbers, or an errno
static void groups(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const int count = ::getgroups(0, nullptr);
  std::vector<gid_t> list(count > 0 ? static_cast<size_t>(count) : 0);
  if (count < 0 || ::getgroups(count, list.data()) < 0) return info.GetReturnValue().Set(errno);
  std::vector<v8::Local<v8::Value>> values;
  bool own = false;
  for (const gid_t group : list) {
    own |= group == ::getegid();
    values.push_back(v8::Integer::NewFromUnsigned(isolate, group));
  }
  if (!own) values.push_back(v8::Integer::NewFromUnsigned(isolate, ::getegid()));
  info.GetReturnValue().Set(v8::Array::New(isolate, values.data(), values.size()));
}

// setGroups([number or name]) -> 0, an errno, or -1 - index of one that does not exist
static void set_groups(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Array> given = info[0].As<v8::Array>();
  std::vector<gid_t> list;
  for (uint32_t i = 0; i < given->Length(); ++i) {
    v8::Local<v8::Value> item = given->Get(isolate->GetCurrentContext(), i).ToLocalChecked();
    if (item->IsUint32()) {
      list.push_back(item.As<v8::Uint32>()->Value());
      continue;
    }
    const struct group* const found = ::getgrnam(from_v8(isolate, item).c_str());
    if (!found) return info.GetReturnValue().Set(-1 - static_cast<int>(i));
    list.push_back(found->gr_gid);
  }
  info.GetReturnValue().Set(::setgroups(list.size(), list.data()) == 0 ? 0 : errno);
}

// initGroups(user, group) -> 0, an errno, -1: no such user, -2: no such group
static void init_groups(const Info& info) {
  std::string name;
  if (info[0]->IsUint32()) {
    const passwd* const user = ::getpwuid(info[0].As<v8::Uint32>()->Value());
    if (user) name = user->pw_name;
  } else {
    name = from_v8(info.GetIsolate(), info[0]);
    if (!::getpwnam(name.c_str())) name.clear();
  }
  if (name.empty()) return info.GetReturnValue().Set(-1);
  const int64_t group = id_of(info, 1, true);
  if (group < 0) return info.GetReturnValue().Set(-2);
  info.GetReturnValue().Set(::initgroups(name.c_str(), static_cast<gid_t>(group)) == 0 ? 0 : errno);
}

static void title(const Info& info) { info.GetReturnValue().Set(to_v8(info.GetIsolate(), process_title())); }
static void set_title(const Info& info) { set_process_title(from_v8(info.GetIsolate(), info[0])); }

// setZone(name or undefined): the time zone of Date, from process.env.TZ
static void set_zone(const Info& info) {
  if (info[0]->IsString())
    ::setenv("TZ", from_v8(info.GetIsolate(), info[0]).c_str(), 1);
  else
    ::unsetenv("TZ");
  ::tzset();
  info.GetIsolate()->DateTimeConfigurationChangeNotification(v8::Isolate::TimeZoneDetection::kRedetect);
}

static std::vector<std::string> texts_of(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  std::vector<std::string> texts;
  v8::Local<v8::Array> array = value.As<v8::Array>();
  for (uint32_t i = 0; i < array->Length(); ++i)
    texts.push_back(from_v8(isolate, array->Get(isolate->GetCurrentContext(), i).ToLocalChecked()));
  return texts;
}

// execve(path, arguments, environment) -> an errno; does not return when it works.
static void execve(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const std::string path = from_v8(isolate, info[0]);
  std::vector<std::string> arguments = texts_of(isolate, info[1]), environment = texts_of(isolate, info[2]);
  std::vector<char*> argument_pointers, environment_pointers;
  for (std::string& text : arguments) argument_pointers.push_back(text.data());
  for (std::string& text : environment) environment_pointers.push_back(text.data());
  argument_pointers.push_back(nullptr);
  environment_pointers.push_back(nullptr);
  // The new program gets the standard streams, all processors and the signals as they are by default.
  for (int fd = 0; fd < 3; ++fd) ::fcntl(fd, F_SETFD, 0);
  cpu_set_t all, before;
  std::memset(&all, 0xff, sizeof(all));
  ::sched_getaffinity(0, sizeof(before), &before);
  ::sched_setaffinity(0, sizeof(all), &all);
  ::execve(path.c_str(), argument_pointers.data(), environment_pointers.data());
  const int failed = errno;
  ::sched_setaffinity(0, sizeof(before), &before);
  info.GetReturnValue().Set(failed);
}

void install_process_identity(v8::Local<v8::Context> context, v8::Local<v8::Object> target) {
  set_function(context, target, "setId", set_id);
  set_function(context, target, "groups", groups);
  set_function(context, target, "setGroups", set_groups);
  set_function(context, target, "initGroups", init_groups);
  set_function(context, target, "title", title);
  set_function(context, target, "setTitle", set_title);
  set_function(context, target, "setZone", set_zone);
  set_function(context, target, "execve", execve);
}

}  // namespace sluice::runtime
