#include <array>
#include <charconv>

#include "inference/quantize.h"

namespace galley::inference {
namespace {

using tensor::Format;

struct MixName {
  QuantMix mix;
  std::string_view name;
};
constexpr std::array kNames{MixName{QuantMix::f16, "f16"},       MixName{QuantMix::bf16, "bf16"},
                            MixName{QuantMix::q8_0, "q8_0"},     MixName{QuantMix::q4_0, "q4_0"},
                            MixName{QuantMix::q4_k_m, "q4_k_m"}, MixName{QuantMix::i8, "i8"}};

/// The layers whose sensitive matrices get more bits: the first and last eighth and every third
/// between.
bool gets_more_bits(std::size_t layer, std::size_t layers) {
  const std::size_t eighth = layers / 8;
  return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
}

std::size_t layer_of(std::string_view name) {
  constexpr std::string_view kLayerPrefix = "blk.";
  std::size_t layer = 0;
  if (name.starts_with(kLayerPrefix))
    std::from_chars(name.data() + kLayerPrefix.size(), name.data() + name.size(), layer);
  return layer;
}

Format matrix_format(QuantMix mix) {
  switch (mix) {
    case QuantMix::f16:
      return Format::f16;
    case QuantMix::bf16:
      return Format::bf16;
    case QuantMix::q8_0:
      return Format::q8_0;
    case QuantMix::q4_0:
      return Format::q4_0;
    case QuantMix::q4_k_m:
      return Format::q4_k;
    case QuantMix::i8:
      return Format::i8;
  }
  return Format::f32;
}

Format q4_k_m_format(const MixQuestion& question) {
  constexpr std::size_t kLayersOf70b = 80;  // its 8 heads share one attn_v: a few more bits there
  const std::size_t layer = layer_of(question.name);
  if (question.name.ends_with("attn_qkv.weight")) return Format::q5_k;
  if (question.name.ends_with("attn_v.weight")) {
    if (gets_more_bits(layer, question.layers)) return Format::q6_k;
    return question.layers == kLayersOf70b && question.grouped_heads ? Format::q5_k : Format::q4_k;
  }
  if (question.name.ends_with("ffn_down.weight") && gets_more_bits(layer, question.layers))
    return Format::q6_k;
  return Format::q4_k;
}

/// The next larger format whose blocks fit, for columns that those of `format` do not divide.
Format fitting(Format format, std::size_t columns) {
  if (columns % tensor::block_values(format) == 0) return format;
  Format smaller = Format::q8_0;
  if (format == Format::q4_k) smaller = Format::q5_0;
  return columns % tensor::block_values(smaller) == 0 ? smaller : Format::f16;
}

}  // namespace

std::string_view name_of(QuantMix mix) { return kNames[static_cast<std::size_t>(mix)].name; }

std::optional<QuantMix> mix_of(std::string_view name) {
  for (const MixName& each : kNames)
    if (each.name == name) return each.mix;
  return std::nullopt;
}

std::string mix_names() {
  std::string names;
  for (const MixName& each : kNames) names += (names.empty() ? "" : ", ") + std::string(each.name);
  return names;
}

Format format_for(QuantMix mix, const MixQuestion& question) {
  if (question.rank < 2) return Format::f32;
  if (question.name == "position_embd.weight")
    return question.stored == Format::f16 ? Format::f16 : Format::f32;
  Format format = matrix_format(mix);
  const bool is_output =
      question.name == "output.weight" || (question.tied && question.name == "token_embd.weight");
  if ((mix == QuantMix::q4_0 || mix == QuantMix::q4_k_m) && is_output) {
    format = Format::q6_k;
  } else if (mix == QuantMix::q4_k_m && question.name != "token_embd.weight") {
    format = q4_k_m_format(question);
  }
  return fitting(format, question.columns);
}

}  // namespace galley::inference
