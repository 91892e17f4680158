#include "accounts/secrets.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "names.h"
#include "protocol/job_spec.h"
#include "sealing.h"

namespace galley::accounts {
namespace {

using store::Row;
using store::Transaction;

std::string bound_to(std::string_view team, std::string_view name) {
  return std::string(team) + '\0' + std::string(name);
}

std::string subject_of(const std::string& team, const std::string& name) {
  return team + "/" + name;
}

Status check_value(std::string_view value) {
  if (value.empty() || value.size() > Secrets::kMostValueBytes)
    return Error{Errc::invalid_argument, fmt::format("found {} bytes", value.size()), "value",
                 fmt::format("1 to {} bytes", Secrets::kMostValueBytes)};
  if (value.find('\0') != std::string_view::npos)
    return Error{Errc::invalid_argument, "found a NUL byte, which no variable can hold", "value",
                 "text"};
  return ok();
}

Error unknown(const std::string& team, std::string_view name, std::string field,
              const std::vector<std::string>& known) {
  const std::string close = nearest(name, known);
  return {Errc::not_found, "team " + team + " has no secret " + to_valid_utf8(name.substr(0, 64)),
          std::move(field), "a secret that was set",
          close.empty() ? fmt::format("galley secrets set {} --team {}",
                                      to_valid_utf8(name.substr(0, 64)), team)
                        : "did you mean " + close + "?"};
}

std::string field_of(std::size_t index) { return fmt::format("secrets[{}]", index); }

Result<std::vector<std::string>> names_of(Transaction& transaction, const std::string& team) {
  GALLEY_TRY(const auto rows,
             transaction.query("select name from secrets where team = :1", {team}));
  std::vector<std::string> names;
  for (const Row& row : rows) names.push_back(row.text(0));
  return names;
}

Result<std::string> open_row(const std::vector<Key>& keys, const std::string& key_id,
                             std::string_view sealed, std::string_view bound,
                             const std::string& what) {
  const auto key = std::ranges::find(keys, key_id, &Key::id);
  if (key == keys.end())
    return Error{Errc::corrupt, what + " was sealed with key " + key_id +
                                    ", which is not in the file of --secrets-key"};
  auto text = open_sealed(*key, sealed, bound);
  if (text) return text;
  return Error{Errc::corrupt, what + " cannot be opened: " + text.error().message};
}

}  // namespace

Result<std::vector<SecretInfo>> Secrets::list() const {
  std::vector<SecretInfo> found;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto rows,
               transaction.query("select team, name, principal, created_ms, changed_ms"
                                 " from secrets order by team, name"));
    for (const Row& row : rows)
      found.push_back({row.text(0), row.text(1), row.text(2), from_ms(row.integer(3)),
                       from_ms(row.integer(4))});
    return ok();
  }));
  return found;
}

Result<SecretInfo> Secrets::set(const std::string& team, const std::string& name,
                                std::string_view value, const By& by) {
  GALLEY_TRY([[maybe_unused]] const auto teams, checked_teams({team}));
  if (!protocol::is_secret_name(name))
    return Error{Errc::invalid_argument,
                 "'" + to_valid_utf8(name.substr(0, 64)) + "' cannot name a secret", "name",
                 std::string(protocol::kSecretNames)};
  GALLEY_TRY_STATUS(check_value(value));
  const std::lock_guard lock(keys_mutex_);
  auto keys = read_keys(key_file_);
  if (!keys && keys.error().code == Errc::not_found) {
    GALLEY_TRY(const auto stored, list());
    if (!stored.empty()) return keys.error();
    GALLEY_TRY(Key made, make_key());
    keys = std::vector<Key>{std::move(made)};
    GALLEY_TRY_STATUS(write_keys(key_file_, *keys));
  }
  if (!keys) return keys.error();
  GALLEY_TRY(const std::string sealed, seal(keys->front(), value, bound_to(team, name)));
  const WallTime now = clock_.wall();
  SecretInfo info{team, name, by.principal, now, now};
  GALLEY_TRY_STATUS(database_.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto names, names_of(transaction, team));
    if (names.size() >= kMostOfATeam && std::ranges::find(names, name) == names.end())
      return Error{Errc::exhausted,
                   fmt::format("team {} has {} secrets, and that is the most", team, names.size())};
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into secrets (team, name, key_id, sealed, principal, created_ms, changed_ms)"
        " values (:1, :2, :3, :4, :5, :6, :6) on conflict (team, name) do update set"
        " key_id = excluded.key_id, sealed = excluded.sealed, principal = excluded.principal,"
        " changed_ms = excluded.changed_ms",
        {team, name, keys->front().id, store::Blob{sealed}, by.principal, to_ms(now)}));
    GALLEY_TRY(const auto row,
               transaction.query_one("select created_ms from secrets where team = :1 and name = :2",
                                     {team, name}));
    info.created = from_ms(row->integer(0));
    return record(transaction, by, now, "secret.set", subject_of(team, name));
  }));
  return info;
}

Status Secrets::remove(const std::string& team, const std::string& name, const By& by) {
  return database_.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(
        const auto gone,
        transaction.execute("delete from secrets where team = :1 and name = :2", {team, name}));
    if (gone == 0) {
      GALLEY_TRY(const auto names, names_of(transaction, team));
      return unknown(team, name, "name", names);
    }
    return record(transaction, by, clock_.wall(), "secret.remove", subject_of(team, name));
  });
}

Status Secrets::check(const std::string& team, std::span<const std::string> names) const {
  if (names.empty()) return ok();
  return database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto known, names_of(transaction, team));
    for (std::size_t i = 0; i < names.size(); ++i)
      if (std::ranges::find(known, names[i]) == known.end())
        return unknown(team, names[i], field_of(i), known);
    return ok();
  });
}

Result<std::vector<std::string>> Secrets::values(const std::string& team,
                                                 std::span<const std::string> names) const {
  std::vector<std::string> values;
  if (names.empty()) return values;
  GALLEY_TRY_STATUS(check(team, names));
  GALLEY_TRY(const auto keys, read_keys(key_file_));
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    for (std::size_t i = 0; i < names.size(); ++i) {
      GALLEY_TRY(
          const auto row,
          transaction.query_one("select key_id, sealed from secrets where team = :1 and name = :2",
                                {team, names[i]}));
      if (!row) return unknown(team, names[i], field_of(i), {});
      auto text = open_row(keys, row->text(0), row->text(1), bound_to(team, names[i]),
                           "secret " + names[i]);
      if (!text) {
        Error error = std::move(text).error();
        error.field = field_of(i);
        return error;
      }
      values.push_back(names[i] + "=" + *text);
    }
    return ok();
  }));
  return values;
}

Result<std::int64_t> Secrets::rotate(const By& by) {
  const std::lock_guard lock(keys_mutex_);
  GALLEY_TRY(const auto old, read_keys(key_file_));
  GALLEY_TRY(const Key made, make_key());
  // Both are in the file before anything is sealed with the new one, and until everything is.
  std::vector<Key> both{made};
  both.insert(both.end(), old.begin(), old.end());
  GALLEY_TRY_STATUS(write_keys(key_file_, both));
  std::int64_t count = 0;
  const Status done = database_.write([&](Transaction& transaction) -> Status {
    count = 0;
    GALLEY_TRY(const auto rows,
               transaction.query("select team, name, key_id, sealed from secrets"));
    for (const Row& row : rows) {
      const std::string bound = bound_to(row.text(0), row.text(1));
      GALLEY_TRY(const std::string text,
                 open_row(old, row.text(2), row.text(3), bound, "secret " + row.text(1)));
      GALLEY_TRY(const std::string sealed, seal(made, text, bound));
      GALLEY_TRY_STATUS(transaction.execute(
          "update secrets set key_id = :3, sealed = :4 where team = :1 and name = :2",
          {row.text(0), row.text(1), made.id, store::Blob{sealed}}));
      ++count;
    }
    return record(transaction, by, clock_.wall(), "secret.rotate", fmt::format("{} sealed", count));
  });
  // A commit whose answer was lost may have happened: then the file must have the new key.
  if (!done) return done.error();
  GALLEY_TRY_STATUS(write_keys(key_file_, {made}));
  return count;
}

}  // namespace galley::accounts
