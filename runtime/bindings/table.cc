// SPDX-License-Identifier: Apache-2.0
// The runtime's native modules by name.
#include "runtime/bindings/bindings.hh"
#include "runtime/host_internals.hh"

namespace sluice::runtime {

std::vector<NativeModule> runtime_natives() {
  return {{"task", install_task},         {"process", install_process}, {"inspect", install_inspect},
          {"encoding", install_encoding}, {"messaging", install_messaging}, {"worker", install_worker},    {"random", install_random},
          {"loader", install_loader},     {"errno", install_errno}};
}

}  // namespace sluice::runtime
