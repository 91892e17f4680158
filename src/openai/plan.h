#pragma once

#include <memory>
#include <string>
#include <vector>

#include "answer.h"
#include "base/id.h"
#include "openai/text_models.h"
#include "requests.h"

namespace galley::openai {

/// A request made ready for the engine: one engine request for each prompt, and how to print what
/// comes of them.
struct Plan {
  const TextModel* model = nullptr;
  std::vector<serving::GenerationRequest> requests;
  AnswerStyle style;
};

/// What plans need besides the request. Outlives them.
struct Planning {
  const TextModels& models;
  const Clock& clock;
  IdSource& ids;
  std::string version;
};

/// Encodes the prompts, checks them against the model's context, compiles grammars. Errors:
/// not_found (the model, the adapter), too_large naming the prompt with all counts,
/// invalid_argument (a token past the vocabulary, a schema), unsupported (the template).
Result<Plan> plan_completion(const Planning& with, const CompletionRequest& request);
Result<Plan> plan_chat(const Planning& with, const ChatRequest& request);

/// The prompt that the model's template makes of messages.
Result<std::string> render_chat(const TextModel& model, const Json& messages, const Json& tools,
                                bool add_generation_prompt);
/// The tokens of one prompt. `field` names it in errors.
Result<TokenList> encode_prompt(const TextModel& model, const Prompt& prompt,
                                const std::string& field);
/// Errors: too_large with the counts.
Status check_context(const TextModel& model, std::size_t prompt_tokens, std::size_t new_tokens,
                     const std::string& field);

}  // namespace galley::openai
