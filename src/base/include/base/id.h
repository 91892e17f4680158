#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace galley {

/// A name of a thing, unlike the names of every other kind of thing: `Id<JobTag>` cannot be passed
/// where `Id<RunTag>` is asked for. Holds the text form "job_" + 26 Crockford base32 characters
/// (48-bit milliseconds, 80 random bits), so ids sort by time of creation. Empty means "none".
/// A tag is a struct with `static constexpr std::string_view prefix = "job_";`.
template <class Tag>
class Id {
 public:
  Id() = default;

  /// Errors: invalid_argument when the text is not prefix + 26 base32 characters.
  static Result<Id> parse(std::string_view text);
  /// For text that we wrote ourselves (database rows); a broken one stops the process.
  static Id trusted(std::string text) { return Id(std::move(text)); }

  const std::string& str() const noexcept { return text_; }
  bool empty() const noexcept { return text_.empty(); }
  auto operator<=>(const Id&) const = default;

 private:
  explicit Id(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

template <class Tag>
const std::string& to_string(const Id<Tag>& id) {
  return id.str();
}

/// True for 26 lower-case Crockford base32 characters whose first is 0-7 (128 bits).
bool is_id_body(std::string_view body);

template <class Tag>
Result<Id<Tag>> Id<Tag>::parse(std::string_view text) {
  if (text.starts_with(Tag::prefix) && is_id_body(text.substr(Tag::prefix.size())))
    return Id(std::string(text));
  return Error{Errc::invalid_argument,
               "'" + std::string(text.substr(0, 64)) + "' is not an id",
               {},
               std::string(Tag::prefix) + " and 26 base32 characters"};
}

/// Makes ids that grow within one process even when the wall clock steps back or many are made
/// in one millisecond (the random part then counts up). Thread-safe.
class IdSource {
 public:
  explicit IdSource(const Clock& clock, std::uint64_t seed = std::random_device{}());

  template <class Tag>
  Id<Tag> next() {
    return Id<Tag>::trusted(std::string(Tag::prefix) + next_body());
  }
  /// The 26 characters alone.
  std::string next_body();

 private:
  const Clock& clock_;
  std::mutex mutex_;  // guards all below
  std::mt19937_64 random_;
  std::uint64_t last_ms_ = 0;
  std::array<std::uint64_t, 2> tail_{};  // 16 high bits and 64 low bits of the random part
};

}  // namespace galley

template <class Tag>
struct std::hash<galley::Id<Tag>> {
  std::size_t operator()(const galley::Id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};
