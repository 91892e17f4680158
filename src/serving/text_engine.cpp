#include "serving/text_engine.h"

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <stop_token>
#include <thread>

#include <fmt/core.h>

#include "engine_loop.h"
#include "follow_ups.h"

namespace galley::serving {
namespace {

Error wrong(std::string field, std::string message, std::string expected) {
  return {.code = Errc::invalid_argument,
          .message = std::move(message),
          .field = std::move(field),
          .expected = std::move(expected)};
}

Status check_prompt(std::span<const text::TokenId> prompt, std::size_t vocabulary) {
  if (prompt.empty()) return wrong("prompt", "the prompt has no tokens", "at least one token");
  for (std::size_t i = 0; i < prompt.size(); ++i)
    if (prompt[i] < 0 || static_cast<std::size_t>(prompt[i]) >= vocabulary)
      return wrong("prompt", fmt::format("token {} of the prompt is {}", i, prompt[i]),
                   fmt::format("0 to {}", vocabulary - 1));
  return ok();
}

Status check_length(std::size_t prompt, std::size_t answer, const inference::ForwardModel& model) {
  if (prompt + answer > model.context()) {
    const auto most = prompt < model.context() ? model.context() - prompt : 0;
    return wrong(
        most > 0 ? "max_tokens" : "prompt",
        fmt::format("the prompt has {} tokens and max_tokens is {}, {} together, but the model's "
                    "context is {} tokens",
                    prompt, answer, prompt + answer, model.context()),
        most > 0 ? fmt::format("max_tokens of at most {}", most)
                 : fmt::format("a prompt of fewer than {} tokens", model.context()));
  }
  // The last token of an answer is never read again.
  const auto held = prompt + std::max<std::size_t>(answer, 1) - 1;
  if (pages_for(held) > model.page_count())
    return Error{.code = Errc::too_large,
                 .message = fmt::format(
                     "a prompt of {} tokens and an answer of {} need KV memory for {} tokens, but "
                     "there is memory for {}",
                     prompt, answer, held, model.page_count() * tensor::kPageTokens),
                 .field = "max_tokens",
                 .hint = "ask for fewer tokens, or serve with more KV memory"};
  return ok();
}

}  // namespace

struct TextEngine::Impl {
  struct Command {
    std::unique_ptr<LiveRequest> request;  // or
    RequestNumber cancelled = 0;           // or
    bool cancels_all = false;              // or
    bool forgets_metrics = false;
    std::promise<void> done{};  // kept when carried out, broken when the thread ends before
  };

  Impl(inference::ForwardModel& forward_model, const text::Tokenizer& words, const Clock& time,
       const EngineOptions& engine_options)
      : model(forward_model),
        clock(time),
        options(engine_options),
        vocabulary(std::min(forward_model.vocabulary(), words.size())),
        most_sequences(std::min({engine_options.max_sequences, forward_model.max_logit_rows(),
                                 std::min(engine_options.step_rows, forward_model.max_rows())})),
        metrics(forward_model.context(), time.steady()),
        loop(forward_model, words, time, engine_options, metrics, waiting) {}

  void run(const std::stop_token& stop) {
    if (options.warm_up) loop.warm_up();
    is_ready = true;
    std::vector<Command> taken;
    while (true) {
      take_commands(stop, taken);
      for (auto& command : taken) carry_out(command);
      taken.clear();
      if (stop.stop_requested()) break;
      if (loop.idle()) continue;
      const auto began = clock.steady();
      const auto answered = loop.step();
      const auto now = clock.steady();
      follow_ups.stepped(answered, now - began, now);
    }
    loop.cancel_all();
  }

  void take_commands(const std::stop_token& stop, std::vector<Command>& taken) {
    std::unique_lock lock(inbox_mutex);
    inbox_filled.wait(lock, stop, [&] { return !inbox.empty() || !loop.idle(); });
    const auto has_more = [&] { return !inbox.empty(); };
    while (take_inbox(taken), !loop.idle()) {
      const auto patience = follow_ups.patience(clock.steady());
      if (patience <= FollowUps::Span::zero() ||
          !inbox_filled.wait_for(lock, stop, patience, has_more))
        break;
    }
  }

  void take_inbox(std::vector<Command>& taken) {
    for (auto& command : inbox) {
      if (command.request != nullptr) follow_ups.arrived(command.request->times.arrived);
      taken.push_back(std::move(command));
    }
    inbox.clear();
  }

  void carry_out(Command& command) {
    if (command.request != nullptr)
      loop.add(std::move(command.request));
    else if (command.cancels_all)
      loop.cancel_all();
    else if (command.forgets_metrics)
      metrics.forget(clock.steady());
    else
      loop.cancel(command.cancelled);
    command.done.set_value();
  }

  Result<RequestNumber> submit(std::unique_ptr<LiveRequest> request) {
    request->times.arrived = clock.steady();
    const std::lock_guard lock(inbox_mutex);
    if (waiting >= options.max_waiting)
      return Error{.code = Errc::exhausted,
                   .message = fmt::format("{} requests are waiting, which is as many as may",
                                          options.max_waiting),
                   .hint = "try again in a while"};
    const auto number = ++last_number;
    request->number = number;
    inbox.push_back({.request = std::move(request)});
    ++waiting;
    inbox_filled.notify_one();
    return number;
  }

  void command(Command&& command) {
    const std::lock_guard lock(inbox_mutex);
    inbox.push_back(std::move(command));
    inbox_filled.notify_one();
  }

  Result<Speculation> speculation_of(const GenerationRequest& request) const {
    if (request.recompute) return Speculation::none;
    const auto asked = request.speculation_is_default ? options.speculation : request.speculation;
    if (asked == Speculation::draft_model && options.draft == nullptr)
      return wrong("speculation", "speculation by a draft model was asked for, but there is none",
                   "none or prompt_lookup");
    return asked;
  }

  Status check_adapter(inference::AdapterIndex adapter) const {
    const auto known = model.adapter_count();
    if (adapter <= known) return ok();
    return wrong(
        "adapter", fmt::format("adapter {} was asked for", adapter),
        known == 0 ? "0: the model has no adapters" : fmt::format("0 for none, or 1 to {}", known));
  }

  Status check_counts(const GenerationRequest& request) const {
    const auto candidates = std::max(request.n, request.best_of);
    if (request.n == 0) return wrong("n", "n is 0", "at least 1");
    if (candidates > most_sequences)
      return wrong(request.best_of > request.n ? "best_of" : "n",
                   fmt::format("{} answers at once were asked for", candidates),
                   fmt::format("at most {}", most_sequences));
    return ok();
  }

  inference::ForwardModel& model;
  const Clock& clock;
  const EngineOptions options;
  const std::size_t vocabulary;
  const std::size_t most_sequences;
  EngineMetrics metrics;
  std::atomic<std::size_t> waiting{0};  // requests that never ran, in the inbox and the loop
  EngineLoop loop;                      // this and the next: the thread's
  FollowUps follow_ups;
  std::atomic<bool> is_ready{false};

  std::mutex inbox_mutex;  // guards the two below, and that `waiting` grows past no limit
  std::condition_variable_any inbox_filled;
  std::vector<Command> inbox;
  RequestNumber last_number = 0;

  std::jthread thread;  // the last, so that it ends first
};

Result<std::unique_ptr<TextEngine>> TextEngine::start(inference::ForwardModel& model,
                                                      const text::Tokenizer& tokenizer,
                                                      const Clock& clock, EngineOptions options) {
  if (options.max_sequences == 0 || options.step_rows == 0 || options.max_waiting == 0)
    return wrong("max_sequences", "an engine needs room for sequences, rows and waiting requests",
                 "at least 1 each");
  if (model.page_count() == 0)
    return wrong("kv_tokens", "the model has no KV memory", "at least one page");
  if (options.draft != nullptr && options.draft->vocabulary() != model.vocabulary())
    return wrong("draft",
                 fmt::format("the draft model has {} tokens and the model {}",
                             options.draft->vocabulary(), model.vocabulary()),
                 "a draft model of the same vocabulary");
  if (options.speculation == Speculation::draft_model && options.draft == nullptr)
    return wrong("speculation", "there is no draft model to speculate with",
                 "none or prompt_lookup");
  auto impl = std::make_unique<Impl>(model, tokenizer, clock, options);
  impl->thread = std::jthread([raw = impl.get()](const std::stop_token& stop) { raw->run(stop); });
  return std::unique_ptr<TextEngine>(new TextEngine(std::move(impl)));
}

TextEngine::TextEngine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TextEngine::~TextEngine() = default;

bool TextEngine::ready() const { return impl_->is_ready; }

Result<TextEngine::RequestNumber> TextEngine::generate(
    GenerationRequest request, std::function<void(const GenerationEvent&)> on_event) {
  GALLEY_TRY_STATUS(check_prompt(request.prompt, impl_->vocabulary));
  GALLEY_TRY_STATUS(check_length(request.prompt.size(), request.max_tokens, impl_->model));
  GALLEY_TRY_STATUS(inference::validate(request.sampling, impl_->vocabulary));
  GALLEY_TRY_STATUS(impl_->check_counts(request));
  GALLEY_TRY_STATUS(impl_->check_adapter(request.adapter));
  auto live = std::make_unique<LiveRequest>();
  GALLEY_TRY(live->speculation, impl_->speculation_of(request));
  if (!request.stop.empty()) {
    GALLEY_TRY(live->stops, inference::StopStrings::create(request.stop));
  }
  live->request = std::move(request);
  live->on_event = std::move(on_event);
  return impl_->submit(std::move(live));
}

Result<TextEngine::RequestNumber> TextEngine::embed(
    std::vector<text::TokenId> prompt, std::function<void(Result<std::vector<float>>)> on_done) {
  GALLEY_TRY_STATUS(check_prompt(prompt, impl_->vocabulary));
  GALLEY_TRY_STATUS(check_length(prompt.size(), 0, impl_->model));
  auto live = std::make_unique<LiveRequest>();
  live->embed_prompt = std::move(prompt);
  live->on_embedded = std::move(on_done);
  return impl_->submit(std::move(live));
}

void TextEngine::cancel(RequestNumber request) { impl_->command({.cancelled = request}); }
void TextEngine::cancel_all() { impl_->command({.cancels_all = true}); }

TextEngine::Metrics TextEngine::metrics() const {
  auto metrics = impl_->metrics.snapshot(impl_->clock.steady());
  metrics.requests_waiting = impl_->waiting;
  return metrics;
}

void TextEngine::forget_metrics() {
  Impl::Command command{.forgets_metrics = true};
  const auto done = command.done.get_future();
  impl_->command(std::move(command));
  done.wait();
}

}  // namespace galley::serving
