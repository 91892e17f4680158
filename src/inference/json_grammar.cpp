#include "json_grammar.h"

namespace galley::inference {
namespace {

constexpr std::uint32_t kMaxIndentation = 20;
constexpr std::uint32_t kMaxIntegerDigits = 18;  // fits 64 bits
constexpr std::uint32_t kMaxDigits = 16;         // as many as a double keeps

}  // namespace

CodePoints plain_characters() { return CodePoints({{0x20, 0x21}, {0x23, 0x5B}, {0x5D, 0x10FFFF}}); }

template <class Make>
NodeIndex JsonGrammar::once(std::optional<RuleIndex>& rule, std::string_view name, Make&& make) {
  if (!rule) {
    rule = grammar_.declare(std::string(name));
    grammar_.define(*rule, make());
  }
  return grammar_.use(*rule);
}

NodeIndex JsonGrammar::one_of(char first, char last) {
  return grammar_.characters(
      CodePoints({{static_cast<char32_t>(first), static_cast<char32_t>(last)}}));
}

NodeIndex JsonGrammar::digits(std::uint32_t least, std::uint32_t most) {
  return grammar_.repeat(one_of('0', '9'), least, most);
}

NodeIndex JsonGrammar::space() {
  return once(space_, "space", [this] {
    const NodeIndex indentation = grammar_.repeat(
        grammar_.characters(CodePoints({{' ', ' '}, {'\t', '\t'}})), 0, kMaxIndentation);
    return grammar_.optional(grammar_.choice(
        {grammar_.bytes(" "), grammar_.sequence({grammar_.bytes("\n"), indentation})}));
  });
}

NodeIndex JsonGrammar::escape() {
  return once(escape_, "escape", [this] {
    const auto set = [this](std::vector<std::pair<char32_t, char32_t>> ranges) {
      return grammar_.characters(CodePoints(std::move(ranges)));
    };
    const auto hex = [&] { return set({{'0', '9'}, {'a', 'f'}, {'A', 'F'}}); };
    const auto d = [&] { return set({{'d', 'd'}, {'D', 'D'}}); };
    const NodeIndex short_escape = set({{'"', '"'},
                                        {'\\', '\\'},
                                        {'/', '/'},
                                        {'b', 'b'},
                                        {'f', 'f'},
                                        {'n', 'n'},
                                        {'r', 'r'},
                                        {'t', 't'}});
    // A surrogate stands only in a pair, high before low.
    const NodeIndex below = grammar_.sequence(
        {set({{'0', '9'}, {'a', 'c'}, {'A', 'C'}, {'e', 'f'}, {'E', 'F'}}), hex(), hex(), hex()});
    const NodeIndex around = grammar_.sequence({d(), set({{'0', '7'}}), hex(), hex()});
    const NodeIndex pair = grammar_.sequence({d(), set({{'8', '9'}, {'a', 'b'}, {'A', 'B'}}), hex(),
                                              hex(), grammar_.bytes("\\u"), d(),
                                              set({{'c', 'f'}, {'C', 'F'}}), hex(), hex()});
    const NodeIndex long_escape =
        grammar_.sequence({grammar_.bytes("u"), grammar_.choice({below, around, pair})});
    return grammar_.choice({short_escape, long_escape});
  });
}

/// What follows a backslash is a rule of its own, so that a long repetition writes only plain
/// characters out, and the backslash is not part of it, so that no call is open between characters.
NodeIndex JsonGrammar::character() {
  return grammar_.choice({grammar_.characters(plain_characters()),
                          grammar_.sequence({grammar_.bytes("\\"), escape()})});
}

NodeIndex JsonGrammar::string(std::uint32_t least, std::uint32_t most) {
  const auto make = [&] {
    return grammar_.sequence(
        {grammar_.bytes("\""), grammar_.repeat(character(), least, most), grammar_.bytes("\"")});
  };
  if (least > 0 || most != kUnbounded) return make();
  return once(string_, "string", make);
}

NodeIndex JsonGrammar::spelt(const CodePoints& characters) {
  constexpr std::string_view kEscaped = "\"\\\b\f\n\r\t";
  constexpr std::string_view kLetters = "\"\\bfnrt";
  constexpr std::string_view kHex = "0123456789abcdef";
  const CodePoints plain = characters.without(plain_characters().complement());
  std::vector<NodeIndex> choices;
  if (!plain.empty()) choices.push_back(grammar_.characters(plain));
  for (const char32_t c : {U'"', U'\\'})
    if (characters.contains(c))
      choices.push_back(grammar_.bytes(std::string{'\\', static_cast<char>(c)}));
  for (char32_t c = 0; c < 0x20; ++c) {
    if (!characters.contains(c)) continue;
    const auto known = kEscaped.find(static_cast<char>(c));
    if (known != std::string_view::npos)
      choices.push_back(grammar_.bytes(std::string{'\\', kLetters[known]}));
    else
      choices.push_back(grammar_.bytes("\\u00" + std::string{kHex[c >> 4], kHex[c & 15]}));
  }
  // An empty set leaves a choice of nothing, which no text satisfies.
  return grammar_.choice(std::move(choices));
}

NodeIndex JsonGrammar::integer() {
  return once(integer_, "integer", [this] {
    const NodeIndex more = grammar_.sequence({one_of('1', '9'), digits(0, kMaxIntegerDigits - 1)});
    return grammar_.sequence(
        {grammar_.optional(grammar_.bytes("-")), grammar_.choice({grammar_.bytes("0"), more})});
  });
}

NodeIndex JsonGrammar::number() {
  return once(number_, "number", [this] {
    const NodeIndex more = grammar_.sequence({one_of('1', '9'), digits(0, kMaxDigits - 1)});
    const NodeIndex fraction = grammar_.sequence({grammar_.bytes("."), digits(1, kMaxDigits)});
    const NodeIndex sign = grammar_.characters(CodePoints({{'+', '+'}, {'-', '-'}}));
    // Two digits of exponent: no double overflows.
    const NodeIndex exponent =
        grammar_.sequence({grammar_.characters(CodePoints({{'e', 'e'}, {'E', 'E'}})),
                           grammar_.optional(sign), digits(1, 2)});
    return grammar_.sequence({grammar_.optional(grammar_.bytes("-")),
                              grammar_.choice({grammar_.bytes("0"), more}),
                              grammar_.optional(fraction), grammar_.optional(exponent)});
  });
}

NodeIndex JsonGrammar::comma() { return grammar_.sequence({grammar_.bytes(","), space()}); }

NodeIndex JsonGrammar::member(NodeIndex name, NodeIndex value) {
  return grammar_.sequence({name, grammar_.bytes(":"), space(), value});
}

NodeIndex JsonGrammar::list(std::string_view open, NodeIndex item, std::string_view close,
                            std::uint32_t least, std::uint32_t most) {
  const NodeIndex start = grammar_.sequence({grammar_.bytes(open), space()});
  if (most == 0) return grammar_.sequence({start, grammar_.bytes(close)});
  const NodeIndex rest =
      grammar_.repeat(grammar_.sequence({comma(), item}), least == 0 ? 0 : least - 1,
                      most == kUnbounded ? kUnbounded : most - 1);
  const NodeIndex items = grammar_.sequence({item, rest, space()});
  return grammar_.sequence(
      {start, least == 0 ? grammar_.optional(items) : items, grammar_.bytes(close)});
}

NodeIndex JsonGrammar::any_object() {
  return once(object_, "object",
              [this] { return list("{", member(string(), any()), "}", 0, kUnbounded); });
}

NodeIndex JsonGrammar::any_array() {
  return once(array_, "array", [this] { return list("[", any(), "]", 0, kUnbounded); });
}

NodeIndex JsonGrammar::any() {
  return once(any_, "value", [this] {
    return grammar_.choice({any_object(), any_array(), string(), number(), grammar_.bytes("true"),
                            grammar_.bytes("false"), grammar_.bytes("null")});
  });
}

Grammar grammar_of_json_object() {
  Grammar grammar;
  JsonGrammar json(grammar);
  grammar.root = grammar.add_rule("root", json.any_object());
  return grammar;
}

}  // namespace galley::inference
