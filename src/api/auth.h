#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/api.h"
#include "endpoints.h"
#include "http/message.h"
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
  static constexpr std::size_t kMaxCodes = 256;        // codes not used yet; the oldest go first
  static constexpr std::size_t kMaxSessions = 10'000;  // past it nobody logs in
  static constexpr std::string_view kCookie = "galley_session";

  /// Errors: invalid_argument (a short token or secret), those of the database.
  static Result<std::unique_ptr<Auth>> open(store::Database& database, const Clock& clock,
                                            IdSource& ids, AuthOptions options);

  /// The refusal of a request that may not go on; nothing, and request.principal set, for others.
  /// Does not block.
  std::optional<http::Response> check(http::Request& request, Access access);

  std::string new_code();
  /// Uses the code up and answers the secret of a new session. Errors: unauthenticated (unknown,
  /// used or expired code), those of the database.
  Result<std::string> login(std::string_view code, const std::string& request_id);

  std::string job_token(const RunId& run) const;

 private:
  struct Entry {
    std::string principal;
    std::optional<std::int64_t> expires_ms;
  };
  /// What the credentials of a request turn out to be.
  struct Identity {
    std::string principal;
    bool by_cookie = false;
    std::string run_id;  // of a job; empty for owners
  };

  Auth(store::Database& database, const Clock& clock, IdSource& ids, AuthOptions options);
  Status load();
  bool is_known_host(std::string_view host) const;
  Result<Identity> identify(const http::Request& request);
  Result<Identity> by_token(std::string_view token);
  Result<Identity> by_peer(const http::Request& request) const;
  std::optional<Entry> find(const std::string& hash);

  store::Database& database_;
  const Clock& clock_;
  IdSource& ids_;
  const AuthOptions options_;
  const std::string admin_sha256_;
  std::vector<std::string> hosts_;
  bool any_address_ = false;  // we listen on all addresses, so any of them may be ours

  std::mutex mutex_;                                // guards all below
  std::unordered_map<std::string, Entry> tokens_;   // by the SHA-256 of the secret
  std::unordered_map<std::string, Instant> codes_;  // by the SHA-256 of the code: when it expires
};

}  // namespace galley::api
