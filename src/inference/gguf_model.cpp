#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <set>

#include "inference/gguf_tokenizer.h"
#include "model_parts.h"

namespace galley::inference {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMaxParts = 999;

/// Reads keys "<architecture>.<name>".
class Keys {
 public:
  Keys(const Gguf& file, std::string_view architecture)
      : file_(file), prefix_(std::string(architecture) + ".") {}

  Result<std::size_t> size(std::string_view name) const {
    return file_.unsigned_of(prefix_ + std::string(name));
  }
  Result<std::size_t> size(std::string_view name, std::size_t otherwise) const {
    GALLEY_TRY(const auto value, file_.find_unsigned(prefix_ + std::string(name)));
    return static_cast<std::size_t>(value.value_or(otherwise));
  }
  Result<double> number(std::string_view name, double otherwise) const {
    GALLEY_TRY(const auto value, file_.find_number(prefix_ + std::string(name)));
    return value.value_or(otherwise);
  }
  Result<std::string_view> text(std::string_view name, std::string_view otherwise) const {
    GALLEY_TRY(const auto value, file_.find_string(prefix_ + std::string(name)));
    return value.value_or(otherwise);
  }

 private:
  const Gguf& file_;
  std::string prefix_;
};

Result<RopeSettings> read_rope(const Keys& keys, const ModelConfig& config,
                               std::size_t stated_context, const TensorMap& tensors) {
  RopeSettings rope;
  GALLEY_TRY(rope.rotated_dim, keys.size("rope.dimension_count", config.head_dim));
  GALLEY_TRY(rope.base, keys.number("rope.freq_base", 10000));
  GALLEY_TRY(const auto old_linear, keys.number("rope.scale_linear", 1));
  GALLEY_TRY(const auto type, keys.text("rope.scaling.type", old_linear == 1 ? "none" : "linear"));
  if (type == "linear") {
    rope.scaling = RopeScaling::linear;
  } else if (type == "yarn") {
    rope.scaling = RopeScaling::yarn;
  } else if (type != "none") {
    return Error{Errc::unsupported,
                 fmt::format("rope scaling '{}'", type),
                 {},
                 "none, linear, yarn, or a rope_freqs tensor"};
  }
  if (rope.scaling != RopeScaling::none) {
    GALLEY_TRY(rope.factor, keys.number("rope.scaling.factor", old_linear));
  }
  if (rope.scaling == RopeScaling::yarn) {
    GALLEY_TRY(rope.original_context, keys.number("rope.scaling.original_context_length",
                                                  static_cast<double>(stated_context)));
    GALLEY_TRY(const auto attention, keys.number("rope.scaling.attn_factor", 1));
    GALLEY_TRY(rope.beta_fast, keys.number("rope.scaling.yarn_beta_fast", rope.beta_fast));
    GALLEY_TRY(rope.beta_slow, keys.number("rope.scaling.yarn_beta_slow", rope.beta_slow));
    rope.attention_scale = attention * yarn_attention_scale(rope.factor);
  }
  GALLEY_TRY(rope.divisors, rope_divisors(tensors, rope.rotated_dim));
  return rope;
}

Result<std::size_t> vocabulary_of(const Keys& keys, const TensorMap& tensors) {
  const auto embedding = tensors.find("token_embd.weight");
  return keys.size("vocab_size", embedding == tensors.end() || embedding->second.shape.empty()
                                     ? 0
                                     : embedding->second.shape[0]);
}

Status read_llama_keys(const Keys& keys, ModelConfig& config) {
  GALLEY_TRY(const auto epsilon, keys.number("attention.layer_norm_rms_epsilon", 1e-5));
  config.norm_epsilon = static_cast<float>(epsilon);
  config.norm = tensor::NormKind::rms;
  config.activation = FeedForward::swiglu;
  config.qk_norm = config.architecture == "qwen3";
  // Converters permute the rows of q and k for llama alone.
  config.adjacent_pairs = config.architecture == "llama";
  GALLEY_TRY(const auto experts, keys.size("expert_count", 0));
  if (experts > 0)
    return Error{
        Errc::unsupported, fmt::format("a mixture of {} experts", experts), {}, "a dense model"};
  return ok();
}

Status read_gpt2_keys(const Keys& keys, ModelConfig& config) {
  GALLEY_TRY(const auto epsilon, keys.number("attention.layer_norm_epsilon", 1e-5));
  config.norm_epsilon = static_cast<float>(epsilon);
  config.norm = tensor::NormKind::layer;
  config.activation = FeedForward::gelu;
  config.positions = PositionKind::learned;
  return ok();
}

Status read_config(const Gguf& file, ModelParts& parts) {
  ModelConfig& config = parts.config;
  GALLEY_TRY(const auto architecture, file.string_of("general.architecture"));
  if (architecture != "llama" && architecture != "qwen2" && architecture != "qwen3" &&
      architecture != "gpt2")
    return Error{Errc::unsupported,
                 fmt::format("architecture '{}'", architecture),
                 {},
                 "llama, qwen2, qwen3 or gpt2"};
  config.architecture = architecture;
  GALLEY_TRY(const auto name, file.find_string("general.name"));
  config.name = name.value_or("");
  const Keys keys(file, architecture);
  GALLEY_TRY(config.layers, keys.size("block_count"));
  GALLEY_TRY(config.width, keys.size("embedding_length"));
  GALLEY_TRY(config.feed_forward, keys.size("feed_forward_length"));
  GALLEY_TRY(config.heads, keys.size("attention.head_count"));
  GALLEY_TRY(config.kv_heads, keys.size("attention.head_count_kv", config.heads));
  GALLEY_TRY(config.context, keys.size("context_length"));
  parts.stated_context = config.context;
  GALLEY_TRY(config.vocabulary, vocabulary_of(keys, parts.tensors));
  GALLEY_TRY(config.head_dim, keys.size("attention.key_length",
                                        config.heads == 0 ? 0 : config.width / config.heads));
  GALLEY_TRY(const auto value_dim, keys.size("attention.value_length", config.head_dim));
  if (value_dim != config.head_dim)
    return Error{Errc::unsupported,
                 fmt::format("keys of {} and values of {} dimensions", config.head_dim, value_dim),
                 {},
                 "equal ones"};
  GALLEY_TRY(const auto window, keys.size("attention.sliding_window", 0));
  config.sliding_window = static_cast<std::uint32_t>(std::min<std::size_t>(window, UINT32_MAX));
  if (architecture == "gpt2") {
    GALLEY_TRY_STATUS(read_gpt2_keys(keys, config));
    return check_config(config);
  }
  GALLEY_TRY_STATUS(read_llama_keys(keys, config));
  GALLEY_TRY_STATUS(check_config(config));
  GALLEY_TRY(parts.rope, read_rope(keys, config, config.context, parts.tensors));
  GALLEY_TRY_STATUS(apply_rope(parts.rope, config.context, config));
  return check_config(config);
}

Status add_tensors(const Gguf& file, TensorMap& tensors) {
  for (const auto& [name, tensor] : file.tensors()) {
    if (!tensor.format)
      return Error{Errc::unsupported,
                   fmt::format("tensor '{}' is of type {}", name, tensor.type_name),
                   {},
                   "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q4_K, Q5_K or Q6_K"};
    StoredTensor stored{.format = *tensor.format,
                        .shape = {tensor.shape.begin(), tensor.shape.end()},
                        .bytes = reinterpret_cast<const std::byte*>(tensor.bytes.data()),
                        .size_bytes = tensor.bytes.size()};
    if (!tensors.emplace(std::string(name), std::move(stored)).second)
      return Error{Errc::corrupt, fmt::format("tensor '{}' is in two parts of the model", name)};
  }
  return ok();
}

Status check_split(const Gguf& file, std::size_t index, std::size_t count) {
  GALLEY_TRY(const auto number, file.find_unsigned("split.no"));
  GALLEY_TRY(const auto total, file.find_unsigned("split.count"));
  if (total.value_or(1) == count && number.value_or(0) == index) return ok();
  return Error{Errc::corrupt,
               fmt::format("the file says that it is part {} of {}, and it was read as part {} of "
                           "{}",
                           number.value_or(0) + 1, total.value_or(1), index + 1, count)};
}

}  // namespace

Result<std::vector<fs::path>> gguf_parts(const fs::path& path) {
  // NAME-00001-of-00003.gguf
  constexpr std::string_view kPattern = "-00000-of-00000.gguf";
  const std::string name = path.filename().string();
  if (name.size() <= kPattern.size()) return std::vector{path};
  const std::string_view tail = std::string_view(name).substr(name.size() - kPattern.size());
  std::size_t number = 0;
  std::size_t count = 0;
  const auto read = [&](std::size_t at, std::size_t& out) {
    const char* end = tail.data() + at + 5;
    const auto [stop, error] = std::from_chars(tail.data() + at, end, out);
    return error == std::errc() && stop == end;
  };
  if (tail[0] != '-' || tail.substr(6, 4) != "-of-" || tail.substr(15) != ".gguf" ||
      !read(1, number) || !read(10, count))
    return std::vector{path};
  if (count == 0 || count > kMaxParts || number == 0 || number > count)
    return Error{Errc::invalid_argument, fmt::format("'{}' names part {} of {}; up to {} parts "
                                                     "are possible",
                                                     name, number, count, kMaxParts)};
  std::vector<fs::path> parts;
  const std::string stem = name.substr(0, name.size() - kPattern.size());
  for (std::size_t i = 1; i <= count; ++i)
    parts.push_back(path.parent_path() / fmt::format("{}-{:05}-of-{:05}.gguf", stem, i, count));
  return parts;
}

Result<ModelParts> read_gguf_model(const fs::path& path) {
  GALLEY_TRY(const auto paths, gguf_parts(path));
  ModelParts parts;
  parts.kind = "gguf";
  for (std::size_t i = 0; i < paths.size(); ++i) {
    GALLEY_TRY(auto file, MappedFile::open(paths[i]));
    auto parsed = Gguf::parse(file.bytes());
    if (!parsed) {
      parsed.error().message = paths[i].filename().string() + ": " + parsed.error().message;
      return std::move(parsed).error();
    }
    GALLEY_TRY_STATUS(check_split(*parsed, i, paths.size()));
    GALLEY_TRY_STATUS(add_tensors(*parsed, parts.tensors));
    parts.file_bytes += file.bytes().size();
    parts.paths.push_back(paths[i]);
    parts.files.push_back(std::move(file));
    parts.ggufs.push_back(*std::move(parsed));
  }
  const Gguf& first = parts.ggufs.front();
  GALLEY_TRY(const auto total, first.find_unsigned("split.tensors.count"));
  if (total && *total != parts.tensors.size())
    return Error{Errc::corrupt, fmt::format("the model's parts hold {} tensors of {}",
                                            parts.tensors.size(), *total)};
  GALLEY_TRY_STATUS(read_config(first, parts));
  GALLEY_TRY_STATUS(cut_fused(parts.config, parts.tensors));
  GALLEY_TRY(parts.tokenizer, tokenizer_of(first));
  return parts;
}

}  // namespace galley::inference
