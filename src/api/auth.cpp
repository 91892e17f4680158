#include "auth.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "auth_headers.h"
#include "base/text.h"
#include "job_token.h"
#include "store/events.h"

namespace galley::api {
namespace {

constexpr std::size_t kLeastSecretBytes = 16;
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kCodeBytes = 16;

bool is_write(std::string_view method) { return method != "GET" && method != "HEAD"; }

Error no_credentials() {
  return Error{Errc::unauthenticated,
               "this needs a session or a token",
               {},
               {},
               "open the address that `galley up` printed, or send Authorization: Bearer with the "
               "token of the data folder"};
}

Error refused(std::string message, std::string hint = {}) {
  return Error{Errc::forbidden, std::move(message), {}, {}, std::move(hint)};
}

/// KServe clients read {"error": …} only.
http::Response refusal(const http::Request& request, const Error& error) {
  auto response = http::problem(error, request.id);
  if (request.path.starts_with("/v2"))
    response = http::Response::json(dump_json({{"error", describe(error)}}), response.status);
  if (response.status == 401) response.headers.set("WWW-Authenticate", "Bearer realm=\"galley\"");
  return response;
}

/// A page elsewhere can make a browser send a cookie, but it cannot choose these two headers.
Status check_same_origin(const http::Request& request) {
  const auto origin = request.headers.get("Origin");
  if (!is_origin_of(origin, request.headers.get("Host")))
    return refused("a write with a session must come from our own page, not from '" +
                   to_valid_utf8(origin.substr(0, 100)) + "'");
  const auto type = media_type(request.headers.get("Content-Type"));
  const bool blob = request.method == "PUT" && request.path.starts_with("/api/v1/blobs/") &&
                    type == "application/octet-stream";
  if (type != "application/json" && !blob)
    return refused("a write with a session must have Content-Type: application/json");
  return ok();
}

}  // namespace

Auth::Auth(store::Database& database, const Clock& clock, IdSource& ids, AuthOptions options)
    : database_(database),
      clock_(clock),
      ids_(ids),
      options_(std::move(options)),
      admin_sha256_(sha256_hex(options_.admin_token)),
      hosts_({"127.0.0.1", "localhost", "[::1]"}) {
  for (const auto& address : options_.listen) {
    const std::string host = host_name(address);
    any_address_ = any_address_ || host == "0.0.0.0" || host == "[::]";
    hosts_.push_back(host);
  }
  for (const auto& host : options_.extra_hosts) hosts_.push_back(host_name(host));
}

Result<std::unique_ptr<Auth>> Auth::open(store::Database& database, const Clock& clock,
                                         IdSource& ids, AuthOptions options) {
  if (options.admin_token.size() < kLeastSecretBytes || options.secret.size() < kLeastSecretBytes)
    return Error{Errc::invalid_argument,
                 "the server's token or secret is too short",
                 {},
                 "at least " + std::to_string(kLeastSecretBytes) + " characters"};
  std::unique_ptr<Auth> auth(new Auth(database, clock, ids, std::move(options)));
  GALLEY_TRY_STATUS(auth->load());
  return auth;
}

Status Auth::load() {
  const std::int64_t now = to_ms(clock_.wall());
  GALLEY_TRY_STATUS(database_.write([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(transaction.execute("delete from tokens where expires_ms < :1", {now}));
    return ok();
  }));
  return database_.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(const auto rows,
               transaction.query("select secret_sha256, name, expires_ms from tokens"
                                 " where kind in ('admin', 'session')"));
    const std::lock_guard lock(mutex_);
    for (const auto& row : rows) {
      Entry entry{row.text(1), {}};
      if (!row.is_null(2)) entry.expires_ms = row.integer(2);
      tokens_.insert_or_assign(row.text(0), std::move(entry));
    }
    return ok();
  });
}

bool Auth::is_known_host(std::string_view header) const {
  const std::string host = host_name(header);
  if (any_address_ && is_address(host)) return true;
  return std::ranges::find(hosts_, host) != hosts_.end();
}

std::optional<http::Response> Auth::check(http::Request& request, Access access) {
  if (!request.peer.uid && !is_known_host(request.headers.get("Host")))
    return refusal(request, refused("this server does not answer to the name in the Host header",
                                    "start it with that name among its hosts"));
  if (access == Access::anyone) return std::nullopt;
  auto identity = identify(request);
  if (!identity) return refusal(request, identity.error());
  if (identity->by_cookie && is_write(request.method))
    if (const auto same = check_same_origin(request); !same) return refusal(request, same.error());
  if (!identity->run_id.empty()) {
    const bool own = access == Access::own_run && request.path_params.contains("id") &&
                     request.param("id") == identity->run_id;
    if (!own && access != Access::predict)
      return refusal(request, refused("a job's token is good for its own run and for predictions"));
  }
  request.principal = std::move(identity->principal);
  return std::nullopt;
}

/// A token counts before the socket's owner: a job may use the local socket too, and is a job
/// there.
Result<Auth::Identity> Auth::identify(const http::Request& request) {
  const auto authorization = request.headers.get("Authorization");
  if (!authorization.empty()) {
    const auto token = bearer_token(authorization);
    if (!token) return no_credentials();
    return by_token(*token);
  }
  if (request.peer.uid) return by_peer(request);
  if (const auto secret = cookie_value(request.headers, kCookie)) {
    if (const auto entry = find(sha256_hex(*secret)))
      return Identity{.principal = entry->principal, .by_cookie = true};
  }
  return no_credentials();
}

Result<Auth::Identity> Auth::by_token(std::string_view token) {
  const std::string hash = sha256_hex(token);
  if (equal_constant_time(hash, admin_sha256_)) return Identity{.principal = "token"};
  if (auto run = run_of_job_token(options_.secret, token))
    return Identity{.principal = "job:" + run->str(), .run_id = run->str()};
  if (const auto entry = find(hash)) return Identity{.principal = entry->principal};
  return no_credentials();
}

Result<Auth::Identity> Auth::by_peer(const http::Request& request) const {
  if (*request.peer.uid == ::geteuid() || *request.peer.uid == 0)
    return Identity{.principal = "local"};
  return no_credentials();
}

std::optional<Auth::Entry> Auth::find(const std::string& hash) {
  const std::lock_guard lock(mutex_);
  const auto found = tokens_.find(hash);
  if (found == tokens_.end()) return std::nullopt;
  if (found->second.expires_ms && *found->second.expires_ms <= to_ms(clock_.wall()))
    return std::nullopt;
  return found->second;
}

std::string Auth::new_code() {
  std::string code = random_hex(kCodeBytes);
  const Instant now = clock_.steady();
  const std::lock_guard lock(mutex_);
  std::erase_if(codes_, [&](const auto& entry) { return entry.second <= now; });
  if (codes_.size() >= kMaxCodes)
    codes_.erase(std::ranges::min_element(codes_, {}, [](const auto& e) { return e.second; }));
  codes_.emplace(sha256_hex(code), now + kCodeLength);
  return code;
}

Result<std::string> Auth::login(std::string_view code, const std::string& request_id) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = codes_.find(sha256_hex(code));
    const bool good = found != codes_.end() && clock_.steady() < found->second;
    if (found != codes_.end()) codes_.erase(found);
    if (!good)
      return Error{Errc::unauthenticated,
                   "this code is unknown, expired or used already",
                   "code",
                   {},
                   "`galley login --web` prints an address with a new one"};
    const std::int64_t wall = to_ms(clock_.wall());
    if (tokens_.size() >= kMaxSessions)
      std::erase_if(tokens_, [&](const auto& entry) {
        return entry.second.expires_ms && *entry.second.expires_ms <= wall;
      });
    if (tokens_.size() >= kMaxSessions)
      return Error{Errc::rate_limited, "there are " + std::to_string(kMaxSessions) +
                                           " sessions already; they end after 30 days"};
  }
  std::string secret = random_hex(kSecretBytes);
  const std::string hash = sha256_hex(secret);
  const std::int64_t now = to_ms(clock_.wall());
  const std::int64_t expires = now + kSessionLength.count();
  const std::string id = ids_.next<TokenTag>().str();
  GALLEY_TRY_STATUS(database_.write([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into tokens (id, name, secret_sha256, kind, created_ms, expires_ms)"
        " values (:1, 'session', :2, 'session', :3, :4)",
        {id, hash, now, expires}));
    return store::append_audit(transaction, {.at_ms = now,
                                             .principal = "session",
                                             .action = "session.create",
                                             .subject = id,
                                             .request_id = request_id});
  }));
  const std::lock_guard lock(mutex_);
  tokens_.insert_or_assign(hash, Entry{"session", expires});
  return secret;
}

std::string Auth::job_token(const RunId& run) const { return make_job_token(options_.secret, run); }

}  // namespace galley::api
