#include "protocol/progress_line.h"

#include <charconv>

#include "base/text.h"

namespace galley::protocol {
namespace {

constexpr std::size_t kMaxPairs = 256;
constexpr std::size_t kMaxKeyBytes = 250;

std::string_view skip_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  return first == std::string_view::npos ? std::string_view{} : text.substr(first);
}

/// Takes a value from the front: up to a blank, or between double quotes with \" and \\ inside.
std::string take_value(std::string_view& rest) {
  std::string value;
  if (!rest.starts_with('"')) {
    const std::size_t end = std::min(rest.find_first_of(" \t\r"), rest.size());
    value = rest.substr(0, end);
    rest.remove_prefix(end);
    return value;
  }
  std::size_t i = 1;
  for (; i < rest.size() && rest[i] != '"'; ++i) {
    if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
    value += rest[i];
  }
  rest.remove_prefix(std::min(i + 1, rest.size()));
  return value;
}

std::optional<double> as_number(std::string_view text) {
  double value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (errc != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

void add(ProgressLine& line, std::string key, std::string value) {
  if (key == "artifact") {
    line.artifacts.push_back(std::move(value));
  } else if (key == "checkpoint") {
    line.checkpoints.push_back(std::move(value));
  } else if (const auto number = as_number(value)) {
    constexpr double kLargestStep = 9e15;  // whole numbers past it are not exact in a double
    if (key == "step" && *number >= 0 && *number < kLargestStep)
      line.step = static_cast<std::int64_t>(*number);
    else
      line.metrics.emplace_back(std::move(key), *number);
  } else {
    line.texts.emplace_back(std::move(key), std::move(value));
  }
}

}  // namespace

std::optional<ProgressLine> parse_progress_line(std::string_view text) {
  if (!text.starts_with(kProgressPrefix)) return std::nullopt;
  ProgressLine line;
  std::string_view rest = skip_blanks(text.substr(kProgressPrefix.size()));
  for (std::size_t pairs = 0; !rest.empty() && pairs < kMaxPairs; ++pairs) {
    const std::size_t equals = rest.find_first_of("= \t\r");
    if (equals == std::string_view::npos) break;
    std::string key = to_valid_utf8(rest.substr(0, equals));
    const bool is_pair = rest[equals] == '=' && equals > 0;
    rest.remove_prefix(equals + (rest[equals] == '=' ? 1 : 0));
    if (is_pair) {
      std::string value = to_valid_utf8(take_value(rest));
      if (key.size() <= kMaxKeyBytes) add(line, std::move(key), std::move(value));
    }
    rest = skip_blanks(rest);
  }
  return line;
}

}  // namespace galley::protocol
