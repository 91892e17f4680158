#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "hf_config.h"
#include "inference/gguf_tokenizer.h"
#include "inference/safetensors.h"

namespace galley::inference {
namespace fs = std::filesystem;
namespace {

// The largest public ones have about 20 MB (tokenizer.json) and 0.5 MB (an index).
constexpr std::int64_t kMaxJsonBytes = 64LL << 20U;
constexpr std::int64_t kMaxTokenizerBytes = 256LL << 20U;
constexpr std::size_t kMaxShards = 1000;

constexpr std::string_view kScaleSuffix = "_scale";

Result<std::optional<std::string>> read_optional(const fs::path& path, std::int64_t max_bytes) {
  auto text = read_file(path, max_bytes);
  if (text) return std::optional(*std::move(text));
  if (text.error().code == Errc::not_found) return std::optional<std::string>();
  return std::move(text).error();
}

/// The names of the safetensors files of a folder, without folders in them.
Result<std::set<std::string>> shard_names(const fs::path& folder) {
  GALLEY_TRY(const auto text,
             read_optional(folder / "model.safetensors.index.json", kMaxJsonBytes));
  if (!text) return std::set<std::string>{"model.safetensors"};
  const auto json = parse_json(*text);
  const std::string file = "model.safetensors.index.json";
  if (!json) return Error{Errc::corrupt, file + ": " + json.error().message};
  if (!json->is_object() || !json->contains("weight_map") || !(*json)["weight_map"].is_object())
    return Error{Errc::corrupt, file + " has no weight_map"};
  std::set<std::string> names;
  for (const auto& [tensor, shard] : (*json)["weight_map"].items()) {
    if (!shard.is_string())
      return Error{Errc::corrupt, fmt::format("{}: the file of '{}' is no string", file, tensor)};
    const std::string& name = shard.get_ref<const std::string&>();
    // Such a name would read a file outside the model's folder.
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos)
      return Error{Errc::corrupt,
                   fmt::format("{}: '{}' is not the name of a file beside it", file, name)};
    names.insert(name);
  }
  if (names.empty() || names.size() > kMaxShards)
    return Error{Errc::corrupt, fmt::format("{} names {} files; 1 to {} are possible", file,
                                            names.size(), kMaxShards)};
  return names;
}

struct Found {
  std::string hf_name;
  TensorView view;
};
using FoundMap = std::map<std::string, Found, std::less<>>;

Result<FoundMap> map_shards(const fs::path& folder, bool gpt2, ModelParts& parts) {
  GALLEY_TRY(const auto names, shard_names(folder));
  FoundMap found;
  for (const std::string& name : names) {
    auto file = MappedFile::open(folder / name);
    if (!file) {
      std::error_code error;
      if (file.error().code == Errc::not_found && fs::exists(folder / "pytorch_model.bin", error))
        return Error{Errc::unsupported,
                     "the model's weights are in pytorch_model.bin",
                     {},
                     "safetensors",
                     "convert it with the library that made it"};
      return std::move(file).error();
    }
    auto parsed = Safetensors::parse(file->bytes());
    if (!parsed) {
      parsed.error().message = name + ": " + parsed.error().message;
      return std::move(parsed).error();
    }
    for (auto& [hf_name, view] : parsed->tensors) {
      std::string gguf_name = gguf_name_of(hf_name, gpt2);
      if (gguf_name.empty()) continue;
      const auto [at, inserted] =
          found.emplace(std::move(gguf_name), Found{hf_name, std::move(view)});
      if (!inserted)
        return Error{Errc::corrupt, fmt::format("'{}' and '{}' are the same tensor, '{}'", hf_name,
                                                at->second.hf_name, at->first)};
    }
    parts.file_bytes += file->bytes().size();
    parts.paths.push_back(folder / name);
    parts.files.push_back(*std::move(file));
  }
  return found;
}

Result<tensor::Format> format_of(const Found& found) {
  if (found.view.dtype == "F32") return tensor::Format::f32;
  if (found.view.dtype == "F16") return tensor::Format::f16;
  if (found.view.dtype == "BF16") return tensor::Format::bf16;
  if (found.view.dtype == "I8") return tensor::Format::i8;
  return Error{Errc::unsupported,
               fmt::format("tensor '{}' is of type {}", found.hf_name, found.view.dtype),
               {},
               "F32, F16, BF16, or I8 with scales"};
}

/// The scales of an I8 tensor, which stand in "<name>_scale".
Result<const float*> scales_of(const FoundMap& found, const std::string& name, std::size_t rows,
                               ModelParts& parts) {
  const auto at = found.find(name + std::string(kScaleSuffix));
  if (at == found.end())
    return Error{
        Errc::invalid_argument,
        fmt::format("tensor '{0}' is of type I8 and '{0}{1}' is missing", name, kScaleSuffix)};
  const TensorView& view = at->second.view;
  if (view.dtype != "F32" || view.shape != std::vector<std::uint64_t>{rows})
    return Error{Errc::invalid_argument,
                 fmt::format("tensor '{}' is {} {}, not F32 [{}]", at->first, view.dtype,
                             shape_text({view.shape.begin(), view.shape.end()}), rows)};
  const char* bytes = view.bytes.data();
  if (reinterpret_cast<std::uintptr_t>(bytes) % alignof(float) == 0)
    return reinterpret_cast<const float*>(bytes);
  std::vector<std::byte> copy(view.bytes.size());
  std::memcpy(copy.data(), bytes, copy.size());
  parts.owned.push_back(std::move(copy));
  return reinterpret_cast<const float*>(parts.owned.back().data());
}

/// out[c][r] = in[r][c], elements of `width` bytes; in tiles, so that both sides stay in cache.
void turn(const char* in, std::size_t rows, std::size_t columns, std::size_t width,
          std::byte* out) {
  constexpr std::size_t kTile = 32;
  for (std::size_t row = 0; row < rows; row += kTile)
    for (std::size_t column = 0; column < columns; column += kTile)
      for (std::size_t r = row; r < std::min(rows, row + kTile); ++r)
        for (std::size_t c = column; c < std::min(columns, column + kTile); ++c)
          std::memcpy(out + (c * rows + r) * width, in + (r * columns + c) * width, width);
}

/// GPT-2's linear layers are published as [inputs, outputs].
bool is_turned(const std::string& gguf_name, const Found& found) {
  if (gguf_name == found.hf_name || !gguf_name.ends_with(".weight")) return false;
  return found.hf_name.find(".c_attn.") != std::string::npos ||
         found.hf_name.find(".c_proj.") != std::string::npos ||
         found.hf_name.find(".c_fc.") != std::string::npos;
}

Status add_tensors(const FoundMap& found, bool gpt2, ModelParts& parts) {
  for (const auto& [name, one] : found) {
    if (name.ends_with(kScaleSuffix) &&
        found.contains(name.substr(0, name.size() - kScaleSuffix.size())))
      continue;
    GALLEY_TRY(const auto format, format_of(one));
    StoredTensor stored{.format = format,
                        .shape = {one.view.shape.begin(), one.view.shape.end()},
                        .bytes = reinterpret_cast<const std::byte*>(one.view.bytes.data()),
                        .size_bytes = one.view.bytes.size()};
    if (stored.size_bytes == 0)
      return Error{Errc::invalid_argument, fmt::format("tensor '{}' is empty", one.hf_name)};
    const bool turned = gpt2 && stored.shape.size() == 2 && is_turned(name, one);
    if (format == tensor::Format::i8) {
      if (turned || stored.shape.size() != 2)
        return Error{
            Errc::unsupported,
            fmt::format("tensor '{}' is of type I8 and no [outputs, inputs] matrix", one.hf_name)};
      GALLEY_TRY(stored.scales, scales_of(found, name, stored.shape[0], parts));
    }
    if (turned) {
      std::vector<std::byte> copy(stored.size_bytes);
      turn(one.view.bytes.data(), stored.shape[0], stored.shape[1], tensor::block_bytes(format),
           copy.data());
      std::swap(stored.shape[0], stored.shape[1]);
      parts.owned.push_back(std::move(copy));
      stored.bytes = parts.owned.back().data();
    }
    parts.tensors.emplace(name, std::move(stored));
  }
  return ok();
}

/// Divisors of the frequencies, which GGUF has as a tensor and we keep so when we write a folder.
Status apply_divisors(ModelParts& parts) {
  GALLEY_TRY(parts.rope.divisors, rope_divisors(parts.tensors, parts.rope.rotated_dim));
  if (parts.rope.divisors.empty()) return ok();
  return apply_rope(parts.rope, parts.stated_context, parts.config);
}

void add_end_tokens(const std::vector<text::TokenId>& tokens, text::TokenizerSpec& spec) {
  for (const text::TokenId token : tokens) {
    if (!spec.eos) spec.eos = token;
    if (token != spec.eos && std::ranges::find(spec.end_of_turn, token) == spec.end_of_turn.end())
      spec.end_of_turn.push_back(token);
  }
}

Result<text::TokenizerSpec> read_tokenizer(const fs::path& folder) {
  GALLEY_TRY(const auto json, read_optional(folder / "tokenizer.json", kMaxTokenizerBytes));
  if (json) {
    GALLEY_TRY(const auto config, read_optional(folder / "tokenizer_config.json", kMaxJsonBytes));
    return text::parse_tokenizer_json(*json, config.value_or(""));
  }
  const auto file = MappedFile::open(folder / "tokenizer.gguf");
  if (!file) {
    if (file.error().code != Errc::not_found) return file.error();
    return Error{Errc::not_found,
                 fmt::format("{} has neither tokenizer.json nor tokenizer.gguf", folder.string()),
                 {},
                 {},
                 "save the tokenizer in its fast form, which writes tokenizer.json"};
  }
  GALLEY_TRY(const auto parsed, Gguf::parse(file->bytes()));
  return tokenizer_of(parsed);
}

Status finish_tokenizer(const fs::path& folder, const HfConfig& said, ModelParts& parts) {
  text::TokenizerSpec& spec = parts.tokenizer;
  GALLEY_TRY(const auto generation,
             read_optional(folder / "generation_config.json", kMaxJsonBytes));
  if (generation) {
    GALLEY_TRY(const auto tokens, parse_end_tokens(*generation));
    add_end_tokens(tokens, spec);
  }
  add_end_tokens(said.end_tokens, spec);
  if (!spec.bos) spec.bos = said.begin_token;
  GALLEY_TRY(auto chat_template, read_optional(folder / "chat_template.jinja", kMaxJsonBytes));
  if (chat_template) spec.chat_template = *std::move(chat_template);
  return ok();
}

/// The small files beside the weights, as far as they are there.
void add_other_paths(const fs::path& folder, ModelParts& parts) {
  std::error_code error;
  for (const char* name :
       {"config.json", "generation_config.json", "model.safetensors.index.json", "tokenizer.json",
        "tokenizer_config.json", "tokenizer.gguf", "chat_template.jinja"})
    if (fs::is_regular_file(folder / name, error)) parts.paths.push_back(folder / name);
}

}  // namespace

Result<ModelParts> read_folder_model(const fs::path& folder) {
  GALLEY_TRY(const std::string config_json, read_file(folder / "config.json", kMaxJsonBytes));
  GALLEY_TRY(auto said, parse_hf_config(config_json));
  const bool gpt2 = said.config.architecture == "gpt2";
  ModelParts parts;
  parts.kind = "safetensors";
  parts.config = said.config;
  parts.rope = said.rope;
  parts.stated_context = said.stated_context;
  if (parts.config.name.empty() || parts.config.name.front() == '/')
    parts.config.name = folder.filename().string();
  GALLEY_TRY(const auto found, map_shards(folder, gpt2, parts));
  GALLEY_TRY_STATUS(add_tensors(found, gpt2, parts));
  GALLEY_TRY_STATUS(cut_fused(parts.config, parts.tensors));
  GALLEY_TRY_STATUS(apply_divisors(parts));
  if (said.tied) parts.tensors.erase("output.weight");
  if (!said.tied && !parts.tensors.contains("output.weight"))
    return Error{Errc::invalid_argument,
                 "tensor 'output.weight' (lm_head.weight) is missing, and config.json says that "
                 "the embeddings are not tied"};
  GALLEY_TRY(parts.tokenizer, read_tokenizer(folder));
  GALLEY_TRY_STATUS(finish_tokenizer(folder, said, parts));
  add_other_paths(folder, parts);
  return parts;
}

}  // namespace galley::inference
