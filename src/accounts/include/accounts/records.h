#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/permissions.h"
#include "base/clock.h"
#include "protocol/ids.h"

namespace galley::accounts {

/// Bounds of what one user may ask for; nothing = no bound.
struct Quota {
  std::optional<std::int64_t> max_queued_jobs{};  // that wait at once
  std::optional<std::int64_t> max_job_gpus{};     // of one job, over all of its nodes
  std::optional<std::int64_t> max_gpus{};         // that running jobs hold at once; others wait
  bool operator==(const Quota&) const = default;
};

struct User {
  std::string name;
  Role role = Role::member;
  std::vector<std::string> teams{};  // sorted, each once
  Quota quota{};
  WallTime created{};
};

/// What an administrator writes. Without teams a user is in the team "default".
struct UserSpec {
  std::string name;
  Role role = Role::member;
  std::vector<std::string> teams{};
  Quota quota{};
};

/// A token as lists show it: without its secret.
struct Token {
  TokenId id;
  std::string user;
  std::string name;
  Scope scope = Scope::all;
  std::string team{};  // the only one that it may submit to; empty = all of the user's
  WallTime created{};
  WallTime expires{};
  std::optional<WallTime> last_used{};  // to the hour
  std::optional<WallTime> revoked{};
};

struct TokenSpec {
  std::string user;
  std::string name;
  Scope scope = Scope::all;
  std::string team{};
  Millis lifetime{};
};

inline constexpr Millis kDefaultTokenLifetime = std::chrono::hours(24 * 90);
inline constexpr Millis kLongestTokenLifetime = std::chrono::hours(24 * 366 * 5);
inline constexpr std::size_t kMaxTokensPerUser = 100;  // that are in force

/// Who makes a change, for the audit log.
struct By {
  std::string principal;
  std::string request_id;
  std::string address{};
};

/// Names of users: [a-z0-9][a-z0-9._-]{0,62}, and none that the log uses for something else.
/// Errors: invalid_argument.
Status check_user_name(std::string_view name);

/// True for text that has the form of a token's secret. Constant memory; any bytes.
bool is_secret(std::string_view text);

}  // namespace galley::accounts
