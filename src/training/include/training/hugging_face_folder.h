#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "base/result.h"
#include "text/tokenizer.h"
#include "training/decoder_layout.h"

namespace galley::training {

/// Writes a decoder as Hugging Face's libraries and our engine read it: model.safetensors (f32),
/// tokenizer.json, tokenizer_config.json, generation_config.json and, last, config.json
/// (LlamaForCausalLM), so that a folder with a config.json is whole. `facts` go into the weights'
/// metadata. Errors: those of writing.
Status save_hugging_face(const std::filesystem::path& folder, const DecoderLayout& layout,
                         std::span<const float> parameters, const text::TokenizerSpec& tokenizer,
                         const std::map<std::string, std::string, std::less<>>& facts);

}  // namespace galley::training
