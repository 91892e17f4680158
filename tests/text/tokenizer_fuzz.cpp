// Any bytes are encoded; over bytes they come back, malformed ones as U+FFFD.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tiny_tokenizers.h"
#include "utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::text;
  static const std::vector<Tokenizer> all = [] {
    std::vector<Tokenizer> made;
    for (const char* name :
         {"gpt-2", "llama-bpe", "qwen2", "starcoder", "tekken", "gpt-4o", "falcon", "default",
          "deepseek-llm", "deepseek-coder", "deepseek-v3", "bloom", "viking", "chameleon"}) {
      TokenizerSpec spec = tiny_byte_bpe();
      spec.pre_tokenizer = name;
      made.push_back(make(std::move(spec)));
    }
    made.push_back(make(tiny_sentencepiece()));
    made.push_back(make(tiny_unigram()));
    made.push_back(make(tiny_wordpiece()));
    return made;
  }();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string scratch;
  const std::string text(well_formed(bytes, scratch));
  for (const Tokenizer& tokenizer : all) {
    const auto ids = tokenizer.encode(bytes, {.add_special = false, .parse_special = true});
    const std::string decoded = tokenizer.decode(ids, true);
    GALLEY_CHECK(tokenizer.spec().kind != TokenizerKind::byte_bpe || decoded == text,
                 "text over bytes comes back");
  }
  return 0;
}
