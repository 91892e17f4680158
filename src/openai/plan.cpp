#include "plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/text.h"
#include "fields.h"

namespace galley::openai {
namespace {

/// OpenAI's own default for completions; a chat goes on as long as the context lasts.
constexpr std::size_t kDefaultTokens = 16;

/// The same fingerprint promises the same text for the same seed: it changes with the program, with
/// the weights, and with the kernels that run them.
std::string fingerprint_of(const Planning& with, const TextModel& model, std::string_view adapter) {
  std::string all = with.version + model.snapshot(adapter);
  for (const auto& use : model.facts().kernels) all += use.operation + use.kernel;
  return "fp_" + sha256_hex(all).substr(0, 10);
}

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32U | device();
}

serving::Speculation speculation_of(const std::string& word) {
  if (word == "prompt_lookup") return serving::Speculation::prompt_lookup;
  if (word == "draft_model") return serving::Speculation::draft_model;
  return serving::Speculation::none;
}

Result<inference::SamplingParams> sampling_of(const TextModel& model, const Knobs& knobs) {
  inference::SamplingParams params;
  params.temperature = knobs.temperature;
  params.top_p = knobs.top_p;
  params.min_p = knobs.min_p;
  params.top_k = static_cast<std::int32_t>(knobs.top_k);
  params.presence_penalty = knobs.presence_penalty;
  params.frequency_penalty = knobs.frequency_penalty;
  params.repetition_penalty = knobs.repetition_penalty;
  if (knobs.repetition_scope == "all") params.repetition_scope = inference::PenaltyScope::all;
  if (knobs.repetition_scope == "output") params.repetition_scope = inference::PenaltyScope::output;
  params.greedy = knobs.greedy || knobs.temperature == 0;
  for (const auto& [token, bias] : knobs.logit_bias) {
    if (static_cast<std::size_t>(token) >= model.vocabulary())
      return Error{Errc::invalid_argument, "found the token " + std::to_string(token), "logit_bias",
                   "ids below " + std::to_string(model.vocabulary())};
    params.logit_bias.emplace_back(token, bias);
  }
  params.seed = knobs.seed ? static_cast<std::uint64_t>(*knobs.seed) : random_seed();
  return params;
}

Result<std::shared_ptr<const inference::Constraint>> constraint_of(const TextModel& model,
                                                                   const Knobs& knobs) {
  if (knobs.shape == Knobs::Shape::free) return std::shared_ptr<const inference::Constraint>();
  auto& cache = model.constraints();
  auto constraint = knobs.shape == Knobs::Shape::grammar    ? cache.gbnf(knobs.shape_text)
                    : knobs.shape == Knobs::Shape::any_json ? cache.json_object()
                                                            : cache.json_schema(knobs.shape_text);
  if (constraint) return constraint;
  Error error = std::move(constraint).error();
  // Of a schema, the error names the place inside.
  const bool is_inside = knobs.shape == Knobs::Shape::schema && !error.field.empty();
  error.field = knobs.shape_field + (is_inside ? "." + error.field : "");
  if (error.code == Errc::unsupported || error.code == Errc::too_large)
    error.code = Errc::invalid_argument;
  return error;
}

struct Common {
  TextModels::Found found;
  serving::GenerationRequest request;  // all but the prompt and max_tokens
};

Result<Common> common_of(const Planning& with, const Knobs& knobs,
                         std::optional<std::size_t> alternatives) {
  GALLEY_TRY(auto found, with.models.find(knobs.model, knobs.adapter));
  serving::GenerationRequest request;
  GALLEY_TRY(request.sampling, sampling_of(*found.model, knobs));
  if (alternatives) request.sampling.logprobs = static_cast<std::int32_t>(*alternatives);
  GALLEY_TRY(request.constraint, constraint_of(*found.model, knobs));
  request.stop = knobs.stop;
  request.ignore_eos = knobs.ignore_eos;
  request.recompute = knobs.recompute;
  request.n = static_cast<std::uint32_t>(knobs.n);
  request.best_of = static_cast<std::uint32_t>(knobs.best_of);
  request.prompt_logprobs = knobs.prompt_logprobs;
  request.adapter = found.adapter;
  request.priority = static_cast<std::int32_t>(knobs.priority);
  request.user = knobs.user;
  request.speculation_is_default = knobs.speculation.empty();
  request.speculation = speculation_of(knobs.speculation);
  return Common{std::move(found), std::move(request)};
}

/// Adds the prompt's request, or two of them where it is answered both ways.
void add_requests(Plan& plan, const Knobs& knobs, serving::GenerationRequest request) {
  if (knobs.both) {
    // How likely an answer is must be known, whether or not it is printed token by token.
    request.sampling.logprobs = std::max(request.sampling.logprobs, 0);
    plan.requests.push_back(request);
    plan.requests.back().sampling.greedy = true;
  }
  plan.requests.push_back(std::move(request));
}

AnswerStyle style_of(const Planning& with, const Common& common, const Knobs& knobs, bool chat) {
  AnswerStyle style;
  style.chat = chat;
  style.id = (chat ? "chatcmpl-" : "cmpl-") + with.ids.next_body();
  style.created_s = to_ms(with.clock.wall()) / 1000;
  style.model = common.found.name;
  const auto mark = style.model.find(':');
  style.fingerprint =
      fingerprint_of(with, *common.found.model,
                     mark == std::string::npos ? std::string_view{}
                                               : std::string_view(style.model).substr(mark + 1));
  style.tokenizer = &common.found.model->tokenizer();
  style.include_usage = knobs.include_usage;
  style.restart = knobs.restart;
  style.n = static_cast<std::uint32_t>(knobs.n);
  style.prompt_logprobs = knobs.prompt_logprobs;
  style.both = knobs.both;
  style.choose = knobs.choose;
  return style;
}

}  // namespace

Status check_context(const TextModel& model, std::size_t prompt_tokens, std::size_t new_tokens,
                     const std::string& field) {
  const std::size_t context = model.context();
  if (prompt_tokens + new_tokens <= context) return ok();
  if (prompt_tokens >= context)
    return Error{Errc::too_large,
                 fmt::format("the prompt has {} tokens and the model '{}' reads at most {}",
                             prompt_tokens, model.name(), context),
                 field, fmt::format("at most {} tokens, so that one can follow", context - 1)};
  return Error{
      Errc::too_large,
      fmt::format(
          "the prompt's {} tokens and {} new ones are {}, and the model '{}' takes {} together",
          prompt_tokens, new_tokens, prompt_tokens + new_tokens, model.name(), context),
      field, fmt::format("max_tokens of at most {}, or a shorter prompt", context - prompt_tokens)};
}

Result<TokenList> encode_prompt(const TextModel& model, const Prompt& prompt,
                                const std::string& field) {
  if (const auto* text = std::get_if<std::string>(&prompt)) {
    TokenList tokens =
        model.tokenizer().encode(*text, {.add_special = true, .parse_special = true});
    if (!tokens.empty()) return tokens;
    // A model begins an empty text with the token that begins every text.
    const auto& spec = model.tokenizer().spec();
    if (const auto first = spec.bos ? spec.bos : spec.eos) return TokenList{*first};
    return Error{Errc::invalid_argument, "the prompt is empty", field, "at least one character"};
  }
  const auto& tokens = std::get<TokenList>(prompt);
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (static_cast<std::size_t>(tokens[i]) >= model.vocabulary())
      return Error{Errc::invalid_argument, "found the token " + std::to_string(tokens[i]),
                   field + "[" + std::to_string(i) + "]",
                   "an id below " + std::to_string(model.vocabulary())};
  return tokens;
}

Result<std::string> render_chat(const TextModel& model, const Json& messages, const Json& tools,
                                bool add_generation_prompt) {
  GALLEY_TRY(const auto* chat, model.chat());
  const auto& spec = model.tokenizer().spec();
  const auto text_of = [&](const std::optional<text::TokenId>& token) {
    return token ? spec.tokens[static_cast<std::size_t>(*token)].text : std::string();
  };
  Json variables{{"messages", messages},
                 {"add_generation_prompt", add_generation_prompt},
                 {"bos_token", text_of(spec.bos)},
                 {"eos_token", text_of(spec.eos)}};
  if (!tools.is_null()) variables["tools"] = tools;
  auto rendered = chat->render(variables);
  if (rendered) return rendered;
  Error error = std::move(rendered).error();
  error.message = "the model's chat template refuses the messages: " + error.message;
  error.field = "messages";
  return error;
}

Result<Plan> plan_completion(const Planning& with, const CompletionRequest& request) {
  std::optional<std::size_t> alternatives;
  if (request.logprobs) alternatives = static_cast<std::size_t>(*request.logprobs);
  GALLEY_TRY(auto common, common_of(with, request, alternatives));
  Plan plan{
      .model = common.found.model, .requests = {}, .style = style_of(with, common, request, false)};
  plan.style.alternatives = alternatives;
  const std::size_t tokens =
      request.max_tokens ? static_cast<std::size_t>(*request.max_tokens) : kDefaultTokens;
  for (std::size_t i = 0; i < request.prompts.size(); ++i) {
    const std::string field =
        request.prompts.size() == 1 ? "prompt" : "prompt[" + std::to_string(i) + "]";
    Prompt prompt = request.prompts[i];
    if (!request.start.empty()) {
      if (auto* text = std::get_if<std::string>(&prompt)) {
        *text += request.start;
      } else {
        const TokenList more = plan.model->tokenizer().encode(
            request.start, {.add_special = false, .parse_special = true});
        auto& list = std::get<TokenList>(prompt);
        list.insert(list.end(), more.begin(), more.end());
      }
    }
    serving::GenerationRequest one = common.request;
    GALLEY_TRY(one.prompt, encode_prompt(*plan.model, prompt, field));
    GALLEY_TRY_STATUS(
        check_context(*plan.model, one.prompt.size(), std::max<std::size_t>(tokens, 1), field));
    one.max_tokens = static_cast<std::uint32_t>(tokens);
    const auto* text = std::get_if<std::string>(&prompt);
    std::string shown = text != nullptr ? *text : plan.model->tokenizer().decode(one.prompt);
    const std::size_t answers = request.both ? 2 : 1;
    plan.style.offsets.insert(plan.style.offsets.end(), answers, count_characters(shown));
    if (request.echo) {
      plan.style.echoes.insert(plan.style.echoes.end(), answers, shown);
      one.prompt_logprobs = one.prompt_logprobs || alternatives.has_value();
    }
    add_requests(plan, request, std::move(one));
  }
  return plan;
}

Result<Plan> plan_chat(const Planning& with, const ChatRequest& request) {
  std::optional<std::size_t> alternatives;
  if (request.logprobs) alternatives = static_cast<std::size_t>(request.top_logprobs);
  GALLEY_TRY(auto common, common_of(with, request, alternatives));
  Plan plan{
      .model = common.found.model, .requests = {}, .style = style_of(with, common, request, true)};
  plan.style.alternatives = alternatives;
  plan.style.tools = !request.tools.is_null();
  GALLEY_TRY(std::string prompt, render_chat(*plan.model, request.messages, request.tools, true));
  prompt += request.start;
  const auto& spec = plan.model->tokenizer().spec();
  serving::GenerationRequest one = std::move(common.request);
  // Most templates print the token that begins a text; where one does not, the tokenizer's rule
  // holds.
  one.prompt =
      plan.model->tokenizer().encode(prompt, {.add_special = false, .parse_special = true});
  if (spec.add_bos && spec.bos && (one.prompt.empty() || one.prompt.front() != *spec.bos))
    one.prompt.insert(one.prompt.begin(), *spec.bos);
  if (one.prompt.empty())
    return Error{Errc::invalid_argument, "the messages make an empty prompt", "messages",
                 "a message with text"};
  const std::size_t wanted =
      request.max_tokens ? std::max<std::size_t>(static_cast<std::size_t>(*request.max_tokens), 1)
                         : 1;
  GALLEY_TRY_STATUS(check_context(*plan.model, one.prompt.size(), wanted, "messages"));
  one.max_tokens =
      static_cast<std::uint32_t>(request.max_tokens ? static_cast<std::size_t>(*request.max_tokens)
                                                    : plan.model->context() - one.prompt.size());
  plan.style.offsets.assign(request.both ? 2 : 1, count_characters(prompt));
  add_requests(plan, request, std::move(one));
  return plan;
}

}  // namespace galley::openai
