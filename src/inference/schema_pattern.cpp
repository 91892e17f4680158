#include "schema_pattern.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace galley::inference {
namespace {

constexpr int kMaxPatternGroups = 50;

using Ranges = std::vector<std::pair<char32_t, char32_t>>;

class Pattern {
 public:
  Pattern(Grammar& grammar, JsonGrammar& json, std::string_view text)
      : grammar_(grammar), json_(json), text_(text) {}

  Result<NodeIndex> run() {
    const bool from_start = take('^');
    // Without an anchor the expression must not be cut at a bar that belongs to all of it.
    std::vector<NodeIndex> parts{grammar_.bytes("\"")};
    if (!from_start) parts.push_back(json_.string_rest());
    parts.push_back(alternatives(0));
    const bool to_end = take('$');
    if (!to_end) parts.push_back(json_.string_rest());
    parts.push_back(grammar_.bytes("\""));
    if (at_ < text_.size()) fail(Errc::invalid_argument, "something is left over");
    if (bars_ && (from_start || to_end))
      fail(Errc::unsupported, "an anchor beside | is not supported; put the choice in a group");
    if (failure_) return *failure_;
    return grammar_.sequence(std::move(parts));
  }

 private:
  bool done() const { return failure_.has_value() || at_ >= text_.size(); }
  char now() const { return done() ? '\0' : text_[at_]; }
  bool take(char c) {
    if (now() != c || done()) return false;
    ++at_;
    return true;
  }

  void fail(Errc code, std::string what) {
    if (!failure_)
      failure_ = Error{code, "the pattern '" + std::string(text_.substr(0, 80)) + "', character " +
                                 std::to_string(at_ + 1) + ": " + std::move(what)};
  }

  NodeIndex alternatives(int depth) {
    if (depth > kMaxPatternGroups) fail(Errc::invalid_argument, "groups are nested too deeply");
    std::vector<NodeIndex> parts{sequence(depth)};
    while (take('|')) {
      bars_ = bars_ || depth == 0;
      parts.push_back(sequence(depth));
    }
    return grammar_.choice(std::move(parts));
  }

  NodeIndex sequence(int depth) {
    std::vector<NodeIndex> parts;
    while (!done() && now() != '|' && now() != ')') {
      if (now() == '$' && depth == 0 && at_ + 1 == text_.size()) break;
      const NodeIndex part = atom(depth);
      parts.push_back(quantified(part));
    }
    return grammar_.sequence(std::move(parts));
  }

  NodeIndex atom(int depth) {
    const char c = now();
    if (take('(')) {
      if (take('?') && !take(':'))
        fail(Errc::unsupported, "look-around and named groups are not supported");
      const NodeIndex group = alternatives(depth + 1);
      if (!take(')')) fail(Errc::invalid_argument, "a group is never closed");
      return group;
    }
    if (take('[')) return set(class_set());
    if (take('.')) return set(CodePoints({{'\n', '\n'}, {'\r', '\r'}}).complement());
    if (c == '^' || c == '$')
      fail(Errc::unsupported, "an anchor inside of the expression is not supported");
    else if (c == '*' || c == '+' || c == '?' || c == '{')
      fail(Errc::invalid_argument, "there is nothing to repeat");
    if (c == '\\') {
      ++at_;
      return set(CodePoints(escape()));
    }
    const char32_t character = literal();
    return set(CodePoints({{character, character}}));
  }

  NodeIndex quantified(NodeIndex part) {
    std::uint32_t least = 0;
    std::uint32_t most = kUnbounded;
    if (take('+')) {
      least = 1;
    } else if (take('?')) {
      most = 1;
    } else if (take('{')) {
      least = most = count();
      if (take(',')) most = now() == '}' ? kUnbounded : count();
      if (!take('}') || most < least)
        fail(Errc::invalid_argument, "a quantifier is {m}, {m,} or {m,n}");
    } else if (!take('*')) {
      return part;
    }
    if (now() == '?' || now() == '+' || now() == '*')
      fail(Errc::unsupported, "lazy and possessive quantifiers are not supported");
    return grammar_.repeat(part, least, most);
  }

  std::uint32_t count() {
    std::uint32_t value = 0;
    const auto parsed = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (failure_ || parsed.ec != std::errc() || value > kMaxRepeat)
      fail(Errc::invalid_argument, "a quantifier is a number up to " + std::to_string(kMaxRepeat));
    else
      at_ = static_cast<std::size_t>(parsed.ptr - text_.data());
    return value;
  }

  /// One character; the text is valid UTF-8, as all of the schema.
  char32_t literal() {
    const auto lead = static_cast<unsigned char>(now());
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    char32_t c = size == 1 ? lead : lead & (0x7FU >> size);
    for (std::size_t i = 1; i < size && at_ + i < text_.size(); ++i)
      c = c << 6 | (static_cast<unsigned char>(text_[at_ + i]) & 0x3FU);
    at_ += size;
    return c;
  }

  /// What the escape behind a backslash stands for; more than one character for classes.
  Ranges escape() {
    if (done()) {
      fail(Errc::invalid_argument, "it ends with a backslash");
      return {};
    }
    const Ranges word{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    const Ranges space{{'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x2028, 0x2029},
                       {0xFEFF, 0xFEFF}, {0x2000, 0x200A}, {0x3000, 0x3000}, {0x1680, 0x1680},
                       {0x202F, 0x202F}, {0x205F, 0x205F}};
    const char c = now();
    const auto one = [&](char32_t value) {
      ++at_;
      return Ranges{{value, value}};
    };
    switch (c) {
      case 'd':
        return ++at_, Ranges{{'0', '9'}};
      case 'D':
        return ++at_, CodePoints({{'0', '9'}}).complement().ranges();
      case 'w':
        return ++at_, word;
      case 'W':
        return ++at_, CodePoints(word).complement().ranges();
      case 's':
        return ++at_, space;
      case 'S':
        return ++at_, CodePoints(space).complement().ranges();
      case 'n':
        return one('\n');
      case 'r':
        return one('\r');
      case 't':
        return one('\t');
      case 'f':
        return one('\f');
      case 'v':
        return one('\v');
      case 'x':
        return ++at_, hexadecimal(2);
      case 'u':
        return ++at_, hexadecimal(4);
      default:
        break;
    }
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter) {
      fail(Errc::unsupported, "the escape \\" + std::string(1, c) + " is not supported");
      return {};
    }
    const char32_t value = literal();
    return {{value, value}};
  }

  Ranges hexadecimal(std::size_t digits) {
    std::uint32_t value = 0;
    const char* begin = text_.data() + at_;
    const std::size_t size = std::min(digits, text_.size() - at_);
    const auto parsed = std::from_chars(begin, begin + size, value, 16);
    if (size < digits || parsed.ptr != begin + digits || (value >= 0xD800 && value <= 0xDFFF))
      fail(Errc::invalid_argument, "an escape needs " + std::to_string(digits) + " digits");
    at_ += size;
    return {{value, value}};
  }

  CodePoints class_set() {
    const bool negated = take('^');
    Ranges ranges;
    while (!done() && now() != ']') {
      Ranges first = class_member();
      const bool single = first.size() == 1 && first[0].first == first[0].second;
      const bool ranged = now() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']';
      if (single && ranged) {
        ++at_;
        const Ranges last = class_member();
        if (last.size() != 1 || last[0].second < first[0].first)
          fail(Errc::invalid_argument, "a class has a range that goes backwards");
        else
          first[0].second = last[0].second;
      }
      ranges.insert(ranges.end(), first.begin(), first.end());
    }
    if (!take(']')) fail(Errc::invalid_argument, "a class is never closed");
    CodePoints all(std::move(ranges));
    return negated ? all.complement() : all;
  }

  Ranges class_member() {
    if (now() == '\\') {
      ++at_;
      if (take('b')) return {{'\b', '\b'}};
      return escape();
    }
    const char32_t c = literal();
    return {{c, c}};
  }

  NodeIndex set(const CodePoints& characters) { return json_.spelt(characters); }

  Grammar& grammar_;
  JsonGrammar& json_;
  std::string_view text_;
  std::size_t at_ = 0;
  bool bars_ = false;
  std::optional<Error> failure_;
};

}  // namespace

Result<NodeIndex> pattern_string(Grammar& grammar, JsonGrammar& json, std::string_view pattern) {
  return Pattern(grammar, json, pattern).run();
}

}  // namespace galley::inference
