#pragma once

#include <filesystem>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/records.h"
#include "base/clock.h"
#include "base/result.h"
#include "store/database.h"

namespace galley::accounts {

/// A secret as lists show it: nobody gets its value back but the jobs of its team.
struct SecretInfo {
  std::string team;
  std::string name;
  std::string principal;  // who set it last
  WallTime created{};
  WallTime changed{};
};

/// What teams keep for their jobs, such as the token of a model hub. A value is stored sealed with
/// AES-256-GCM under a key that lies in a file of its own (0600) and never in the database; the
/// sealing binds it to its team and name, so that rows cannot be exchanged. The file is read at
/// each use: several controllers share it, and a rotation of one is known to all.
///
/// No error holds a value. Thread-safe; blocking. The database and clock must outlive it.
class Secrets {
 public:
  static constexpr std::size_t kMostValueBytes = 64 << 10;  // of what an environment can carry
  static constexpr std::size_t kMostOfATeam = 200;

  Secrets(store::Database& database, const Clock& clock, std::filesystem::path key_file)
      : database_(database), clock_(clock), key_file_(std::move(key_file)) {}

  /// By team and name.
  Result<std::vector<SecretInfo>> list() const;
  /// Adds or replaces. Makes the key file when nothing is stored yet. Errors: invalid_argument
  /// (team, name, value), exhausted (kMostOfATeam), those of reading the key file.
  Result<SecretInfo> set(const std::string& team, const std::string& name, std::string_view value,
                         const By& by);
  /// Errors: not_found.
  Status remove(const std::string& team, const std::string& name, const By& by);
  /// Whether the team has all of them. Errors: not_found naming field secrets[i].
  Status check(const std::string& team, std::span<const std::string> names) const;
  /// "NAME=value" of each. Errors: those of check() and reading the key file; corrupt (sealed with
  /// another key, or changed), naming field secrets[i].
  Result<std::vector<std::string>> values(const std::string& team,
                                          std::span<const std::string> names) const;
  /// Seals everything with a new key and forgets the old ones; killed at any point it leaves what
  /// opens with the file. How many were sealed. Errors: corrupt and those of reading the key file;
  /// then all values stay as they were.
  Result<std::int64_t> rotate(const By& by);

 private:
  store::Database& database_;
  const Clock& clock_;
  const std::filesystem::path key_file_;
  std::mutex keys_mutex_;  // one writer of the key file at a time
};

}  // namespace galley::accounts
