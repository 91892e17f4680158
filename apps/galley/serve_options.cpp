#include "serve_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "base/units.h"
#include "listen_check.h"

namespace galley::app {
namespace {

constexpr int kUsage = 2;
constexpr std::int64_t kMaxKeyBytes = 4096;
constexpr std::size_t kLeastKey = 16;

struct ServeTexts {
  std::vector<std::string> models;
  std::vector<std::string> adapters;
  std::string kv_memory;
  std::string kv_format = "f16";
  std::string key_file;
  std::string draft;
  bool no_warm_up = false;
  bool no_prefix_sharing = false;
  bool open = false;
  bool insecure = false;
};

const std::map<std::string, tensor::KvFormat> kKvFormats{{"f16", tensor::KvFormat::f16},
                                                         {"bf16", tensor::KvFormat::bf16},
                                                         {"int8", tensor::KvFormat::int8},
                                                         {"f32", tensor::KvFormat::f32}};
const std::map<std::string, serving::Speculation> kSpeculations{
    {"none", serving::Speculation::none},
    {"prompt_lookup", serving::Speculation::prompt_lookup},
    {"draft_model", serving::Speculation::draft_model}};
const std::map<std::string, serving::Batching> kBatchings{
    {"continuous", serving::Batching::continuous},
    {"static", serving::Batching::static_batches},
    {"length_sorted", serving::Batching::length_sorted}};
const std::map<std::string, serving::EngineOptions::Preemption> kPreemptions{
    {"recompute", serving::EngineOptions::Preemption::recompute},
    {"swap", serving::EngineOptions::Preemption::swap}};

template <class Value>
CLI::Validator words(const std::map<std::string, Value>& map) {
  return CLI::CheckedTransformer(map).description("");
}

Status read_models(const ServeTexts& texts, ServeOptions& options) {
  for (const std::string& text : texts.models) {
    GALLEY_TRY(auto model, parse_named_model(text, "--model"));
    options.models.push_back(std::move(model));
  }
  for (const std::string& text : texts.adapters) {
    GALLEY_TRY(auto adapter, parse_named_model(text, "--adapter"));
    options.model.adapters.emplace_back(std::move(adapter.name), std::move(adapter.path));
  }
  if (options.models.size() > 1 && !(texts.adapters.empty() && texts.draft.empty()))
    return Error{Errc::invalid_argument,
                 "adapters and drafts belong to one model, and there are several",
                 texts.adapters.empty() ? "--draft" : "--adapter", "one --model"};
  options.model.draft = texts.draft;
  return ok();
}

Status read_serve(const ServeTexts& texts, ServeOptions& options) {
  GALLEY_TRY_STATUS(read_models(texts, options));
  if (!texts.kv_memory.empty()) {
    GALLEY_TRY(const auto bytes, parse_bytes(texts.kv_memory));
    options.model.load.kv_memory_bytes = static_cast<std::size_t>(bytes);
  }
  options.model.load.kv_format = kKvFormats.at(texts.kv_format);
  options.model.engine.warm_up = !texts.no_warm_up;
  options.model.engine.prefix_sharing = !texts.no_prefix_sharing;
  if (!texts.key_file.empty()) {
    GALLEY_TRY(const std::string key, read_file(texts.key_file, kMaxKeyBytes));
    options.api_key = trim(key);
    if (options.api_key.size() < kLeastKey)
      return Error{Errc::invalid_argument,
                   "the key in " + texts.key_file + " has " +
                       std::to_string(options.api_key.size()) + " characters",
                   "--api-key-file", "at least 16"};
  }
  const bool is_loopback = check_listen({options.listen}, false, false).has_value();
  if (!is_loopback && options.api_key.empty() && !texts.open)
    return Error{Errc::invalid_argument,
                 options.listen + " is reached by other machines, and no key is asked for",
                 "--listen",
                 {},
                 "name a file with a key by --api-key-file; --open lets everybody in"};
  if (is_loopback || options.api_key.empty()) return ok();
  // A key must not cross the network in clear.
  return check_listen({options.listen}, !options.tls_certificate.empty(), texts.insecure);
}

void add_engine_options(CLI::App& app, ServeTexts& texts, ServeOptions& options) {
  auto& engine = options.model.engine;
  app.add_option("--threads", options.model.threads,
                 "Threads that compute; all processors when absent");
  app.add_option("--devices", options.model.devices, "Devices that share the weights of each model")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--kv-memory", texts.kv_memory,
                 "Memory for the keys and values of running answers, such as 2GiB")
      ->default_str("a quarter of what is free");
  app.add_option("--kv-format", texts.kv_format, "How they are kept: f16, bf16, int8 or f32")
      ->check(CLI::IsMember({"f16", "bf16", "int8", "f32"}))
      ->capture_default_str();
  app.add_option("--max-sequences", engine.max_sequences, "Answers that are written at once")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--max-waiting", engine.max_waiting,
                 "Requests that may wait; further ones are told to come again")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app.add_option("--adapter", texts.adapters,
                 "NAME=FOLDER of a LoRA adapter, asked for as MODEL:NAME");
  app.add_option("--draft", texts.draft,
                 "A smaller model of the same vocabulary that proposes tokens");
  app.add_option("--speculation", engine.speculation,
                 "none, prompt_lookup or draft_model, where a request does not say")
      ->transform(words(kSpeculations));
  app.add_option("--draft-tokens", engine.draft_tokens, "Tokens proposed at once")
      ->check(CLI::Range(1, 32))
      ->capture_default_str();
  app.add_option("--batching", engine.batching,
                 "continuous, static or length_sorted; the last two are for comparison")
      ->transform(words(kBatchings));
  app.add_option("--preemption", engine.preemption,
                 "recompute or swap: what happens to an answer that must give its memory up")
      ->transform(words(kPreemptions));
  app.add_flag("--no-warmup", texts.no_warm_up, "Be ready before each kernel has run once");
  app.add_flag("--no-prefix-sharing", texts.no_prefix_sharing,
               "Compute each prompt from its beginning");
}

}  // namespace

std::variant<ServeOptions, int> parse_serve_options(const std::vector<std::string>& arguments) {
  CLI::App app(
      "Serves language models with OpenAI's API.\n\n"
      "Examples:\n"
      "  galley serve --model llama.gguf                      on http://127.0.0.1:7421\n"
      "  galley serve --model chat=model/ --adapter poems=lora/   a Hugging Face folder and an "
      "adapter\n"
      "  galley serve --model m.gguf --listen 0.0.0.0:7421 --api-key-file key --tls-cert c.pem "
      "--tls-key k.pem\n\n"
      "GET /health answers 200 once all models are ready. SIGTERM lets running answers end.\n",
      "galley serve");
  ServeOptions options;
  ServeTexts texts;
  app.add_option("--model", texts.models, "[NAME=]PATH of a GGUF file or a Hugging Face folder")
      ->required();
  app.add_option("--listen", options.listen, "Address and port; port 0 takes any")
      ->envname("GALLEY_SERVE_LISTEN")
      ->capture_default_str();
  app.add_option("--data", options.data,
                 "Folder for /v1/files and /v1/batches; without it there are none")
      ->envname("GALLEY_SERVE_DATA");
  app.add_option("--api-key-file", texts.key_file,
                 "File with the key that clients send as Bearer token")
      ->envname("GALLEY_API_KEY_FILE");
  app.add_flag("--open", texts.open, "Let everybody in who reaches the address");
  auto* certificate =
      app.add_option("--tls-cert", options.tls_certificate, "Certificate chain (PEM): serve https");
  auto* key = app.add_option("--tls-key", options.tls_key, "Its private key (PEM)");
  certificate->needs(key);
  key->needs(certificate);
  app.add_flag("--insecure", texts.insecure,
               "Serve other machines without TLS: the key crosses the network in clear");
  add_engine_options(app, texts, options);
  app.add_flag("--verbose", options.verbose, "Log more");
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (const auto status = read_serve(texts, options); !status) {
    fmt::print(stderr, "galley serve: {}\n", describe(status.error()));
    return status.error().code == Errc::not_found ? 3 : kUsage;
  }
  return options;
}

}  // namespace galley::app
