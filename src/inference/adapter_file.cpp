#include "adapter_file.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <map>
#include <optional>

#include "base/file.h"
#include "base/json.h"

namespace galley::inference {
namespace {

using tensor::Format;
using tensor::MatrixSource;

constexpr std::string_view kPrefix = "base_model.model.model.layers.";
constexpr std::size_t kMaxConfigBytes = 1 << 20;

/// A module that can be adapted: its name in PEFT's files and where its low-rank pair goes.
struct Module {
  std::string_view name;
  AdapterLayer::Pair AdapterLayer::*pair;
};

constexpr std::array kModules{
    Module{"self_attn.q_proj", &AdapterLayer::q}, Module{"self_attn.k_proj", &AdapterLayer::k},
    Module{"self_attn.v_proj", &AdapterLayer::v}, Module{"self_attn.o_proj", &AdapterLayer::o},
    Module{"mlp.gate_proj", &AdapterLayer::gate}, Module{"mlp.up_proj", &AdapterLayer::up},
    Module{"mlp.down_proj", &AdapterLayer::down},
};

struct Shape {
  std::size_t outputs = 0;
  std::size_t inputs = 0;
};

Shape shape_of(const ModelConfig& config, std::size_t module) {
  const std::size_t heads = config.heads * config.head_dim;
  const std::size_t kv_heads = config.kv_heads * config.head_dim;
  const std::array<Shape, kModules.size()> shapes{{{heads, config.width},
                                                   {kv_heads, config.width},
                                                   {kv_heads, config.width},
                                                   {config.width, heads},
                                                   {config.feed_forward, config.width},
                                                   {config.feed_forward, config.width},
                                                   {config.width, config.feed_forward}}};
  return shapes.at(module);
}

std::string tensor_name(std::size_t layer, const Module& module, std::string_view side) {
  return fmt::format("{}{}.{}.{}.weight", kPrefix, layer, module.name, side);
}

std::optional<Format> float_format(std::string_view dtype) {
  if (dtype == "F32") return Format::f32;
  if (dtype == "F16") return Format::f16;
  if (dtype == "BF16") return Format::bf16;
  return std::nullopt;
}

Result<float> read_scale(const std::filesystem::path& path) {
  GALLEY_TRY(const std::string text, read_file(path, kMaxConfigBytes));
  GALLEY_TRY(const Json config, parse_json(text));
  const auto fault = [&](std::string_view field, std::string_view expected) {
    return Error{
        .code = Errc::unsupported,
        .message = fmt::format("{}: {} is not what a plain LoRA adapter has", path.string(), field),
        .field = std::string(field),
        .expected = std::string(expected)};
  };
  if (!config.is_object() || config.value("peft_type", Json("LORA")) != Json("LORA"))
    return fault("peft_type", "LORA");
  const auto rank = config.find("r");
  const auto alpha = config.find("lora_alpha");
  if (rank == config.end() || !rank->is_number_unsigned() || rank->get<std::uint64_t>() == 0)
    return fault("r", "a whole number above 0");
  if (alpha == config.end() || !alpha->is_number()) return fault("lora_alpha", "a number");
  if (config.value("use_dora", Json(false)) == Json(true)) return fault("use_dora", "false");
  const auto r = rank->get<double>();
  const bool rank_stabilised = config.value("use_rslora", Json(false)) == Json(true);
  return static_cast<float>(alpha->get<double>() / (rank_stabilised ? std::sqrt(r) : r));
}

Status check_shapes(const Safetensors& file, const ModelConfig& config) {
  std::map<std::string, bool, std::less<>> known;
  for (std::size_t layer = 0; layer < config.layers; ++layer)
    for (std::size_t i = 0; i < kModules.size(); ++i) {
      const std::string down = tensor_name(layer, kModules.at(i), "lora_A");
      const std::string up = tensor_name(layer, kModules.at(i), "lora_B");
      known[down] = known[up] = true;
      const auto a = file.tensors.find(down);
      const auto b = file.tensors.find(up);
      if (a == file.tensors.end() && b == file.tensors.end()) continue;
      if (a == file.tensors.end() || b == file.tensors.end())
        return Error{Errc::corrupt, fmt::format("the adapter has only one of {} and {}", down, up)};
      const Shape shape = shape_of(config, i);
      for (const auto& [name, tensor] : {*a, *b})
        if (tensor.shape.size() != 2 || !float_format(tensor.dtype))
          return Error{Errc::unsupported, fmt::format("{} is not a matrix of F32, F16 or BF16 ({})",
                                                      name, tensor.dtype)};
      if (a->second.shape[1] != shape.inputs || b->second.shape[0] != shape.outputs ||
          a->second.shape[0] != b->second.shape[1])
        return Error{
            .code = Errc::invalid_argument,
            .message = fmt::format(
                "{} is [{}, {}] and its lora_B [{}, {}], which do not fit this model", down,
                a->second.shape[0], a->second.shape[1], b->second.shape[0], b->second.shape[1]),
            .field = down,
            .expected = fmt::format("[r, {}] and [{}, r]", shape.inputs, shape.outputs)};
    }
  for (const auto& [name, tensor] : file.tensors)
    if (!known.contains(name))
      return Error{.code = Errc::unsupported,
                   .message = fmt::format("the adapter changes {}, which cannot be adapted", name),
                   .field = name,
                   .expected =
                       "q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj of "
                       "the model's layers"};
  return ok();
}

/// All of `tensor` as f32 rows.
std::vector<float> rows_of(const TensorView& tensor) {
  const std::size_t columns = tensor.shape[1];
  const Format format = *float_format(tensor.dtype);
  const std::size_t row_bytes = tensor::row_bytes(format, columns);
  std::vector<float> values(tensor.shape[0] * columns);
  for (std::size_t row = 0; row < tensor.shape[0]; ++row)
    tensor::dequantize_row(
        format, reinterpret_cast<const std::byte*>(tensor.bytes.data()) + row * row_bytes, 1,
        std::span(values).subspan(row * columns, columns));
  return values;
}

/// GGUF's llama keeps the two halves of each rotated head interleaved; adapters know them apart.
std::vector<float> interleave_halves(const std::vector<float>& rows, std::size_t columns,
                                     std::size_t head_dim) {
  std::vector<float> turned(rows.size());
  const std::size_t count = rows.size() / columns;
  for (std::size_t row = 0; row < count; ++row) {
    const std::size_t head = row / head_dim;
    const std::size_t at = row % head_dim;
    const std::size_t from = head * head_dim + (at % 2) * (head_dim / 2) + at / 2;
    std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(from * columns), columns,
                turned.begin() + static_cast<std::ptrdiff_t>(row * columns));
  }
  return turned;
}

MatrixSource source_of(const std::vector<float>& values, std::size_t columns, Part rows,
                       Part cols) {
  return {.format = Format::f32,
          .bytes = reinterpret_cast<const std::byte*>(values.data()),
          .row_stride = columns * sizeof(float),
          .scales = nullptr,
          .first_row = rows.first,
          .rows = rows.count,
          .first_column = cols.first,
          .columns = cols.count};
}

}  // namespace

Result<AdapterFile> AdapterFile::open(const std::filesystem::path& folder,
                                      const ModelConfig& config) {
  GALLEY_TRY(const float scale, read_scale(folder / "adapter_config.json"));
  GALLEY_TRY(MappedFile bytes, MappedFile::open(folder / "adapter_model.safetensors"));
  GALLEY_TRY(Safetensors tensors, Safetensors::parse(bytes.bytes()));
  GALLEY_TRY_STATUS(check_shapes(tensors, config));
  return AdapterFile(std::move(bytes), std::move(tensors), scale);
}

Result<AdapterShare> AdapterFile::load(const ModelConfig& config, DeviceShare& share) const {
  AdapterShare adapter{.scale = scale_, .layers = {}};
  adapter.layers.resize(config.layers);
  const auto heads = [&](Part part) {
    return Part{part.first * config.head_dim, part.count * config.head_dim};
  };
  for (std::size_t layer = 0; layer < config.layers; ++layer)
    for (std::size_t i = 0; i < kModules.size(); ++i) {
      const Module& module = kModules.at(i);
      const auto a = tensors_.tensors.find(tensor_name(layer, module, "lora_A"));
      if (a == tensors_.tensors.end()) continue;
      const auto b = tensors_.tensors.find(tensor_name(layer, module, "lora_B"));
      const Shape shape = shape_of(config, i);
      const std::size_t rank = a->second.shape[0];
      Part inputs{.first = 0, .count = shape.inputs};
      Part outputs{.first = 0, .count = shape.outputs};
      if (module.pair == &AdapterLayer::q) outputs = heads(share.plan.heads);
      if (module.pair == &AdapterLayer::k || module.pair == &AdapterLayer::v)
        outputs = heads(share.plan.kv_heads);
      if (module.pair == &AdapterLayer::o) inputs = heads(share.plan.heads);
      if (module.pair == &AdapterLayer::gate || module.pair == &AdapterLayer::up)
        outputs = share.plan.feed_forward;
      if (module.pair == &AdapterLayer::down) inputs = share.plan.feed_forward;

      const std::vector<float> down = rows_of(a->second);
      std::vector<float> up = rows_of(b->second);
      if (config.adjacent_pairs &&
          (module.pair == &AdapterLayer::q || module.pair == &AdapterLayer::k))
        up = interleave_halves(up, rank, config.head_dim);
      AdapterLayer::Pair& pair = adapter.layers[layer].*module.pair;
      const Part all_ranks{.first = 0, .count = rank};
      GALLEY_TRY(pair.down, share.device->pack(source_of(down, shape.inputs, all_ranks, inputs),
                                               tensor::Activation::f32));
      GALLEY_TRY(pair.up, share.device->pack(source_of(up, rank, outputs, all_ranks),
                                             tensor::Activation::f32));
    }
  return adapter;
}

}  // namespace galley::inference
