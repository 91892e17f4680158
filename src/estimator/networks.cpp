#include "estimator/networks.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <vector>

#include "base/json.h"
#include "base/text.h"

namespace galley::estimator {
namespace {

// name, forward GFLOP, parameters (millions), activations (MB), layers; of one item: an image, a
// sequence (BERT 384 tokens, GPT 1,024), a token (GNMT, Transformer-XL), a frame, a user.
const std::vector<NetworkSpec>& network_table() {
  static const std::vector<NetworkSpec> table{
      {"lenet", 0.001, 0.06, 0.1, 5},
      {"alexnet", 1.43, 61.1, 4.5, 8},
      {"vgg16", 31, 138.4, 75, 16},
      {"vgg19", 39.3, 143.7, 82, 19},
      {"resnet18", 1.11, 11.2, 10, 21},
      {"resnet18 imagenet", 3.64, 11.7, 24, 21},
      {"resnet34", 7.3, 21.8, 38, 37},
      {"resnet50", 8.2, 25.6, 100, 54},
      {"resnet50 cifar10", 2.6, 23.5, 42, 54},
      {"resnet101", 15.7, 44.5, 155, 105},
      {"resnet152", 23.1, 60.2, 220, 156},
      {"imagenet", 8.2, 25.6, 100, 54},
      {"cifar10", 1.11, 11.2, 10, 21},
      {"inception3", 11.4, 23.8, 95, 94},
      {"googlenet", 3, 6.6, 40, 58},
      {"mobilenet", 0.63, 3.5, 75, 53},
      {"densenet121", 5.7, 8, 135, 121},
      {"efficientnet b0", 0.8, 5.3, 80, 82},
      {"efficientnet b4", 9, 19.3, 350, 160},
      {"vit base", 35.2, 86.6, 180, 50},
      {"vit large", 123, 304, 480, 98},
      {"ssd", 35, 23, 150, 70},
      {"maskrcnn", 520, 44.2, 1800, 90},
      {"fasterrcnn", 360, 41.8, 1300, 80},
      {"yolov3", 66, 61.9, 260, 75},
      {"yolov5", 16.5, 7.2, 120, 60},
      {"unet3d", 1900, 30.8, 6000, 27},
      {"unet", 110, 31, 450, 23},
      {"cyclegan", 230, 28.3, 800, 110},
      {"stable diffusion", 680, 860, 2600, 300},
      {"bert", 71, 110, 420, 75},
      {"bert base", 71, 110, 420, 75},
      {"bert large", 246, 335, 1100, 147},
      {"distilbert", 36, 66, 215, 39},
      {"roberta base", 71, 125, 420, 75},
      {"roberta large", 246, 355, 1100, 147},
      {"gpt2", 292, 124, 1500, 50},
      {"gpt2 medium", 820, 355, 3800, 98},
      {"gpt2 large", 1750, 774, 7000, 146},
      {"gpt2 xl", 3500, 1558, 11000, 194},
      {"t5 base", 120, 223, 700, 130},
      {"transformer", 3, 63, 25, 100},
      {"transformerxl base", 0.42, 192, 3, 130},
      {"transformerxl large", 0.6, 257, 5, 150},
      {"gnmt", 0.33, 160, 1.2, 30},
      {"lm", 2, 50, 8, 5},
      {"lstm", 2, 50, 8, 5},
      {"rnnt", 45, 49, 130, 20},
      {"deepspeech2", 60, 53, 90, 10},
      {"tacotron2", 0.06, 28.2, 0.6, 40},
      {"waveglow", 0.0022, 87.9, 0.02, 200},
      {"whisper small", 340, 244, 900, 150},
      {"ncf", 0.0003, 31.8, 0.003, 6},
      {"dlrm", 0.004, 540, 0.02, 9},
      {"recommendation", 0.017, 8.1, 0.2, 4},
      {"a3c", 0.002, 0.8, 0.05, 6},
      {"minigo", 2.6, 24, 20, 42},
      {"llama 7b", 15000, 6738, 30000, 226},
      {"llama 8b", 18000, 8030, 32000, 226},
      {"llama 13b", 29000, 13016, 47000, 282},
      {"llama 70b", 145000, 69000, 150000, 562},
      {"mistral 7b", 15800, 7242, 31000, 226},
  };
  return table;
}

std::string network_key(std::string_view name) {
  std::string key;
  for (const char c : name.substr(0, 200))
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      key += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return key;
}

const std::vector<std::string>& network_keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> all;
    for (const NetworkSpec& spec : network_table()) all.push_back(network_key(spec.name));
    return all;
  }();
  return keys;
}

/// The first of these keys that the file has as a number; nothing is a guess.
double config_number(const Json& config, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (const auto found = config.find(key); found != config.end() && found->is_number())
      return found->get<double>();
  return 0;
}

bool gated_config(const Json& config) {
  const auto kind = config.find("model_type");
  if (kind == config.end() || !kind->is_string()) return false;
  constexpr std::array<std::string_view, 9> kGated{"llama", "mistral", "mixtral", "qwen2", "qwen3",
                                                   "gemma", "gemma2",  "phi3",    "olmo"};
  return std::ranges::find(kGated, kind->get<std::string>()) != kGated.end();
}

}  // namespace

std::span<const NetworkSpec> known_networks() { return network_table(); }

Result<NetworkSpec> find_network(std::string_view name) {
  const std::string key = network_key(name);
  const auto& keys = network_keys();
  std::size_t best = keys.size();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] == key) return network_table()[i];
    // "lm" must not answer for everything that begins with it.
    if (keys[i].size() >= 3 && key.starts_with(keys[i]) &&
        (best == keys.size() || keys[i].size() > keys[best].size()))
      best = i;
  }
  if (best < keys.size()) return network_table()[best];
  const auto near = nearest(key, keys);
  return Error{.code = Errc::not_found,
               .message = "no network is known as '" + std::string(name.substr(0, 80)) + "'",
               .field = "network",
               .expected = {},
               .hint = (near.empty() ? std::string() : "did you mean '" + near + "'? Else ") +
                       "give forward_gflops and parameters_m, or its config.json"};
}

Result<NetworkSpec> transformer_network(std::string name, const TransformerShape& shape) {
  const double feed_forward = shape.feed_forward > 0 ? shape.feed_forward : 4 * shape.hidden;
  const auto wrong = [](double value, double most) {
    return !std::isfinite(value) || value < 1 || value > most;
  };
  if (wrong(shape.layers, 1e4) || wrong(shape.hidden, 1e6) || wrong(feed_forward, 1e7) ||
      wrong(shape.vocabulary, 1e8) || wrong(shape.sequence, 1e8) || wrong(shape.experts, 1e5) ||
      wrong(shape.active_experts, shape.experts))
    return Error{.code = Errc::invalid_argument,
                 .message = "the shape of transformer '" + name + "' is not usable",
                 .field = "network",
                 .expected = "layers, hidden size, vocabulary and sequence of at least 1"};
  const double hidden = shape.hidden;
  const double matrices = 2 + shape.gated;
  const double width = shape.attention_width > 0 ? shape.attention_width : hidden;
  const double projections = 4 * hidden * width;
  const double block = matrices * hidden * feed_forward;
  const double extra = shape.expert_layers_ratio;
  const double active = projections + block * (1 - extra + extra * shape.active_experts);
  const double held = projections + block * (1 - extra + extra * shape.experts);
  const double output = hidden * shape.vocabulary;
  NetworkSpec spec;
  spec.name = std::move(name);
  spec.forward_gflops =
      shape.sequence *
      (2 * shape.layers * active + 2 * output + 4 * shape.layers * shape.sequence * width) / 1e9;
  spec.parameters_m = (shape.layers * held + output) / 1e6;
  // Kept per token and layer: about 34 values of the hidden size, and the attention matrices
  // (Korthikanti et al., arXiv:2205.05198, section 4.1), here in fp32.
  spec.activation_mb = shape.layers * shape.sequence *
                       (34 * hidden + 5 * std::max(shape.heads, 1.0) * shape.sequence) * 2 / 1e6;
  spec.layers = shape.layers * (4 + matrices) + 2;
  return spec;
}

Result<NetworkSpec> network_from_config(std::string name, std::string_view config_json,
                                        double sequence) {
  GALLEY_TRY(const auto config, parse_json(config_json));
  if (!config.is_object())
    return Error{Errc::invalid_argument, "the config of network '" + name + "' is no JSON object"};
  TransformerShape shape;
  shape.layers = config_number(config, {"num_hidden_layers", "n_layer", "num_layers"});
  shape.hidden = config_number(config, {"hidden_size", "n_embd", "d_model"});
  shape.feed_forward = config_number(config, {"intermediate_size", "n_inner", "ffn_dim", "d_ff"});
  shape.heads = config_number(config, {"num_attention_heads", "n_head", "num_heads"});
  shape.attention_width = shape.heads * config_number(config, {"d_kv", "head_dim"});
  shape.vocabulary = config_number(config, {"vocab_size"});
  shape.sequence = sequence;
  shape.gated = gated_config(config) ? 1 : 0;
  // Both halves of an encoder-decoder see an item; its decoder's cross attention is left out.
  shape.layers += config_number(config, {"num_decoder_layers"});
  const double experts = config_number(config, {"num_experts", "num_local_experts"});
  if (experts >= 1) {
    shape.experts = experts;
    shape.active_experts = std::clamp(config_number(config, {"num_experts_per_tok"}), 1.0, experts);
    const double sparse = config_number(config, {"num_sparse_encoder_layers"}) +
                          config_number(config, {"num_sparse_decoder_layers"});
    if (sparse > 0 && shape.layers > 0)
      shape.expert_layers_ratio = std::clamp(sparse / shape.layers, 0.0, 1.0);
  }
  return transformer_network(std::move(name), shape);
}

}  // namespace galley::estimator
