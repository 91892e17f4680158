#include "quantize_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/file.h"
#include "hf_config.h"
#include "inference/safetensors.h"
#include "weight_rows.h"

namespace galley::inference {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kWeights = "model.safetensors";

std::string_view dtype_of(tensor::Format format) {
  switch (format) {
    case tensor::Format::i8:
      return "I8";
    case tensor::Format::f16:
      return "F16";
    default:
      return "F32";
  }
}

/// Puts the tensors behind each other, the f32 ones and the scales first, so that all of these are
/// aligned.
class Layout {
 public:
  std::uint64_t add(std::string name, std::string_view dtype, std::vector<std::size_t> shape,
                    std::uint64_t bytes) {
    const std::uint64_t offset = bytes_;
    entries_.push_back({std::move(name), std::string(dtype), {shape.begin(), shape.end()}, bytes});
    bytes_ += bytes;
    return offset;
  }
  std::uint64_t bytes() const { return bytes_; }
  std::string header() const { return print_safetensors_header(entries_, {{"format", "pt"}}); }

 private:
  std::vector<TensorSize> entries_;
  std::uint64_t bytes_ = 0;
};

Status write_weights(const ModelParts& model, const fs::path& path, const WriteOptions& options,
                     WrittenModel& written) {
  // GPT-2 keeps GGUF's names: published ones stand for matrices that are turned, whose rows are no
  // output channels.
  const bool gpt2 = model.config.architecture == "gpt2";
  const std::vector<WeightRows> all = weight_rows(
      model, model.config.adjacent_pairs ? PairOrder::to_halves : PairOrder::keep, false);
  std::vector<PlannedTensor> plan;
  for (const WeightRows& weights : all)
    plan.push_back(
        plan_of(weights, format_for(QuantMix::i8, {.name = weights.name,
                                                   .rank = weights.shape.size(),
                                                   .columns = weights.shape.back(),
                                                   .stored = weights.parts[0]->format})));
  Layout layout;
  const auto file_name = [&](const WeightRows& weights) {
    return gpt2 ? weights.name : hf_name_of(weights.name);
  };
  for (const bool aligned : {true, false})
    for (std::size_t i = 0; i < plan.size(); ++i) {
      const std::size_t bytes = plan[i].rows * tensor::row_bytes(plan[i].format, plan[i].columns);
      const bool is_i8 = plan[i].format == tensor::Format::i8;
      if (aligned && is_i8)
        plan[i].scales_offset = layout.add(file_name(all[i]) + "_scale", "F32", {plan[i].rows},
                                           plan[i].rows * sizeof(float));
      if (aligned == (plan[i].format == tensor::Format::f32))
        plan[i].offset =
            layout.add(file_name(all[i]), dtype_of(plan[i].format), all[i].shape, bytes);
    }
  const std::string header = layout.header();
  for (PlannedTensor& tensor : plan) {
    tensor.offset += header.size();
    tensor.scales_offset += header.size();
  }
  written.file_bytes = header.size() + layout.bytes();
  written.tensor_count = plan.size();
  GALLEY_TRY(OutputFile file, OutputFile::create(path, written.file_bytes));
  GALLEY_TRY_STATUS(file.write_at(0, header));
  GALLEY_TRY_STATUS(write_tensors(file, plan, options));
  return file.commit();
}

/// The tokenizer alone, for a model whose tokenizer came in a GGUF file.
std::string tokenizer_gguf(const ModelParts& model) {
  GgufWriter writer;
  for (const auto& [key, value] : model.ggufs.front().values())
    if (key.starts_with("tokenizer.") || key == "general.architecture")
      writer.add_value(key, value);
  return writer.header();
}

Status write_tokenizer(const ModelParts& model, const fs::path& in, const fs::path& out) {
  if (!model.ggufs.empty())
    return write_file_atomic(out / "tokenizer.gguf", tokenizer_gguf(model), Durability::memory);
  constexpr std::int64_t kMaxBytes = 256LL << 20U;
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "generation_config.json",
                           "chat_template.jinja", "tokenizer.gguf"}) {
    const auto text = read_file(in / name, kMaxBytes);
    if (!text && text.error().code == Errc::not_found) continue;
    if (!text) return text.error();
    GALLEY_TRY_STATUS(write_file_atomic(out / name, *text, Durability::memory));
  }
  return ok();
}

}  // namespace

Result<WrittenModel> quantize_to_folder(const ModelParts& model, const fs::path& in,
                                        const fs::path& out, const WriteOptions& options) {
  std::error_code error;
  if (fs::exists(out, error) && !fs::is_directory(out, error))
    return Error{Errc::invalid_argument,
                 fmt::format("'{}' is a file", out.string()),
                 {},
                 "the name of a folder, which i8 needs"};
  if (fs::equivalent(in, out, error))
    return Error{Errc::invalid_argument, "a model cannot be quantised into its own folder", "out"};
  GALLEY_TRY_STATUS(make_folders(out));
  WrittenModel written{.parameters = model.config.parameters};
  // The configuration comes last: a folder that has one is whole.
  GALLEY_TRY_STATUS(write_weights(model, out / kWeights, options, written));
  GALLEY_TRY_STATUS(write_tokenizer(model, in, out));
  GALLEY_TRY_STATUS(
      write_file_atomic(out / "config.json", print_hf_config(model), Durability::memory));
  return written;
}

}  // namespace galley::inference
