#include "found_block.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace galley::agent {
namespace {

constexpr std::string_view kFoundPrefix = "galley-read ";
constexpr std::size_t kMostFoundKeyBytes = 250;
constexpr std::size_t kMostFoundTextBytes = 8'000;
constexpr std::size_t kMostFoundLineBytes = 64 << 10;

bool is_plain_found(std::string_view text, std::size_t most) {
  return text.size() <= most &&
         std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }) &&
         is_valid_utf8(text);
}

template <class Number>
std::optional<Number> take_word(std::string_view& rest) {
  const std::size_t end = rest.find(' ');
  if (end == std::string_view::npos) return std::nullopt;
  Number value{};
  const auto [stop, error] = std::from_chars(rest.data(), rest.data() + end, value);
  if (error != std::errc{} || stop != rest.data() + end) return std::nullopt;
  rest.remove_prefix(end + 1);
  return value;
}

}  // namespace

std::string print_found(const FoundBlock& block) {
  std::string out = fmt::format("{}begin\n", kFoundPrefix);
  std::size_t count = 0;
  for (const FoundPoint& point : block.points) {
    if (point.key.empty() || point.step < 0 || !is_plain_found(point.key, kMostFoundKeyBytes))
      continue;
    if (++count > FoundBlock::kMostPoints) break;
    out += fmt::format("{}p {} {} {} {}\n", kFoundPrefix, point.step, point.value, point.at_ms,
                       point.key);
  }
  count = 0;
  for (const auto& [key, value] : block.texts) {
    if (key.empty() || !is_plain_found(key, kMostFoundKeyBytes)) continue;
    if (!is_plain_found(value, kMostFoundTextBytes) || ++count > FoundBlock::kMostTexts) continue;
    out += fmt::format("{}t {} {}{}\n", kFoundPrefix, key.size(), key, value);
  }
  count = 0;
  for (const auto& [path, offset] : block.offsets)
    if (is_plain_found(path, 4096) && ++count <= FoundBlock::kMostOffsets)
      out += fmt::format("{}o {} {}\n", kFoundPrefix, offset, path);
  count = 0;
  for (const std::string& line : block.lines)
    if (!line.empty() && line.size() <= kMostFoundLineBytes && line.find('\n') == line.npos &&
        ++count <= FoundBlock::kMostLines)
      out += fmt::format("{}l {}\n", kFoundPrefix, line);
  return out + fmt::format("{}end\n", kFoundPrefix);
}

FoundReader::Line FoundReader::take(std::string_view line) {
  if (!line.starts_with(kFoundPrefix)) return Line::other;
  line.remove_prefix(kFoundPrefix.size());
  if (line == "begin") {
    block_ = {};
    open_ = true;
  } else if (line == "end") {
    return std::exchange(open_, false) ? Line::whole : Line::taken;
  } else if (open_) {
    open_ = add(line);
  }
  return Line::taken;
}

bool FoundReader::add(std::string_view rest) {
  if (rest.size() < 2 || rest[1] != ' ') return false;
  const char kind = rest[0];
  rest.remove_prefix(2);
  if (kind == 'p') {
    const auto step = take_word<std::int64_t>(rest);
    const auto value = take_word<double>(rest);
    const auto at_ms = take_word<std::int64_t>(rest);
    if (!step || !value || !at_ms || *step < 0 || rest.empty()) return false;
    if (!is_plain_found(rest, kMostFoundKeyBytes)) return false;
    block_.points.push_back({std::string(rest), *step, *value, *at_ms});
    return block_.points.size() <= FoundBlock::kMostPoints;
  }
  if (kind == 't') {
    const auto size = take_word<std::size_t>(rest);
    if (!size || *size == 0 || *size > rest.size()) return false;
    if (!is_plain_found(rest.substr(0, *size), kMostFoundKeyBytes) ||
        !is_plain_found(rest.substr(*size), kMostFoundTextBytes))
      return false;
    block_.texts.emplace_back(rest.substr(0, *size), rest.substr(*size));
    return block_.texts.size() <= FoundBlock::kMostTexts;
  }
  if (kind == 'o') {
    const auto offset = take_word<std::int64_t>(rest);
    if (!offset || *offset < 0) return false;
    block_.offsets[std::string(rest)] = *offset;
    return block_.offsets.size() <= FoundBlock::kMostOffsets;
  }
  if (kind == 'l') {
    if (rest.empty() || rest.size() > kMostFoundLineBytes) return false;
    block_.lines.emplace_back(rest);
    return block_.lines.size() <= FoundBlock::kMostLines;
  }
  return false;
}

}  // namespace galley::agent
