#include "gguf_keys.h"

#include <algorithm>

namespace galley::inference {
namespace {

constexpr std::uint32_t kQuantizationVersion = 2;  // of ggml's block formats since 2023

std::uint32_t file_type_of(QuantMix mix) {
  switch (mix) {
    case QuantMix::f16:
      return 1;
    case QuantMix::bf16:
      return 32;
    case QuantMix::q8_0:
      return 7;
    case QuantMix::q4_0:
      return 2;
    case QuantMix::q4_k_m:
      return 15;
    case QuantMix::i8:
      break;
  }
  return 0;
}

std::uint32_t small(std::size_t value) { return static_cast<std::uint32_t>(value); }

void add_rope_keys(const RopeSettings& rope, const std::string& prefix, GgufWriter& writer) {
  writer.add_u32(prefix + "rope.dimension_count", small(rope.rotated_dim));
  writer.add_f32(prefix + "rope.freq_base", static_cast<float>(rope.base));
  // Llama 3's scaling has no keys: it goes into the divisors of rope_freqs.
  if (rope.scaling != RopeScaling::linear && rope.scaling != RopeScaling::yarn) return;
  const bool yarn = rope.scaling == RopeScaling::yarn;
  writer.add_string(prefix + "rope.scaling.type", yarn ? "yarn" : "linear");
  writer.add_f32(prefix + "rope.scaling.factor", static_cast<float>(rope.factor));
  if (!yarn) return;
  writer.add_u32(prefix + "rope.scaling.original_context_length",
                 static_cast<std::uint32_t>(rope.original_context));
  writer.add_f32(prefix + "rope.scaling.attn_factor",
                 static_cast<float>(rope.attention_scale / yarn_attention_scale(rope.factor)));
  writer.add_f32(prefix + "rope.scaling.yarn_beta_fast", static_cast<float>(rope.beta_fast));
  writer.add_f32(prefix + "rope.scaling.yarn_beta_slow", static_cast<float>(rope.beta_slow));
}

}  // namespace

Status add_config_keys(const ModelConfig& config, const RopeSettings& rope,
                       std::size_t stated_context, GgufWriter& writer) {
  if (config.activation == FeedForward::gelu_erf)
    return Error{
        Errc::unsupported, "GGUF has no key for the exact form of GELU", {}, "gelu_new, or i8"};
  const std::string prefix = config.architecture + ".";
  writer.add_string("general.architecture", config.architecture);
  if (!config.name.empty()) writer.add_string("general.name", config.name);
  writer.add_u32(prefix + "vocab_size", small(config.vocabulary));
  writer.add_u32(prefix + "context_length", small(stated_context));
  writer.add_u32(prefix + "embedding_length", small(config.width));
  writer.add_u32(prefix + "block_count", small(config.layers));
  writer.add_u32(prefix + "feed_forward_length", small(config.feed_forward));
  writer.add_u32(prefix + "attention.head_count", small(config.heads));
  writer.add_u32(prefix + "attention.head_count_kv", small(config.kv_heads));
  if (config.head_dim * config.heads != config.width) {
    writer.add_u32(prefix + "attention.key_length", small(config.head_dim));
    writer.add_u32(prefix + "attention.value_length", small(config.head_dim));
  }
  if (config.sliding_window > 0)
    writer.add_u32(prefix + "attention.sliding_window", config.sliding_window);
  writer.add_f32(prefix + (config.norm == tensor::NormKind::rms ? "attention.layer_norm_rms_epsilon"
                                                                : "attention.layer_norm_epsilon"),
                 config.norm_epsilon);
  if (config.positions == PositionKind::rope) add_rope_keys(rope, prefix, writer);
  return ok();
}

Status add_tokenizer_keys(const text::TokenizerSpec& spec, GgufWriter& writer) {
  const bool is_bpe = spec.kind == text::TokenizerKind::byte_bpe;
  if (!is_bpe && spec.kind != text::TokenizerKind::sentencepiece_bpe)
    return Error{Errc::unsupported,
                 "the tokenizer (unigram or WordPiece) cannot be written into a GGUF file",
                 {},
                 "a byte-level or SentencePiece BPE tokenizer, or --to i8"};
  const std::string prefix = "tokenizer.ggml.";
  writer.add_string(prefix + "model", is_bpe ? "gpt2" : "llama");
  if (is_bpe) writer.add_string(prefix + "pre", spec.pre_tokenizer);
  std::vector<std::string> tokens;
  std::vector<float> scores;
  std::vector<std::int32_t> types;
  for (const text::Token& token : spec.tokens) {
    tokens.push_back(token.text);
    scores.push_back(token.score);
    types.push_back(static_cast<std::int32_t>(token.type));
  }
  writer.add_strings(prefix + "tokens", tokens);
  if (!is_bpe) writer.add_floats(prefix + "scores", scores);
  writer.add_integers(prefix + "token_type", types);
  if (is_bpe) {
    std::vector<std::string> merges;
    for (const auto& [left, right] : spec.merges) merges.push_back(left + " " + right);
    writer.add_strings(prefix + "merges", merges);
  }
  const auto add_id = [&](const char* name, std::optional<text::TokenId> id) {
    if (id && *id >= 0) writer.add_u32(prefix + name, static_cast<std::uint32_t>(*id));
  };
  add_id("bos_token_id", spec.bos);
  add_id("eos_token_id", spec.eos);
  add_id("unknown_token_id", spec.unknown);
  add_id("padding_token_id", spec.padding);
  if (!spec.end_of_turn.empty()) add_id("eot_token_id", spec.end_of_turn.front());
  writer.add_bool(prefix + "add_bos_token", spec.add_bos);
  writer.add_bool(prefix + "add_eos_token", spec.add_eos);
  if (!is_bpe) writer.add_bool(prefix + "add_space_prefix", spec.add_space_prefix);
  if (!spec.chat_template.empty()) writer.add_string("tokenizer.chat_template", spec.chat_template);
  return ok();
}

void add_mix_keys(QuantMix mix, GgufWriter& writer) {
  writer.add_u32("general.file_type", file_type_of(mix));
  if (mix != QuantMix::f16 && mix != QuantMix::bf16)
    writer.add_u32("general.quantization_version", kQuantizationVersion);
}

}  // namespace galley::inference
