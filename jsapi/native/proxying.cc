// SPDX-License-Identifier: Apache-2.0
// `proxy()` of `sluice:http`.
#include "jsapi/native/proxying.hh"

#include "jsapi/native/api.hh"
#include "jsapi/native/core_network.hh"

namespace sluice::jsapi {

// One forwarding under way. On the heap by itself, because it may outlive the isolate that asked for it.
struct Proxying::Task {
  Proxying* owner = nullptr;  // nullptr: its isolate is gone
  Task* next = nullptr;
  Task* previous = nullptr;
  uint32_t request_number = 0, request_generation = 0;
  std::shared_ptr<proxy::UpstreamGroup> group;
  std::shared_ptr<proxy::ForwardOptions> options;
};

Proxying::Proxying(Api& api) : api_(api) {}
Proxying::~Proxying() = default;

Proxying& Proxying::from(const Arguments& info) { return Api::from(info).proxying; }

void Proxying::teardown() {
  for (Task* task = tasks_; task; task = task->next) task->owner = nullptr;
  tasks_ = nullptr;
}

// add_upstreams([hostname, port, Host field ...], balance, failures limit, fail timeout ms) -> number of the group
void Proxying::add_group(const Arguments& info) {
  Proxying& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  const auto context = isolate->GetCurrentContext();
  if (self.groups_.size() >= kGroupsLimit)
    return throw_error(
        isolate, "ENOBUFS",
        "this program has named " + std::to_string(kGroupsLimit) +
            " different sets of upstreams, which is the limit: make them once with upstreams()");
  const auto list = info[0].As<v8::Array>();
  std::vector<proxy::Upstream> upstreams;
  for (uint32_t at = 0; at + 2 < list->Length(); at += 3) {
    proxy::Upstream upstream;
    v8::Local<v8::Value> hostname, port, host;
    if (!list->Get(context, at).ToLocal(&hostname) || !list->Get(context, at + 1).ToLocal(&port) ||
        !list->Get(context, at + 2).ToLocal(&host))
      return;
    if (!endpoint_of(self.api_, hostname, port, upstream.endpoint)) return;
    upstream.host = to_utf8(isolate, host);
    upstreams.push_back(std::move(upstream));
  }
  if (upstreams.empty() || upstreams.size() > proxy::UpstreamGroup::kUpstreamsLimit)
    return throw_error(
        isolate, "ERR_INVALID_ARG_VALUE",
        "a group has 1 to " + std::to_string(proxy::UpstreamGroup::kUpstreamsLimit) + " upstreams");
  proxy::UpstreamOptions options;
  options.balance = static_cast<proxy::Balance>(small_integer(info[1]));
  if (info[2]->IsNumber()) options.failures_limit = word(info[2]);
  if (info[3]->IsNumber()) options.fail_timeout_ms = word(info[3]);
  self.groups_.push_back(std::make_shared<proxy::UpstreamGroup>(std::move(upstreams), options));
  info.GetReturnValue().Set(static_cast<uint32_t>(self.groups_.size() - 1));
}

// add_proxy_options(request lines, [request names to remove ...], response lines, [names ...], target, flags, name in the
// request's Via field or '', in the response's) -> number.
// flags: 1 preserve Host, 2 no X-Forwarded-For, 4 replace the options made last (those of a single request).
void Proxying::add_options(const Arguments& info) {
  Proxying& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  const auto context = isolate->GetCurrentContext();
  auto options = std::make_shared<proxy::ForwardOptions>();
  const auto edits = [&](int at, proxy::HeaderEdits& into) {
    if (info[at]->IsString()) append_latin1(isolate, info[at].As<v8::String>(), into.set);
    const auto names = info[at + 1].As<v8::Array>();
    for (uint32_t i = 0; i < names->Length(); ++i) {
      v8::Local<v8::Value> name;
      if (names->Get(context, i).ToLocal(&name)) into.remove.push_back(to_utf8(isolate, name));
    }
  };
  edits(0, options->request);
  edits(2, options->response);
  options->target = to_utf8(isolate, info[4]);
  const int32_t flags = small_integer(info[5]);
  options->preserve_host = flags & 1;
  options->forwarded_for = !(flags & 2);
  options->request.via = to_utf8(isolate, info[6]);
  options->response.via = to_utf8(isolate, info[7]);
  if (flags & 4) {
    self.single_options_ = std::move(options);
    return info.GetReturnValue().Set(-1);
  }
  self.options_.push_back(std::move(options));
  info.GetReturnValue().Set(static_cast<uint32_t>(self.options_.size() - 1));
}

// proxy_forward(slot, generation, group, options or -1) -> false when the exchange cannot be forwarded any more
void Proxying::forward(const Arguments& info) {
  Proxying& self = from(info);
  IncomingRequest* request = self.api_.servers.find(word(info[0]), word(info[1]));
  if (!request || !request->exchange || request->aborted || request->proxied || request->reading ||
      request->exchange->response_started())
    return info.GetReturnValue().Set(false);
  const int32_t options = small_integer(info[3]);
  auto* task = new Task;
  task->owner = &self;
  task->group = self.groups_[word(info[2])];
  task->options = options < 0 ? std::move(self.single_options_) : self.options_[static_cast<size_t>(options)];
  task->request_number = request->number;
  task->request_generation = request->generation;
  task->next = self.tasks_;
  if (self.tasks_) self.tasks_->previous = task;
  self.tasks_ = task;
  request->proxied = true;
  request->reading = request->discarded = true;
  CoreNetwork& network = CoreNetwork::of(self.api_.host.core());
  request->exchange->set_handler(network.detached);
  self.api_.host.ref();
  const bool taken = network.proxy.forward(*request->exchange, *task->group, *task->options,
                                           {task, [](void* context, const proxy::ForwardOutcome& outcome) {
                                              auto* done = static_cast<Task*>(context);
                                              if (done->owner) done->owner->done(*done, outcome);
                                              delete done;
                                            }});
  if (!taken) {
    self.unlink(*task);
    delete task;
    request->proxied = false;
    self.api_.host.unref();
  }
  info.GetReturnValue().Set(taken);
}

void Proxying::unlink(Task& task) {
  if (task.next) task.next->previous = task.previous;
  (task.previous ? task.previous->next : tasks_) = task.next;
}

void Proxying::done(Task& task, const proxy::ForwardOutcome& outcome) {
  unlink(task);
  api_.host.push(kHttpProxied, static_cast<int32_t>(task.request_number),
                 static_cast<int32_t>(task.request_generation), outcome.status, outcome.upstream,
                 static_cast<int32_t>(outcome.attempts), static_cast<int32_t>(outcome.error));
  api_.host.unref();
}

// upstream_state(group) -> [active, failures, requests, failed ...] for each upstream
void Proxying::group_state(const Arguments& info) {
  Proxying& self = from(info);
  v8::Isolate* isolate = info.GetIsolate();
  const uint32_t number_of_group = word(info[0]);
  if (number_of_group >= self.groups_.size()) return;
  proxy::UpstreamGroup& group = *self.groups_[number_of_group];
  std::vector<v8::Local<v8::Value>> values;
  for (unsigned i = 0; i < group.size(); ++i) {
    values.push_back(v8::Number::New(isolate, group[i].active));
    values.push_back(v8::Number::New(isolate, group[i].failures));
    values.push_back(v8::Number::New(isolate, static_cast<double>(group[i].requests)));
    values.push_back(v8::Number::New(isolate, static_cast<double>(group[i].failed)));
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, values.data(), values.size()));
}

void Proxying::install(v8::Local<v8::Context> context, v8::Local<v8::Object> target,
                       v8::Local<v8::Value> data) {
  runtime::set_function(context, target, "addUpstreams", add_group, data);
  runtime::set_function(context, target, "addProxyOptions", add_options, data);
  runtime::set_function(context, target, "proxyForward", forward, data);
  runtime::set_function(context, target, "upstreamState", group_state, data);
}

}  // namespace sluice::jsapi
