#include "inference/constraint.h"

namespace galley::inference {

std::shared_ptr<const TokenTrie> TokenTrie::create(const text::Tokenizer& tokenizer) {
  std::vector<std::string_view> bytes;
  std::vector<text::TokenId> ends;
  for (std::size_t i = 0; i < tokenizer.size(); ++i) {
    const auto token = static_cast<text::TokenId>(i);
    bytes.push_back(tokenizer.bytes_of(token));
    if (tokenizer.ends_answer(token)) ends.push_back(token);
  }
  return create(bytes, ends);
}

}  // namespace galley::inference
