// SPDX-License-Identifier: Apache-2.0
// `proxy()` of `sluice:http`: hands an exchange to the reverse proxy of dataplane/proxy and tells the script how it ended.
#pragma once
#include <v8.h>

#include <memory>
#include <string>
#include <vector>

#include "dataplane/proxy/proxy.hh"
#include "jsapi/native/function_arguments.hh"

namespace sluice::jsapi {

class Api;

class Proxying {
 public:
  static constexpr uint32_t kGroupsLimit = 1024;  // different sets of upstreams that one program may name
  static constexpr uint32_t kOptionsLimit =
      1024;  // different sets of edits that are kept; others are made for each request

  explicit Proxying(Api& api);
  ~Proxying();
  void install(v8::Local<v8::Context> context, v8::Local<v8::Object> target, v8::Local<v8::Value> data);
  void teardown();

 private:
  struct Task;
  static void add_group(const Arguments& info);
  static void add_options(const Arguments& info);
  static void forward(const Arguments& info);
  static void group_state(const Arguments& info);
  static Proxying& from(const Arguments& info);
  void unlink(Task& task);
  void done(Task& task, const proxy::ForwardOutcome& outcome);

  Api& api_;
  Task* tasks_ = nullptr;  // under way
  std::vector<std::shared_ptr<proxy::UpstreamGroup>> groups_;
  std::vector<std::shared_ptr<proxy::ForwardOptions>> options_;
  std::shared_ptr<proxy::ForwardOptions> single_options_;  // for the next forward() only
};

}  // namespace sluice::jsapi
