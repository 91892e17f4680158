#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
}

/// What the hidden commands lm-generate (a benchmark's peer) and lm-logits (a test's reference)
/// were asked to do.
struct EagerCommand {
  std::filesystem::path model;
  std::string type = "f32";
  std::int64_t batch = 1;
  std::int64_t prompt = 128;
  std::int64_t generate = 64;
  std::int64_t rounds = 3;
  int threads = 1;
  std::vector<std::int64_t> tokens;
  std::filesystem::path out;
};

void describe_eager_generate(CLI::App& app, EagerCommand& into);
/// Its command, to ask whether it was given.
CLI::App* describe_eager_logits(CLI::App& app, EagerCommand& into);

/// Generates greedily from made-up prompts, `rounds` times after a warm-up, and prints one JSON
/// object: the medians prefill_tok_s, decode_tok_s and generated_tok_s (of all rows, over the whole
/// time), and load_s. Errors: those of loading.
galley::Status run_eager_generate(const EagerCommand& command);
/// Writes the logits of every token as f32, [tokens, vocabulary]. Errors: those of loading and
/// writing; invalid_argument (a token outside the vocabulary).
galley::Status run_eager_logits(const EagerCommand& command);
