#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accounts/records.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/result.h"
#include "store/database.h"

namespace galley::accounts {

/// The records of users and their tokens. Each write is one durable transaction with an audit line.
/// Thread-safe; the arguments of the constructor must outlive it.
class Accounts {
 public:
  Accounts(store::Database& database, const Clock& clock, IdSource& ids)
      : database_(database), clock_(clock), ids_(ids) {}

  /// By name.
  Result<std::vector<User>> users() const;
  /// Errors: not_found, with the nearest name.
  Result<User> user(std::string_view name) const;
  /// A name that was removed may be added again; its old tokens stay revoked.
  /// Errors: invalid_argument (name, teams, quota), conflict (the name is taken).
  Result<User> add_user(const UserSpec& spec, const By& by);
  /// Replaces role, teams and quota; tokens in force follow at once. Errors: those of add_user,
  /// not_found.
  Result<User> set_user(const UserSpec& spec, const By& by);
  /// Revokes all tokens and ends all sessions of the user; jobs stay. Errors: not_found.
  Status remove_user(const std::string& name, const By& by);

  struct Made {
    Token token;
    std::string secret;  // nobody can ask for it again
  };
  /// Errors: not_found (user), invalid_argument (name, lifetime, a team that is not the user's),
  /// rate_limited (kMaxTokensPerUser).
  Result<Made> create_token(const TokenSpec& spec, const By& by);
  /// Newest first, those that ended too.
  Result<std::vector<Token>> tokens(const std::string& user) const;
  /// Revoking twice is no error. Errors: not_found (no such token of that user).
  Status revoke_token(const std::string& user, const TokenId& token, const By& by);

  struct Known {
    Token token;
    std::string sha256;  // of the secret
  };
  /// What a judge of requests keeps in memory: tokens in force, and those that ended in the last
  /// ninety days, so that their holders can be told what happened.
  Result<std::vector<Known>> known_tokens() const;
  /// Notes that a token was used; does not block and may be lost in a crash.
  void note_use(const TokenId& token, WallTime at);

 private:
  store::Database& database_;
  const Clock& clock_;
  IdSource& ids_;
};

}  // namespace galley::accounts
