#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "base/text.h"
#include "grammar.h"

namespace galley::inference {
namespace {

constexpr int kMaxGroups = 100;  // nested parentheses: parsing recurses

bool in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

/// One pass over the text; the first fault is kept and ends all loops.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Grammar> run() {
    if (!is_valid_utf8(text_)) fail("the text is not valid UTF-8");
    skip(true);
    while (!done()) rule();
    if (!failure_ && !rules_.contains("root")) fail("there is no rule 'root'");
    for (const auto& [name, state] : rules_)
      if (!failure_ && !state.defined) {
        at_ = state.first_use;
        fail("the rule '" + name + "' is used and never defined");
      }
    if (failure_) return *failure_;
    grammar_.root = rules_.at("root").rule;
    return std::move(grammar_);
  }

 private:
  struct Named {
    RuleIndex rule{};
    std::size_t first_use = 0;
    bool defined = false;
  };

  bool done() const { return failure_.has_value() || at_ >= text_.size(); }
  char now() const { return done() ? '\0' : text_[at_]; }
  bool looking_at(std::string_view what) const {
    return !done() && text_.substr(at_).starts_with(what);
  }

  void fail(std::string what) {
    if (failure_) return;
    const auto before = text_.substr(0, at_);
    const auto line = std::ranges::count(before, '\n') + 1;
    const std::size_t column = at_ - (before.rfind('\n') + 1) + 1;
    failure_ = Error{Errc::invalid_argument,
                     "grammar, line " + std::to_string(line) + ", column " +
                         std::to_string(column) + ": " + std::move(what),
                     "grammar"};
  }

  /// Spaces and comments; line ends too where a rule cannot end here.
  void skip(bool lines) {
    while (!done()) {
      const char c = now();
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == ' ' || c == '\t' || (lines && (c == '\n' || c == '\r'))) {
        ++at_;
      } else {
        return;
      }
    }
  }

  std::string_view name() {
    const std::size_t start = at_;
    while (!done() && in_name(now())) ++at_;
    if (at_ == start) fail("a rule's name is missing");
    return text_.substr(start, at_ - start);
  }

  Named& named(std::string_view rule_name) {
    const auto [entry, added] = rules_.try_emplace(std::string(rule_name));
    if (added) entry->second = {grammar_.declare(std::string(rule_name)), at_};
    return entry->second;
  }

  void rule() {
    const std::size_t start = at_;
    const std::string_view own = name();
    skip(false);
    if (!looking_at("::=")) return fail("'::=' is missing after '" + std::string(own) + "'");
    at_ += 3;
    skip(true);
    const NodeIndex body = alternatives(0);
    if (failure_) return;
    if (!done() && now() != '\n' && now() != '\r')
      return fail("'" + std::string(1, now()) + "' is not expected here");
    Named& entry = named(own);
    if (entry.defined) {
      at_ = start;
      return fail("the rule '" + std::string(own) + "' is defined twice");
    }
    entry.defined = true;
    grammar_.define(entry.rule, body);
    skip(true);
  }

  NodeIndex alternatives(int depth) {
    if (depth > kMaxGroups) fail("parentheses are nested deeper than 100 levels");
    std::vector<NodeIndex> parts{sequence(depth)};
    while (looking_at("|")) {
      ++at_;
      skip(true);
      parts.push_back(sequence(depth));
    }
    return grammar_.choice(std::move(parts));
  }

  NodeIndex sequence(int depth) {
    std::vector<NodeIndex> parts;
    while (!done()) {
      std::optional<NodeIndex> item = element(depth);
      if (!item) break;
      skip(depth > 0);
      parts.push_back(repeated(*item, depth));
      skip(depth > 0);
    }
    return grammar_.sequence(std::move(parts));
  }

  std::optional<NodeIndex> element(int depth) {
    const char c = now();
    if (c == '"') return literal();
    if (c == '[') return character_class();
    if (c == '.') {
      ++at_;
      return grammar_.characters(CodePoints({{0, 0x10FFFF}}));
    }
    if (c == '(') {
      ++at_;
      skip(true);
      const NodeIndex group = alternatives(depth + 1);
      if (!looking_at(")")) fail("a parenthesis is never closed");
      ++at_;
      return group;
    }
    if (!in_name(c)) return std::nullopt;
    const std::string_view used = name();
    return grammar_.use(named(used).rule);
  }

  NodeIndex repeated(NodeIndex part, int depth) {
    for (int count = 0; !done(); ++count) {
      if (count > 3) fail("more than three repetitions of one part");
      const char c = now();
      std::uint32_t least = 0;
      std::uint32_t most = kUnbounded;
      if (c == '+') {
        least = 1;
      } else if (c == '?') {
        most = 1;
      } else if (c == '{') {
        bounds(least, most);
      } else if (c != '*') {
        return part;
      }
      ++at_;
      part = grammar_.repeat(part, least, most);
      skip(depth > 0);
    }
    return part;
  }

  /// {m}, {m,} or {m,n}; stops at the closing brace.
  void bounds(std::uint32_t& least, std::uint32_t& most) {
    ++at_;
    least = count();
    most = least;
    if (looking_at(",")) {
      ++at_;
      skip(false);
      most = now() == '}' ? kUnbounded : count();
    }
    if (most < least) fail("the repetition's upper bound is below its lower one");
    if (now() != '}') fail("a repetition is {m}, {m,} or {m,n}");
  }

  std::uint32_t count() {
    skip(false);
    std::uint32_t value = 0;
    const auto parsed = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (failure_ || parsed.ec != std::errc() || value > kMaxRepeat)
      fail("a repetition needs a number up to " + std::to_string(kMaxRepeat));
    else
      at_ = static_cast<std::size_t>(parsed.ptr - text_.data());
    skip(false);
    return value;
  }

  NodeIndex literal() {
    std::string bytes;
    for (++at_; !done() && now() != '"';) bytes += utf8(character());
    if (done()) fail("a literal is never closed");
    ++at_;
    return grammar_.bytes(bytes);
  }

  NodeIndex character_class() {
    ++at_;
    const bool negated = looking_at("^");
    if (negated) ++at_;
    std::vector<std::pair<char32_t, char32_t>> ranges;
    while (!done() && now() != ']') {
      const char32_t first = character();
      char32_t last = first;
      if (looking_at("-") && !looking_at("-]")) {
        ++at_;
        last = character();
      }
      if (last < first) fail("a class has a range that goes backwards");
      ranges.emplace_back(first, last);
    }
    if (done()) fail("a class is never closed");
    ++at_;
    CodePoints set(std::move(ranges));
    return grammar_.characters(negated ? set.complement() : std::move(set));
  }

  char32_t character() {
    if (done()) return 0;
    if (now() == '\\') return escape();
    const auto lead = static_cast<unsigned char>(now());
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    char32_t c = size == 1 ? lead : lead & (0x7FU >> size);
    for (std::size_t i = 1; i < size; ++i)
      c = c << 6 | (static_cast<unsigned char>(text_[at_ + i]) & 0x3FU);
    at_ += size;
    return c;
  }

  char32_t escape() {
    ++at_;
    const char c = now();
    ++at_;
    switch (c) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^':
        return static_cast<char32_t>(c);
      default:
        break;
    }
    const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    std::uint32_t value = 0;
    if (digits > 0 && at_ + digits <= text_.size()) {
      const char* begin = text_.data() + at_;
      const auto parsed = std::from_chars(begin, begin + digits, value, 16);
      const bool character = value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
      if (parsed.ptr == begin + digits && character) {
        at_ += digits;
        return value;
      }
    }
    at_ = std::min(at_, text_.size());
    fail("an escape is \\n, \\r, \\t, \\\\, \\\", \\[, \\], \\xXX, \\uXXXX or \\UXXXXXXXX");
    return 0;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Grammar grammar_;
  std::map<std::string, Named, std::less<>> rules_;
  std::optional<Error> failure_;
};

}  // namespace

Result<Grammar> parse_gbnf(std::string_view text) { return Parser(text).run(); }

}  // namespace galley::inference
