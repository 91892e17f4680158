#include "engine_subject.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/processors.h"
#include "base/units.h"
#include "inference/model_report.h"
#include "machine_facts.h"
#include "profiling/measure.h"

namespace galley::profiling {
namespace {

constexpr std::chrono::milliseconds kLookAgain{1};
/// Keys and values may take this share of the memory that is free once the weights have theirs.
constexpr double kKvShareOfFree = 0.5;

double ms_between(Instant from, Instant to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

std::uint64_t pages_of(std::uint64_t tokens) {
  return (tokens + tensor::kPageTokens - 1) / tensor::kPageTokens;
}

ProfiledModel facts_of(const std::filesystem::path& path, const inference::ModelFile& file) {
  const inference::ModelConfig& config = file.config();
  ProfiledModel model;
  model.file = path.string();
  // A folder's own name says more than the one that its config has from training.
  const auto name = path.filename().empty() ? path.parent_path().filename() : path.filename();
  model.name = file.kind() == "gguf" ? name.stem().string() : name.string();
  const auto formats = inference::formats_of(file);
  if (!formats.empty()) model.format = tensor::name_of(formats.front().format);
  model.parameters = config.parameters;
  model.weight_bytes = file.file_bytes();
  model.blocks = static_cast<std::uint32_t>(config.layers);
  model.hidden = static_cast<std::uint32_t>(config.width);
  model.heads = static_cast<std::uint32_t>(config.heads);
  model.kv_heads = static_cast<std::uint32_t>(config.kv_heads);
  model.vocabulary = static_cast<std::uint32_t>(config.vocabulary);
  model.context = static_cast<std::uint32_t>(config.context);
  model.kv_bytes_per_token =
      static_cast<double>(inference::kv_bytes_per_token(config, tensor::KvFormat::f16));
  return model;
}

/// No workload needs more in one sequence, whatever the model's context.
constexpr std::size_t kLongestSequence = 2048;

/// What is asked for, less where the machine has not so much memory; one sequence at least.
std::size_t kv_tokens_for(const EngineSettings& settings, const ProfiledModel& model) {
  const std::uint64_t available = available_memory_bytes();
  const std::uint64_t left = available - std::min(available, model.weight_bytes);
  const auto affordable = static_cast<std::size_t>(static_cast<double>(left) * kKvShareOfFree /
                                                   std::max(model.kv_bytes_per_token, 1.0));
  const std::size_t least = std::min<std::size_t>(model.context, kLongestSequence);
  return std::max({std::min(std::max(settings.kv_tokens, least), affordable), least,
                   std::size_t{tensor::kPageTokens}});
}

/// What the engine's thread fills while the caller waits.
struct Running {
  Instant sent{}, first{};
  Reply reply;
  bool started = false;
};

void take_event(Running& running, const serving::GenerationEvent& event, Instant now) {
  if (!running.started && !event.tokens.empty()) {
    running.started = true;
    running.first = now;
  }
  running.reply.text += event.text;
  if (event.finished) {
    const bool stopped = event.reason == serving::FinishReason::stop;
    running.reply.finish = !stopped ? "length" : event.stop_sequence.empty() ? "eos" : "stop";
    if (event.reason == serving::FinishReason::cancelled) running.reply.fault = "interrupted";
    if (event.reason == serving::FinishReason::failed) running.reply.fault = event.error;
  }
  if (!event.last) return;
  running.reply.prompt_tokens = event.usage.prompt_tokens;
  running.reply.output_tokens = event.usage.completion_tokens;
  running.reply.latency_ms = ms_between(running.sent, now);
  running.reply.first_token_ms =
      running.started ? ms_between(running.sent, running.first) : running.reply.latency_ms;
}

/// Requests of one call: how many run, and who waits for them.
struct InFlight {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::uint32_t running = 0;  // guarded by mutex
};

}  // namespace

Result<ProfiledModel> describe_model(const std::filesystem::path& model) {
  GALLEY_TRY(const auto file, inference::ModelFile::open(model));
  return facts_of(model, file);
}

Result<std::unique_ptr<EngineSubject>> EngineSubject::open(const std::filesystem::path& path,
                                                           const EngineSettings& settings,
                                                           std::stop_token stop) {
  std::unique_ptr<EngineSubject> subject(new EngineSubject());
  subject->stop_ = std::move(stop);
  GALLEY_TRY(const auto file, inference::ModelFile::open(path));
  GALLEY_TRY(auto tokenizer, text::Tokenizer::create(file.tokenizer()));
  subject->tokenizer_ = std::make_unique<text::Tokenizer>(std::move(tokenizer));
  GALLEY_TRY(subject->devices_,
             tensor::make_cpu_group({.threads = settings.threads, .isa = settings.isa}));
  subject->model_facts_ = facts_of(path, file);
  GALLEY_TRY(subject->model_, inference::LanguageModel::load(
                                  file, *subject->devices_,
                                  {.kv_tokens = kv_tokens_for(settings, subject->model_facts_),
                                   .max_logit_rows = kMostAtOnce}));
  const auto memory = subject->model_->memory();
  subject->model_facts_.weight_bytes = memory.weight_bytes;
  subject->memory_ = {.weight_bytes = memory.weight_bytes,
                      .work_bytes = memory.work_bytes,
                      .page_bytes = subject->model_->page_bytes(),
                      .pages = subject->model_->page_count()};
  subject->machine_ = this_machine();
  subject->machine_.device = subject->devices_->at(0).name();
  subject->machine_.threads = settings.threads > 0 ? settings.threads : usable_processors();
  GALLEY_TRY(
      subject->engine_,
      serving::TextEngine::start(
          *subject->model_, *subject->tokenizer_, system_clock(),
          {.max_sequences = kMostAtOnce, .prefix_sharing = false, .warm_up = settings.warm_up}));
  while (!subject->engine_->ready()) std::this_thread::sleep_for(kLookAgain);
  return subject;
}

EngineSubject::~EngineSubject() = default;

Prompt EngineSubject::make_prompt(std::uint64_t seed, std::uint64_t index, std::uint32_t tokens,
                                  PromptShape shape) const {
  constexpr std::size_t kBytesPerToken = 6;  // more than most vocabularies need
  Prompt prompt;
  for (std::size_t bytes = tokens * kBytesPerToken; prompt.tokens.size() < tokens; bytes *= 2)
    prompt.tokens = tokenizer_->encode(prompt_text(seed, index, bytes, shape));
  prompt.tokens.resize(tokens);
  // A vocabulary larger than the model's has tokens that the model does not know.
  for (auto& token : prompt.tokens)
    if (static_cast<std::size_t>(token) >= model_->vocabulary()) token = 0;
  prompt.text = tokenizer_->decode(prompt.tokens);
  return prompt;
}

serving::GenerationRequest EngineSubject::request_of(const Ask& ask) const {
  serving::GenerationRequest request;
  request.prompt = ask.prompt.tokens;
  request.sampling.greedy = ask.greedy;
  request.sampling.temperature = ask.temperature;
  request.sampling.top_p = ask.top_p;
  request.sampling.repetition_penalty = ask.repetition_penalty;
  request.sampling.seed = ask.seed;
  request.max_tokens = ask.max_tokens;
  request.stop = ask.stop;
  request.ignore_eos = ask.ignore_eos;
  request.recompute = ask.recompute;
  return request;
}

std::vector<Reply> EngineSubject::answer(std::span<const Ask> asks, const AskLimits& limits) {
  std::vector<Running> all(asks.size());
  InFlight flight;
  const Instant began = std::chrono::steady_clock::now();
  std::size_t next = 0;
  const auto may_send = [&] {
    return next < asks.size() && !stop_.stop_requested() &&
           (next == 0 || std::chrono::steady_clock::now() < limits.no_start_after);
  };
  const auto send = [&] {
    Running& running = all[next];
    running.sent = std::chrono::steady_clock::now();
    running.reply.sent_ms = ms_between(began, running.sent);
    const auto sent = engine_->generate(
        request_of(asks[next]), [&running, &flight](const serving::GenerationEvent& event) {
          take_event(running, event, std::chrono::steady_clock::now());
          if (!event.last) return;
          const std::lock_guard lock(flight.mutex);
          --flight.running;
          flight.changed.notify_one();
        });
    if (!sent) running.reply.fault = describe(sent.error());
    ++next;
    return sent.has_value();
  };

  std::unique_lock lock(flight.mutex);
  while (true) {
    while (flight.running < limits.at_once && may_send()) {
      ++flight.running;
      lock.unlock();
      const bool sent = send();
      lock.lock();
      if (!sent) --flight.running;
    }
    if (flight.running == 0) break;
    const std::uint32_t before = flight.running;
    const bool fewer = flight.changed.wait(lock, stop_, [&] { return flight.running < before; });
    if (fewer) continue;
    engine_->cancel_all();
    flight.changed.wait(lock, [&] { return flight.running == 0; });
  }

  std::vector<Reply> replies;
  for (std::size_t i = 0; i < next; ++i) {
    Reply& reply = all[i].reply;
    // The last token of an answer is never read again, and so has no keys and values.
    const std::uint64_t held = reply.prompt_tokens + std::max(reply.output_tokens, 1U) - 1;
    reply.kv_bytes = asks[i].recompute ? 0 : kv_bytes_of(held);
    replies.push_back(std::move(reply));
  }
  return replies;
}

std::uint64_t EngineSubject::kv_bytes_of(std::uint64_t tokens) const {
  return pages_of(tokens) * memory_.page_bytes;
}

std::string EngineSubject::cannot_hold(std::uint32_t batch, std::uint32_t tokens) const {
  const std::uint64_t each = pages_of(tokens);
  if (each * batch <= memory_.pages) return {};
  const auto bytes = [](std::uint64_t count) {
    return format_bytes(static_cast<std::int64_t>(count));
  };
  return fmt::format(
      "{} sequences of {} tokens need {} for keys and values and there are {}; {} such sequences, "
      "or {} tokens each, would fit",
      batch, tokens, bytes(each * batch * memory_.page_bytes),
      bytes(memory_.pages * memory_.page_bytes), memory_.pages / each,
      memory_.pages / batch * tensor::kPageTokens);
}

std::uint64_t EngineSubject::resident_bytes() const { return resident_memory_bytes(); }

Result<std::vector<double>> EngineSubject::score(std::span<const text::TokenId> tokens) {
  serving::GenerationRequest request;
  request.prompt.assign(tokens.begin(), tokens.end());
  request.sampling.greedy = true;
  request.sampling.logprobs = 0;
  request.max_tokens = 1;
  request.prompt_logprobs = true;
  std::vector<double> scores;
  InFlight flight;
  flight.running = 1;
  GALLEY_TRY_STATUS(engine_
                        ->generate(std::move(request),
                                   [&](const serving::GenerationEvent& event) {
                                     for (std::size_t i = 1; i < event.prompt_tokens.size(); ++i)
                                       scores.push_back(event.prompt_tokens[i].logprob);
                                     if (!event.last) return;
                                     const std::lock_guard lock(flight.mutex);
                                     flight.running = 0;
                                     flight.changed.notify_one();
                                   })
                        .and_then([](auto&&) { return ok(); }));
  std::unique_lock lock(flight.mutex);
  if (!flight.changed.wait(lock, stop_, [&] { return flight.running == 0; })) {
    engine_->cancel_all();
    flight.changed.wait(lock, [&] { return flight.running == 0; });
    scores.clear();
  }
  return scores;
}

}  // namespace galley::profiling
