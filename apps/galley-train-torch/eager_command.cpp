#include "eager_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>

#include "base/file.h"
#include "eager_decoder.h"
#include "inference/model_file.h"

using galley::Errc;
using galley::Error;
using galley::Status;
using galley::inference::ModelFile;

namespace {

using SteadyClock = std::chrono::steady_clock;

double eager_seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

EagerType type_of(const EagerCommand& command) {
  return command.type == "bf16" ? EagerType::bf16 : EagerType::f32;
}

/// Ids spread over the vocabulary; what they say does not matter for speed.
std::vector<std::int64_t> made_up_prompts(const EagerCommand& command, std::size_t vocabulary) {
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < command.batch * command.prompt; ++i)
    ids.push_back(i * 7919 % static_cast<std::int64_t>(vocabulary));
  return ids;
}

struct Timings {
  std::vector<double> prefill_s;
  std::vector<double> decode_s;
};

void generate_once(const EagerCommand& command, const std::vector<std::int64_t>& prompts,
                   EagerDecoder& decoder, Timings& timings) {
  decoder.clear();
  const auto begin = SteadyClock::now();
  auto next = decoder.next_tokens(prompts);
  timings.prefill_s.push_back(eager_seconds_since(begin));
  const auto decode = SteadyClock::now();
  for (std::int64_t i = 1; i < command.generate; ++i) next = decoder.next_tokens(next);
  timings.decode_s.push_back(eager_seconds_since(decode));
}

}  // namespace

void describe_eager_generate(CLI::App& app, EagerCommand& into) {
  CLI::App* const command = app.add_subcommand("lm-generate", "Measure the eager forward pass");
  command->add_option("--model", into.model, "GGUF file or Hugging Face folder")->required();
  command->add_option("--type", into.type, "Type of weights, activations and cache")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->capture_default_str();
  command->add_option("--batch", into.batch)->check(CLI::Range(1, 1024))->capture_default_str();
  command->add_option("--prompt", into.prompt)->check(CLI::Range(1, 8192))->capture_default_str();
  command->add_option("--generate", into.generate)
      ->check(CLI::Range(2, 8192))
      ->capture_default_str();
  command->add_option("--rounds", into.rounds)->check(CLI::Range(1, 100))->capture_default_str();
  command->add_option("--threads", into.threads)->check(CLI::Range(1, 256))->capture_default_str();
}

CLI::App* describe_eager_logits(CLI::App& app, EagerCommand& into) {
  CLI::App* const command = app.add_subcommand("lm-logits", "Write the logits of some tokens");
  command->add_option("--model", into.model, "GGUF file or Hugging Face folder")->required();
  command->add_option("--tokens", into.tokens, "Ids, with commas")->required()->delimiter(',');
  command->add_option("--out", into.out, "File for f32 numbers")->required();
  return command;
}

Status run_eager_generate(const EagerCommand& command) {
  const auto start = SteadyClock::now();
  GALLEY_TRY(const auto file, ModelFile::open(command.model));
  GALLEY_TRY(auto decoder, EagerDecoder::load(file, type_of(command), command.batch,
                                              command.prompt + command.generate, command.threads));
  const double load_s = eager_seconds_since(start);
  const auto prompts = made_up_prompts(command, file.config().vocabulary);
  Timings warm_up;
  generate_once(command, prompts, decoder, warm_up);
  Timings timings;
  for (std::int64_t i = 0; i < command.rounds; ++i)
    generate_once(command, prompts, decoder, timings);

  const auto rows = static_cast<double>(command.batch);
  const auto prompt = static_cast<double>(command.prompt);
  const auto generated = static_cast<double>(command.generate);
  std::vector<double> whole;
  for (std::size_t i = 0; i < timings.prefill_s.size(); ++i)
    whole.push_back(timings.prefill_s[i] + timings.decode_s[i]);
  fmt::print(
      "{{\"prefill_tok_s\":{:.3f},\"decode_tok_s\":{:.3f},\"generated_tok_s\":{:.3f},"
      "\"load_s\":{:.3f}}}\n",
      rows * prompt / median(timings.prefill_s), rows * (generated - 1) / median(timings.decode_s),
      rows * generated / median(whole), load_s);
  return galley::ok();
}

Status run_eager_logits(const EagerCommand& command) {
  GALLEY_TRY(const auto file, ModelFile::open(command.model));
  const auto vocabulary = static_cast<std::int64_t>(file.config().vocabulary);
  for (const std::int64_t token : command.tokens)
    if (token < 0 || token >= vocabulary)
      return Error{Errc::invalid_argument,
                   fmt::format("token {} is outside a vocabulary of {}", token, vocabulary)};
  GALLEY_TRY(auto decoder, EagerDecoder::load(file, EagerType::f32, 1,
                                              static_cast<std::int64_t>(command.tokens.size()), 1));
  const auto logits = decoder.forward(command.tokens, true);
  return galley::write_file_atomic(
      command.out, {reinterpret_cast<const char*>(logits.data()), logits.size() * sizeof(float)},
      galley::Durability::memory);
}
