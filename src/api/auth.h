#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "accounts/accounts.h"
#include "api/api.h"
#include "directory.h"
#include "endpoints.h"
#include "http/message.h"
#include "identity.h"
#include "rate_limiter.h"
#include "store/database.h"

namespace galley::api {

/// Who may send which request.
///
/// A request is judged by its head alone, on the I/O thread, so everything that it is compared with
/// is in memory: hashes of tokens and sessions are read once and kept up with the database.
/// Thread-safe.
class Auth {
 public:
  static constexpr Millis kSessionLength = std::chrono::hours(24 * 30);
  static constexpr Millis kCodeLength = std::chrono::minutes(10);
  static constexpr std::size_t kMaxCodes = 256;  // codes not used yet; the oldest go first
  static constexpr std::string_view kCookie = "galley_session";

  /// Errors: invalid_argument (a short token or secret), those of the database.
  static Result<std::unique_ptr<Auth>> open(store::Database& database, const Clock& clock,
                                            IdSource& ids, AuthOptions options);

  /// The refusal of a request that may not go on; nothing, and request.principal set, for others.
  /// Does not block.
  std::optional<http::Response> check(http::Request& request, Access access,
                                      accounts::Action action);

  /// Whose request it is, again, for handlers that must know more than the principal.
  /// Errors: unauthenticated (also: revoked since it was let in).
  Result<Identity> identify(const http::Request& request);

  accounts::Accounts& accounts() { return accounts_; }
  /// After each change of users, tokens or sessions. Errors: the store's.
  Status reload() { return directory_.reload(); }

  /// Of a session of that user; of the owner's when it is empty.
  std::string new_code(const std::string& user = {});
  /// Uses the code up and answers the secret of a new session. Errors: unauthenticated (unknown,
  /// used or expired code), rate_limited, those of the database.
  Result<std::string> login(std::string_view code, const http::Request& request);
  /// How long an address with too many wrong credentials has to wait before it may try a code.
  std::optional<Millis> must_wait(const http::Request& request);

  std::string job_token(const RunId& run) const;

 private:
  struct Code {
    Instant expires{};
    std::string user;
  };

  Auth(store::Database& database, const Clock& clock, IdSource& ids, AuthOptions options);
  Status forget_expired();
  bool is_known_host(std::string_view host) const;
  Result<Identity> by_token(std::string_view token);
  Result<Identity> by_password(std::string_view user, std::string_view password);
  Result<Identity> by_peer(const http::Request& request) const;
  http::Response refuse_credential(const http::Request& request, const Error& error);
  std::optional<http::Response> check_rate(const http::Request& request, const Identity& who,
                                           Access access);
  Result<std::string> take_code(std::string_view code);

  store::Database& database_;
  const Clock& clock_;
  IdSource& ids_;
  const AuthOptions options_;
  const std::string admin_sha256_;
  std::vector<std::string> hosts_;
  bool any_address_ = false;  // we listen on all addresses, so any of them may be ours
  accounts::Accounts accounts_;
  Directory directory_;
  RateLimiter requests_;  // by principal
  RateLimiter failures_;  // by address

  std::mutex mutex_;                             // guards codes_
  std::unordered_map<std::string, Code> codes_;  // by the SHA-256 of the code
};

/// 429 with the time to wait.
http::Response too_many(const http::Request& request, Millis wait, std::string what,
                        std::string hint);

}  // namespace galley::api
