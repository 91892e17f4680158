#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "plot/axis.h"
#include "predict_terms.h"
#include "profiling/prediction.h"

namespace galley::profiling {
namespace {

constexpr double kUsualVocabulary = 50'257;
constexpr double kUsualHead = 64;
constexpr double kKvValueBytes = 2;  // keys and values are kept in f16
constexpr double kLeastParameters = 1e4, kMostParameters = 1e14;

struct Format {
  std::string_view name;
  double bytes;  // a weight
};
constexpr std::array<Format, 15> kFormats{{{"f32", 4},
                                           {"f16", 2},
                                           {"bf16", 2},
                                           {"i8", 1},
                                           {"q8_0", 34.0 / 32},
                                           {"q6_k", 210.0 / 256},
                                           {"q5_0", 22.0 / 32},
                                           {"q5_k", 176.0 / 256},
                                           {"q5_k_m", 182.0 / 256},
                                           {"q4_0", 18.0 / 32},
                                           {"q4_1", 20.0 / 32},
                                           {"q4_k", 144.0 / 256},
                                           {"q4_k_m", 155.0 / 256},
                                           {"int8", 1},
                                           {"fp16", 2}}};

/// How many blocks transformers of a size usually have: GPT-2's and GPT-3's ladder
/// (arXiv:2005.14165, table 2.1), with a small model before it.
struct Rung {
  double parameters, blocks;
};
constexpr std::array<Rung, 11> kLadder{{{15e6, 6},
                                        {125e6, 12},
                                        {350e6, 24},
                                        {1.3e9, 24},
                                        {2.7e9, 32},
                                        {6.7e9, 32},
                                        {13e9, 40},
                                        {39e9, 48},
                                        {66e9, 64},
                                        {82e9, 64},
                                        {175e9, 96}}};

double usual_blocks(double parameters) {
  if (parameters <= kLadder.front().parameters) return kLadder.front().blocks;
  for (std::size_t i = 1; i < kLadder.size(); ++i) {
    const Rung &low = kLadder[i - 1], &high = kLadder[i];
    if (parameters > high.parameters) continue;
    const double share =
        std::log(parameters / low.parameters) / std::log(high.parameters / low.parameters);
    return std::round(low.blocks * std::pow(high.blocks / low.blocks, share));
  }
  return kLadder.back().blocks;
}

/// The width that gives so many parameters: 12 · blocks · width² + vocabulary · width.
double usual_width(double parameters, double blocks, double vocabulary) {
  const double a = 12 * blocks;
  const double width =
      (-vocabulary + std::sqrt(vocabulary * vocabulary + 4 * a * parameters)) / (2 * a);
  return std::max(kUsualHead, std::round(width / kUsualHead) * kUsualHead);
}

/// "39b" -> 39e9. None where the text is not a size.
std::optional<double> parse_size(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  double factor = 0;
  switch (text.back()) {
    case 'k':
    case 'K':
      factor = 1e3;
      break;
    case 'm':
    case 'M':
      factor = 1e6;
      break;
    case 'b':
    case 'B':
      factor = 1e9;
      break;
    case 't':
    case 'T':
      factor = 1e12;
      break;
    default:
      return std::nullopt;
  }
  double value = 0;
  text.remove_suffix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value > 0)) return std::nullopt;
  return value * factor;
}

Error bad(std::string_view spec, std::string_view what, std::string_view key) {
  return Error{.code = Errc::invalid_argument,
               .message = fmt::format("the model \"{}\" cannot be predicted: {}", spec, what),
               .field = std::string(key),
               .hint = "write a size as 39b, or hidden=4096,blocks=32,format=q8_0"};
}

struct Spec {
  double parameters = 0, blocks = 0, hidden = 0, heads = 0, kv_heads = 0, feed_forward = 0,
         vocabulary = 0;
  std::string format;
};

Status read_pair(std::string_view spec, std::string_view part, Spec& out) {
  const auto equals = part.find('=');
  const std::string_view key = trim(part.substr(0, equals)), value = trim(part.substr(equals + 1));
  if (key == "format") {
    out.format = std::string(value);
    return ok();
  }
  const std::array<std::pair<std::string_view, double*>, 7> fields{
      {{"parameters", &out.parameters},
       {"blocks", &out.blocks},
       {"hidden", &out.hidden},
       {"heads", &out.heads},
       {"kv_heads", &out.kv_heads},
       {"feed_forward", &out.feed_forward},
       {"vocabulary", &out.vocabulary}}};
  for (const auto& [name, field] : fields) {
    if (key != name) continue;
    if (const auto size = parse_size(value)) {
      *field = *size;
      return ok();
    }
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), *field);
    constexpr double kMostField = 1e7;
    const double most = field == &out.parameters ? kMostParameters : kMostField;
    if (error != std::errc() || end != value.data() + value.size() || !(*field >= 1) ||
        *field > most)
      return bad(spec, fmt::format("\"{}\" is not a number from 1 to {:g}", value, most), key);
    return ok();
  }
  return bad(spec,
             fmt::format("\"{}\" is not one of parameters, blocks, hidden, heads, kv_heads, "
                         "feed_forward, vocabulary, format",
                         key),
             key);
}

/// Fills in what was not said. Errors: neither a size nor a shape, heads that contradict each
/// other.
Result<ModelShape> complete(std::string_view spec, const Spec& said) {
  ModelShape shape;
  shape.name = std::string(spec);
  shape.format = said.format.empty() ? "f16" : said.format;
  double bytes = 0;
  for (const Format& format : kFormats)
    if (format.name == shape.format) bytes = format.bytes;
  if (bytes == 0)
    return bad(spec, fmt::format("\"{}\" is not a format of weights", shape.format), "format");
  if (said.parameters == 0 && (said.blocks == 0 || said.hidden == 0))
    return bad(spec, "neither a size nor both hidden and blocks are given", "parameters");
  shape.vocabulary = said.vocabulary > 0 ? said.vocabulary : kUsualVocabulary;
  shape.blocks = said.blocks > 0 ? said.blocks : usual_blocks(said.parameters);
  shape.hidden =
      said.hidden > 0 ? said.hidden : usual_width(said.parameters, shape.blocks, shape.vocabulary);
  shape.heads = said.heads > 0 ? said.heads : std::max(1.0, std::round(shape.hidden / kUsualHead));
  shape.kv_heads = said.kv_heads > 0 ? said.kv_heads : shape.heads;
  if (shape.kv_heads > shape.heads) return bad(spec, "it has more kv_heads than heads", "kv_heads");
  const double width = shape.hidden, kv_width = width * shape.kv_heads / shape.heads;
  // Two matrices of four times the width, or three (gated) of what was said.
  const double feed = said.feed_forward > 0 ? 3 * width * said.feed_forward : 8 * width * width;
  shape.parameters = said.parameters > 0
                         ? said.parameters
                         : shape.blocks * (2 * width * width + 2 * width * kv_width + feed) +
                               shape.vocabulary * width;
  if (shape.parameters < kLeastParameters || shape.parameters > kMostParameters)
    return bad(
        spec,
        fmt::format("{} parameters are not between {} and {}", plot::short_number(shape.parameters),
                    plot::short_number(kLeastParameters), plot::short_number(kMostParameters)),
        "parameters");
  shape.weight_bytes = shape.parameters * bytes;
  shape.kv_bytes_per_token = 2 * shape.blocks * kv_width * kKvValueBytes;
  return shape;
}

}  // namespace

Result<ModelShape> parse_model_shape(std::string_view spec) {
  Spec said;
  const std::string_view trimmed = trim(spec);
  bool first = true;
  for (const std::string_view part : split(trimmed, ',')) {
    if (part.find('=') != std::string_view::npos) {
      GALLEY_TRY_STATUS(read_pair(trimmed, part, said));
    } else if (const auto size = parse_size(trim(part)); size && first) {
      said.parameters = *size;
    } else {
      return bad(trimmed, fmt::format("\"{}\" is neither a size nor key=value", trim(part)),
                 "model");
    }
    first = false;
  }
  return complete(trimmed, said);
}

Result<ModelShape> shape_of(const ProfiledModel& model) {
  Spec said;
  said.parameters = static_cast<double>(model.parameters);
  said.blocks = model.blocks;
  said.hidden = model.hidden;
  said.heads = model.heads;
  said.kv_heads = model.kv_heads;
  said.vocabulary = model.vocabulary;
  GALLEY_TRY(ModelShape shape, complete(model.name, said));
  // What was measured or read from the file stands above what is usual.
  if (model.weight_bytes > 0) shape.weight_bytes = static_cast<double>(model.weight_bytes);
  if (model.kv_bytes_per_token > 0) shape.kv_bytes_per_token = model.kv_bytes_per_token;
  if (!model.format.empty()) shape.format = model.format;
  return shape;
}

StepParameters step_parameters(const ModelShape& shape) {
  const double embedding = shape.vocabulary * shape.hidden;
  const double kv_share = shape.heads > 0 ? shape.kv_heads / shape.heads : 1;
  const double blocks = shape.blocks * shape.hidden * shape.hidden * (10 + 2 * kv_share);
  // An output layer of its own shows in the count: the embedding itself is looked up, not read.
  const bool untied = embedding > 0 && shape.parameters - blocks > 1.5 * embedding;
  StepParameters split;
  split.read = std::max(shape.parameters - (untied ? embedding : 0), shape.parameters / 10);
  split.blocks = std::max(split.read - embedding, shape.parameters / 10);
  return split;
}

}  // namespace galley::profiling
