#include "waiting_line.h"

#include <algorithm>

namespace galley::serving {
namespace {

/// Users of one tier whose counters are kept though nobody of theirs waits or runs. One forgotten
/// starts level with the others again, so at worst it is forgiven what it had too much.
constexpr std::size_t kUsersRemembered = 1024;

}  // namespace

WaitingLine::User& WaitingLine::hold(const Tier& tier, const std::string& name) {
  auto& level = levels_[tier];
  level.tier = tier;
  auto& user = level.users[name];
  user.level = &level;
  user.name = name;
  ++user.holders;
  return user;
}

void WaitingLine::let_go(User& user) {
  if (--user.holders > 0 || user.level->users.size() <= kUsersRemembered) return;
  const auto name = user.name;
  user.level->users.erase(name);
}

void WaitingLine::charge(User& user, double tokens) {
  if (user.waiting.empty()) {
    user.served_tokens += tokens;
    return;
  }
  auto node = user.level->by_served.extract({user.served_tokens, &user});
  user.served_tokens += tokens;
  node.value().first = user.served_tokens;
  user.level->by_served.insert(std::move(node));
}

void WaitingLine::push(User& user, std::uint64_t number, SequenceIndex sequence) {
  auto& level = *user.level;
  if (user.waiting.empty()) {
    const auto floor =
        level.by_served.empty() ? level.last_served_tokens : level.by_served.begin()->first;
    user.served_tokens = std::max(user.served_tokens, floor);
    level.by_served.insert({user.served_tokens, &user});
  }
  user.waiting.emplace(number, sequence);
  count_in(level.tier);
}

void WaitingLine::push_returned(User& user, std::uint64_t number, SequenceIndex sequence) {
  user.level->returned.emplace(number, sequence);
  count_in(user.level->tier);
}

void WaitingLine::erase(User& user, std::uint64_t number) {
  if (user.waiting.erase(number) == 0) return;
  count_out(user.level->tier);
  if (user.waiting.empty()) user.level->by_served.erase({user.served_tokens, &user});
}

void WaitingLine::erase_returned(User& user, std::uint64_t number) {
  if (user.level->returned.erase(number) > 0) count_out(user.level->tier);
}

void WaitingLine::walk(std::size_t limit, const std::function<Verdict(SequenceIndex)>& ask) {
  for (auto& [tier, level] : levels_)
    if (!walk_returned(level, limit, ask) || !walk_users(level, limit, ask)) return;
}

bool WaitingLine::walk_returned(Level& level, std::size_t& limit,
                                const std::function<Verdict(SequenceIndex)>& ask) {
  for (auto at = level.returned.begin(); at != level.returned.end();) {
    if (limit-- == 0) return false;
    const auto verdict = ask(at->second);
    if (verdict == Verdict::stop) return false;
    if (verdict == Verdict::skip) {
      ++at;
      continue;
    }
    at = level.returned.erase(at);
    count_out(level.tier);
  }
  return true;
}

bool WaitingLine::walk_users(Level& level, std::size_t& limit,
                             const std::function<Verdict(SequenceIndex)>& ask) {
  for (auto at = level.by_served.begin(); at != level.by_served.end();) {
    const auto key = *at;
    auto& user = *key.second;
    bool placed = false;
    for (auto entry = user.waiting.begin(); entry != user.waiting.end() && !placed;) {
      if (limit == 0) return false;
      --limit;
      const auto verdict = ask(entry->second);
      if (verdict == Verdict::stop) return false;
      placed = verdict == Verdict::place;
      if (placed) {
        level.last_served_tokens = user.served_tokens;
        erase(user, entry->first);
      } else {
        ++entry;
      }
    }
    // Being placed cost tokens, so this user's next turn may come after others'.
    at = placed ? level.by_served.lower_bound(key) : std::next(at);
  }
  return true;
}

void WaitingLine::count_in(const Tier& tier) {
  ++size_;
  if (!tier.background) ++online_;
}

void WaitingLine::count_out(const Tier& tier) {
  --size_;
  if (!tier.background) --online_;
}

}  // namespace galley::serving
