#include "auth.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "auth_headers.h"
#include "base/log.h"
#include "base/text.h"
#include "job_token.h"
#include "mlflow/service.h"
#include "openai/service.h"
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
               "open the address that `galley up` printed, or send Authorization: Bearer with a "
               "token: `galley login` stores one, `galley tokens create` makes one"};
}

Error refused(std::string message, std::string hint = {}) {
  return Error{Errc::forbidden, std::move(message), {}, {}, std::move(hint)};
}

/// OpenAI's paths, among which /v1/predict is ours.
bool is_openai(std::string_view path) { return path.starts_with("/v1/") && path != "/v1/predict"; }

/// KServe's clients read {"error": …} only, and OpenAI's an object under that name.
http::Response refusal(const http::Request& request, const Error& error) {
  if (is_openai(request.path)) return openai::error_answer(error);
  if (mlflow::is_path(request.path)) return mlflow::error_answer(error);
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
      hosts_({"127.0.0.1", "localhost", "[::1]"}),
      accounts_(database, clock, ids),
      directory_(database, accounts_, clock),
      requests_(clock, {options_.requests_per_s, options_.requests_burst}),
      failures_(clock, {options_.failures_per_min / 60, options_.failures_burst}) {
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
  const auto positive = [](double rate) { return rate > 0 && rate <= 1e9; };
  if (!positive(options.requests_per_s) || !positive(options.requests_burst) ||
      !positive(options.failures_per_min) || !positive(options.failures_burst))
    return Error{Errc::invalid_argument, "a rate limit is not a number above 0"};
  std::unique_ptr<Auth> auth(new Auth(database, clock, ids, std::move(options)));
  GALLEY_TRY_STATUS(auth->forget_expired());
  GALLEY_TRY_STATUS(auth->reload());
  return auth;
}

Status Auth::forget_expired() {
  const std::int64_t now = to_ms(clock_.wall());
  return database_.write([now](store::Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(transaction.execute("delete from tokens where expires_ms < :1", {now}));
    return ok();
  });
}

bool Auth::is_known_host(std::string_view header) const {
  const std::string host = host_name(header);
  if (any_address_ && is_address(host)) return true;
  return std::ranges::find(hosts_, host) != hosts_.end();
}

std::optional<http::Response> Auth::check(http::Request& request, Access access,
                                          accounts::Action action) {
  if (!request.peer.uid && !is_known_host(request.headers.get("Host")))
    return refusal(request, refused("this server does not answer to the name in the Host header",
                                    "start it with that name among its hosts"));
  if (access == Access::anyone) return std::nullopt;
  auto who = identify(request);
  if (!who) return refuse_credential(request, who.error());
  if (who->by_cookie && is_write(request.method))
    if (const auto same = check_same_origin(request); !same) return refusal(request, same.error());
  if (!who->run_id.empty()) {
    const bool own = access == Access::own_run && request.path_params.contains("id") &&
                     request.param("id") == who->run_id;
    if (!own && access != Access::predict && access != Access::jobs && access != Access::jobs_data)
      return refusal(request, refused("a job's token is good for its own run and for predictions"));
  } else if (const auto may = check_action(*who, action); !may) {
    return refusal(request, may.error());
  }
  if (auto slow_down = check_rate(request, *who, access)) return slow_down;
  request.principal = std::move(who->principal);
  return std::nullopt;
}

/// A credential that is good passes however many bad ones came from its address before: behind one
/// address there may be many people, and 256 random bits are not found by trying.
http::Response Auth::refuse_credential(const http::Request& request, const Error& error) {
  const bool offered = request.headers.has("Authorization") || request.headers.has("Cookie");
  if (!offered || request.peer.uid) return refusal(request, error);
  if (const auto wait = failures_.spend(request.peer.address))
    return too_many(request, *wait, "too many wrong credentials came from " + request.peer.address,
                    "check the token or sign in again, then wait");
  log::warn("auth", "a credential was refused",
            {{"address", request.peer.address}, {"why", error.message}, {"request", request.id}});
  return refusal(request, error);
}

/// Predictions are what the server is for, and their queue bounds itself.
std::optional<http::Response> Auth::check_rate(const http::Request& request, const Identity& who,
                                               Access access) {
  if ((!who.user && who.run_id.empty()) || access == Access::predict || access == Access::jobs_data)
    return std::nullopt;
  const auto wait = requests_.spend(who.principal);
  if (!wait) return std::nullopt;
  return too_many(request, *wait,
                  who.principal + " sends more than " +
                      std::to_string(static_cast<std::int64_t>(options_.requests_per_s)) +
                      " requests a second",
                  "wait, or ask for what changes with GET /api/v1/events instead of polling");
}

/// A token counts before the socket's owner: a job may use the local socket too, and is a job
/// there.
Result<Identity> Auth::identify(const http::Request& request) {
  const auto authorization = request.headers.get("Authorization");
  if (!authorization.empty()) {
    if (const auto token = bearer_token(authorization)) return by_token(*token);
    // MLflow's clients know a user and a password, of which the token is one.
    const auto basic =
        mlflow::is_path(request.path) ? basic_credentials(authorization) : std::nullopt;
    return basic ? by_password(basic->first, basic->second) : no_credentials();
  }
  if (request.peer.uid) return by_peer(request);
  if (const auto secret = cookie_value(request.headers, kCookie))
    return directory_.find(sha256_hex(*secret), true);
  return no_credentials();
}

Result<Identity> Auth::by_token(std::string_view token) {
  const std::string hash = sha256_hex(token);
  if (equal_constant_time(hash, admin_sha256_)) return Identity{.principal = "token"};
  if (auto run = run_of_job_token(options_.secret, token))
    return Identity{.principal = "job:" + run->str(), .run_id = run->str()};
  if (token.starts_with("gly_") && !accounts::is_secret(token))
    return Error{Errc::unauthenticated,
                 "this token is cut short or misspelt: it has " + std::to_string(token.size()) +
                     " characters",
                 {},
                 "gly_ and 64 hexadecimal digits",
                 "copy it again, or make a new one: galley tokens create"};
  return directory_.find(hash, false);
}

Result<Identity> Auth::by_password(std::string_view user, std::string_view password) {
  GALLEY_TRY(auto who, by_token(password));
  if (who.user && who.user->name != user)
    return Error{Errc::unauthenticated,
                 "the token in the place of the password is not of the user '" +
                     to_valid_utf8(user.substr(0, 80)) + "'"};
  return who;
}

Result<Identity> Auth::by_peer(const http::Request& request) const {
  if (*request.peer.uid == ::geteuid() || *request.peer.uid == 0)
    return Identity{.principal = "local"};
  return no_credentials();
}

std::string Auth::new_code(const std::string& user) {
  std::string code = random_hex(kCodeBytes);
  const Instant now = clock_.steady();
  const std::lock_guard lock(mutex_);
  std::erase_if(codes_, [&](const auto& entry) { return entry.second.expires <= now; });
  if (codes_.size() >= kMaxCodes)
    codes_.erase(
        std::ranges::min_element(codes_, {}, [](const auto& e) { return e.second.expires; }));
  codes_.emplace(sha256_hex(code), Code{now + kCodeLength, user});
  return code;
}

std::optional<Millis> Auth::must_wait(const http::Request& request) {
  if (request.peer.uid) return std::nullopt;
  return failures_.ask(request.peer.address);
}

/// The user whose session the code opens; empty for the owner.
Result<std::string> Auth::take_code(std::string_view code) {
  const std::lock_guard lock(mutex_);
  const auto found = codes_.find(sha256_hex(code));
  if (found == codes_.end() || found->second.expires <= clock_.steady()) {
    if (found != codes_.end()) codes_.erase(found);
    return Error{Errc::unauthenticated,
                 "this code is unknown, expired or used already",
                 "code",
                 {},
                 "`galley login --web` prints an address with a new one"};
  }
  std::string user = std::move(found->second.user);
  codes_.erase(found);
  return user;
}

Result<std::string> Auth::login(std::string_view code, const http::Request& request) {
  auto user = take_code(code);
  if (!user) {
    if (!request.peer.uid) (void)failures_.spend(request.peer.address);
    return std::move(user).error();
  }
  GALLEY_TRY_STATUS(directory_.check_room_for_session());
  std::string secret = random_hex(kSecretBytes);
  const std::string hash = sha256_hex(secret);
  const std::int64_t now = to_ms(clock_.wall());
  const std::int64_t expires = now + kSessionLength.count();
  const std::string id = ids_.next<TokenTag>().str();
  const store::AuditEntry entry{.at_ms = now,
                                .principal = user->empty() ? "session" : *user,
                                .action = "session.create",
                                .subject = id,
                                .request_id = request.id,
                                .address = request.peer.address};
  GALLEY_TRY_STATUS(database_.write([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into tokens (id, name, secret_sha256, kind, created_ms, expires_ms, user_name)"
        " values (:1, 'session', :2, 'session', :3, :4, :5)",
        {id, hash, now, expires, user->empty() ? store::Value(nullptr) : store::Value(*user)}));
    return store::append_audit(transaction, entry);
  }));
  directory_.add_session(hash, *user, expires);
  return secret;
}

std::string Auth::job_token(const RunId& run) const { return make_job_token(options_.secret, run); }

http::Response too_many(const http::Request& request, Millis wait, std::string what,
                        std::string hint) {
  auto response =
      refusal(request, Error{Errc::rate_limited, std::move(what), {}, {}, std::move(hint)});
  response.headers.set("Retry-After", std::to_string((wait.count() + 999) / 1000));
  return response;
}

}  // namespace galley::api
