#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "accounts/accounts.h"
#include "base/clock.h"
#include "base/result.h"
#include "identity.h"
#include "store/database.h"

namespace galley::api {

/// Users, tokens and sessions in memory, so that a request is judged on the I/O thread without the
/// store. Read when it is made and again after each change. Thread-safe. O(1) a question.
class Directory {
 public:
  static constexpr std::size_t kMaxSessions = 10'000;  // past it nobody logs in

  Directory(store::Database& database, accounts::Accounts& accounts, const Clock& clock)
      : database_(database), accounts_(accounts), clock_(clock) {}

  /// Reads everything again. What asks meanwhile sees the state before. Errors: the store's.
  Status reload();

  /// Whose secret has this SHA-256. Errors: unauthenticated, saying to the holder of a token that
  /// was good once what became of it.
  Result<Identity> find(const std::string& sha256, bool by_cookie);

  /// Errors: rate_limited when there are too many.
  Status check_room_for_session();
  /// A session that was stored.
  void add_session(std::string sha256, std::string user, std::int64_t expires_ms);

 private:
  struct Session {
    std::string user;  // empty for the owner
    std::optional<std::int64_t> expires_ms;
  };
  struct Known {
    std::shared_ptr<const accounts::Token> token;
    WallTime noted{};  // when its use was last written down
  };
  using Users = std::unordered_map<std::string, std::shared_ptr<const accounts::User>>;

  Result<Identity> by_token(Known& known);
  Result<Identity> by_session(const Session& session, bool by_cookie) const;
  Status read_sessions(std::unordered_map<std::string, Session>& sessions) const;

  store::Database& database_;
  accounts::Accounts& accounts_;
  const Clock& clock_;

  std::mutex reload_mutex_;  // one reload at a time, so that an older one never wins
  std::mutex mutex_;         // guards all below
  Users users_;
  std::unordered_map<std::string, Known> tokens_;      // by the SHA-256 of the secret
  std::unordered_map<std::string, Session> sessions_;  // likewise
};

}  // namespace galley::api
