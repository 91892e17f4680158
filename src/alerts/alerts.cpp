#include "alerts/alerts.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "delivery.h"
#include "rule_rows.h"

namespace galley::alerts {
namespace {

constexpr std::size_t kMostWords = 64;
constexpr std::size_t kLongestCommand = 8'192;
constexpr std::int64_t kMostOpen = 100'000;
constexpr Millis kPruneEvery = std::chrono::hours(1);

Error wrong(std::string field, std::string found, std::string expected, std::string hint = {}) {
  return Error{Errc::invalid_argument, std::move(found), std::move(field), std::move(expected),
               std::move(hint)};
}

Status check_name(const std::string& name) {
  const bool good = !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
  if (good) return ok();
  return wrong("name", "found '" + to_valid_utf8(name.substr(0, 64)) + "'",
               "1 to 64 letters, digits, '.', '_' and '-'");
}

Status check_command(const std::vector<std::string>& command) {
  std::size_t bytes = 0;
  for (const std::string& word : command) {
    bytes += word.size() + 1;
    if (word.find('\0') != std::string::npos || !is_valid_utf8(word))
      return wrong("command", "a word of the command is not text", "UTF-8 without NUL");
  }
  if (command.size() > kMostWords || bytes > kLongestCommand)
    return wrong("command",
                 "the command has " + std::to_string(command.size()) + " words and " +
                     std::to_string(bytes) + " bytes",
                 "at most 64 words and 8192 bytes");
  if (!command.empty() && command.front().empty())
    return wrong("command", "the program's name is empty", "a program and its arguments");
  return ok();
}

Status check_rule(const StoredRule& rule) {
  GALLEY_TRY_STATUS(check_name(rule.name));
  if (rule.webhook.empty() && rule.command.empty())
    return wrong("webhook", "the alert tells nobody", "a webhook, a command, or both");
  if (!rule.webhook.empty()) GALLEY_TRY_STATUS(parse_webhook(rule.webhook));
  return check_command(rule.command);
}

std::string body_of(const StoredRule& rule, const Change& change) {
  Json labels = Json::object();
  for (const auto& [label, value] : change.labels) labels[label] = value;
  Json body{{"kind", "alert"},
            {"version", 1},
            {"rule", rule.name},
            {"expression", rule.expression},
            {"state", change.firing ? "firing" : "resolved"},
            {"subject", change.subject},
            {"labels", std::move(labels)},
            {"value", change.value},
            {"since", to_rfc3339(change.since)},
            {"at", to_rfc3339(change.at)}};
  if (change.silent) body["reason"] = "nothing more is heard of it";
  return dump_json(body);
}

}  // namespace

struct Alerts::Impl {
  Impl(store::Database& database_in, const Clock& clock_in,
       const telemetry::Telemetry& telemetry_in)
      : database(database_in), clock(clock_in), telemetry(telemetry_in) {}

  struct Watched {
    StoredRule stored;
    Watch watch;
  };
  struct Told {
    std::string rule;
    Change change;
    std::string body;
  };
  void load(const std::vector<StoredRule>& rules, const std::vector<Firing>& open);
  void watch_platform_locked();
  void send(const StoredRule& rule, const std::string& body) const {
    if (!rule.webhook.empty() || !rule.command.empty())
      delivery->send({rule.name, rule.webhook, rule.command, body});
  }
  std::vector<Told> judge_locked(std::map<std::string, Watched>& judged, WallTime now) const;

  store::Database& database;
  const Clock& clock;
  const telemetry::Telemetry& telemetry;
  std::unique_ptr<Delivery> delivery;
  mutable std::mutex mutex;                // guards all below; held while a change is stored
  std::map<std::string, Watched> watched;  // by name
  WallTime pruned_at{};
  bool watches_platform = false;
  std::set<std::string> told_unstored;  // rule and subject of what could not be stored first
};

void Alerts::Impl::watch_platform_locked() {
  if (!watches_platform || watched.contains(kPlatformRule)) return;
  auto rule = parse_rule(kPlatformExpression);
  GALLEY_CHECK(rule, "our own rule can be read");
  StoredRule stored{.name = kPlatformRule, .expression = kPlatformExpression};
  stored.principal = "galley";
  stored.created_at = clock.wall();
  watched.emplace(kPlatformRule, Watched{std::move(stored), Watch(*std::move(rule))});
}

void Alerts::Impl::load(const std::vector<StoredRule>& rules, const std::vector<Firing>& open) {
  for (const StoredRule& rule : rules) {
    auto parsed = parse_rule(rule.expression);
    if (!parsed) {  // a gauge that another version had
      log::warn("alerts", "a stored alert cannot be watched",
                {{"rule", rule.name}, {"reason", describe(parsed.error())}});
      continue;
    }
    watched.emplace(rule.name, Watched{rule, Watch(*std::move(parsed))});
  }
  watch_platform_locked();
  for (const Firing& firing : open) {
    const auto found = watched.find(firing.rule);
    if (found != watched.end())
      found->second.watch.restore(firing.subject, firing.since, firing.value, clock.wall());
  }
}

Alerts::Alerts(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Alerts::~Alerts() { stop(); }
void Alerts::stop() { impl_->delivery->stop(); }

Result<std::unique_ptr<Alerts>> Alerts::open(store::Database& database, const Clock& clock,
                                             const telemetry::Telemetry& telemetry,
                                             Options options) {
  auto impl = std::make_unique<Impl>(database, clock, telemetry);
  GALLEY_TRY(impl->delivery, Delivery::start(options));
  impl->watches_platform = options.watch_platform;
  std::vector<StoredRule> rules;
  std::vector<Firing> firings;
  GALLEY_TRY_STATUS(database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(rules, read_rules(transaction));
    GALLEY_TRY(firings, read_firings(transaction, true, kMostOpen));
    return ok();
  }));
  impl->load(rules, firings);
  return std::unique_ptr<Alerts>(new Alerts(std::move(impl)));
}

Result<StoredRule> Alerts::add(StoredRule rule) {
  GALLEY_TRY_STATUS(check_rule(rule));
  GALLEY_TRY(auto parsed, parse_rule(rule.expression));
  rule.created_at = impl_->clock.wall();
  rule.firing = 0;
  const std::lock_guard lock(impl_->mutex);
  if (impl_->watched.size() >= kMostRules)
    return Error{Errc::too_large,
                 "there are " + std::to_string(kMostRules) + " alerts, the most that are watched"};
  GALLEY_TRY_STATUS(impl_->database.write(
      [&](store::Transaction& transaction) { return put_rule(transaction, rule); }));
  impl_->watched.insert_or_assign(rule.name, Impl::Watched{rule, Watch(std::move(parsed))});
  return rule;
}

Status Alerts::remove(const std::string& name) {
  const std::lock_guard lock(impl_->mutex);
  GALLEY_TRY_STATUS(impl_->database.write([&](store::Transaction& transaction) {
    return erase_rule(transaction, name, impl_->clock.wall());
  }));
  impl_->watched.erase(name);
  impl_->watch_platform_locked();
  return ok();
}

std::vector<StoredRule> Alerts::rules() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<StoredRule> rules;
  for (const auto& [name, one] : impl_->watched) {
    rules.push_back(one.stored);
    rules.back().firing = static_cast<std::int64_t>(one.watch.firing());
  }
  return rules;
}

Result<std::vector<Firing>> Alerts::firings(bool open, std::int64_t limit) const {
  std::vector<Firing> found;
  GALLEY_TRY_STATUS(impl_->database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(found, read_firings(transaction, open, limit));
    return ok();
  }));
  return found;
}

std::vector<Alerts::Impl::Told> Alerts::Impl::judge_locked(std::map<std::string, Watched>& judged,
                                                           WallTime now) const {
  std::map<std::string, std::vector<telemetry::Reading>> readings;  // by metric: rules share them
  std::vector<Told> told;
  for (auto& [name, one] : judged) {
    const telemetry::Metric metric = one.watch.rule().metric;
    auto& numbers = readings[telemetry::name_of(metric)];
    if (numbers.empty()) numbers = telemetry.readings(metric);
    for (Change& change : one.watch.step(numbers, now)) {
      std::string body = body_of(one.stored, change);
      told.push_back({name, std::move(change), std::move(body)});
    }
  }
  return told;
}

Status Alerts::step(WallTime now) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->watched.empty()) return ok();
  // Judged on a copy: what could not be stored has not happened, and happens again next time.
  auto judged = impl_->watched;
  const auto told = impl_->judge_locked(judged, now);
  const bool prune = now - impl_->pruned_at >= kPruneEvery;
  Status stored = ok();
  if (!told.empty() || prune)
    stored = impl_->database.write([&](store::Transaction& transaction) -> Status {
      for (const auto& one : told)
        GALLEY_TRY_STATUS(put_change(transaction, one.rule, one.change, one.body));
      return prune ? prune_firings(transaction, now) : ok();
    });
  if (!stored) {
    // Nobody would hear that the database is away before it is back.
    for (const auto& one : told)
      if (one.change.firing && one.change.subject.starts_with("database_") &&
          impl_->told_unstored.insert(one.rule + " " + one.change.subject).second)
        impl_->send(judged.at(one.rule).stored, one.body);
    return stored;
  }
  if (prune) impl_->pruned_at = now;
  impl_->watched = std::move(judged);
  for (const auto& one : told) {
    const bool known = impl_->told_unstored.erase(one.rule + " " + one.change.subject) > 0;
    if (!known || !one.change.firing) impl_->send(impl_->watched.at(one.rule).stored, one.body);
  }
  return ok();
}

}  // namespace galley::alerts
