#include "llm_server_command.h"

#include <CLI/CLI.hpp>

void add_llm_server_options(CLI::App& command, galley::bench::LlmServerBenchOptions& with) {
  auto* target = command.add_option("--target", with.target, "URL of any server with OpenAI's API");
  auto* model = command.add_option("--model", with.model, "Instead: serve this model for the run");
  target->excludes(model);
  command.add_option("--threads", with.threads, "Of the served model; 0: all processors")
      ->needs(model);
  command.add_option("--key", with.api_key, "API key of the target");
  command.add_option("--clients", with.clients, "Requests at a time")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000));
  command.add_option("--requests", with.requests, "Requests in all")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));
  command.add_option("--prompt-words", with.prompt_words, "Of a prompt")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));
  command.add_option("--max-tokens", with.max_tokens, "Of an answer")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));
  command.add_option("--shared-prefix", with.shared_prefix, "Words that every prompt begins with")
      ->capture_default_str()
      ->check(CLI::Range(0, 100'000));
  command.add_flag("!--fixed-lengths", with.mixed,
                   "All prompts and answers alike; else 1/8 to 2 times those above");
  command.add_flag("--busy", with.busy, "A busy loop beside server and clients");
  command.add_option("--seed", with.seed, "Of prompts and lengths")->capture_default_str();
}
