#include "base/json.h"
#include "hf_config.h"

namespace galley::inference {
namespace {

Json scaling_json(const RopeSettings& rope) {
  Json scaling{{"factor", rope.factor}};
  switch (rope.scaling) {
    case RopeScaling::none:
      return nullptr;
    case RopeScaling::linear:
      scaling["rope_type"] = "linear";
      break;
    case RopeScaling::yarn:
      scaling["rope_type"] = "yarn";
      scaling["original_max_position_embeddings"] = rope.original_context;
      scaling["beta_fast"] = rope.beta_fast;
      scaling["beta_slow"] = rope.beta_slow;
      scaling["attention_factor"] = rope.attention_scale;
      break;
    case RopeScaling::llama3:
      scaling["rope_type"] = "llama3";
      scaling["original_max_position_embeddings"] = rope.original_context;
      scaling["low_freq_factor"] = rope.low_frequency_factor;
      scaling["high_freq_factor"] = rope.high_frequency_factor;
      break;
  }
  return scaling;
}

Json gpt2_json(const ModelParts& parts) {
  const ModelConfig& config = parts.config;
  return {
      {"architectures", {"GPT2LMHeadModel"}},
      {"model_type", "gpt2"},
      {"n_layer", config.layers},
      {"n_embd", config.width},
      {"n_head", config.heads},
      {"n_inner", config.feed_forward},
      {"n_positions", parts.stated_context},
      {"layer_norm_epsilon", config.norm_epsilon},
      {"activation_function", config.activation == FeedForward::gelu_erf ? "gelu" : "gelu_new"}};
}

Json llama_json(const ModelParts& parts) {
  const ModelConfig& config = parts.config;
  const bool qwen2 = config.architecture == "qwen2";
  const bool qwen3 = config.architecture == "qwen3";
  // Mistral is a Llama with a window; only its class knows of one.
  const bool mistral = !qwen2 && !qwen3 && config.sliding_window > 0;
  Json json{{"architectures",
             {qwen2     ? "Qwen2ForCausalLM"
              : qwen3   ? "Qwen3ForCausalLM"
              : mistral ? "MistralForCausalLM"
                        : "LlamaForCausalLM"}},
            {"model_type", mistral ? "mistral" : config.architecture},
            {"num_hidden_layers", config.layers},
            {"hidden_size", config.width},
            {"num_attention_heads", config.heads},
            {"num_key_value_heads", config.kv_heads},
            {"head_dim", config.head_dim},
            {"intermediate_size", config.feed_forward},
            {"max_position_embeddings", parts.stated_context},
            {"rms_norm_eps", config.norm_epsilon},
            {"rope_theta", parts.rope.base},
            {"rope_scaling", scaling_json(parts.rope)},
            {"hidden_act", "silu"}};
  if (config.rotated_dim != config.head_dim)
    json["partial_rotary_factor"] =
        static_cast<double>(config.rotated_dim) / static_cast<double>(config.head_dim);
  if (config.sliding_window > 0) {
    json["sliding_window"] = config.sliding_window;
    json["use_sliding_window"] = true;
    json["max_window_layers"] = 0;
  }
  return json;
}

}  // namespace

std::string print_hf_config(const ModelParts& parts) {
  Json json = parts.config.architecture == "gpt2" ? gpt2_json(parts) : llama_json(parts);
  json["_name_or_path"] = parts.config.name;
  json["vocab_size"] = parts.config.vocabulary;
  json["tie_word_embeddings"] = !parts.tensors.contains("output.weight");
  if (parts.tokenizer.bos) json["bos_token_id"] = *parts.tokenizer.bos;
  if (parts.tokenizer.eos) json["eos_token_id"] = *parts.tokenizer.eos;
  return dump_json(json, 2) + "\n";
}

}  // namespace galley::inference
