#include "inference/gguf.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "base/text.h"
#include "ggml_types.h"

namespace galley::inference {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is read in place");

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kMaxAlignment = 1U << 20;
constexpr std::uint64_t kMaxNameBytes = 63;  // of a tensor, as in ggml
constexpr std::uint64_t kMaxKeyBytes = 65535;
constexpr std::uint32_t kMaxRank = 4;
// What the shortest key and the shortest tensor entry take, so that a count can be refused early.
constexpr std::uint64_t kMinValueBytes = 8 + 1 + 4 + 1;
constexpr std::uint64_t kMinTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;

Error gguf_corrupt(std::string message) { return {Errc::corrupt, "GGUF: " + std::move(message)}; }

std::string number(std::uint64_t value) { return std::to_string(value); }

/// Bytes of one value; 0 for those without a fixed size and for no type at all.
std::uint64_t fixed_bytes(std::uint32_t type) {
  constexpr std::array<std::uint8_t, 13> kBytes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return type < kBytes.size() ? kBytes[type] : 0;
}

/// Reads forward and never past the end.
class Cursor {
 public:
  explicit Cursor(std::string_view file) : file_(file) {}

  std::uint64_t at() const { return at_; }
  std::uint64_t left() const { return file_.size() - at_; }

  template <class T>
  Result<T> number_of(std::string_view what) {
    GALLEY_TRY(const std::string_view bytes, take(sizeof(T), what));
    T value;
    std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }

  Result<std::string_view> take(std::uint64_t count, std::string_view what) {
    if (count > left())
      return gguf_corrupt(std::string(what) + " at byte " + number(at_) + " needs " +
                          number(count) + " bytes, and the file has " + number(left()) + " more");
    const std::string_view bytes = file_.substr(at_, count);
    at_ += count;
    return bytes;
  }

  Result<std::string_view> text(std::uint64_t max_bytes, std::string_view what) {
    const std::uint64_t from = at_;
    GALLEY_TRY(const auto length, number_of<std::uint64_t>(what));
    if (length > max_bytes && length <= left())
      return gguf_corrupt(std::string(what) + " at byte " + number(from) + " has " +
                          number(length) + " bytes, more than the " + number(max_bytes) +
                          " allowed");
    return take(length, what);
  }

 private:
  std::string_view file_;
  std::uint64_t at_ = 0;
};

Result<std::string_view> read_name(Cursor& cursor, std::uint64_t max_bytes, std::string_view what) {
  const std::uint64_t from = cursor.at();
  GALLEY_TRY(const std::string_view name, cursor.text(max_bytes, what));
  if (name.empty() || !is_valid_utf8(name) || name.find('\0') != std::string_view::npos)
    return gguf_corrupt(std::string(what) + " at byte " + number(from) +
                        " is empty, holds a zero byte or is not UTF-8");
  return name;
}

Result<GgufValue> read_array(Cursor& cursor, const std::string& what) {
  GALLEY_TRY(const auto element, cursor.number_of<std::uint32_t>(what));
  GALLEY_TRY(const auto count, cursor.number_of<std::uint64_t>(what));
  const std::uint64_t from = cursor.at();
  GgufValue value{GgufType::array, static_cast<GgufType>(element), count, {}};
  if (value.element == GgufType::array)
    return Error{Errc::unsupported, "GGUF: " + what + " is an array of arrays"};
  const bool strings = value.element == GgufType::string;
  const std::uint64_t each = strings ? 8 : fixed_bytes(element);
  if (each == 0) return gguf_corrupt(what + " is an array of unknown type " + number(element));
  if (count > cursor.left() / each)
    return gguf_corrupt(what + " at byte " + number(from) + " has " + number(count) +
                        " elements, and the file has " + number(cursor.left()) + " more bytes");
  if (!strings) {
    GALLEY_TRY(value.bytes, cursor.take(count * each, what));
    return value;
  }
  Cursor walk = cursor;
  for (std::uint64_t i = 0; i < count; ++i)
    GALLEY_TRY_STATUS(walk.text(std::numeric_limits<std::uint64_t>::max(), what));
  GALLEY_TRY(value.bytes, cursor.take(walk.at() - from, what));
  return value;
}

Result<GgufValue> read_value(Cursor& cursor, const std::string& what) {
  GALLEY_TRY(const auto type, cursor.number_of<std::uint32_t>(what));
  GgufValue value{static_cast<GgufType>(type), static_cast<GgufType>(type), 1, {}};
  if (value.type == GgufType::array) return read_array(cursor, what);
  if (value.type == GgufType::string) {
    GALLEY_TRY(value.bytes, cursor.text(std::numeric_limits<std::uint64_t>::max(), what));
    return value;
  }
  const std::uint64_t bytes = fixed_bytes(type);
  if (bytes == 0) return gguf_corrupt(what + " has unknown type " + number(type));
  GALLEY_TRY(value.bytes, cursor.take(bytes, what));
  if (value.type == GgufType::boolean && static_cast<unsigned char>(value.bytes[0]) > 1)
    return gguf_corrupt(what + " is a boolean that is neither 0 nor 1");
  return value;
}

struct TensorEntry {
  GgufTensor tensor;
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;
};

Result<TensorEntry> read_tensor(Cursor& cursor, const std::string& what) {
  TensorEntry entry;
  GALLEY_TRY(const auto rank, cursor.number_of<std::uint32_t>(what));
  if (rank < 1 || rank > kMaxRank)
    return gguf_corrupt(what + " has " + number(rank) + " dimensions; 1 to 4 are possible");
  std::uint64_t values = 1;
  for (std::uint32_t i = 0; i < rank; ++i) {
    GALLEY_TRY(const auto size, cursor.number_of<std::uint64_t>(what));
    if (size == 0 || __builtin_mul_overflow(values, size, &values) ||
        values > std::uint64_t{1} << 62U)
      return gguf_corrupt(what + " has a dimension of " + number(size) +
                          (size == 0 ? "" : ", with which its size passes 2^62 values"));
    entry.tensor.shape.insert(entry.tensor.shape.begin(), size);
  }
  GALLEY_TRY(const auto type, cursor.number_of<std::uint32_t>(what));
  const GgmlType* known = find_ggml_type(type);
  if (known == nullptr)
    return Error{Errc::unsupported, "GGUF: " + what + " has type " + number(type) +
                                        ", which ggml has removed or Galley does not know"};
  entry.tensor.type_name = known->name;
  entry.tensor.format = known->format;
  const std::uint64_t columns = entry.tensor.shape.back();
  if (columns % known->block_values != 0)
    return gguf_corrupt(what + " has rows of " + number(columns) + " values, no multiple of the " +
                        number(known->block_values) + " of a " + std::string(known->name) +
                        " block");
  if (__builtin_mul_overflow(values / known->block_values, std::uint64_t{known->block_bytes},
                             &entry.size_bytes))
    return gguf_corrupt(what + " has " + number(values) + " values, too many bytes for 64 bits");
  GALLEY_TRY(entry.offset, cursor.number_of<std::uint64_t>(what));
  return entry;
}

struct Extent {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::string_view name;
};

Status check_overlaps(std::vector<Extent>& extents) {
  std::ranges::sort(extents, {}, &Extent::begin);
  for (std::size_t i = 1; i < extents.size(); ++i)
    if (extents[i].begin < extents[i - 1].end)
      return gguf_corrupt("tensors '" + std::string(extents[i - 1].name) + "' and '" +
                          std::string(extents[i].name) + "' overlap at byte " +
                          number(extents[i].begin) + " of the data");
  return ok();
}

Result<std::uint64_t> alignment_of(const Gguf& file) {
  GALLEY_TRY(const auto alignment, file.find_unsigned("general.alignment"));
  if (!alignment) return kDefaultAlignment;
  if (!std::has_single_bit(*alignment) || *alignment > kMaxAlignment)
    return gguf_corrupt("general.alignment is " + number(*alignment) +
                        "; it must be a power of two up to " + number(kMaxAlignment));
  return *alignment;
}

Result<std::uint32_t> read_version(Cursor& cursor) {
  GALLEY_TRY(const auto magic, cursor.number_of<std::uint32_t>("the magic number"));
  if (magic != kMagic) return gguf_corrupt("the file does not begin with the letters GGUF");
  GALLEY_TRY(const auto version, cursor.number_of<std::uint32_t>("the version"));
  if (version == 2 || version == 3) return version;
  if ((version & 0xFFFFU) == 0)
    return Error{Errc::unsupported, "GGUF: the file is big endian", {}, "a little-endian file"};
  return Error{
      Errc::unsupported, "GGUF: the file has version " + number(version), {}, "version 2 or 3"};
}

}  // namespace

Result<Gguf> Gguf::parse(std::string_view file) {
  Gguf result;
  Cursor cursor(file);
  GALLEY_TRY(result.version_, read_version(cursor));
  GALLEY_TRY(const auto tensor_count, cursor.number_of<std::uint64_t>("the count of tensors"));
  GALLEY_TRY(const auto value_count, cursor.number_of<std::uint64_t>("the count of keys"));
  if (tensor_count > cursor.left() / kMinTensorBytes ||
      value_count > cursor.left() / kMinValueBytes)
    return gguf_corrupt(number(value_count) + " keys and " + number(tensor_count) +
                        " tensors do not fit a file of " + number(file.size()) + " bytes");

  for (std::uint64_t i = 0; i < value_count; ++i) {
    GALLEY_TRY(const auto key, read_name(cursor, kMaxKeyBytes, "the name of key " + number(i)));
    GALLEY_TRY(const auto value, read_value(cursor, "key '" + std::string(key) + "'"));
    if (!result.values_.emplace(key, value).second)
      return gguf_corrupt("key '" + std::string(key) + "' is there twice");
  }
  GALLEY_TRY(const auto alignment, alignment_of(result));

  std::vector<TensorEntry> entries;
  std::vector<Extent> extents;
  for (std::uint64_t i = 0; i < tensor_count; ++i) {
    GALLEY_TRY(const auto name,
               read_name(cursor, kMaxNameBytes, "the name of tensor " + number(i)));
    GALLEY_TRY(auto entry, read_tensor(cursor, "tensor '" + std::string(name) + "'"));
    if (entry.offset % alignment != 0)
      return gguf_corrupt("tensor '" + std::string(name) + "' lies at " + number(entry.offset) +
                          ", no multiple of the alignment of " + number(alignment));
    extents.push_back({entry.offset, 0, name});
    entries.push_back(std::move(entry));
  }

  const std::uint64_t data_begin = (cursor.at() + alignment - 1) / alignment * alignment;
  const std::uint64_t data_bytes = data_begin < file.size() ? file.size() - data_begin : 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    TensorEntry& entry = entries[i];
    if (entry.size_bytes > data_bytes || entry.offset > data_bytes - entry.size_bytes)
      return gguf_corrupt("tensor '" + std::string(extents[i].name) + "' needs " +
                          number(entry.size_bytes) + " bytes at " + number(entry.offset) +
                          " of the data section, which has " + number(data_bytes));
    extents[i].end = entry.offset + entry.size_bytes;
    entry.tensor.bytes = file.substr(data_begin + entry.offset, entry.size_bytes);
    if (!result.tensors_.emplace(extents[i].name, std::move(entry.tensor)).second)
      return gguf_corrupt("tensor '" + std::string(extents[i].name) + "' is there twice");
  }
  GALLEY_TRY_STATUS(check_overlaps(extents));
  return result;
}

}  // namespace galley::inference
