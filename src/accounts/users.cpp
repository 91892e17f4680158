#include <fmt/format.h>

#include <algorithm>

#include "accounts/accounts.h"
#include "base/text.h"
#include "names.h"

namespace galley::accounts {
namespace {

using store::Row;
using store::Transaction;
using store::Value;

constexpr std::string_view kUserColumns =
    "select name, role, max_queued_jobs, max_job_gpus, created_ms, max_gpus from users";

std::optional<std::int64_t> bound(const Row& row, std::size_t column) {
  if (row.is_null(column)) return std::nullopt;
  return row.integer(column);
}
Value value_of(const std::optional<std::int64_t>& number) {
  return number ? Value(*number) : Value(nullptr);
}

User user_of(const Row& row) {
  const auto role = parse_role(row.text(1));
  GALLEY_CHECK(role, "the table's check admits only the roles");
  return {.name = row.text(0),
          .role = *role,
          .quota = {.max_queued_jobs = bound(row, 2),
                    .max_job_gpus = bound(row, 3),
                    .max_gpus = bound(row, 5)},
          .created = from_ms(row.integer(4))};
}

Status write_teams(Transaction& transaction, const User& user) {
  GALLEY_TRY_STATUS(
      transaction.execute("delete from user_teams where user_name = :1", {user.name}));
  for (const std::string& team : user.teams)
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into user_teams (user_name, team) values (:1, :2)", {user.name, team}));
  return ok();
}

Result<User> checked(const UserSpec& spec) {
  GALLEY_TRY_STATUS(check_user_name(spec.name));
  GALLEY_TRY_STATUS(check_quota(spec.quota));
  GALLEY_TRY(auto teams, checked_teams(spec.teams));
  return User{.name = spec.name, .role = spec.role, .teams = std::move(teams), .quota = spec.quota};
}

/// What a reader of the log wants to know of a change.
std::string subject_of(const User& user) {
  std::string teams;
  for (const std::string& team : user.teams) teams += (teams.empty() ? "" : ",") + team;
  return fmt::format("{} role={} teams={}", user.name, to_string(user.role), teams);
}

}  // namespace

Result<User> read_user(Transaction& transaction, std::string_view name) {
  GALLEY_TRY(const auto row, transaction.query_one(std::string(kUserColumns) +
                                                       " where name = :1 and removed_ms is null",
                                                   {std::string(name)}));
  if (!row) {
    GALLEY_TRY(const auto rows,
               transaction.query("select name from users where removed_ms is null"));
    std::vector<std::string> names;
    for (const Row& one : rows) names.push_back(one.text(0));
    const auto close = nearest(name, names);
    return Error{Errc::not_found,
                 "there is no user '" + to_valid_utf8(name.substr(0, 64)) + "'",
                 {},
                 {},
                 close.empty() ? "`galley users` lists them" : "did you mean " + close + "?"};
  }
  User user = user_of(*row);
  GALLEY_TRY(const auto teams,
             transaction.query("select team from user_teams where user_name = :1 order by team",
                               {user.name}));
  for (const Row& one : teams) user.teams.push_back(one.text(0));
  return user;
}

Result<std::vector<User>> Accounts::users() const {
  std::vector<User> found;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto rows, transaction.query(std::string(kUserColumns) +
                                                  " where removed_ms is null order by name"));
    for (const Row& row : rows) found.push_back(user_of(row));
    GALLEY_TRY(const auto teams, transaction.query("select user_name, team from user_teams"
                                                   " order by user_name, team"));
    for (const Row& row : teams) {
      const auto user = std::ranges::lower_bound(found, row.text(0), {}, &User::name);
      if (user != found.end() && user->name == row.text(0)) user->teams.push_back(row.text(1));
    }
    return ok();
  }));
  return found;
}

Result<User> Accounts::user(std::string_view name) const {
  User found;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(found, read_user(transaction, name));
    return ok();
  }));
  return found;
}

Result<User> Accounts::add_user(const UserSpec& spec, const By& by) {
  GALLEY_TRY(User user, checked(spec));
  user.created = clock_.wall();
  GALLEY_TRY_STATUS(database_.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(
        const auto changed,
        transaction.execute(
            "insert into users (name, role, max_queued_jobs, max_job_gpus, created_ms,"
            " max_gpus) values (:1, :2, :3, :4, :5, :6) on conflict (name) do update set"
            " role = excluded.role, max_queued_jobs = excluded.max_queued_jobs,"
            " max_job_gpus = excluded.max_job_gpus, created_ms = excluded.created_ms,"
            " max_gpus = excluded.max_gpus, removed_ms = null where users.removed_ms is not null",
            {user.name, std::string(to_string(user.role)), value_of(user.quota.max_queued_jobs),
             value_of(user.quota.max_job_gpus), to_ms(user.created),
             value_of(user.quota.max_gpus)}));
    if (changed == 0)
      return Error{Errc::conflict,
                   "there is a user " + user.name + " already",
                   "name",
                   {},
                   "`galley users set " + user.name + "` changes it"};
    GALLEY_TRY_STATUS(write_teams(transaction, user));
    return record(transaction, by, user.created, "user.add", subject_of(user));
  }));
  return user;
}

Result<User> Accounts::set_user(const UserSpec& spec, const By& by) {
  GALLEY_TRY(User user, checked(spec));
  const WallTime now = clock_.wall();
  GALLEY_TRY_STATUS(database_.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const User before, read_user(transaction, user.name));
    user.created = before.created;
    GALLEY_TRY_STATUS(transaction.execute(
        "update users set role = :2, max_queued_jobs = :3, max_job_gpus = :4, max_gpus = :5"
        " where name = :1",
        {user.name, std::string(to_string(user.role)), value_of(user.quota.max_queued_jobs),
         value_of(user.quota.max_job_gpus), value_of(user.quota.max_gpus)}));
    GALLEY_TRY_STATUS(write_teams(transaction, user));
    return record(transaction, by, now, "user.set", subject_of(user));
  }));
  return user;
}

Status Accounts::remove_user(const std::string& name, const By& by) {
  const WallTime now = clock_.wall();
  return database_.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const User user, read_user(transaction, name));
    GALLEY_TRY_STATUS(transaction.execute("update users set removed_ms = :2 where name = :1",
                                          {user.name, to_ms(now)}));
    GALLEY_TRY_STATUS(
        transaction.execute("delete from user_teams where user_name = :1", {user.name}));
    GALLEY_TRY_STATUS(
        transaction.execute("update access_tokens set revoked_ms = :2"
                            " where user_name = :1 and revoked_ms is null",
                            {user.name, to_ms(now)}));
    GALLEY_TRY_STATUS(transaction.execute(
        "delete from tokens where kind = 'session' and user_name = :1", {user.name}));
    return record(transaction, by, now, "user.remove", user.name);
  });
}

}  // namespace galley::accounts
