#pragma once

#include "inference/gguf.h"
#include "inference/quantize.h"
#include "model_parts.h"

namespace galley::inference {

/// "general.architecture", its shape, rope and norms: what a GGUF file says of such a model.
/// `stated_context` is the context before scaling. Errors: unsupported (what GGUF has no key for).
Status add_config_keys(const ModelConfig& config, const RopeSettings& rope,
                       std::size_t stated_context, GgufWriter& writer);
/// Errors: unsupported, for kinds that no text model of ours comes with as a GGUF file.
Status add_tokenizer_keys(const text::TokenizerSpec& spec, GgufWriter& writer);
/// general.file_type and, of block formats, general.quantization_version.
void add_mix_keys(QuantMix mix, GgufWriter& writer);

}  // namespace galley::inference
