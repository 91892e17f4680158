#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "inference/constraint.h"

namespace galley::inference {

/// A vocabulary for tests: all bytes, some longer tokens as models have them (a quote with what
/// follows it, runs of brackets, parts of characters), and an end.
struct ByteVocabulary {
  ByteVocabulary() {
    for (int byte = 0; byte < 256; ++byte) texts.emplace_back(1, static_cast<char>(byte));
    for (const char* text :
         {"\":", "\",",   "\"}",  "\"]",   "\": ",  "{\"",  "[\"",      "}}",       "]}",
          "]]",  "},",    "true", "false", "null",  "tr",   "\\\"",     "\\u",      "\\ud8",
          "\\n", "12",    "0.5",  "-1",    "e1",    ", ",   "\", \"",   "\n    ",   "  ",
          "\n",  "name",  "na",   "me",    "alpha", "beta", "\xec\x95", "\x88\xeb", "안녕",
          "a\"", "ab\",", "abc",  "00",    "\"\"",  "{}",   "[]",       "}\n",      "\\",
          "d8",  "x\"}",  "aaaa", "b b",   "1,"})
      texts.emplace_back(text);
    texts.emplace_back();  // a control token
    end = static_cast<text::TokenId>(texts.size());
    texts.emplace_back("</s>");
    views.assign(texts.begin(), texts.end());
    trie = TokenTrie::create(views, std::span(&end, 1));
  }

  text::TokenId find(std::string_view text) const {
    for (std::size_t i = 0; i < texts.size(); ++i)
      if (texts[i] == text) return static_cast<text::TokenId>(i);
    return -1;
  }

  std::vector<std::string> texts;
  std::vector<std::string_view> views;
  text::TokenId end = 0;
  std::shared_ptr<const TokenTrie> trie;
};

}  // namespace galley::inference
