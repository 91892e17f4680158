#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace galley {

/// What a program branches on: few, general, and mapped once to HTTP statuses and exit codes.
enum class Errc {
  invalid_argument,
  unauthenticated,
  forbidden,
  not_found,
  conflict,
  too_large,
  rate_limited,
  exhausted,
  unavailable,
  timeout,
  unsupported,
  corrupt,
  internal
};

/// The name of a code as it appears in logs and in problem+json's `type`.
std::string_view to_string(Errc code);

/// Why something was not done. `message` is what a person reads: what was attempted, on which
/// object, with which numbers; one sentence without a final full stop.
struct Error {
  Errc code = Errc::internal;
  std::string message;
  std::string field{};     // path of the offending field, e.g. "resources.gpus"; empty if none
  std::string expected{};  // what would have been right
  std::string hint{};      // the next step for the reader
};

/// "message (field; expected …); hint": one line for logs and terminals.
std::string describe(const Error& error);

/// The error of a failed system call: "what: strerror(errno)", with the code that fits errno
/// (ENOSPC/EDQUOT -> exhausted, ENOENT -> not_found, EACCES/EPERM/EROFS -> forbidden, ...).
Error system_error(std::string_view what, int errno_value);

/// A T or the Error that prevented it. The spelling of std::expected, which this toolchain's
/// clang-tidy and nvcc cannot read; ignoring one is a build error.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const noexcept { return state_.index() == 0; }
  bool has_value() const noexcept { return state_.index() == 0; }

  T& operator*() & { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  const T& operator*() const& { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  T value_or(T other) && { return has_value() ? std::get<0>(std::move(state_)) : std::move(other); }

  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error error() && { return std::get<1>(std::move(state_)); }

  /// next(value) if there is one, else the same error; next returns a Result.
  template <class Next>
  auto and_then(Next&& next) && -> decltype(next(std::declval<T>())) {
    if (has_value()) return std::forward<Next>(next)(std::get<0>(std::move(state_)));
    return std::get<1>(std::move(state_));
  }

 private:
  std::variant<T, Error> state_;
};

using Status = Result<std::monostate>;

/// Success of an operation that has nothing to return.
inline Status ok() { return std::monostate{}; }

[[noreturn]] inline void check_failed(const char* file, int line, const char* condition,
                                      const char* why) {
  std::fprintf(stderr, "level=fatal at=%s:%d msg=\"check failed: %s (%s)\"\n", file, line,
               condition, why);
  std::abort();
}

}  // namespace galley

/// Stops the process when an invariant of ours is broken, in every build type. Never for input.
#define GALLEY_CHECK(condition, why)                               \
  do {                                                             \
    if (!(condition)) [[unlikely]]                                 \
      ::galley::check_failed(__FILE__, __LINE__, #condition, why); \
  } while (false)

#define GALLEY_CONCAT_INNER(a, b) a##b
#define GALLEY_CONCAT(a, b) GALLEY_CONCAT_INNER(a, b)

/// GALLEY_TRY(auto x, expression): declares x from a Result, or returns its error to our caller.
#define GALLEY_TRY(declaration, expression) \
  GALLEY_TRY_IMPL(GALLEY_CONCAT(galley_try_, __COUNTER__), declaration, expression)
#define GALLEY_TRY_IMPL(result, declaration, expression) \
  auto result = (expression);                            \
  if (!result) return std::move(result).error();         \
  declaration = *std::move(result)

/// Returns the error of a Status (or of any Result) to our caller, if it is one.
#define GALLEY_TRY_STATUS(expression) \
  GALLEY_TRY_STATUS_IMPL(GALLEY_CONCAT(galley_status_, __COUNTER__), expression)
#define GALLEY_TRY_STATUS_IMPL(status, expression) \
  do {                                             \
    auto status = (expression);                    \
    if (!status) return std::move(status).error(); \
  } while (false)
