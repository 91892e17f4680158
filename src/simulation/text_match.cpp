#include "text_match.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace galley::simulation {
namespace {

bool contains(std::string_view name, std::string_view word) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  };
  return std::search(name.begin(), name.end(), word.begin(), word.end(), same) != name.end();
}

}  // namespace

bool contains_words(std::string_view name, std::string_view words) {
  for (const std::string_view word : split(words, ' '))
    if (!contains(name, word)) return false;
  return true;
}

}  // namespace galley::simulation
