#include "directory.h"

#include <utility>

namespace galley::api {
namespace {

/// Uses of a token are noted this often: enough to find the forgotten ones, and no write a request.
constexpr Millis kNoteEvery = std::chrono::hours(1);

Error unknown_credential() {
  return Error{Errc::unauthenticated,
               "this token or session is not known here",
               {},
               {},
               "check that it was copied whole; `galley tokens create` makes a new one, `galley "
               "login --web` a new session"};
}

Error ended(const accounts::Token& token, const std::string& how) {
  return Error{Errc::unauthenticated,
               "the token '" + token.name + "' of " + token.user + " " + how,
               {},
               {},
               "make a new one: galley tokens create"};
}

}  // namespace

Status Directory::read_sessions(std::unordered_map<std::string, Session>& sessions) const {
  return database_.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(const auto rows,
               transaction.query("select secret_sha256, user_name, expires_ms from tokens"
                                 " where kind in ('admin', 'session')"));
    for (const auto& row : rows) {
      Session session{row.text(1), {}};
      if (!row.is_null(2)) session.expires_ms = row.integer(2);
      sessions.insert_or_assign(row.text(0), std::move(session));
    }
    return ok();
  });
}

Status Directory::reload() {
  const std::lock_guard one(reload_mutex_);
  Users users;
  GALLEY_TRY(const auto all, accounts_.users());
  for (const auto& user : all)
    users.emplace(user.name, std::make_shared<const accounts::User>(user));
  GALLEY_TRY(const auto known, accounts_.known_tokens());
  std::unordered_map<std::string, Known> tokens;
  for (const auto& [token, sha256] : known)
    tokens.emplace(sha256, Known{std::make_shared<const accounts::Token>(token),
                                 token.last_used.value_or(WallTime{})});
  std::unordered_map<std::string, Session> sessions;
  GALLEY_TRY_STATUS(read_sessions(sessions));
  const std::lock_guard lock(mutex_);
  users_.swap(users);
  tokens_.swap(tokens);
  sessions_.swap(sessions);
  return ok();
}

Result<Identity> Directory::by_token(Known& known) {
  const accounts::Token& token = *known.token;
  const WallTime now = clock_.wall();
  if (token.revoked) return ended(token, "was revoked at " + to_rfc3339(*token.revoked));
  if (token.expires <= now) return ended(token, "expired at " + to_rfc3339(token.expires));
  const auto user = users_.find(token.user);
  if (user == users_.end()) return ended(token, "belongs to a user who was removed");
  if (now - known.noted >= kNoteEvery) {
    known.noted = now;
    accounts_.note_use(token.id, now);
  }
  return Identity{.principal = token.user, .user = user->second, .token = known.token};
}

Result<Identity> Directory::by_session(const Session& session, bool by_cookie) const {
  if (session.expires_ms && *session.expires_ms <= to_ms(clock_.wall()))
    return unknown_credential();
  if (session.user.empty()) return Identity{.principal = "session", .by_cookie = by_cookie};
  const auto user = users_.find(session.user);
  if (user == users_.end()) return unknown_credential();
  return Identity{.principal = session.user, .by_cookie = by_cookie, .user = user->second};
}

// The tables are searched by a SHA-256, of which nobody can choose the bytes: how long the search
// takes tells nothing about the secrets behind it.
Result<Identity> Directory::find(const std::string& sha256, bool by_cookie) {
  const std::lock_guard lock(mutex_);
  if (const auto session = sessions_.find(sha256); session != sessions_.end())
    return by_session(session->second, by_cookie);
  // A token in a cookie would escape the checks of where a page comes from.
  if (const auto token = tokens_.find(sha256); token != tokens_.end() && !by_cookie)
    return by_token(token->second);
  return unknown_credential();
}

Status Directory::check_room_for_session() {
  const std::int64_t now = to_ms(clock_.wall());
  const std::lock_guard lock(mutex_);
  if (sessions_.size() >= kMaxSessions)
    std::erase_if(sessions_, [&](const auto& entry) {
      return entry.second.expires_ms && *entry.second.expires_ms <= now;
    });
  if (sessions_.size() < kMaxSessions) return ok();
  return Error{Errc::rate_limited, "there are " + std::to_string(kMaxSessions) +
                                       " sessions already; they end after 30 days"};
}

void Directory::add_session(std::string sha256, std::string user, std::int64_t expires_ms) {
  const std::lock_guard lock(mutex_);
  sessions_.insert_or_assign(std::move(sha256), Session{std::move(user), expires_ms});
}

}  // namespace galley::api
