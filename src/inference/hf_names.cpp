#include <array>

#include "hf_config.h"

namespace galley::inference {
namespace {

struct Pair {
  std::string_view hf;
  std::string_view gguf;
};

constexpr std::array kLlamaOutside{Pair{"model.embed_tokens.", "token_embd."},
                                   Pair{"model.norm.", "output_norm."},
                                   Pair{"lm_head.", "output."}};
constexpr std::array kLlamaInside{
    Pair{"input_layernorm.", "attn_norm."},    Pair{"self_attn.q_proj.", "attn_q."},
    Pair{"self_attn.k_proj.", "attn_k."},      Pair{"self_attn.v_proj.", "attn_v."},
    Pair{"self_attn.o_proj.", "attn_output."}, Pair{"self_attn.q_norm.", "attn_q_norm."},
    Pair{"self_attn.k_norm.", "attn_k_norm."}, Pair{"post_attention_layernorm.", "ffn_norm."},
    Pair{"mlp.gate_proj.", "ffn_gate."},       Pair{"mlp.up_proj.", "ffn_up."},
    Pair{"mlp.down_proj.", "ffn_down."},       Pair{"self_attn.rotary_emb.", ""}};
constexpr std::array kGpt2Outside{Pair{"wte.", "token_embd."}, Pair{"wpe.", "position_embd."},
                                  Pair{"ln_f.", "output_norm."}, Pair{"lm_head.", "output."}};
// c_attn holds q, k and v; "attn.bias" and "attn.masked_bias" are masks, no weights.
constexpr std::array kGpt2Inside{Pair{"ln_1.", "attn_norm."},
                                 Pair{"attn.c_attn.", "attn_qkv."},
                                 Pair{"attn.c_proj.", "attn_output."},
                                 Pair{"ln_2.", "ffn_norm."},
                                 Pair{"mlp.c_fc.", "ffn_up."},
                                 Pair{"mlp.c_proj.", "ffn_down."},
                                 Pair{"attn.bias", ""},
                                 Pair{"attn.masked_bias", ""}};

/// Whether a pair fits the start of `name`; then `out` is prefix + its other name + the rest.
template <class Pairs>
bool translate(const Pairs& pairs, std::string_view name, const std::string& prefix,
               std::string& out) {
  for (const Pair& pair : pairs)
    if (name.starts_with(pair.hf)) {
      out = pair.gguf.empty()
                ? std::string()
                : prefix + std::string(pair.gguf) + std::string(name.substr(pair.hf.size()));
      return true;
    }
  return false;
}

}  // namespace

std::string hf_name_of(std::string_view gguf_name) {
  const auto inverse = [](const auto& pairs, std::string_view name, const std::string& prefix) {
    for (const Pair& pair : pairs)
      if (!pair.gguf.empty() && name.starts_with(pair.gguf))
        return prefix + std::string(pair.hf) + std::string(name.substr(pair.gguf.size()));
    return prefix + std::string(name);
  };
  constexpr std::string_view kLayer = "blk.";
  if (!gguf_name.starts_with(kLayer)) return inverse(kLlamaOutside, gguf_name, "");
  const std::string_view rest = gguf_name.substr(kLayer.size());
  const std::size_t dot = rest.find('.');
  return inverse(kLlamaInside, rest.substr(dot + 1),
                 "model.layers." + std::string(rest.substr(0, dot)) + ".");
}

std::string gguf_name_of(std::string_view hf_name, bool gpt2) {
  std::string_view name = hf_name;
  if (gpt2 && name.starts_with("transformer.")) name.remove_prefix(12);
  const std::string_view layers = gpt2 ? "h." : "model.layers.";
  std::string out;
  if (!name.starts_with(layers)) {
    const bool known =
        gpt2 ? translate(kGpt2Outside, name, "", out) : translate(kLlamaOutside, name, "", out);
    return known ? out : std::string(hf_name);
  }
  name.remove_prefix(layers.size());
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return std::string(hf_name);
  const std::string prefix = "blk." + std::string(name.substr(0, dot)) + ".";
  name.remove_prefix(dot + 1);
  const bool known =
      gpt2 ? translate(kGpt2Inside, name, prefix, out) : translate(kLlamaInside, name, prefix, out);
  return known ? out : std::string(hf_name);
}

}  // namespace galley::inference
