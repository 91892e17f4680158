#include <fmt/format.h>

#include <algorithm>

#include "accounts/accounts.h"
#include "base/text.h"
#include "base/units.h"
#include "names.h"

namespace galley::accounts {
namespace {

using store::Row;
using store::Transaction;
using store::Value;

constexpr std::string_view kTokenColumns =
    "select id, user_name, name, scope, team, created_ms, expires_ms, last_used_ms, revoked_ms,"
    " secret_sha256 from access_tokens";
constexpr Millis kRemembered = std::chrono::hours(24 * 90);
constexpr Millis kShortestLifetime = std::chrono::minutes(1);

std::optional<WallTime> time_at(const Row& row, std::size_t column) {
  if (row.is_null(column)) return std::nullopt;
  return from_ms(row.integer(column));
}

Token token_of(const Row& row) {
  const auto scope = parse_scope(row.text(3));
  GALLEY_CHECK(scope, "the table's check admits only the scopes");
  return {.id = TokenId::trusted(row.text(0)),
          .user = row.text(1),
          .name = row.text(2),
          .scope = *scope,
          .team = row.text(4),
          .created = from_ms(row.integer(5)),
          .expires = from_ms(row.integer(6)),
          .last_used = time_at(row, 7),
          .revoked = time_at(row, 8)};
}

Status check_spec(const TokenSpec& spec) {
  GALLEY_TRY_STATUS(check_token_name(spec.name));
  if (spec.lifetime >= kShortestLifetime && spec.lifetime <= kLongestTokenLifetime) return ok();
  return Error{Errc::invalid_argument, "found " + format_duration(spec.lifetime), "lifetime",
               "1 minute to 1830 days"};
}

Status check_against_user(const TokenSpec& spec, const User& user) {
  const bool member = spec.team.empty() || user.role == Role::admin ||
                      std::ranges::find(user.teams, spec.team) != user.teams.end();
  if (member) return ok();
  return Error{Errc::invalid_argument,
               fmt::format("{} is not in team '{}'", user.name,
                           to_valid_utf8(std::string_view(spec.team).substr(0, 64))),
               "team", fmt::format("{}", fmt::join(user.teams, ", "))};
}

Status check_count(Transaction& transaction, const std::string& user, std::int64_t now_ms) {
  GALLEY_TRY(const auto row,
             transaction.query_one("select count(*) from access_tokens where user_name = :1 and"
                                   " revoked_ms is null and expires_ms > :2",
                                   {user, now_ms}));
  if (row->integer(0) < static_cast<std::int64_t>(kMaxTokensPerUser)) return ok();
  return Error{
      Errc::rate_limited,
      fmt::format("{} has {} tokens in force, as many as a user may", user, row->integer(0)),
      {},
      {},
      "revoke one first: `galley tokens revoke`"};
}

}  // namespace

Result<Accounts::Made> Accounts::create_token(const TokenSpec& spec, const By& by) {
  GALLEY_TRY_STATUS(check_spec(spec));
  const WallTime now = clock_.wall();
  Made made{.token = {.id = ids_.next<TokenTag>(),
                      .user = spec.user,
                      .name = spec.name,
                      .scope = spec.scope,
                      .team = spec.team,
                      .created = now,
                      .expires = now + spec.lifetime},
            .secret = std::string(kSecretPrefix) + random_hex(kSecretBytes)};
  GALLEY_TRY_STATUS(database_.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const User user, read_user(transaction, spec.user));
    GALLEY_TRY_STATUS(check_against_user(spec, user));
    GALLEY_TRY_STATUS(check_count(transaction, user.name, to_ms(now)));
    const Token& token = made.token;
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into access_tokens (id, user_name, name, secret_sha256, scope, team, created_ms,"
        " expires_ms) values (:1, :2, :3, :4, :5, :6, :7, :8)",
        {token.id.str(), token.user, token.name, sha256_hex(made.secret),
         std::string(to_string(token.scope)), token.team, to_ms(token.created),
         to_ms(token.expires)}));
    return record(
        transaction, by, now, "token.create",
        fmt::format("{} {} scope={}", token.user, token.id.str(), to_string(token.scope)));
  }));
  return made;
}

Result<std::vector<Token>> Accounts::tokens(const std::string& user) const {
  std::vector<Token> found;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(read_user(transaction, user));
    GALLEY_TRY(const auto rows,
               transaction.query(
                   std::string(kTokenColumns) + " where user_name = :1 order by id desc", {user}));
    for (const Row& row : rows) found.push_back(token_of(row));
    return ok();
  }));
  return found;
}

Status Accounts::revoke_token(const std::string& user, const TokenId& token, const By& by) {
  const WallTime now = clock_.wall();
  return database_.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto row,
               transaction.query_one(
                   "select revoked_ms from access_tokens where id = :1 and user_name = :2",
                   {token.str(), user}));
    if (!row)
      return Error{Errc::not_found,
                   user + " has no token " + token.str(),
                   {},
                   {},
                   "`galley tokens` lists them"};
    if (!row->is_null(0)) return ok();
    GALLEY_TRY_STATUS(transaction.execute("update access_tokens set revoked_ms = :2 where id = :1",
                                          {token.str(), to_ms(now)}));
    return record(transaction, by, now, "token.revoke", user + " " + token.str());
  });
}

Result<std::vector<Accounts::Known>> Accounts::known_tokens() const {
  const std::int64_t since = to_ms(clock_.wall() - kRemembered);
  std::vector<Known> found;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto rows,
               transaction.query(std::string(kTokenColumns) +
                                     " where expires_ms > :1 and (revoked_ms is null or"
                                     " revoked_ms > :1)",
                                 {since}));
    for (const Row& row : rows) found.push_back({token_of(row), row.text(9)});
    return ok();
  }));
  return found;
}

void Accounts::note_use(const TokenId& token, WallTime at) {
  database_.write_async(
      [token, at](Transaction& transaction) -> Status {
        GALLEY_TRY_STATUS(
            transaction.execute("update access_tokens set last_used_ms = :2 where id = :1 and"
                                " (last_used_ms is null or last_used_ms < :2)",
                                {token.str(), to_ms(at)}));
        return ok();
      },
      [](const Status&) {});
}

}  // namespace galley::accounts
