#include "rule_rows.h"

#include "base/json.h"
#include "store/events.h"

namespace galley::alerts {
namespace {

constexpr std::int64_t kKeepMs = std::int64_t{90} * 24 * 3'600'000;

std::vector<std::string> command_of(const std::string& text) {
  std::vector<std::string> command;
  if (const auto json = parse_json(text); json && json->is_array())
    for (const Json& word : *json)
      if (word.is_string()) command.push_back(word.get<std::string>());
  return command;
}

}  // namespace

Result<std::vector<StoredRule>> read_rules(store::Transaction& transaction) {
  GALLEY_TRY(const auto rows,
             transaction.query("select name, expression, webhook, command, principal, created_ms"
                               " from alert_rules order by name"));
  std::vector<StoredRule> rules;
  for (const store::Row& row : rows)
    rules.push_back({.name = row.text(0),
                     .expression = row.text(1),
                     .webhook = row.text(2),
                     .command = command_of(row.text(3)),
                     .principal = row.text(4),
                     .created_at = from_ms(row.integer(5))});
  return rules;
}

Status put_rule(store::Transaction& transaction, const StoredRule& rule) {
  GALLEY_TRY(const auto known,
             transaction.query_one("select 1 from alert_rules where name = :1", {rule.name}));
  if (known)
    return Error{Errc::conflict, "there is an alert '" + rule.name + "' already", "name",
                 "another name", "`galley alerts remove " + rule.name + "` first, to replace it"};
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into alert_rules (name, expression, webhook, command, principal, created_ms)"
      " values (:1, :2, :3, :4, :5, :6)",
      {rule.name, rule.expression, rule.webhook, dump_json(Json(rule.command)), rule.principal,
       to_ms(rule.created_at)}));
  return ok();
}

Status erase_rule(store::Transaction& transaction, const std::string& name, WallTime now) {
  GALLEY_TRY(const auto erased,
             transaction.execute("delete from alert_rules where name = :1", {name}));
  if (erased == 0)
    return Error{Errc::not_found,
                 "there is no alert '" + name.substr(0, 80) + "'",
                 {},
                 {},
                 "`galley alerts` lists them"};
  GALLEY_TRY_STATUS(
      transaction.execute("update alert_firings set resolved_ms = :1"
                          " where rule_name = :2 and resolved_ms is null",
                          {to_ms(now), name}));
  return ok();
}

Result<std::vector<Firing>> read_firings(store::Transaction& transaction, bool open,
                                         std::int64_t limit) {
  GALLEY_TRY(const auto rows,
             transaction.query(std::string("select seq, rule_name, subject, value, since_ms,"
                                           " fired_ms, resolved_ms from alert_firings") +
                                   (open ? " where resolved_ms is null" : "") +
                                   " order by seq desc limit :1",
                               {limit}));
  std::vector<Firing> firings;
  for (const store::Row& row : rows) {
    Firing firing{.seq = row.integer(0),
                  .rule = row.text(1),
                  .subject = row.text(2),
                  .value = row.real(3),
                  .since = from_ms(row.integer(4)),
                  .fired_at = from_ms(row.integer(5))};
    if (!row.is_null(6)) firing.resolved_at = from_ms(row.integer(6));
    firings.push_back(std::move(firing));
  }
  return firings;
}

Status put_change(store::Transaction& transaction, const std::string& rule, const Change& change,
                  const std::string& body) {
  if (!change.firing) {
    GALLEY_TRY_STATUS(transaction.execute(
        "update alert_firings set resolved_ms = :1, value = :2 where rule_name = :3"
        " and subject = :4 and resolved_ms is null",
        {to_ms(change.at), change.value, rule, change.subject}));
  } else {
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into alert_firings (rule_name, subject, value, since_ms,"
        " fired_ms) values (:1, :2, :3, :4, :5)",
        {rule, change.subject, change.value, to_ms(change.since), to_ms(change.at)}));
  }
  GALLEY_TRY_STATUS(store::append_event(
      transaction, {.at_ms = to_ms(change.at), .kind = "alert", .subject = rule, .data = body}));
  return ok();
}

Status prune_firings(store::Transaction& transaction, WallTime now) {
  GALLEY_TRY_STATUS(transaction.execute("delete from alert_firings where resolved_ms < :1",
                                        {to_ms(now) - kKeepMs}));
  return ok();
}

}  // namespace galley::alerts
