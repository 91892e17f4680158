#pragma once

#include <string_view>

#include "model_parts.h"

namespace galley::inference {

/// What a Hugging Face folder's config.json says.
struct HfConfig {
  ModelConfig config;  // without parameters and rope's frequencies until apply_rope
  RopeSettings rope;
  std::size_t stated_context = 0;  // before scaling
  bool tied = false;               // the output matrix is the embedding's
  std::vector<text::TokenId> end_tokens;
  std::optional<text::TokenId> begin_token;
};

/// Of LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM, GPT2LMHeadModel.
/// Errors: corrupt (no JSON, a value of another type, with its key); unsupported (architecture,
/// activation, rope scaling, a quantisation of its own: by name).
Result<HfConfig> parse_hf_config(std::string_view config_json);

/// generation_config.json's eos_token_id: a number or a list. Errors: corrupt.
Result<std::vector<text::TokenId>> parse_end_tokens(std::string_view generation_config_json);

/// The config.json that parse_hf_config reads back to the same model.
std::string print_hf_config(const ModelParts& parts);

/// GGUF's name of a tensor, empty for one that a model of this kind can do without (buffers that
/// old checkpoints carry), and the name itself where it is unknown or GGUF's already.
std::string gguf_name_of(std::string_view hf_name, bool gpt2);
/// The inverse for the Llama family.
std::string hf_name_of(std::string_view gguf_name);

}  // namespace galley::inference
