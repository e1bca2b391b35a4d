// SPDX-License-Identifier: Apache-2.0
// Build step: evaluates all built-in JavaScript into V8's start-up snapshot, and writes it together with the assembler file
// that links it into the program. make_snapshot SNAPSHOT.bin SNAPSHOT.S
#include <cstdio>
#include <string>
#include <vector>

#include "jsapi/modules.hh"
#include "runtime/builtins.hh"
#include "runtime/platform.hh"

int main(int count, char** values) {
  namespace runtime = sluice::runtime;
  if (count != 3) {
    std::fprintf(stderr, "usage: make_snapshot SNAPSHOT.bin SNAPSHOT.S\n");
    return 2;
  }
  runtime::start_v8(0, "");
  std::vector<runtime::BuiltinModule> modules;
  for (const runtime::BuiltinModule& module : runtime::runtime_builtins()) modules.push_back(module);
  for (const runtime::BuiltinModule& module : sluice::jsapi::builtin_modules()) modules.push_back(module);
  std::string error;
  const v8::StartupData blob = runtime::make_snapshot(modules, error);
  if (!blob.data) {
    std::fprintf(stderr, "make_snapshot: built-in JavaScript failed:\n%s", error.c_str());
    return 1;
  }
  FILE* file = std::fopen(values[1], "wb");
  const bool written = file &&
                       std::fwrite(blob.data, 1, static_cast<size_t>(blob.raw_size), file) ==
                           static_cast<size_t>(blob.raw_size) &&
                       std::fclose(file) == 0;
  FILE* assembler = std::fopen(values[2], "w");
  if (!written || !assembler) {
    std::fprintf(stderr, "make_snapshot: %s cannot be written\n", values[written ? 2 : 1]);
    return 1;
  }
  std::fprintf(assembler,
               "    .section .rodata\n    .balign 64\n    .global "
               "sluice_snapshot_begin\nsluice_snapshot_begin:\n    .incbin \"%s\"\n"
               "    .global sluice_snapshot_end\nsluice_snapshot_end:\n    .byte 0\n    .section "
               ".note.GNU-stack,\"\",@progbits\n",
               values[1]);
  return std::fclose(assembler) == 0 ? 0 : 1;
}
