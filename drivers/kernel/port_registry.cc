// SPDX-License-Identifier: Apache-2.0
// A short list under a mutex: a program listens on a handful of endpoints.
#include "drivers/kernel/port_registry.hh"

#include <algorithm>
#include <mutex>
#include <vector>

namespace sluice::kernel {

namespace {
struct Entry {
  Endpoint endpoint;
  const void* owner;
  bool operator==(const Entry&) const = default;
};
struct Registry {
  std::mutex mutex;
  std::vector<Entry> entries;
};
Registry& registry() {
  static auto* instance = new Registry;  // outlives every thread
  return *instance;
}
}  // namespace

PortUse port_use(const Endpoint& endpoint, const void* owner) {
  std::lock_guard lock(registry().mutex);
  PortUse use = PortUse::kNew;
  for (const Entry& entry : registry().entries) {
    if (entry.endpoint != endpoint) continue;
    if (entry.owner == owner) return PortUse::kTwice;
    use = PortUse::kShared;
  }
  return use;
}

void add_port(const Endpoint& endpoint, const void* owner) {
  std::lock_guard lock(registry().mutex);
  registry().entries.push_back({endpoint, owner});
}

void remove_port(const Endpoint& endpoint, const void* owner) {
  std::lock_guard lock(registry().mutex);
  auto& entries = registry().entries;
  const auto at = std::find(entries.begin(), entries.end(), Entry{endpoint, owner});
  if (at != entries.end()) entries.erase(at);
}

}  // namespace sluice::kernel
