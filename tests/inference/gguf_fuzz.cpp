// Any bytes are refused, or are a file whose values can be read, copied, and read again alike.
#include <cstdint>
#include <string_view>

#include "inference/gguf.h"
#include "inference/gguf_tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::inference;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto file = Gguf::parse(bytes);
  if (!file) return 0;
  GgufWriter writer;
  for (const auto& [key, value] : file->values()) {
    GALLEY_CHECK(value.bytes.size() <= size, "values lie within the file");
    (void)file->find_number(key).has_value();
    (void)file->find_strings(key).has_value();
    (void)file->find_floats(key).has_value();
    (void)file->find_integers(key).has_value();
    writer.add_value(key, value);
  }
  std::size_t touched = 0;
  for (const auto& [name, tensor] : file->tensors())
    for (const char byte : tensor.bytes) touched += static_cast<unsigned char>(byte);
  GALLEY_CHECK(touched <= size * 255, "tensors lie within the file and do not overlap");
  const std::string copy = writer.header();
  const auto again = Gguf::parse(copy);
  GALLEY_CHECK(again.has_value() && again->values().size() == file->values().size(),
               "what we print we read");
  (void)tokenizer_of(*file).has_value();
  return 0;
}
