// SPDX-License-Identifier: Apache-2.0
// Registers itself as an addon does that was compiled for the C++ interface of another Node.
void node_module_register(void* module);

static struct {
  int version;
  char rest[124];
} module = {127, {0}};

__attribute__((constructor)) static void load(void) { node_module_register(&module); }
