// SPDX-License-Identifier: Apache-2.0
#include "jsapi/native/node/file_operations.hh"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace sluice::jsapi {

namespace {

constexpr size_t kReadChunkBytes = 64u << 10;
constexpr size_t kLongestReadBytes = size_t{1} << 31;  // ReadAll: beyond it is EFBIG

int64_t outcome(int64_t result) { return result < 0 ? -errno : result; }

// Calls again when a signal came in between.
template <typename Call>
int64_t retried(Call call) {
  for (;;) {
    const int64_t result = call();
    if (result >= 0 || errno != EINTR) return outcome(result);
  }
}

timespec time_of(double seconds) {
  const double whole = std::floor(seconds);
  return {static_cast<time_t>(whole), static_cast<long>((seconds - whole) * 1e9)};
}

// dev mode nlink uid gid rdev blksize ino size blocks, then atime mtime ctime birthtime as seconds and nanoseconds
int64_t status(int directory, const char* path, int flags, FileRequest& request) {
  struct statx now {};
  if (::statx(directory, path, flags | AT_STATX_SYNC_AS_STAT, STATX_BASIC_STATS | STATX_BTIME, &now) != 0)
    return -errno;
  const auto add = [&](uint64_t value) { request.values.push_back(static_cast<int64_t>(value)); };
  add(makedev(now.stx_dev_major, now.stx_dev_minor));
  add(now.stx_mode);
  add(now.stx_nlink);
  add(now.stx_uid);
  add(now.stx_gid);
  add(makedev(now.stx_rdev_major, now.stx_rdev_minor));
  add(now.stx_blksize);
  add(now.stx_ino);
  add(now.stx_size);
  add(now.stx_blocks);
  const bool has_birth = (now.stx_mask & STATX_BTIME) != 0;
  for (const statx_timestamp& time :
       {now.stx_atime, now.stx_mtime, now.stx_ctime, has_birth ? now.stx_btime : now.stx_ctime}) {
    request.values.push_back(time.tv_sec);
    request.values.push_back(time.tv_nsec);
  }
  return 0;
}

int64_t read_directory(FileRequest& request) {
  DIR* directory = ::opendir(request.path.c_str());
  if (!directory) return -errno;
  int64_t result = 0;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory);
    if (!entry) {
      result = -errno;
      break;
    }
    const char* name = entry->d_name;
    if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
    request.texts.emplace_back(name);
    request.values.push_back(entry->d_type);
  }
  ::closedir(directory);
  return result;
}

// Like mkdir -p; texts: the first directory that was made.
int64_t make_all(FileRequest& request) {
  std::string path = request.path;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const auto mode = static_cast<mode_t>(request.numbers[0]);
  std::vector<std::string> missing;
  for (std::string at = path;;) {
    if (::mkdir(at.c_str(), mode) == 0) {
      request.texts = {at};
      break;
    }
    const int failed = errno;
    struct stat now {};
    if (failed == ENOENT) {
      missing.push_back(at);
      const size_t slash = at.rfind('/');
      if (slash == std::string::npos) return -failed;
      at = slash == 0 ? "/" : at.substr(0, slash);
      if (at == path) return -failed;
      continue;
    }
    if (::stat(at.c_str(), &now) != 0) return -failed;
    if (!S_ISDIR(now.st_mode)) return failed == EEXIST && !missing.empty() ? -ENOTDIR : -failed;
    break;
  }
  while (!missing.empty()) {
    if (::mkdir(missing.back().c_str(), mode) != 0 && errno != EEXIST) return -errno;
    if (request.texts.empty()) request.texts = {missing.back()};
    missing.pop_back();
  }
  return 0;
}

int64_t remove_tree(const std::string& path, FileRequest& request) {
  struct stat now {};
  const auto fail = [&](int number) -> int64_t {
    request.failed_path = path;
    return -number;
  };
  if (::lstat(path.c_str(), &now) != 0) return errno == ENOENT && path != request.path ? 0 : fail(errno);
  if (!S_ISDIR(now.st_mode)) return ::unlink(path.c_str()) == 0 || errno == ENOENT ? 0 : fail(errno);
  FileRequest inner;
  inner.path = path;
  if (const int64_t result = read_directory(inner); result < 0) return fail(static_cast<int>(-result));
  for (const std::string& name : inner.texts)
    if (const int64_t result = remove_tree(path + "/" + name, request); result < 0) return result;
  return ::rmdir(path.c_str()) == 0 || errno == ENOENT ? 0 : fail(errno);
}

int64_t copy_file(const FileRequest& request) {
  const int mode =
      static_cast<int>(request.numbers[0]);  // 1: do not overwrite, 2: share blocks if possible, 4: or fail
  const int source = ::open(request.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (source < 0) return -errno;
  struct stat now {};
  int64_t result = 0;
  int target = -1;
  if (::fstat(source, &now) != 0) {
    result = -errno;
  } else if ((target =
                  ::open(request.other.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | ((mode & 1) ? O_EXCL : 0),
                         now.st_mode & 07777)) < 0) {
    result = -errno;
  } else {
    struct stat there {};
    if (::fstat(target, &there) != 0) result = -errno;
    const bool same = result == 0 && there.st_dev == now.st_dev && there.st_ino == now.st_ino;
    if (result == 0 && !same) {
      if (::ftruncate(target, 0) != 0) result = -errno;
      if (::fchmod(target, now.st_mode & 07777) != 0) result = -errno;
      bool cloned = false;
      if (result == 0 && (mode & 6)) {
        cloned = ::ioctl(target, FICLONE, source) == 0;
        if (!cloned && (mode & 4)) result = -errno;
      }
      while (result == 0 && !cloned) {
        const ssize_t copied = ::copy_file_range(source, nullptr, target, nullptr, size_t{1} << 30, 0);
        if (copied > 0) continue;
        if (copied == 0) break;
        char chunk[kReadChunkBytes];
        const ssize_t got = ::read(source, chunk, sizeof(chunk));
        if (got <= 0) {
          if (got < 0) result = -errno;
          break;
        }
        for (ssize_t done = 0; done < got && result == 0;) {
          const ssize_t wrote = ::write(target, chunk + done, static_cast<size_t>(got - done));
          if (wrote < 0)
            result = -errno;
          else
            done += wrote;
        }
      }
    }
  }
  ::close(source);
  if (target >= 0) {
    ::close(target);
    if (result < 0) ::unlink(request.other.c_str());
  }
  return result;
}

int64_t read_all(int descriptor, FileRequest& request) {
  struct stat now {};
  if (::fstat(descriptor, &now) != 0) return -errno;
  std::string& content = request.content;
  size_t filled = 0;
  const bool regular = S_ISREG(now.st_mode) && now.st_size > 0;
  if (regular && static_cast<uint64_t>(now.st_size) > kLongestReadBytes) return -EFBIG;
  content.resize(regular ? static_cast<size_t>(now.st_size) : kReadChunkBytes);
  for (;;) {
    if (filled == content.size()) {
      char more[1];
      const int64_t got = retried([&] { return ::read(descriptor, more, 1); });
      if (got < 0) return got;
      if (got == 0) break;
      if (filled + kReadChunkBytes > kLongestReadBytes) return -EFBIG;
      content.resize(filled < kReadChunkBytes ? kReadChunkBytes : filled * 2);
      content[filled++] = more[0];
      continue;
    }
    const int64_t got =
        retried([&] { return ::read(descriptor, content.data() + filled, content.size() - filled); });
    if (got < 0) return got;
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  content.resize(filled);
  return 0;
}

int64_t read_or_write(FileRequest& request, bool writing) {
  const int descriptor = static_cast<int>(request.numbers[0]);
  const double position = request.numbers[1];
  std::vector<iovec> pieces;
  for (const auto& [data, size] : request.buffers) pieces.push_back({data, size});
  const int count = static_cast<int>(pieces.size() > IOV_MAX ? IOV_MAX : pieces.size());
  return retried([&]() -> ssize_t {
    if (position < 0)
      return writing ? ::writev(descriptor, pieces.data(), count) : ::readv(descriptor, pieces.data(), count);
    const auto at = static_cast<off_t>(position);
    return writing ? ::pwritev(descriptor, pieces.data(), count, at)
                   : ::preadv(descriptor, pieces.data(), count, at);
  });
}

int64_t text_of(FileRequest& request, char* text) {
  if (!text) return -errno;
  request.texts = {text};
  return 0;
}

int64_t run(FileRequest& request) {
  const char* path = request.path.c_str();
  const char* other = request.other.c_str();
  const double* n = request.numbers;
  const int descriptor = static_cast<int>(n[0]);
  switch (request.operation) {
    case FileOperation::kOpen:
      return retried(
          [&] { return ::open(path, static_cast<int>(n[0]) | O_CLOEXEC, static_cast<mode_t>(n[1])); });
    case FileOperation::kClose: return outcome(::close(descriptor));
    case FileOperation::kRead: return read_or_write(request, false);
    case FileOperation::kWrite: return read_or_write(request, true);
    case FileOperation::kStat: return status(AT_FDCWD, path, 0, request);
    case FileOperation::kLstat: return status(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, request);
    case FileOperation::kFstat: return status(descriptor, "", AT_EMPTY_PATH, request);
    case FileOperation::kStatfs: {
      struct statfs now {};
      if (::statfs(path, &now) != 0) return -errno;
      request.values = {static_cast<int64_t>(now.f_type),   static_cast<int64_t>(now.f_bsize),
                        static_cast<int64_t>(now.f_frsize), static_cast<int64_t>(now.f_blocks),
                        static_cast<int64_t>(now.f_bfree),  static_cast<int64_t>(now.f_bavail),
                        static_cast<int64_t>(now.f_files),  static_cast<int64_t>(now.f_ffree)};
      return 0;
    }
    case FileOperation::kAccess: return outcome(::access(path, static_cast<int>(n[0])));
    case FileOperation::kReaddir: return read_directory(request);
    case FileOperation::kMkdir: return outcome(::mkdir(path, static_cast<mode_t>(n[0])));
    case FileOperation::kMkdirAll: return make_all(request);
    case FileOperation::kRmdir: return outcome(::rmdir(path));
    case FileOperation::kUnlink: return outcome(::unlink(path));
    case FileOperation::kRename: return outcome(::rename(path, other));
    case FileOperation::kLink: return outcome(::link(path, other));
    case FileOperation::kSymlink: return outcome(::symlink(path, other));
    case FileOperation::kReadlink: {
      char target[PATH_MAX];
      const ssize_t size = ::readlink(path, target, sizeof(target));
      if (size < 0) return -errno;
      request.texts = {std::string(target, static_cast<size_t>(size))};
      return 0;
    }
    case FileOperation::kChmod: return outcome(::chmod(path, static_cast<mode_t>(n[0])));
    case FileOperation::kFchmod: return outcome(::fchmod(descriptor, static_cast<mode_t>(n[1])));
    case FileOperation::kChown:
      return outcome(::chown(path, static_cast<uid_t>(n[0]), static_cast<gid_t>(n[1])));
    case FileOperation::kLchown:
      return outcome(::lchown(path, static_cast<uid_t>(n[0]), static_cast<gid_t>(n[1])));
    case FileOperation::kFchown:
      return outcome(::fchown(descriptor, static_cast<uid_t>(n[1]), static_cast<gid_t>(n[2])));
    case FileOperation::kUtimes:
    case FileOperation::kLutimes: {
      const timespec times[] = {time_of(n[0]), time_of(n[1])};
      return outcome(::utimensat(AT_FDCWD, path, times,
                                 request.operation == FileOperation::kLutimes ? AT_SYMLINK_NOFOLLOW : 0));
    }
    case FileOperation::kFutimes: {
      const timespec times[] = {time_of(n[1]), time_of(n[2])};
      return outcome(::futimens(descriptor, times));
    }
    case FileOperation::kFtruncate:
      return retried([&] { return ::ftruncate(descriptor, static_cast<off_t>(n[1])); });
    case FileOperation::kFsync: return retried([&] { return ::fsync(descriptor); });
    case FileOperation::kFdatasync: return retried([&] { return ::fdatasync(descriptor); });
    case FileOperation::kRealpath: {
      char resolved[PATH_MAX];
      return text_of(request, ::realpath(path, resolved));
    }
    case FileOperation::kMkdtemp: {
      std::string name = request.path + "XXXXXX";
      return text_of(request, ::mkdtemp(name.data()));
    }
    case FileOperation::kCopyFile: return copy_file(request);
    case FileOperation::kRemoveAll: return remove_tree(request.path, request);
    case FileOperation::kReadAll: return read_all(descriptor, request);
  }
  return -ENOSYS;
}

}  // namespace

void perform(FileRequest& request) { request.result = run(request); }

}  // namespace sluice::jsapi
