#include <cstring>
#include <functional>
#include <numeric>

#include "inference/gguf.h"

namespace galley::inference {
namespace {

constexpr std::uint64_t kAlignment = 32;  // the default, so that no key needs to say it
constexpr std::uint32_t kGgufVersion = 3;

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

void put_text(std::string& out, std::string_view text) {
  put<std::uint64_t>(out, text.size());
  out += text;
}

std::uint64_t align(std::uint64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

void GgufWriter::start(std::string_view key, GgufType type) {
  put_text(values_, key);
  put(values_, static_cast<std::uint32_t>(type));
  ++value_count_;
}

void GgufWriter::start_array(std::string_view key, GgufType element, std::size_t count) {
  start(key, GgufType::array);
  put(values_, static_cast<std::uint32_t>(element));
  put<std::uint64_t>(values_, count);
}

void GgufWriter::add_u32(std::string_view key, std::uint32_t value) {
  start(key, GgufType::u32);
  put(values_, value);
}

void GgufWriter::add_f32(std::string_view key, float value) {
  start(key, GgufType::f32);
  put(values_, value);
}

void GgufWriter::add_bool(std::string_view key, bool value) {
  start(key, GgufType::boolean);
  put<std::uint8_t>(values_, value ? 1 : 0);
}

void GgufWriter::add_string(std::string_view key, std::string_view value) {
  start(key, GgufType::string);
  put_text(values_, value);
}

void GgufWriter::add_strings(std::string_view key, std::span<const std::string> values) {
  start_array(key, GgufType::string, values.size());
  for (const std::string& value : values) put_text(values_, value);
}

void GgufWriter::add_floats(std::string_view key, std::span<const float> values) {
  start_array(key, GgufType::f32, values.size());
  for (const float value : values) put(values_, value);
}

void GgufWriter::add_integers(std::string_view key, std::span<const std::int32_t> values) {
  start_array(key, GgufType::i32, values.size());
  for (const std::int32_t value : values) put(values_, value);
}

void GgufWriter::add_value(std::string_view key, const GgufValue& value) {
  if (value.type == GgufType::array) {
    start_array(key, value.element, value.count);
  } else {
    start(key, value.type);
    if (value.type == GgufType::string) put<std::uint64_t>(values_, value.bytes.size());
  }
  values_ += value.bytes;
}

void GgufWriter::add_tensor(std::string_view name, tensor::Format format,
                            std::span<const std::size_t> shape) {
  GALLEY_CHECK(!shape.empty() && shape.size() <= 4, "GGUF holds 1 to 4 dimensions");
  const std::size_t rows =
      std::accumulate(shape.begin(), shape.end() - 1, std::size_t{1}, std::multiplies<>());
  const std::uint64_t size_bytes = rows * tensor::row_bytes(format, shape.back());
  tensors_.push_back({std::string(name),
                      ggml_type_of(format),
                      {shape.begin(), shape.end()},
                      data_bytes_,
                      size_bytes});
  data_bytes_ += align(size_bytes);
}

std::string GgufWriter::header() const {
  std::string out = "GGUF";
  put(out, kGgufVersion);
  put<std::uint64_t>(out, tensors_.size());
  put<std::uint64_t>(out, value_count_);
  out += values_;
  for (const Entry& tensor : tensors_) {
    put_text(out, tensor.name);
    put(out, static_cast<std::uint32_t>(tensor.shape.size()));
    for (auto size = tensor.shape.rbegin(); size != tensor.shape.rend(); ++size)
      put<std::uint64_t>(out, *size);
    put(out, tensor.type);
    put(out, tensor.offset);
  }
  out.resize(align(out.size()), '\0');
  return out;
}

std::vector<GgufWriter::Place> GgufWriter::places() const {
  const std::uint64_t begin = header().size();
  std::vector<Place> places;
  for (const Entry& tensor : tensors_) places.push_back({begin + tensor.offset, tensor.size_bytes});
  return places;
}

std::uint64_t GgufWriter::file_bytes() const { return header().size() + data_bytes_; }

}  // namespace galley::inference
