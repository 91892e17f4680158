#include "key_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"

namespace galley::hpo {
namespace {

constexpr std::size_t kShownBytes = 64;

/// What was meant: the nearest word, or one that begins as this does ("descend": "descending").
std::string meant_word(std::string_view word, const std::vector<std::string>& known) {
  if (auto close = nearest(word, known); !close.empty()) return close;
  std::string best;
  std::size_t longest = (word.size() * 3 + 3) / 4;
  for (const auto& one : known) {
    const auto differs = std::ranges::mismatch(word, one).in1;
    const auto shared = static_cast<std::size_t>(differs - word.begin());
    if (shared < std::max<std::size_t>(longest, 3)) continue;
    longest = shared + 1;
    best = one;
  }
  return best;
}

}  // namespace

Error spec_error(const std::string& path, const Json& found, std::string expected,
                 std::string hint) {
  std::string text = dump_json(found);
  if (text.size() > kShownBytes) text = to_valid_utf8(text.substr(0, kShownBytes)) + "...";
  return Error{Errc::invalid_argument, fmt::format("{} is {}", path, text), path,
               std::move(expected), std::move(hint)};
}

Error unknown_key(const std::string& path, const std::string& key,
                  const std::vector<std::string>& known) {
  const std::string close = meant_word(key, known);
  const std::string word = to_valid_utf8(key.substr(0, kShownBytes));
  return Error{
      Errc::invalid_argument, fmt::format("{} has no '{}'", path.empty() ? "a study" : path, word),
      path.empty() ? word : path + "." + word, fmt::format("one of {}", fmt::join(known, ", ")),
      close.empty() ? "" : fmt::format("did you mean '{}'?", close)};
}

Status KeyReader::check() const {
  if (!json_.is_object())
    return spec_error(path_.empty() ? "a study" : path_, json_, "an object with keys");
  for (const auto& [key, value] : json_.items())
    if (std::ranges::find(known_, key) == known_.end()) return unknown_key(path_, key, known_);
  return ok();
}

Status KeyReader::number(const std::string& key, const Range& range, double& out) const {
  const Json* value = find(key);
  if (!value) return ok();
  const double number = value->is_number() ? value->get<double>() : std::nan("");
  if (!(number >= range.low && number <= range.high))
    return spec_error(path_of(key), *value, range.words);
  out = number;
  return ok();
}

Status KeyReader::number(const std::string& key, const Range& range,
                         std::optional<double>& out) const {
  if (!find(key)) return ok();
  double value = 0;
  GALLEY_TRY_STATUS(number(key, range, value));
  out = value;
  return ok();
}

Status KeyReader::truth(const std::string& key, bool& out) const {
  const Json* value = find(key);
  if (!value) return ok();
  if (!value->is_boolean()) return spec_error(path_of(key), *value, "true or false");
  out = value->get<bool>();
  return ok();
}

Status KeyReader::text(const std::string& key, std::string& out) const {
  const Json* value = find(key);
  if (!value) return ok();
  if (!value->is_string() || value->get_ref<const std::string&>().empty())
    return spec_error(path_of(key), *value, "a name");
  out = value->get<std::string>();
  return ok();
}

Status KeyReader::word(const std::string& key, const std::vector<std::string>& words,
                       std::size_t& out) const {
  const Json* value = find(key);
  if (!value) return ok();
  if (value->is_string()) {
    const auto found = std::ranges::find(words, value->get_ref<const std::string&>());
    if (found != words.end()) {
      out = static_cast<std::size_t>(found - words.begin());
      return ok();
    }
  }
  const std::string close =
      value->is_string() ? meant_word(value->get_ref<const std::string&>(), words) : "";
  return spec_error(path_of(key), *value, fmt::format("one of {}", fmt::join(words, ", ")),
                    close.empty() ? "" : fmt::format("did you mean '{}'?", close));
}

}  // namespace galley::hpo
