#include "hf_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"

namespace galley::inference {
namespace {

Error wrong(std::string_view key, std::string_view wanted, const Json& found) {
  return {Errc::corrupt,
          fmt::format("config.json: {} should be {} and is {}", key, wanted, found.type_name())};
}

/// Reads members of one object; absent and null are alike.
class Members {
 public:
  explicit Members(const Json& object) : object_(object) {}

  const Json* find(const char* key) const {
    const auto at = object_.find(key);
    return at == object_.end() || at->is_null() ? nullptr : &*at;
  }
  Result<std::size_t> size(const char* key, std::optional<std::size_t> otherwise = {}) const {
    const Json* value = find(key);
    if (value == nullptr && otherwise) return *otherwise;
    if (value == nullptr)
      return Error{Errc::corrupt, fmt::format("config.json: {} is missing", key)};
    if (!value->is_number_unsigned()) return wrong(key, "a whole number from 0", *value);
    return value->get<std::size_t>();
  }
  Result<double> number(const char* key, double otherwise) const {
    const Json* value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_number()) return wrong(key, "a number", *value);
    return value->get<double>();
  }
  Result<bool> flag(const char* key, bool otherwise) const {
    const Json* value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_boolean()) return wrong(key, "true or false", *value);
    return value->get<bool>();
  }
  Result<std::string> text(const char* key, std::string otherwise) const {
    const Json* value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_string()) return wrong(key, "a string", *value);
    return value->get<std::string>();
  }

 private:
  const Json& object_;
};

Result<std::vector<text::TokenId>> token_list(std::string_view file, const Json* value) {
  std::vector<text::TokenId> tokens;
  if (value == nullptr || value->is_null()) return tokens;
  const Json list = value->is_array() ? *value : Json::array({*value});
  for (const Json& one : list) {
    if (!one.is_number_unsigned() || one.get<std::uint64_t>() > INT32_MAX)
      return Error{Errc::corrupt,
                   fmt::format("{}: eos_token_id should be a token or a list of them", file)};
    tokens.push_back(one.get<text::TokenId>());
  }
  return tokens;
}

Result<std::string> architecture_of(const Json& json) {
  const Json* list = Members(json).find("architectures");
  if (list == nullptr) return Error{Errc::corrupt, "config.json: architectures is missing"};
  if (!list->is_array() || list->size() != 1 || !list->front().is_string())
    return wrong("architectures", "a list of one name", *list);
  return list->front().get<std::string>();
}

Status read_scaling(const Json& scaling, double stated_context, RopeSettings& rope) {
  if (!scaling.is_object()) return wrong("rope_scaling", "an object", scaling);
  const Members members(scaling);
  GALLEY_TRY(const auto old_name, members.text("type", "default"));
  GALLEY_TRY(const auto type, members.text("rope_type", old_name));
  if (type == "default") return ok();
  if (type == "linear") {
    rope.scaling = RopeScaling::linear;
  } else if (type == "yarn") {
    rope.scaling = RopeScaling::yarn;
  } else if (type == "llama3") {
    rope.scaling = RopeScaling::llama3;
  } else {
    return Error{Errc::unsupported,
                 fmt::format("rope scaling '{}'", type),
                 {},
                 "default, linear, yarn or llama3"};
  }
  GALLEY_TRY(rope.factor, members.number("factor", 0));
  GALLEY_TRY(rope.original_context,
             members.number("original_max_position_embeddings", stated_context));
  if (rope.scaling == RopeScaling::yarn) {
    GALLEY_TRY(rope.beta_fast, members.number("beta_fast", rope.beta_fast));
    GALLEY_TRY(rope.beta_slow, members.number("beta_slow", rope.beta_slow));
    GALLEY_TRY(rope.attention_scale,
               members.number("attention_factor", yarn_attention_scale(rope.factor)));
  }
  if (rope.scaling == RopeScaling::llama3) {
    GALLEY_TRY(rope.low_frequency_factor, members.number("low_freq_factor", 0));
    GALLEY_TRY(rope.high_frequency_factor, members.number("high_freq_factor", 0));
  }
  return ok();
}

/// The window of all layers. Some layers with and some without one are not built.
Result<std::uint32_t> sliding_window(const Members& members, const ModelConfig& config,
                                     bool on_by_default) {
  GALLEY_TRY(const auto window, members.size("sliding_window", 0));
  GALLEY_TRY(const auto used, members.flag("use_sliding_window", on_by_default));
  if (!used || window == 0) return std::uint32_t{0};
  GALLEY_TRY(const auto first_layer, members.size("max_window_layers", 0));
  if (first_layer >= config.layers) return std::uint32_t{0};
  if (first_layer > 0)
    return Error{Errc::unsupported,
                 fmt::format("a sliding window from layer {} of {} on", first_layer, config.layers),
                 {},
                 "all layers or none"};
  return static_cast<std::uint32_t>(std::min<std::size_t>(window, UINT32_MAX));
}

Status read_llama(const Json& json, HfConfig& result) {
  const Members members(json);
  ModelConfig& config = result.config;
  GALLEY_TRY(config.layers, members.size("num_hidden_layers"));
  GALLEY_TRY(config.width, members.size("hidden_size"));
  GALLEY_TRY(config.heads, members.size("num_attention_heads"));
  GALLEY_TRY(config.kv_heads, members.size("num_key_value_heads", config.heads));
  const std::size_t even_share = config.heads == 0 ? 0 : config.width / config.heads;
  constexpr std::size_t kQwen3HeadDim = 128;  // whatever the width
  GALLEY_TRY(config.head_dim,
             members.size("head_dim", config.architecture == "qwen3" ? kQwen3HeadDim : even_share));
  GALLEY_TRY(config.feed_forward, members.size("intermediate_size"));
  GALLEY_TRY(config.vocabulary, members.size("vocab_size"));
  GALLEY_TRY(config.context, members.size("max_position_embeddings"));
  result.stated_context = config.context;
  GALLEY_TRY(const auto epsilon, members.number("rms_norm_eps", 1e-6));
  config.norm_epsilon = static_cast<float>(epsilon);
  config.qk_norm = config.architecture == "qwen3";
  GALLEY_TRY(const auto activation, members.text("hidden_act", "silu"));
  if (activation != "silu" && activation != "swish")
    return Error{Errc::unsupported, fmt::format("activation '{}'", activation), {}, "silu"};
  GALLEY_TRY(result.tied, members.flag("tie_word_embeddings", false));
  GALLEY_TRY_STATUS(check_config(config));

  // Newer folders keep the base among the scaling's members.
  const Json* scaling = members.find("rope_scaling");
  if (scaling == nullptr) scaling = members.find("rope_parameters");
  GALLEY_TRY(result.rope.base, members.number("rope_theta", 10000));
  if (scaling != nullptr && scaling->is_object()) {
    GALLEY_TRY(result.rope.base, Members(*scaling).number("rope_theta", result.rope.base));
  }
  GALLEY_TRY(const auto share, members.number("partial_rotary_factor", 1));
  if (!(share > 0 && share <= 1))
    return Error{Errc::corrupt, fmt::format("config.json: partial_rotary_factor is {}", share)};
  constexpr double kRounding = 1e-6;  // so that a share that we printed gives its numerator back
  result.rope.rotated_dim =
      static_cast<std::size_t>(share * static_cast<double>(config.head_dim) + kRounding);
  if (scaling != nullptr)
    GALLEY_TRY_STATUS(read_scaling(*scaling, static_cast<double>(config.context), result.rope));
  return apply_rope(result.rope, config.context, config);
}

Status read_gpt2(const Json& json, HfConfig& result) {
  const Members members(json);
  ModelConfig& config = result.config;
  GALLEY_TRY(config.layers, members.size("n_layer"));
  GALLEY_TRY(config.width, members.size("n_embd"));
  GALLEY_TRY(config.heads, members.size("n_head"));
  GALLEY_TRY(config.feed_forward, members.size("n_inner", 4 * config.width));
  GALLEY_TRY(config.vocabulary, members.size("vocab_size"));
  GALLEY_TRY(config.context, members.size("n_positions"));
  result.stated_context = config.context;
  GALLEY_TRY(const auto epsilon, members.number("layer_norm_epsilon", 1e-5));
  config.norm_epsilon = static_cast<float>(epsilon);
  config.kv_heads = config.heads;
  config.head_dim = config.heads == 0 ? 0 : config.width / config.heads;
  config.norm = tensor::NormKind::layer;
  config.positions = PositionKind::learned;
  GALLEY_TRY(const auto activation, members.text("activation_function", "gelu_new"));
  if (activation == "gelu") {
    config.activation = FeedForward::gelu_erf;
  } else if (activation == "gelu_new" || activation == "gelu_pytorch_tanh") {
    config.activation = FeedForward::gelu;
  } else {
    return Error{Errc::unsupported,
                 fmt::format("activation '{}'", activation),
                 {},
                 "gelu_new, gelu_pytorch_tanh or gelu"};
  }
  GALLEY_TRY(const auto scaled, members.flag("scale_attn_weights", true));
  GALLEY_TRY(const auto by_layer, members.flag("scale_attn_by_inverse_layer_idx", false));
  if (!scaled || by_layer)
    return Error{Errc::unsupported,
                 "attention without the usual scale",
                 {},
                 "scale_attn_weights, without scale_attn_by_inverse_layer_idx"};
  GALLEY_TRY(result.tied, members.flag("tie_word_embeddings", true));
  return ok();
}

}  // namespace

Result<HfConfig> parse_hf_config(std::string_view config_json) {
  const auto json = parse_json(config_json);
  if (!json) return Error{Errc::corrupt, "config.json: " + json.error().message};
  if (!json->is_object()) return wrong("the document", "an object", *json);
  if (const Json* method = Members(*json).find("quantization_config")) {
    GALLEY_TRY(const auto name, method->is_object()
                                    ? Members(*method).text("quant_method", "unnamed")
                                    : Result<std::string>(std::string("unnamed")));
    return Error{Errc::unsupported,
                 fmt::format("weights quantised by method '{}'", name),
                 {},
                 "F32, F16 or BF16 weights, or a GGUF file"};
  }
  HfConfig result;
  GALLEY_TRY(const auto name, architecture_of(*json));
  ModelConfig& config = result.config;
  const Members members(*json);
  GALLEY_TRY(config.name, members.text("_name_or_path", ""));
  if (name == "GPT2LMHeadModel") {
    config.architecture = "gpt2";
    GALLEY_TRY_STATUS(read_gpt2(*json, result));
  } else if (name == "LlamaForCausalLM" || name == "MistralForCausalLM") {
    config.architecture = "llama";
    GALLEY_TRY_STATUS(read_llama(*json, result));
  } else if (name == "Qwen2ForCausalLM" || name == "Qwen3ForCausalLM") {
    config.architecture = name == "Qwen2ForCausalLM" ? "qwen2" : "qwen3";
    GALLEY_TRY_STATUS(read_llama(*json, result));
  } else {
    return Error{Errc::unsupported,
                 fmt::format("architecture '{}'", name),
                 {},
                 "LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM or "
                 "GPT2LMHeadModel"};
  }
  if (config.architecture != "gpt2") {
    GALLEY_TRY(config.sliding_window,
               name == "LlamaForCausalLM"
                   ? Result<std::uint32_t>(0U)  // a Llama has none, whatever its file says
                   : sliding_window(members, config, name == "MistralForCausalLM"));
  }
  GALLEY_TRY_STATUS(check_config(config));
  GALLEY_TRY(result.end_tokens, token_list("config.json", members.find("eos_token_id")));
  if (const Json* begin = members.find("bos_token_id");
      begin != nullptr && begin->is_number_unsigned())
    result.begin_token = begin->get<text::TokenId>();
  return result;
}

Result<std::vector<text::TokenId>> parse_end_tokens(std::string_view generation_config_json) {
  const auto json = parse_json(generation_config_json);
  if (!json) return Error{Errc::corrupt, "generation_config.json: " + json.error().message};
  if (!json->is_object())
    return Error{Errc::corrupt, "generation_config.json is not a JSON object"};
  return token_list("generation_config.json", Members(*json).find("eos_token_id"));
}

}  // namespace galley::inference
