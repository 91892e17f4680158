#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tensor/format.h"

namespace galley::inference {

/// Which format each tensor of a file gets. The mixes of GGUF are those of llama.cpp's files of the
/// same names: q4_0 keeps the output matrix in q6_k, q4_k_m also about half of attn_v and ffn_down.
enum class QuantMix : std::uint8_t { f16, bf16, q8_0, q4_0, q4_k_m, i8 };
std::string_view name_of(QuantMix mix);
std::optional<QuantMix> mix_of(std::string_view name);
/// "f16, bf16, q8_0, ..." for messages.
std::string mix_names();

/// A tensor as the choice of its format sees it.
struct MixQuestion {
  std::string_view name;  // GGUF's
  std::size_t rank = 2;
  std::size_t columns = 0;
  std::size_t layers = 0;  // of the model
  bool tied = false;       // it has no output matrix of its own
  bool grouped_heads = false;
  tensor::Format stored = tensor::Format::f32;  // kept where nothing is gained
};
/// Vectors become f32, learned positions stay f16 or f32; a format whose blocks do not divide the
/// columns gives way to the next larger one that fits. Pure.
tensor::Format format_for(QuantMix mix, const MixQuestion& question);

struct WriteOptions {
  std::uint32_t threads = 0;                     // 0: the processors this process may use
  std::function<void(double ratio)> progress{};  // on the calling thread
  std::stop_token stop{};
};

struct WrittenModel {
  std::uint64_t file_bytes = 0;
  std::uint64_t tensor_count = 0;
  std::uint64_t parameters = 0;
};

/// Reads the model `in` (as ModelFile::open) and writes `out` with its weights in the formats of
/// the mix: a GGUF file, or for i8 a folder of safetensors. Rows are converted on all threads in
/// pieces of about a MiB: besides the source's mapped pages, memory stays small whatever the model.
/// The file appears under its name only when it is whole; an existing one is replaced, an existing
/// folder's files too. Errors: those of ModelFile::open; invalid_argument (a weight that is no
/// finite number, naming the tensor); unsupported (what GGUF cannot express); exhausted (disk
/// full); unavailable (stop).
Result<WrittenModel> quantize(const std::filesystem::path& in, const std::filesystem::path& out,
                              QuantMix mix, const WriteOptions& options);

}  // namespace galley::inference
