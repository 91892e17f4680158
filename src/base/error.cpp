#include <cerrno>
#include <cstring>

#include "base/result.h"

namespace galley {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::invalid_argument:
      return "invalid_argument";
    case Errc::unauthenticated:
      return "unauthenticated";
    case Errc::forbidden:
      return "forbidden";
    case Errc::not_found:
      return "not_found";
    case Errc::conflict:
      return "conflict";
    case Errc::too_large:
      return "too_large";
    case Errc::rate_limited:
      return "rate_limited";
    case Errc::exhausted:
      return "exhausted";
    case Errc::unavailable:
      return "unavailable";
    case Errc::timeout:
      return "timeout";
    case Errc::unsupported:
      return "unsupported";
    case Errc::corrupt:
      return "corrupt";
    case Errc::internal:
      return "internal";
  }
  return "internal";
}

std::string describe(const Error& error) {
  std::string text;
  if (!error.field.empty()) text += error.field + ": ";
  text += error.message;
  if (!error.expected.empty()) text += "; expected " + error.expected;
  if (!error.hint.empty()) text += "; " + error.hint;
  return text;
}

namespace {

Errc code_of(int errno_value) {
  switch (errno_value) {
    case ENOENT:
    case ESRCH:
      return Errc::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::forbidden;
    case EEXIST:
    case EADDRINUSE:
    case EBUSY:
      return Errc::conflict;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      return Errc::exhausted;
    case EAGAIN:
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
      return Errc::unavailable;
    case ETIMEDOUT:
      return Errc::timeout;
    case EINVAL:
    case ENAMETOOLONG:
    case ENOTDIR:
    case EISDIR:
      return Errc::invalid_argument;
    case EFBIG:
      return Errc::too_large;
    default:
      return Errc::internal;
  }
}

}  // namespace

Error system_error(std::string_view what, int errno_value) {
  return Error{code_of(errno_value), std::string(what) + ": " + std::strerror(errno_value)};
}

}  // namespace galley
