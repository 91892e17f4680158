#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "fields.h"
#include "requests.h"

namespace galley::openai {
namespace {

constexpr std::int64_t kMaxTokens = 1 << 24;  // the context bounds it further
constexpr std::size_t kMaxBiases = 4096;
constexpr std::size_t kMaxInjected = 64 << 10;  // bytes of start and of restart
constexpr std::size_t kMaxGrammar = 256 << 10;

/// Two names of one thing: both may be given where they agree.
template <class Read>
void read_alias(Fields& in, std::string_view name, std::string_view alias, Read&& read) {
  const Json* first = in.any(name);
  const Json* second = in.any(alias);
  if (first != nullptr && second != nullptr && *first != *second)
    return in.fault(alias, "differs from " + std::string(name), "one of the two");
  if (first != nullptr) return read(name);
  if (second != nullptr) read(alias);
}

void read_stops(Fields& in, std::string_view name, std::vector<std::string>& out) {
  const Json& value = *in.any(name);
  const std::string expected = "a text, or a list of at most " + std::to_string(kMaxStops);
  std::vector<std::string> found;
  if (value.is_string()) {
    found.push_back(value.get<std::string>());
  } else if (value.is_array()) {
    if (value.size() > kMaxStops) return in.fault(name, "found " + name_of_value(value), expected);
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string at = std::string(name) + "[" + std::to_string(i) + "]";
      if (!value[i].is_string()) return in.fault(at, "found " + name_of_value(value[i]), "a text");
      found.push_back(value[i].get<std::string>());
    }
  } else {
    return in.fault(name, "found " + name_of_value(value), expected);
  }
  for (const std::string& one : found) {
    if (one.size() > kMaxStopBytes)
      return in.fault(name, "a stop sequence has " + std::to_string(one.size()) + " bytes",
                      "at most " + std::to_string(kMaxStopBytes));
    if (one.empty()) return in.fault(name, "a stop sequence is empty", "at least one character");
  }
  out = std::move(found);
}

void read_logit_bias(Fields& in, std::vector<std::pair<std::int32_t, float>>& out) {
  const Json* biases = in.object("logit_bias");
  if (biases == nullptr) return;
  if (biases->size() > kMaxBiases)
    return in.fault("logit_bias", "found " + std::to_string(biases->size()) + " entries",
                    "at most " + std::to_string(kMaxBiases));
  for (const auto& [key, value] : biases->items()) {
    std::int32_t token = -1;
    const auto read = std::from_chars(key.data(), key.data() + key.size(), token);
    if (read.ec != std::errc{} || read.ptr != key.data() + key.size() || token < 0)
      return in.fault("logit_bias", "found the key " + name_of_value(Json(key)), "ids of tokens");
    const double bias = value.is_number() ? value.get<double>() : std::nan("");
    if (!(bias >= -100 && bias <= 100))
      return in.fault("logit_bias." + key, "found " + name_of_value(value),
                      "a number of at least -100 and at most 100");
    out.emplace_back(token, static_cast<float>(bias));
  }
}

void read_shape(Fields& in, Knobs& out) {
  std::string grammar;
  if (in.text("grammar", grammar) && !grammar.empty()) {
    if (grammar.size() > kMaxGrammar)
      in.fault("grammar", "has " + std::to_string(grammar.size()) + " bytes",
               "at most " + std::to_string(kMaxGrammar));
    out.shape = Knobs::Shape::grammar;
    out.shape_text = std::move(grammar);
    out.shape_field = "grammar";
  }
  const Json* format = in.object("response_format");
  if (format == nullptr) return;
  Fields inside(*format, "response_format");
  std::string type;
  inside.require("type", "text, json_object or json_schema");
  inside.word("type", type, {"text", "json_object", "json_schema"});
  if (type != "text" && !type.empty() && out.shape != Knobs::Shape::free)
    inside.fault("type", "a grammar is given too", "one of the two");
  if (type == "json_object") {
    // llama.cpp's clients put a schema here.
    const Json* schema = inside.object("schema");
    out.shape = schema == nullptr ? Knobs::Shape::any_json : Knobs::Shape::schema;
    if (schema != nullptr) out.shape_text = dump_json(*schema);
    out.shape_field = "response_format";
  } else if (type == "json_schema") {
    inside.require("json_schema", "an object with name and schema");
    const Json* wrapped = inside.object("json_schema");
    if (wrapped != nullptr) {
      Fields schema_fields(*wrapped, "response_format.json_schema");
      schema_fields.ignore({"name", "description", "strict"});
      schema_fields.require("schema", "a JSON Schema");
      if (const Json* schema = schema_fields.object("schema")) out.shape_text = dump_json(*schema);
      if (auto status = schema_fields.finish(); !status) inside.fault(status.error());
    }
    out.shape = Knobs::Shape::schema;
    out.shape_field = "response_format.json_schema.schema";
  }
  if (auto status = inside.finish(); !status) in.fault(status.error());
}

/// true, false or "both".
void read_greedy(Fields& in, Knobs& out) {
  const Json* greedy = in.any("greedy");
  out.both = greedy != nullptr && *greedy == "both";
  if (greedy != nullptr && !out.both && !greedy->is_boolean())
    in.fault("greedy", "found " + name_of_value(*greedy), "true, false or \"both\"");
  out.greedy = greedy != nullptr && *greedy == true;
  std::string choose;
  out.choose = in.word("choose", choose, {"likelihood"});
}

void read_injected(Fields& in, std::string_view name, std::string& out) {
  in.text(name, out);
  if (out.size() > kMaxInjected)
    in.fault(name, "has " + std::to_string(out.size()) + " bytes",
             "at most " + std::to_string(kMaxInjected));
}

void read_stream(Fields& in, Knobs& out) {
  in.flag("stream", out.stream);
  if (out.stream && out.prompt_logprobs)
    in.fault("prompt_logprobs", "the answer is streamed", "no stream");
  const Json* options = in.object("stream_options");
  if (options == nullptr) return;
  if (!out.stream) in.fault("stream_options", "the answer is not streamed", "stream: true");
  Fields inside(*options, "stream_options");
  inside.flag("include_usage", out.include_usage);
  inside.ignore({"include_obfuscation", "continuous_usage_stats"});
  if (auto status = inside.finish(); !status) in.fault(status.error());
}

}  // namespace

void check_both(Fields& in, const Knobs& knobs) {
  if (knobs.choose && !knobs.both)
    return in.fault("choose", "there is nothing to choose between", "greedy: \"both\"");
  if (!knobs.both) return;
  if (knobs.temperature == 0)
    in.fault("temperature", "is 0, so that both answers would be greedy", "more than 0");
  if (knobs.n > 1 || knobs.best_of > 1)
    in.fault(knobs.n > 1 ? "n" : "best_of", "greedy is \"both\", which makes two answers already",
             "1");
  if (knobs.choose && knobs.stream)
    in.fault("choose", "the likelier answer is known only at the end", "no stream");
}

void read_best_of(Fields& in, Knobs& out) {
  out.best_of = out.n;
  in.integer("best_of", out.best_of, {1, kMaxChoices});
  if (out.best_of < out.n)
    in.fault("best_of", "is " + std::to_string(out.best_of) + " and n is " + std::to_string(out.n),
             "at least n");
  if (out.stream && out.best_of > out.n)
    in.fault("best_of", "the best answers are known only at the end", "n, or no stream");
}

Result<Json> without_extra_body(const Json& body) {
  const auto extra = body.find("extra_body");
  if (extra == body.end()) return body;
  if (extra->is_null()) {
    Json plain = body;
    plain.erase("extra_body");
    return plain;
  }
  if (!extra->is_object())
    return Error{Errc::invalid_argument, "found " + name_of_value(*extra), "extra_body",
                 "an object"};
  Json merged = body;
  merged.erase("extra_body");
  for (const auto& [key, value] : extra->items()) {
    if (merged.contains(key))
      return Error{Errc::invalid_argument, "stands beside extra_body too", "extra_body." + key,
                   "one of the two"};
    merged[key] = value;
  }
  return merged;
}

void read_knobs(Fields& in, Knobs& out) {
  in.text("model", out.model);
  in.text("adapter", out.adapter);
  in.text("user", out.user);
  in.number("temperature", out.temperature, {0, 2});
  in.number("top_p", out.top_p, {0, 1, true});
  in.number("min_p", out.min_p, {0, 1});
  in.integer("top_k", out.top_k, {0, INT32_MAX});
  in.number("presence_penalty", out.presence_penalty, {-2, 2});
  in.number("frequency_penalty", out.frequency_penalty, {-2, 2});
  in.number("repetition_penalty", out.repetition_penalty, {0, 100, true});
  in.word("repetition_penalty_scope", out.repetition_scope, {"all", "output"});
  read_logit_bias(in, out.logit_bias);
  std::int64_t seed = 0;
  if (in.integer("seed", seed, {INT64_MIN, INT64_MAX})) out.seed = seed;
  read_greedy(in, out);
  in.flag("recompute", out.recompute);
  in.flag("ignore_eos", out.ignore_eos);
  in.flag("prompt_logprobs", out.prompt_logprobs);
  read_alias(in, "stop", "stop_sequences",
             [&](std::string_view name) { read_stops(in, name, out.stop); });
  read_alias(in, "max_tokens", "out_seq_length", [&](std::string_view name) {
    std::int64_t tokens = 0;
    if (in.integer(name, tokens, {0, kMaxTokens})) out.max_tokens = tokens;
  });
  in.integer("n", out.n, {1, kMaxChoices});
  in.integer("priority", out.priority, {-1'000'000, 1'000'000});
  in.word("speculation", out.speculation, {"none", "prompt_lookup", "draft_model"});
  read_injected(in, "start", out.start);
  read_injected(in, "restart", out.restart);
  read_shape(in, out);
  read_stream(in, out);
  in.ignore({"store", "metadata", "service_tier", "parallel_tool_calls", "prompt_cache_key",
             "prompt_cache_retention", "safety_identifier", "verbosity", "reasoning_effort",
             "prediction"});
  in.refuse("logit_processors", "logit processors are not supported");
}

}  // namespace galley::openai
