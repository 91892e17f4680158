#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace galley::serving {

enum class SequenceIndex : std::uint32_t {};

/// What is served strictly before what: online before background, then the smaller priority.
struct Tier {
  bool background = false;
  std::int32_t priority = 0;
  auto operator<=>(const Tier&) const = default;
};

/// Who waits for a place, in the order in which they are to be asked: by tier; in a tier first
/// those that had a place and lost it; then the users in turn, the one who was given the fewest
/// tokens first (the virtual token counter of arXiv:2401.00588); a user's own requests as they
/// arrived.
///
/// Pure, one thread. O(log) for all but walk, which is O(log) for each one asked.
class WaitingLine {
 public:
  struct Level;
  struct User {
    Level* level = nullptr;
    std::string name;
    double served_tokens = 0;
    std::uint32_t holders = 0;
    std::map<std::uint64_t, SequenceIndex> waiting;
  };
  struct Level {
    Tier tier;
    std::map<std::string, User> users;
    std::set<std::pair<double, User*>> by_served;     // those with someone waiting
    std::map<std::uint64_t, SequenceIndex> returned;  // had a place
    double last_served_tokens = 0;                    // of the user who was placed last
  };

  /// Whose counter a request's tokens go to, until let_go.
  User& hold(const Tier& tier, const std::string& name);
  void let_go(User& user);
  void charge(User& user, double tokens);

  /// `number` orders: of arrival, and for those that had a place, of their first place. A user who
  /// comes back after a pause starts level with those who wait: what was not used is no claim.
  void push(User& user, std::uint64_t number, SequenceIndex sequence);
  void push_returned(User& user, std::uint64_t number, SequenceIndex sequence);
  void erase(User& user, std::uint64_t number);
  void erase_returned(User& user, std::uint64_t number);

  std::size_t size() const { return size_; }
  bool has_online() const { return online_ > 0; }

  enum class Verdict : std::uint8_t { place, skip, stop };
  /// At most `limit` are asked; `place` takes the one asked out. `ask` may charge its user and push
  /// to lower tiers.
  void walk(std::size_t limit, const std::function<Verdict(SequenceIndex)>& ask);

 private:
  bool walk_returned(Level& level, std::size_t& limit,
                     const std::function<Verdict(SequenceIndex)>& ask);
  bool walk_users(Level& level, std::size_t& limit,
                  const std::function<Verdict(SequenceIndex)>& ask);
  void count_in(const Tier& tier);
  void count_out(const Tier& tier);

  std::map<Tier, Level> levels_;
  std::size_t size_ = 0;
  std::size_t online_ = 0;
};

}  // namespace galley::serving
