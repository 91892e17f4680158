#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace galley::openai {

/// More are refused: each is looked for in every answer.
inline constexpr std::size_t kMaxStops = 64;
inline constexpr std::size_t kMaxStopBytes = 512;
inline constexpr std::int64_t kMaxChoices = 128;
inline constexpr std::int64_t kMaxTopLogprobs = 20;
inline constexpr std::size_t kMaxPrompts = 2048;
inline constexpr std::size_t kMaxMessages = 4096;

/// How text is generated: what completions and chats have in common, as the request said it.
struct Knobs {
  std::string model;    // empty: the first that is served
  std::string adapter;  // empty: none, or the one that `model` names
  std::string user;
  std::optional<std::int64_t> max_tokens;
  float temperature = 1;
  float top_p = 1;
  float min_p = 0;
  std::int64_t top_k = 0;  // 0: off
  float presence_penalty = 0;
  float frequency_penalty = 0;
  float repetition_penalty = 1;
  std::string repetition_scope;  // "all", "output", or empty: the engine's own choice
  std::vector<std::pair<std::int32_t, float>> logit_bias;
  std::optional<std::int64_t> seed;
  bool greedy = false;
  bool both = false;    // each prompt is answered greedily, then sampled
  bool choose = false;  // of the two, the one whose tokens are likelier on average
  bool recompute = false;
  bool ignore_eos = false;
  bool prompt_logprobs = false;
  std::vector<std::string> stop;
  std::int64_t n = 1;
  std::int64_t best_of = 1;
  std::int64_t priority = 0;
  std::string speculation;  // "none", "prompt_lookup", "draft_model", or empty
  std::string start;        // after the prompt, before generation
  std::string restart;      // after the answer
  bool stream = false;
  bool include_usage = false;

  enum class Shape : std::uint8_t { free, any_json, schema, grammar };
  Shape shape = Shape::free;
  std::string shape_text;   // of schema: JSON; of grammar: GBNF
  std::string shape_field;  // where it stood, for errors
};

using TokenList = std::vector<std::int32_t>;
using Prompt = std::variant<std::string, TokenList>;

struct CompletionRequest : Knobs {
  std::vector<Prompt> prompts;
  bool echo = false;
  std::optional<std::int64_t> logprobs;  // alternatives for each token
};

struct ChatRequest : Knobs {
  Json messages;  // as templates want them: role, content (a text), tool_calls, ...
  Json tools;     // null where the model may not call any
  bool logprobs = false;
  std::int64_t top_logprobs = 0;
};

struct EmbeddingRequest {
  std::string model;
  std::vector<Prompt> inputs;
  std::optional<std::int64_t> dimensions;
  bool base64 = false;
  std::string user;
};

/// Errors: invalid_argument naming the field, what was found, and what would be right.
Result<CompletionRequest> parse_completion(const Json& body);
Result<ChatRequest> parse_chat(const Json& body);
Result<EmbeddingRequest> parse_embedding(const Json& body);

class Fields;
/// With `both`, what cannot go with it. After all else was read.
void check_both(Fields& in, const Knobs& knobs);
/// best_of, at least n; reads after read_knobs.
void read_best_of(Fields& in, Knobs& out);
/// The fields that completions and chats share.
void read_knobs(Fields& in, Knobs& out);
/// A text, a list of texts, a list of token ids, or a list of such lists.
void read_prompts(Fields& in, std::string_view name, std::vector<Prompt>& out);
/// Messages as templates want them; parts of a content are joined.
void read_messages(Fields& in, Json& out);
/// Fields sent inside "extra_body" count as if they stood beside the others.
Result<Json> without_extra_body(const Json& body);

}  // namespace galley::openai
