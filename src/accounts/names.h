#pragma once

#include <string>
#include <vector>

#include "accounts/records.h"
#include "store/database.h"

namespace galley::accounts {

inline constexpr std::size_t kMaxNameBytes = 63;
inline constexpr std::size_t kMaxTeams = 64;
inline constexpr std::string_view kSecretPrefix = "gly_";
inline constexpr std::size_t kSecretBytes = 32;

/// Sorted, each once, "default" when there are none. Errors: invalid_argument.
Result<std::vector<std::string>> checked_teams(std::vector<std::string> teams);
Status check_quota(const Quota& quota);
/// Of a token: printable text. Errors: invalid_argument.
Status check_token_name(std::string_view name);

/// Errors: not_found, with the nearest name.
Result<User> read_user(store::Transaction& transaction, std::string_view name);

Status record(store::Transaction& transaction, const By& by, WallTime at, std::string action,
              std::string subject);

}  // namespace galley::accounts
