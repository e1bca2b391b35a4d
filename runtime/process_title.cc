// SPDX-License-Identifier: Apache-2.0
#include "runtime/process_title.hh"

#include <sys/prctl.h>

#include <algorithm>
#include <cstring>
#include <mutex>

namespace sluice::runtime {

namespace {

std::mutex the_mutex;
char* the_begin = nullptr;
size_t the_room = 0;
std::string* the_title = nullptr;

}  // namespace

void keep_process_title(int count, char** values) {
  if (count <= 0) return;
  the_begin = values[0];
  the_title = new std::string(values[0]);
  char* end = values[0] + std::strlen(values[0]) + 1;
  for (int i = 1; i < count && values[i] == end; ++i) end += std::strlen(values[i]) + 1;
  the_room = static_cast<size_t>(end - the_begin);
  for (int i = 0; i < count; ++i) values[i] = ::strdup(values[i]);
}

std::string process_title() {
  std::lock_guard lock(the_mutex);
  return the_title ? *the_title : "sluice";
}

void set_process_title(const std::string& title) {
  std::lock_guard lock(the_mutex);
  if (!the_begin || the_room == 0) return;
  const size_t count = std::min(title.size(), the_room - 1);
  std::memcpy(the_begin, title.data(), count);
  std::memset(the_begin + count, 0, the_room - count);
  the_title->assign(title, 0, count);
  ::prctl(PR_SET_NAME, the_title->c_str());
}

}  // namespace sluice::runtime
