// SPDX-License-Identifier: Apache-2.0
// The kernel's error numbers in the names of the house.
#pragma once
#include <cerrno>

#include "drivers/error.hh"

namespace sluice::kernel {

constexpr Error error_from_errno(int number) {
  switch (number) {
    case 0: return Error::kNone;
    case EADDRINUSE: return Error::kAddressInUse;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT: return Error::kAddressNotAvailable;
    case EACCES:
    case EPERM: return Error::kAccess;
    case ECONNREFUSED: return Error::kConnectionRefused;
    // EPIPE: written after the peer's reset was already reported to the kernel's side of the socket.
    case EPIPE:
    case ENOTCONN:
    case ECONNRESET: return Error::kConnectionReset;
    case ECANCELED:
    case ECONNABORTED: return Error::kConnectionAborted;
    case ETIMEDOUT: return Error::kTimedOut;
    case EHOSTDOWN:
    case EHOSTUNREACH: return Error::kHostUnreachable;
    case ENETDOWN:
    case ENETUNREACH: return Error::kNetworkUnreachable;
    case ENOMEM:
    case ENOBUFS: return Error::kNoBuffers;
    case EMSGSIZE: return Error::kMessageTooLong;
    case EMFILE:
    case ENFILE: return Error::kTooManyFiles;
    case EINVAL: return Error::kInvalid;
    case ENOENT: return Error::kNotFound;
    default: return Error::kIo;
  }
}

}  // namespace sluice::kernel
