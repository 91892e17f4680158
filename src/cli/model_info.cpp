#include "model_info.h"

#include <fmt/format.h>

#include "base/units.h"
#include "inference/model_file.h"
#include "inference/model_report.h"
#include "table.h"
#include "tensor/device_group.h"
#include "text/tokenizer.h"

namespace galley::cli {
namespace {

using inference::ModelFile;
using tensor::KvFormat;

std::string_view name_of(text::TokenizerKind kind) {
  switch (kind) {
    case text::TokenizerKind::byte_bpe:
      return "byte-level BPE";
    case text::TokenizerKind::sentencepiece_bpe:
      return "SentencePiece BPE";
    case text::TokenizerKind::unigram:
      return "unigram";
    case text::TokenizerKind::wordpiece:
      return "WordPiece";
  }
  return "";
}

/// "1.1 B", "134.1 M".
std::string count_text(std::uint64_t count) {
  const auto value = static_cast<double>(count);
  if (value >= 1e9) return fmt::format("{:.1f} B", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.1f} M", value / 1e6);
  return std::to_string(count);
}

std::string bytes_text(std::uint64_t bytes) {
  return format_bytes(static_cast<std::int64_t>(bytes));
}

struct ModelInfo {
  std::vector<inference::FormatUse> formats;
  std::vector<inference::PlannedKernel> kernels;
  std::uint64_t weight_bytes = 0;
  std::uint64_t kv_token_bytes = 0;  // f16
  std::uint64_t kv_context_bytes = 0;
};

Result<ModelInfo> look_at(const ModelFile& file) {
  ModelInfo info;
  info.formats = inference::formats_of(file);
  for (const auto& use : info.formats) info.weight_bytes += use.size_bytes;
  info.kv_token_bytes = inference::kv_bytes_per_token(file.config(), KvFormat::f16);
  info.kv_context_bytes = info.kv_token_bytes * file.config().context;
  GALLEY_TRY(const auto group, tensor::make_cpu_group({.threads = 1}));
  GALLEY_TRY(info.kernels, inference::kernels_of(file, group->at(0)));
  return info;
}

Json optional_token(const std::optional<text::TokenId>& token) {
  return token ? Json(*token) : Json(nullptr);
}

Json json_of(const std::string& path, const ModelFile& file, const ModelInfo& info) {
  const inference::ModelConfig& config = file.config();
  const text::TokenizerSpec& tokenizer = file.tokenizer();
  Json formats = Json::array();
  for (const auto& use : info.formats)
    formats.push_back({{"format", tensor::name_of(use.format)},
                       {"tensors", use.tensor_count},
                       {"parameters", use.parameters},
                       {"size_bytes", use.size_bytes}});
  Json kernels = Json::array();
  for (const auto& one : info.kernels)
    kernels.push_back({{"operation", one.operation},
                       {"format", tensor::name_of(one.format)},
                       {"tensors", one.tensor_count},
                       {"kernel", one.kernel}});
  return {{"path", path},
          {"kind", file.kind()},
          {"architecture", config.architecture},
          {"name", config.name},
          {"parameters", config.parameters},
          {"layers", config.layers},
          {"width", config.width},
          {"heads", config.heads},
          {"kv_heads", config.kv_heads},
          {"head_dim", config.head_dim},
          {"feed_forward", config.feed_forward},
          {"vocabulary", config.vocabulary},
          {"context_tokens", config.context},
          {"sliding_window_tokens", config.sliding_window},
          {"file_bytes", file.file_bytes()},
          {"kv_bytes_per_token", info.kv_token_bytes},
          {"memory",
           {{"weight_bytes", info.weight_bytes},
            {"kv_context_bytes", info.kv_context_bytes},
            {"total_bytes", info.weight_bytes + info.kv_context_bytes}}},
          {"tokenizer",
           {{"kind", name_of(tokenizer.kind)},
            {"tokens", tokenizer.tokens.size()},
            {"pre_tokenizer", tokenizer.kind == text::TokenizerKind::byte_bpe
                                  ? Json(tokenizer.pre_tokenizer)
                                  : Json(nullptr)},
            {"bos", optional_token(tokenizer.bos)},
            {"eos", optional_token(tokenizer.eos)},
            {"chat_template", !tokenizer.chat_template.empty()}}},
          {"formats", std::move(formats)},
          {"kernels", std::move(kernels)}};
}

std::string tokenizer_text(const text::TokenizerSpec& tokenizer) {
  std::string text = fmt::format("{}, {} tokens", name_of(tokenizer.kind), tokenizer.tokens.size());
  if (tokenizer.kind == text::TokenizerKind::byte_bpe)
    text += fmt::format(", pre-tokenizer {}", tokenizer.pre_tokenizer);
  return text + (tokenizer.chat_template.empty() ? "" : ", with a chat template");
}

std::string facts_text(const Session& session, const ModelFile& file, const ModelInfo& info) {
  const inference::ModelConfig& config = file.config();
  Table table({{.title = "MODEL"}, {.title = config.name.empty() ? "unnamed" : config.name}});
  const auto add = [&](const char* what, std::string text) {
    table.add({{what, Style::dim}, {std::move(text)}});
  };
  add("architecture", fmt::format("{}, read from {}", config.architecture, file.kind()));
  add("parameters", count_text(config.parameters));
  add("shape", fmt::format("{} layers, width {}, feed-forward {}, vocabulary {}", config.layers,
                           config.width, config.feed_forward, config.vocabulary));
  add("heads", fmt::format("{} of {} dimensions, {} for keys and values", config.heads,
                           config.head_dim, config.kv_heads));
  add("context", config.sliding_window > 0 ? fmt::format("{} tokens, a window of {}",
                                                         config.context, config.sliding_window)
                                           : fmt::format("{} tokens", config.context));
  add("tokenizer", tokenizer_text(file.tokenizer()));
  add("files", bytes_text(file.file_bytes()));
  add("KV cache", fmt::format("{} a token (f16), {} a full context",
                              bytes_text(info.kv_token_bytes), bytes_text(info.kv_context_bytes)));
  add("memory", fmt::format("{} for the weights and one full context",
                            bytes_text(info.weight_bytes + info.kv_context_bytes)));
  return table.print(session.terminal.width, session.terminal.color);
}

std::string formats_text(const Session& session, const ModelInfo& info) {
  Table table({{.title = "FORMAT"},
               {.title = "TENSORS", .right = true},
               {.title = "PARAMETERS", .right = true},
               {.title = "SIZE", .right = true}});
  for (const auto& use : info.formats)
    table.add({{std::string(tensor::name_of(use.format))},
               {std::to_string(use.tensor_count)},
               {count_text(use.parameters)},
               {bytes_text(use.size_bytes)}});
  return table.print(session.terminal.width, session.terminal.color);
}

std::string kernels_text(const Session& session, const ModelInfo& info) {
  Table table({{.title = "OPERATION"},
               {.title = "TENSORS", .right = true},
               {.title = "FORMAT"},
               {.title = "KERNEL HERE", .min_width = 12}});
  for (const auto& one : info.kernels)
    table.add({{one.operation},
               {std::to_string(one.tensor_count)},
               {std::string(tensor::name_of(one.format))},
               {one.kernel}});
  return table.print(session.terminal.width, session.terminal.color);
}

}  // namespace

Result<int> show_model_file(Session& session, const std::string& path) {
  GALLEY_TRY(const ModelFile file, ModelFile::open(path));
  GALLEY_TRY(const ModelInfo info, look_at(file));
  if (session.flags.json) {
    session.print_json(json_of(path, file, info));
  } else {
    print_out(facts_text(session, file, info) + "\n" + formats_text(session, info) + "\n" +
              kernels_text(session, info));
  }
  return 0;
}

}  // namespace galley::cli
