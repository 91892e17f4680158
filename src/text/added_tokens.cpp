#include "added_tokens.h"

#include <vector>

#include "char_class.h"
#include "split_scan.h"

namespace galley::text {
namespace {

/// The end of the white space at `at`.
std::size_t past_spaces(std::string_view text, std::size_t at) {
  const char* end = text.data() + text.size();
  return static_cast<std::size_t>(skip_any(CharClasses::get(), text.data() + at, end, kSpace) -
                                  text.data());
}

/// The begin of the white space that ends at `at`, not before `from`.
std::size_t before_spaces(std::string_view text, std::size_t from, std::size_t at) {
  while (at > from) {
    std::size_t begin = at - 1;
    while (begin > from && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80) --begin;
    if ((CharClasses::get().of(read_char(text.data() + begin).code_point) & kSpace) == 0) break;
    at = begin;
  }
  return at;
}

}  // namespace

AddedTokens::AddedTokens(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {
  std::vector<std::pair<std::string_view, std::int32_t>> user;
  std::vector<std::pair<std::string_view, std::int32_t>> all;
  for (TokenId id = 0; vocabulary.holds(id); ++id) {
    const Token& token = vocabulary.token(id);
    if (token.type == TokenType::user_defined) user.emplace_back(token.text, id);
    if (token.type == TokenType::user_defined || vocabulary.is_special(id))
      all.emplace_back(token.text, id);
  }
  user_ = ByteTrie(user);
  all_ = ByteTrie(all);
}

AddedTokens::Found AddedTokens::next(std::string_view text, std::size_t from, bool special) const {
  const ByteTrie& trie = special ? all_ : user_;
  if (trie.empty()) return {};
  for (std::size_t at = from; at < text.size(); ++at) {
    if (!trie.may_start(text[at])) continue;
    const ByteTrie::Found found = trie.longest(text.substr(at));
    if (found.size == 0) continue;
    const Token& token = vocabulary_.token(found.value);
    const std::size_t end = at + found.size;
    return {token.strip_left ? before_spaces(text, from, at) : at,
            token.strip_right ? past_spaces(text, end) : end, found.value};
  }
  return {};
}

}  // namespace galley::text
