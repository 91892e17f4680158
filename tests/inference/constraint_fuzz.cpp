// Any bytes are refused as a grammar or as a schema, or compiled into a constraint whose mask is
// what it accepts.
#include <cstdint>
#include <string_view>

#include "byte_vocabulary.h"
#include "inference/constraint.h"

namespace {

using galley::inference::Constraint;
using galley::inference::ConstraintState;

void walk(const std::shared_ptr<const Constraint>& constraint, std::uint32_t seed,
          const galley::inference::ByteVocabulary& vocabulary) {
  ConstraintState state(constraint);
  galley::inference::TokenMask mask;
  for (int step = 0; step < 20; ++step) {
    state.allowed(mask);
    for (std::size_t i = 0; i < vocabulary.texts.size(); ++i) {
      seed = seed * 1664525U + 1013904223U;
      const auto token = static_cast<galley::text::TokenId>((seed >> 8) % vocabulary.texts.size());
      const bool allowed = mask.test(token);
      ConstraintState copy = state;
      GALLEY_CHECK(copy.accept(token) == allowed, "the mask is what is accepted");
      if (!allowed) continue;
      state = copy;
      break;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const galley::inference::ByteVocabulary kVocabulary;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& made : {Constraint::from_gbnf(text, kVocabulary.trie),
                           Constraint::from_json_schema(text, kVocabulary.trie)}) {
    if (made)
      walk(*made, static_cast<std::uint32_t>(size), kVocabulary);
    else
      GALLEY_CHECK(!made.error().message.empty(), "a refusal says why");
  }
  return 0;
}
