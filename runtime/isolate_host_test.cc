// SPDX-License-Identifier: Apache-2.0
// An isolate host without a network: how events reach JavaScript, and how its program ends.
#include "runtime/isolate_host.hh"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "drivers/kernel/event_waiter.hh"
#include "drivers/kernel/host_clock.hh"
#include "drivers/kernel/host_entropy.hh"
#include "runtime/builtins.hh"
#include "runtime/config/config.hh"
#include "runtime/host_internals.hh"
#include "runtime/platform.hh"
#include "runtime/server_registry.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {
namespace {

class NoTransport final : public transport::Transport {
 public:
  const char* name() const override { return "none"; }
  transport::Result<std::unique_ptr<transport::Listener>> listen(const transport::ListenOptions&,
                                                                 transport::ListenerUser&) override {
    return {nullptr, Error::kAddressNotAvailable, {}};
  }
  transport::Result<transport::Stream*> connect(const transport::ConnectOptions&,
                                                transport::StreamUser&) override {
    return {nullptr, Error::kNetworkUnreachable, {}};
  }
  transport::Result<std::unique_ptr<transport::DatagramSocket>> bind_datagram(
      const transport::DatagramOptions&, transport::DatagramUser&) override {
    return {nullptr, Error::kAddressNotAvailable, {}};
  }
  BufferPool& pool() override { return pool_; }
  uint32_t open_streams() const override { return 0; }

 private:
  HeapBufferPool pool_{2048, 64};
};

// What test programs report.
std::vector<std::string>& said() {
  static std::vector<std::string> lines;
  return lines;
}

std::atomic<bool> marked{false};

void install_test(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost&) {
  set_function(context, target, "say", [](const v8::FunctionCallbackInfo<v8::Value>& info) {
    said().push_back(from_v8(info.GetIsolate(), info[0]));
  });
  set_function(context, target, "mark", [](const v8::FunctionCallbackInfo<v8::Value>&) { marked = true; });
  set_function(context, target, "push", [](const v8::FunctionCallbackInfo<v8::Value>& info) {
    IsolateHost::from(info.GetIsolate()).push(120, info[0].As<v8::Int32>()->Value());
  });
}

constexpr char kTestModule[] = R"(
const events = require('internal/events');
globalThis.say = (text) => internalBinding('test').say(`${text}`);
globalThis.mark = () => internalBinding('test').mark();
globalThis.push = (number) => internalBinding('test').push(number);
events.register(120, (words, at) => globalThis.onEvent(words[at + 1], words[at + 2]));
exports.init = () => { globalThis.woken = true; };
)";

class IsolateHostTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    static bool started = false;
    if (!started) start_v8(1, "");
    started = true;
  }
  void SetUp() override {
    said().clear();
    for (const BuiltinModule& module : runtime_builtins()) image.builtins.push_back(module);
    image.builtins.push_back({"internal/test", kTestModule, sizeof(kTestModule) - 1});
    image.natives = runtime_natives();
    image.natives.push_back({"test", install_test});
    image.executable = "sluice";
    image.arguments = {"sluice"};
  }
  IsolateHost& run(const char* code, HostLimits limits = {}) {
    host = std::make_unique<IsolateHost>(services, image, limits);
    host->start({Program::Kind::kEval, code});
    return *host;
  }
  void turn() {
    reactor.turn();
    host->deliver(reactor.now_ns());
  }
  using Lines = std::vector<std::string>;

  kernel::HostClock clock;
  kernel::HostEntropy entropy;
  kernel::EventWaiter waiter;
  Reactor reactor{clock, waiter, PollMode::kAdaptive};
  NoTransport network;
  config::Configuration configuration;
  ServerRegistry servers{reactor, clock, network};
  CoreServices services{0, 1, reactor, clock, entropy, network, configuration, servers};
  RuntimeImage image;
  std::unique_ptr<IsolateHost> host;
};

TEST_F(IsolateHostTest, HandsABatchOverInOneEntry) {
  run("say(woken); globalThis.onEvent = (a, b) => say(`${a} ${b}`)");
  const uint64_t entries = host->counters.entries;
  for (int i = 0; i < 5; ++i) host->push(120, i, i * 10);
  turn();
  EXPECT_EQ(said(), (Lines{"true", "0 0", "1 10", "2 20", "3 30", "4 40"}));
  EXPECT_EQ(host->counters.entries, entries + 1);
  EXPECT_EQ(host->counters.events, 5u);
  turn();
  EXPECT_EQ(host->counters.entries, entries + 1) << "a turn without events does not enter JavaScript";
}

TEST_F(IsolateHostTest, MicrotasksRunAfterTheBatchAndEventsPushedMeanwhileToo) {
  run("globalThis.onEvent = (a) => { say(a); if (a < 3) push(a + 10); Promise.resolve().then(() => "
      "say('after ' + a)); }");
  host->push(120, 1);
  host->push(120, 2);
  turn();
  EXPECT_EQ(said(), (Lines{"1", "2", "after 1", "after 2", "11", "12", "after 11", "after 12"}));
}

TEST_F(IsolateHostTest, AHandlerThatThrowsLosesNoEvent) {
  run("process.on('uncaughtException', (error) => say('caught ' + error.message));"
      "globalThis.onEvent = (a) => { if (a % 2) throw new Error(a); say(a); }");
  for (int i = 0; i < 6; ++i) host->push(120, i);
  turn();
  EXPECT_EQ(said(), (Lines{"0", "caught 1", "2", "caught 3", "4", "caught 5"}));
  EXPECT_EQ(host->ending(), Ending::kRunning);
}

TEST_F(IsolateHostTest, AnErrorThatNobodyCatchesEndsTheProgramWith1) {
  run("globalThis.onEvent = (a) => { if (a === 1) throw new Error('on purpose, in a test'); say(a); }");
  for (int i = 0; i < 3; ++i) host->push(120, i);
  turn();
  EXPECT_EQ(said(), Lines{"0"});
  EXPECT_EQ(host->ending(), Ending::kUncaught);
  EXPECT_EQ(host->exit_code(), 1);
}

TEST_F(IsolateHostTest, MoreEventsThanTheRingHoldsArriveInOrder) {
  run("globalThis.count = 0; globalThis.onEvent = (a) => { if (a !== count++) say('wrong ' + a); if (count "
      "=== 10000) say('all'); }");
  for (int i = 0; i < 10'000; ++i) host->push(120, i);
  turn();
  EXPECT_EQ(said(), Lines{"all"});
  EXPECT_EQ(host->ring().spilled, 10'000u - kEventRingEvents);
}

TEST_F(IsolateHostTest, ATurnIsBoundedWhenEventsBreedEvents) {
  run("globalThis.onEvent = (a) => push(a + 1)");
  host->push(120, 0);
  turn();
  EXPECT_TRUE(host->has_work());
  EXPECT_EQ(host->counters.rounds_limited, 1u);
}

TEST_F(IsolateHostTest, ReferencesAndTimersKeepItAlive) {
  run("globalThis.timer = setTimeout(() => {}, 1000000); globalThis.onEvent = () => clearTimeout(timer)");
  EXPECT_TRUE(host->wants_to_live());
  host->ref();
  host->push(120);
  turn();
  EXPECT_TRUE(host->wants_to_live());
  host->unref();
  EXPECT_FALSE(host->wants_to_live());
  host->finish();
  EXPECT_EQ(host->ending(), Ending::kFinished);
  EXPECT_EQ(host->exit_code(), 0);
}

TEST_F(IsolateHostTest, TeardownRunsOnceInReverseOrder) {
  run("");
  std::string order;
  host->on_teardown([&order] { order += "a"; });
  const uint32_t second = host->on_teardown([&order] { order += "b"; });
  host->on_teardown([&order] { order += "c"; });
  host->cancel_teardown(second);
  host->teardown();
  host.reset();
  EXPECT_EQ(order, "ca");
}

TEST_F(IsolateHostTest, MailIsHandledInTheNextTurnAndRefusedWhenItIsGone) {
  run("");
  auto mailbox = host->mailbox();
  int handled = 0;
  std::thread sender([&] {
    for (int i = 0; i < 100; ++i) mailbox->post([&handled](IsolateHost&) { ++handled; });
  });
  sender.join();
  EXPECT_TRUE(host->has_work());
  turn();
  EXPECT_EQ(handled, 100);
  host.reset();
  EXPECT_FALSE(mailbox->post([](IsolateHost&) {}));
}

TEST_F(IsolateHostTest, AnInterruptedLoopTellsItsPlace) {
  run("globalThis.onEvent = function looping() { mark(); for (;;); }");
  host->push(120);
  marked = false;
  std::thread watchdog([this] {
    while (!marked) std::this_thread::yield();
    host->interrupt(host->entry_started_ns());
  });
  turn();
  watchdog.join();
  EXPECT_EQ(host->ending(), Ending::kWatchdog);
  EXPECT_NE(host->entry_stack().find("at looping"), std::string::npos) << host->entry_stack();
}

TEST_F(IsolateHostTest, AnInterruptThatComesLateDoesNothing) {
  run("globalThis.onEvent = (a) => say(a)");
  host->interrupt(12345);
  host->push(120, 1);
  turn();
  EXPECT_EQ(host->ending(), Ending::kRunning);
  EXPECT_EQ(said(), Lines{"1"});
}

TEST_F(IsolateHostTest, AFullHeapEndsIt) {
  HostLimits limits;
  limits.heap_mb = 32;
  run("globalThis.onEvent = () => { const a = []; for (;;) a.push(new Array(1000).fill({ a })); }", limits);
  host->push(120);
  turn();
  EXPECT_EQ(host->ending(), Ending::kHeapLimit);
}

TEST_F(IsolateHostTest, ArrayBuffersBeyondTheirLimitAreARangeError) {
  HostLimits limits;
  limits.array_buffer_bytes = 16 << 20;
  run("try { new Uint8Array(32 << 20); } catch (error) { say(error.name); } say(new Uint8Array(1 << "
      "20).length)",
      limits);
  EXPECT_EQ(said(), (Lines{"RangeError", "1048576"}));
}

TEST_F(IsolateHostTest, AReplacementStartsAnewBesideTheOldOne) {
  run("globalThis.onEvent = (a) => say('old ' + a)");
  std::unique_ptr<IsolateHost> old = std::move(host);
  run("globalThis.onEvent = (a) => say('new ' + a)");
  old->push(120, 1);
  host->push(120, 2);
  old->deliver(reactor.now_ns());
  host->deliver(reactor.now_ns());
  EXPECT_EQ(said(), (Lines{"old 1", "new 2"}));
}

TEST_F(IsolateHostTest, TheSnapshotHoldsTheBuiltInModules) {
  std::string error;
  const v8::StartupData blob = make_snapshot(image.builtins, error);
  ASSERT_NE(blob.data, nullptr) << error;
  image.snapshot = &blob;
  run("say(woken); globalThis.onEvent = (a) => say(a); process.nextTick(() => say(typeof setTimeout))");
  host->push(120, 5);
  turn();
  EXPECT_EQ(said(), (Lines{"true", "function", "5"}));
  host.reset();
  delete[] blob.data;
}

}  // namespace
}  // namespace sluice::runtime
