// SPDX-License-Identifier: Apache-2.0
// One call on the file system as plain data, so that it can be done at once or on another thread. No V8 here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sluice::jsapi {

// As jsapi/node/internal/fs_calls.js numbers them.
enum class FileOperation : uint8_t {
  kOpen,       // path, flags, mode -> descriptor
  kClose,      // descriptor
  kRead,       // descriptor, buffers, position or -1 -> bytes
  kWrite,      // descriptor, buffers, position or -1 -> bytes
  kStat,       // path -> numbers
  kLstat,      // path -> numbers
  kFstat,      // descriptor -> numbers
  kStatfs,     // path -> numbers
  kAccess,     // path, mode
  kReaddir,    // path -> texts, numbers: their types (DT_*)
  kMkdir,      // path, mode
  kMkdirAll,   // path, mode -> texts: the first one that was made, if any
  kRmdir,      // path
  kUnlink,     // path
  kRename,     // path, other
  kLink,       // path, other
  kSymlink,    // target, path
  kReadlink,   // path -> texts
  kChmod,      // path, mode
  kFchmod,     // descriptor, mode
  kChown,      // path, user, group
  kLchown,     // path, user, group
  kFchown,     // descriptor, user, group
  kUtimes,     // path, seconds, seconds
  kLutimes,    // path, seconds, seconds
  kFutimes,    // descriptor, seconds, seconds
  kFtruncate,  // descriptor, bytes
  kFsync,      // descriptor
  kFdatasync,  // descriptor
  kRealpath,   // path -> texts
  kMkdtemp,    // prefix -> texts
  kCopyFile,   // path, other, mode (COPYFILE_*)
  kRemoveAll,  // path: a tree
  kReadAll,    // descriptor -> content: from where it stands to its end
};

struct FileRequest {
  FileOperation operation{};
  std::string path, other;
  double numbers[3] = {};
  std::vector<std::pair<uint8_t*, size_t>> buffers;

  // What came of it.
  int64_t result = 0;  // negative: -errno
  std::vector<std::string> texts;
  std::vector<int64_t> values;
  std::string content;
  std::string failed_path;  // kRemoveAll: where it failed
};

// Blocks as long as the system does. ANY thread.
void perform(FileRequest& request);

}  // namespace sluice::jsapi
