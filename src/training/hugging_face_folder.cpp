#include "training/hugging_face_folder.h"

#include <utility>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "inference/safetensors.h"

namespace galley::training {
namespace {

/// A base model has no turns: a conversation is its texts, one after the other.
constexpr std::string_view kChatTemplate =
    "{% for message in messages %}{{ message['content'] }}{% endfor %}";

Json print_config(const DecoderShape& shape, std::int64_t end_of_text) {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"vocab_size", shape.vocabulary},
          {"hidden_size", shape.width},
          {"intermediate_size", shape.feed_forward},
          {"num_hidden_layers", shape.layers},
          {"num_attention_heads", shape.heads},
          {"num_key_value_heads", shape.kv_heads},
          {"head_dim", shape.head_dim()},
          {"max_position_embeddings", shape.context},
          {"rms_norm_eps", static_cast<double>(shape.norm_epsilon)},
          {"rope_theta", static_cast<double>(shape.rope_theta)},
          {"hidden_act", "silu"},
          {"attention_bias", false},
          {"mlp_bias", false},
          {"tie_word_embeddings", true},
          {"torch_dtype", "float32"},
          {"bos_token_id", end_of_text},
          {"eos_token_id", end_of_text}};
}

Json print_tokenizer_config(const DecoderShape& shape, const std::string& end_of_text) {
  return {{"tokenizer_class", "PreTrainedTokenizerFast"},
          {"add_bos_token", true},
          {"bos_token", end_of_text},
          {"eos_token", end_of_text},
          {"model_max_length", shape.context},
          {"clean_up_tokenization_spaces", false},
          {"chat_template", kChatTemplate}};
}

std::string print_tensors(const DecoderLayout& layout, std::span<const float> parameters,
                          std::map<std::string, std::string, std::less<>> facts) {
  facts["format"] = "pt";  // other readers refuse a file that does not say it
  std::vector<std::pair<std::string, inference::TensorView>> tensors;
  for (const ParameterSlot& slot : layout.slots()) {
    const auto* const bytes = reinterpret_cast<const char*>(parameters.data() + slot.offset);
    tensors.emplace_back(slot.name, inference::TensorView{"F32",
                                                          {slot.shape.begin(), slot.shape.end()},
                                                          {bytes, slot.count * sizeof(float)}});
  }
  return inference::print_safetensors(tensors, facts);
}

}  // namespace

Status save_hugging_face(const std::filesystem::path& folder, const DecoderLayout& layout,
                         std::span<const float> parameters, const text::TokenizerSpec& tokenizer,
                         const std::map<std::string, std::string, std::less<>>& facts) {
  GALLEY_CHECK(tokenizer.eos && parameters.size() == layout.size(),
               "what is saved was trained here");
  const auto end_of_text = *tokenizer.eos;
  GALLEY_TRY_STATUS(make_folders(folder));
  const auto write = [&](const char* name, const std::string& bytes) {
    return write_file_atomic(folder / name, bytes, Durability::disk);
  };
  const auto write_json = [&](const char* name, const Json& json) {
    return write(name, dump_json(json, 2) + "\n");
  };
  GALLEY_TRY_STATUS(write("model.safetensors", print_tensors(layout, parameters, facts)));
  GALLEY_TRY_STATUS(write("tokenizer.json", text::print_tokenizer_json(tokenizer)));
  GALLEY_TRY_STATUS(write_json(
      "tokenizer_config.json",
      print_tokenizer_config(layout.shape(),
                             tokenizer.tokens[static_cast<std::size_t>(end_of_text)].text)));
  GALLEY_TRY_STATUS(write_json(
      "generation_config.json",
      {{"bos_token_id", end_of_text}, {"eos_token_id", end_of_text}, {"do_sample", true}}));
  return write_json("config.json", print_config(layout.shape(), end_of_text));
}

}  // namespace galley::training
