#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/format.h"

namespace galley::inference {

/// The types of a GGUF file's values, numbered as in the file.
enum class GgufType : std::uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12
};
std::string_view name_of(GgufType type);

/// One value in the file's bytes. Of an array, `element` is the type of its `count` elements and
/// `bytes` holds them as in the file (strings each behind a u64 length).
struct GgufValue {
  GgufType type = GgufType::u8;
  GgufType element = GgufType::u8;
  std::uint64_t count = 1;
  std::string_view bytes;
};

/// A tensor in the file's bytes. `format` is empty for the types that Galley does not compute with;
/// `type_name` is ggml's name of any ("Q4_K", "IQ2_XS", ...).
struct GgufTensor {
  std::string_view type_name;
  std::optional<tensor::Format> format;
  std::vector<std::uint64_t> shape;  // outermost first, the reverse of the file's order
  std::string_view bytes;
};

/// A parsed GGUF file of version 2 or 3, little endian. A view: the bytes given to parse() must
/// outlive it. Immutable; thread-safe.
///
/// Strict: every count is compared with the bytes that are left before anything is allocated for
/// it; duplicate names, tensors that overlap, are unaligned, or pass the end are refused. Bytes
/// between and after the tensors (padding) are not read.
class Gguf {
 public:
  /// O(header); no tensor byte is read. Errors: corrupt, with the byte offset and the numbers;
  /// unsupported (version, big endian, a tensor type that ggml has removed or never had).
  static Result<Gguf> parse(std::string_view file);

  std::uint32_t version() const { return version_; }
  const std::map<std::string_view, GgufValue>& values() const { return values_; }
  const std::map<std::string_view, GgufTensor>& tensors() const { return tensors_; }
  /// Null where absent.
  const GgufValue* find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }

  /// A key's value, or nothing where the key is absent. Any integer type serves for an integer that
  /// fits, and f32, f64 or an integer for a number. Errors: corrupt, naming key, wanted and found.
  Result<std::optional<std::uint64_t>> find_unsigned(std::string_view key) const;
  Result<std::optional<std::int64_t>> find_integer(std::string_view key) const;
  Result<std::optional<double>> find_number(std::string_view key) const;
  Result<std::optional<bool>> find_bool(std::string_view key) const;
  Result<std::optional<std::string_view>> find_string(std::string_view key) const;
  /// Views into the file; O(count).
  Result<std::optional<std::vector<std::string_view>>> find_strings(std::string_view key) const;
  Result<std::optional<std::vector<float>>> find_floats(std::string_view key) const;
  Result<std::optional<std::vector<std::int64_t>>> find_integers(std::string_view key) const;

  /// The same for a key that must be there. Errors: also corrupt "… is missing".
  Result<std::uint64_t> unsigned_of(std::string_view key) const;
  Result<double> number_of(std::string_view key) const;
  Result<std::string_view> string_of(std::string_view key) const;
  Result<std::vector<std::string_view>> strings_of(std::string_view key) const;

 private:
  std::uint32_t version_ = 0;
  std::map<std::string_view, GgufValue> values_;
  std::map<std::string_view, GgufTensor> tensors_;
};

/// ggml's number and name of a format. Galley's own i8 has none: it lives in safetensors.
std::uint32_t ggml_type_of(tensor::Format format);
std::string_view ggml_name_of(tensor::Format format);

/// Builds the front of a GGUF file of version 3: everything before the data section. The caller
/// then writes each tensor's bytes at its place, in any order and from any thread.
class GgufWriter {
 public:
  struct Place {
    std::uint64_t offset = 0;  // from the start of the file
    std::uint64_t size_bytes = 0;
  };

  void add_u32(std::string_view key, std::uint32_t value);
  void add_f32(std::string_view key, float value);
  void add_bool(std::string_view key, bool value);
  void add_string(std::string_view key, std::string_view value);
  void add_strings(std::string_view key, std::span<const std::string> values);
  void add_floats(std::string_view key, std::span<const float> values);
  void add_integers(std::string_view key, std::span<const std::int32_t> values);
  /// A value of another file, byte for byte.
  void add_value(std::string_view key, const GgufValue& value);
  /// Tensors lie in the order of these calls. `shape` is outermost first, 1 to 4 dimensions.
  void add_tensor(std::string_view name, tensor::Format format, std::span<const std::size_t> shape);

  /// The bytes before the data section, padded to the alignment.
  std::string header() const;
  /// Where each tensor goes, in the order added; the file's size with the last one's padding.
  std::vector<Place> places() const;
  std::uint64_t file_bytes() const;

 private:
  struct Entry {
    std::string name;
    std::uint32_t type;
    std::vector<std::size_t> shape;
    std::uint64_t offset;
    std::uint64_t size_bytes;
  };
  void start(std::string_view key, GgufType type);
  void start_array(std::string_view key, GgufType element, std::size_t count);

  std::string values_;
  std::uint64_t value_count_ = 0;
  std::vector<Entry> tensors_;
  std::uint64_t data_bytes_ = 0;
};

}  // namespace galley::inference
