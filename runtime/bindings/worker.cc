// SPDX-License-Identifier: Apache-2.0
// Workers of an isolate: made, ended, asked; and what a worker knows of itself.
#include <v8-profiler.h>

#include <map>
#include <tuple>

#include "runtime/bindings/bindings.hh"
#include "runtime/host_internals.hh"
#include "runtime/message_port.hh"
#include "runtime/v8_text.hh"
#include "runtime/worker_thread.hh"

namespace sluice::runtime {

using Info = v8::FunctionCallbackInfo<v8::Value>;

namespace {

class Workers {
 public:
  explicit Workers(IsolateHost& host) : host_(host) {
    host.on_teardown([this] {
      for (auto& [number, child] : children_) child.thread->stop();
      children_.clear();
    });
  }

  void start(WorkerOptions options, v8::Local<v8::Function> on_exit) {
    const uint32_t number = options.number;
    Child& child = children_[number];
    child.on_exit.Reset(host_.isolate(), on_exit);
    host_.ref();
    child.thread = std::make_unique<WorkerThread>(
        host_, std::move(options), [this, number, mailbox = host_.mailbox()] {
          std::ignore = mailbox->post([this, number](IsolateHost&) { ended(number); });
        });
  }

  WorkerThread* find(uint32_t number) {
    const auto found = children_.find(number);
    return found == children_.end() ? nullptr : found->second.thread.get();
  }

  void set_referenced(uint32_t number, bool referenced) {
    const auto found = children_.find(number);
    if (found == children_.end() || found->second.referenced == referenced) return;
    found->second.referenced = referenced;
    if (referenced) {
      host_.ref();
    } else {
      host_.unref();
    }
  }

  // A question to a worker: `ask` runs there, and `done` here with its answer.
  void remember(uint64_t question, v8::Local<v8::Function> done) {
    questions_[question].Reset(host_.isolate(), done);
  }
  uint64_t next_question() { return ++last_question_; }
  void answer(uint64_t question, const std::vector<double>& numbers, const std::string& text) {
    const auto found = questions_.find(question);
    if (found == questions_.end()) return;
    v8::Isolate* isolate = host_.isolate();
    v8::HandleScope scope(isolate);
    v8::Local<v8::Context> context = host_.context();
    v8::Local<v8::Function> done = found->second.Get(isolate);
    questions_.erase(found);
    std::vector<v8::Local<v8::Value>> values;
    for (const double number : numbers) values.push_back(v8::Number::New(isolate, number));
    v8::Local<v8::Value> arguments[] = {v8::Array::New(isolate, values.data(), values.size()),
                                        to_v8(isolate, text)};
    v8::TryCatch caught(isolate);
    std::ignore = done->Call(context, v8::Undefined(isolate), 2, arguments);
    if (caught.HasCaught()) host_.uncaught(caught);
  }

 private:
  struct Child {
    std::unique_ptr<WorkerThread> thread;
    v8::Global<v8::Function> on_exit;
    bool referenced = true;
  };

  void ended(uint32_t number) {
    const auto found = children_.find(number);
    if (found == children_.end()) return;
    found->second.thread->join();
    const Child child = std::move(found->second);
    children_.erase(found);
    v8::Isolate* isolate = host_.isolate();
    v8::HandleScope scope(isolate);
    v8::Local<v8::Context> context = host_.context();
    v8::TryCatch caught(isolate);
    v8::Local<v8::Value> arguments[] = {v8::Integer::New(isolate, child.thread->exit_code()),
                                        v8::Boolean::New(isolate, child.thread->out_of_memory())};
    std::ignore =
        child.on_exit.Get(isolate)->Call(context, v8::Undefined(isolate), 2, arguments);
    if (child.referenced) host_.unref();
    if (caught.HasCaught()) host_.uncaught(caught);
  }

  IsolateHost& host_;
  std::map<uint32_t, Child> children_;
  std::map<uint64_t, v8::Global<v8::Function>> questions_;
  uint64_t last_question_ = 0;
};

Workers& workers_of(const Info& info) {
  return *static_cast<Workers*>(info.Data().As<v8::External>()->Value());
}
IsolateHost& host_of(const Info& info) { return IsolateHost::from(info.GetIsolate()); }
uint32_t number_of(v8::Local<v8::Value> value) { return value.As<v8::Number>()->Value(); }

std::vector<std::string> texts_of(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  std::vector<std::string> texts;
  v8::Local<v8::Array> list = value.As<v8::Array>();
  for (uint32_t i = 0; i < list->Length(); ++i)
    texts.push_back(from_v8(isolate, list->Get(isolate->GetCurrentContext(), i).ToLocalChecked()));
  return texts;
}

void next_number(const Info& info) { info.GetReturnValue().Set(WorkerThread::next_number()); }

// start(number, name, port, file or undefined, code or undefined, argv, execArgv, limits[4], onExit)
void start(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  WorkerOptions options;
  options.number = number_of(info[0]);
  options.name = from_v8(isolate, info[1]);
  options.control = MessagePorts::of(host_of(info)).detach(info[2].As<v8::Object>());
  options.program = info[3]->IsString() ? Program{Program::Kind::kFile, from_v8(isolate, info[3])}
                                        : Program{Program::Kind::kEval, from_v8(isolate, info[4])};
  options.arguments = texts_of(isolate, info[5]);
  options.exec_arguments = texts_of(isolate, info[6]);
  double limits[4] = {};
  for (uint32_t i = 0; i < 4; ++i)
    limits[i] = info[7].As<v8::Array>()->Get(context, i).ToLocalChecked().As<v8::Number>()->Value();
  options.limits.young_heap_mb = limits[0] > 0 ? std::max(1u, static_cast<uint32_t>(limits[0])) : 0;
  options.limits.heap_mb = limits[1] > 0 ? std::max(2u, static_cast<uint32_t>(limits[1])) : 0;
  options.limits.code_range_mb = static_cast<uint32_t>(limits[2]);
  options.stack_bytes = static_cast<size_t>(limits[3] * (1u << 20));
  workers_of(info).start(std::move(options), info[8].As<v8::Function>());
}

void stop(const Info& info) {
  if (WorkerThread* worker = workers_of(info).find(number_of(info[0]))) worker->stop();
}
void set_ref(const Info& info) {
  workers_of(info).set_referenced(number_of(info[0]), info[1]->IsTrue());
}

class TextStream final : public v8::OutputStream {
 public:
  explicit TextStream(std::string& text) : text_(text) {}
  void EndOfStream() override {}
  int GetChunkSize() override { return 1 << 16; }
  WriteResult WriteAsciiChunk(char* data, int size) override {
    text_.append(data, static_cast<size_t>(size));
    return kContinue;
  }

 private:
  std::string& text_;
};

enum class Question : int32_t { kProcessorTime, kHeap, kSnapshot };

void answer_in_worker(IsolateHost& host, Question question, std::vector<double>& numbers, std::string& text) {
  v8::Isolate* isolate = host.isolate();
  v8::HandleScope scope(isolate);
  switch (question) {
    case Question::kProcessorTime: {
      uint64_t user_us, system_us;
      WorkerThread::processor_time(user_us, system_us);
      numbers = {static_cast<double>(user_us), static_cast<double>(system_us)};
      return;
    }
    case Question::kHeap: {
      v8::HeapStatistics heap;
      isolate->GetHeapStatistics(&heap);
      for (const size_t each :
           {heap.total_heap_size(), heap.total_heap_size_executable(), heap.total_physical_size(),
            heap.total_available_size(), heap.used_heap_size(), heap.heap_size_limit(), heap.malloced_memory(),
            heap.peak_malloced_memory(), heap.does_zap_garbage(), heap.number_of_native_contexts(),
            heap.number_of_detached_contexts(), heap.total_global_handles_size(), heap.used_global_handles_size(),
            heap.external_memory()})
        numbers.push_back(static_cast<double>(each));
      return;
    }
    case Question::kSnapshot: {
      const v8::HeapSnapshot* snapshot = isolate->GetHeapProfiler()->TakeHeapSnapshot();
      TextStream stream(text);
      snapshot->Serialize(&stream, v8::HeapSnapshot::kJSON);
      const_cast<v8::HeapSnapshot*>(snapshot)->Delete();
      return;
    }
  }
}

// ask(number, question, done) -> false: it is over
void ask(const Info& info) {
  Workers& workers = workers_of(info);
  WorkerThread* worker = workers.find(number_of(info[0]));
  if (!worker) return info.GetReturnValue().Set(false);
  const auto question = static_cast<Question>(info[1].As<v8::Int32>()->Value());
  const uint64_t number = workers.next_question();
  const bool sent = worker->post([question, number, back = host_of(info).mailbox(), &workers](IsolateHost& host) {
    std::vector<double> numbers;
    std::string text;
    answer_in_worker(host, question, numbers, text);
    std::ignore = back->post([number, numbers, text = std::move(text), &workers](IsolateHost&) {
      workers.answer(number, numbers, text);
    });
  });
  if (sent) workers.remember(number, info[2].As<v8::Function>());
  info.GetReturnValue().Set(sent);
}

// self() -> undefined in the main thread, else [number, name, port, limits, is the first time]
void self(const Info& info) {
  IsolateHost& host = host_of(info);
  v8::Isolate* isolate = info.GetIsolate();
  WorkerThread* worker = host.internals().worker;
  if (!worker) return;
  const WorkerOptions& options = worker->options();
  v8::Local<v8::Value> values[] = {v8::Integer::NewFromUnsigned(isolate, options.number),
                                   to_v8(isolate, options.name)};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 2));
}

void take_control(const Info& info) {
  IsolateHost& host = host_of(info);
  info.GetReturnValue().Set(MessagePorts::of(host).open(host.internals().worker->take_control()));
}

// takeErrors(function(error)): true of it when the parent has been told
void take_errors(const Info& info) {
  IsolateHost& host = host_of(info);
  v8::Isolate* isolate = info.GetIsolate();
  auto* taker = host.own(std::make_unique<v8::Global<v8::Function>>(isolate, info[0].As<v8::Function>()));
  host.internals().error_taker = [&host, isolate, taker](v8::Local<v8::Value> error) {
    v8::TryCatch caught(isolate);
    v8::Local<v8::Value> arguments[] = {error};
    v8::Local<v8::Value> taken;
    return taker->Get(isolate)
               ->Call(host.context(), v8::Undefined(isolate), 1, arguments)
               .ToLocal(&taken) &&
           taken->IsTrue();
  };
}

void thread_time(const Info& info) {
  uint64_t user_us, system_us;
  WorkerThread::processor_time(user_us, system_us);
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Value> values[] = {v8::Number::New(isolate, static_cast<double>(user_us)),
                                   v8::Number::New(isolate, static_cast<double>(system_us))};
  info.GetReturnValue().Set(v8::Array::New(isolate, values, 2));
}

}  // namespace

void install_worker(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost& host) {
  v8::Local<v8::External> workers =
      v8::External::New(context->GetIsolate(), host.own(std::make_unique<Workers>(host)));
  set_function(context, target, "nextNumber", next_number);
  set_function(context, target, "start", start, workers);
  set_function(context, target, "stop", stop, workers);
  set_function(context, target, "setRef", set_ref, workers);
  set_function(context, target, "ask", ask, workers);
  set_function(context, target, "self", self);
  set_function(context, target, "takeControl", take_control);
  set_function(context, target, "takeErrors", take_errors);
  set_function(context, target, "threadTime", thread_time);
}

}  // namespace sluice::runtime
