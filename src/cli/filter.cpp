#include "filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.h"
#include "protocol/records.h"

namespace galley::cli {
namespace {

std::string in_quotes(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + "\"";
}

}  // namespace

std::string filter_any_of(std::string_view field, const std::vector<std::string>& values) {
  if (values.empty()) return {};
  if (values.size() == 1) return fmt::format("{} = {}", field, in_quotes(values.front()));
  std::vector<std::string> words;
  for (const std::string& value : values) words.push_back(in_quotes(value));
  return fmt::format("{} in ({})", field, fmt::join(words, ", "));
}

std::string filter_all(const std::vector<std::string>& parts) {
  std::vector<std::string> used;
  for (const std::string& part : parts)
    if (!trim(part).empty()) used.push_back(part);
  if (used.size() == 1) return used.front();
  return used.empty() ? std::string{} : fmt::format("({})", fmt::join(used, ") and ("));
}

Result<std::vector<std::string>> parse_states(std::string_view text) {
  std::vector<std::string> known;
  for (const auto& entry : protocol::Words<protocol::JobState>::words)
    known.emplace_back(entry.first);
  std::vector<std::string> states;
  for (const std::string_view part : split(text, ',')) {
    const std::string word(trim(part));
    if (std::ranges::find(known, word) == known.end()) {
      const std::string close = nearest(word, known);
      return Error{Errc::invalid_argument, fmt::format("'{}' is not a state of a job", word),
                   "--state", close.empty() ? fmt::format("{}", fmt::join(known, ", ")) : "",
                   close.empty() ? "" : fmt::format("did you mean {}?", close)};
    }
    states.push_back(word);
  }
  return states;
}

}  // namespace galley::cli
