#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace galley::bench {

/// A text and the ids that its tokenizer must give.
struct TokenizerCase {
  std::string text;
  std::vector<text::TokenId> ids;
};

struct TokenizerVectors {
  std::string name;  // of the vocabulary: "gpt-2"
  text::Tokenizer tokenizer;
  std::vector<TokenizerCase> cases;

  /// The cases whose ids differ, without tokens around the text and with none parsed in it.
  std::vector<const TokenizerCase*> wrong() const;
};

/// Every vocabulary X.gguf of a folder that has X.gguf.inp and X.gguf.out, with the texts of these
/// and, where the folder has extra-NAME.out, those of extra.inp; by name. The form of the files is
/// described in data/tokenizers/README.md.
/// Errors: not_found (no such folder, or no vocabulary in it); those of reading and parsing;
/// corrupt (not as many lines of ids as texts).
Result<std::vector<TokenizerVectors>> read_tokenizer_vectors(const std::filesystem::path& folder);

}  // namespace galley::bench
