#include "fields.h"
#include "requests.h"

namespace galley::openai {
namespace {

bool is_token(const Json& value) {
  return value.is_number_integer() && value >= 0 && value <= INT32_MAX;
}

constexpr const char* kPromptForms =
    "a text, a list of texts, a list of token ids, or a list of such lists";

bool read_tokens(Fields& in, const std::string& name, const Json& list, std::vector<Prompt>& out) {
  TokenList tokens;
  tokens.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!is_token(list[i])) {
      in.fault(name + "[" + std::to_string(i) + "]", "found " + name_of_value(list[i]),
               "the id of a token");
      return false;
    }
    tokens.push_back(list[i].get<std::int32_t>());
  }
  if (tokens.empty()) {
    in.fault(name, "the list is empty", "at least one token");
    return false;
  }
  out.emplace_back(std::move(tokens));
  return true;
}

}  // namespace

void read_prompts(Fields& in, std::string_view name, std::vector<Prompt>& out) {
  in.require(name, kPromptForms);
  const Json* value = in.any(name);
  if (value == nullptr) return;
  if (value->is_string()) {
    out.emplace_back(value->get<std::string>());
    return;
  }
  if (!value->is_array()) return in.fault(name, "found " + name_of_value(*value), kPromptForms);
  if (value->empty()) return in.fault(name, "the list is empty", kPromptForms);
  const std::string path(name);
  if ((*value)[0].is_number()) {
    read_tokens(in, path, *value, out);
    return;
  }
  if (value->size() > kMaxPrompts)
    return in.fault(name, "found " + name_of_value(*value),
                    "at most " + std::to_string(kMaxPrompts) + " in one request");
  for (std::size_t i = 0; i < value->size(); ++i) {
    const Json& one = (*value)[i];
    const std::string at = path + "[" + std::to_string(i) + "]";
    if (one.is_string())
      out.emplace_back(one.get<std::string>());
    else if (!one.is_array())
      return in.fault(at, "found " + name_of_value(one), "a text or a list of token ids");
    else if (!read_tokens(in, at, one, out))
      return;
  }
}

Result<CompletionRequest> parse_completion(const Json& given) {
  GALLEY_TRY(const Json body, without_extra_body(given));
  CompletionRequest request;
  Fields in(body);
  read_prompts(in, "prompt", request.prompts);
  read_knobs(in, request);
  in.flag("echo", request.echo);
  std::int64_t logprobs = 0;
  if (in.integer("logprobs", logprobs, {0, kMaxTopLogprobs})) request.logprobs = logprobs;
  read_best_of(in, request);
  in.refuse("suffix", "text cannot be inserted before a suffix by this kind of model");
  check_both(in, request);
  const std::size_t answers = request.both ? 2 : static_cast<std::size_t>(request.best_of);
  if (request.prompts.size() * answers > kMaxPrompts)
    in.fault("prompt",
             "asks for " + std::to_string(request.prompts.size()) + " prompts times " +
                 std::to_string(answers) + " answers",
             "at most " + std::to_string(kMaxPrompts) + " in one request");
  GALLEY_TRY_STATUS(in.finish());
  return request;
}

Result<EmbeddingRequest> parse_embedding(const Json& given) {
  GALLEY_TRY(const Json body, without_extra_body(given));
  EmbeddingRequest request;
  Fields in(body);
  read_prompts(in, "input", request.inputs);
  in.text("model", request.model);
  in.text("user", request.user);
  std::string encoding;
  in.word("encoding_format", encoding, {"float", "base64"});
  request.base64 = encoding == "base64";
  std::int64_t dimensions = 0;
  if (in.integer("dimensions", dimensions, {1, 1 << 20})) request.dimensions = dimensions;
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    const auto* text = std::get_if<std::string>(&request.inputs[i]);
    if (text != nullptr && text->empty())
      in.fault(request.inputs.size() == 1 ? "input" : "input[" + std::to_string(i) + "]",
               "the text is empty", "at least one character");
  }
  GALLEY_TRY_STATUS(in.finish());
  return request;
}

}  // namespace galley::openai
