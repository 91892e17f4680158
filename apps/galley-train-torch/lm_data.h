#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"
#include "training/language_corpus.h"

/// The texts of a training as tokens.
struct LmData {
  struct Part {
    std::string name;  // unique, usable in a metric's name and a file's
    std::string validation_text;
    std::vector<galley::text::TokenId> validation;
  };
  galley::text::TokenizerSpec tokenizer;
  std::vector<galley::text::TokenId> train;  // of all parts, one after the other
  std::vector<Part> parts;
  std::string sha256;  // over what was read
};

/// Reads the texts, trains their vocabulary of at most `vocabulary` tokens, and encodes them.
/// Errors: of reading; invalid_argument when they are fewer than `context` times four tokens.
galley::Result<LmData> load_lm_data(std::span<const std::filesystem::path> data,
                                    std::uint32_t vocabulary, std::uint32_t context);
