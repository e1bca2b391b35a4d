// SPDX-License-Identifier: Apache-2.0
// Errors as values on the data path. The names are those of POSIX and Node, because programs match on them.
#pragma once
#include <cstdint>

namespace sluice {

enum class Error : uint8_t {
  kNone = 0,
  kAddressInUse,         // EADDRINUSE
  kAddressNotAvailable,  // EADDRNOTAVAIL
  kAccess,               // EACCES
  kConnectionRefused,    // ECONNREFUSED
  kConnectionReset,      // ECONNRESET
  kConnectionAborted,    // ECONNABORTED: by this side
  kTimedOut,             // ETIMEDOUT
  kHostUnreachable,      // EHOSTUNREACH
  kNetworkUnreachable,   // ENETUNREACH
  kBrokenPipe,           // EPIPE: written after the end
  kNoBuffers,            // ENOBUFS: a limit of this side
  kMessageTooLong,       // EMSGSIZE
  kTooManyFiles,         // EMFILE
  kInvalid,              // EINVAL
  kNotFound,             // ENOENT / ENOTFOUND
  kIo,                   // EIO: anything else
};

constexpr const char* error_code(Error error) {
  switch (error) {
    case Error::kNone: return "";
    case Error::kAddressInUse: return "EADDRINUSE";
    case Error::kAddressNotAvailable: return "EADDRNOTAVAIL";
    case Error::kAccess: return "EACCES";
    case Error::kConnectionRefused: return "ECONNREFUSED";
    case Error::kConnectionReset: return "ECONNRESET";
    case Error::kConnectionAborted: return "ECONNABORTED";
    case Error::kTimedOut: return "ETIMEDOUT";
    case Error::kHostUnreachable: return "EHOSTUNREACH";
    case Error::kNetworkUnreachable: return "ENETUNREACH";
    case Error::kBrokenPipe: return "EPIPE";
    case Error::kNoBuffers: return "ENOBUFS";
    case Error::kMessageTooLong: return "EMSGSIZE";
    case Error::kTooManyFiles: return "EMFILE";
    case Error::kInvalid: return "EINVAL";
    case Error::kNotFound: return "ENOTFOUND";
    case Error::kIo: return "EIO";
  }
  return "EIO";
}

}  // namespace sluice
