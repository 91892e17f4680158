// Any bytes are refused, or are weights that can be printed and read again to the same bytes.
#include <cstdint>
#include <string>
#include <string_view>

#include "inference/classifier_files.h"
#include "inference/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::inference;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto file = Safetensors::parse(bytes)) {
    std::size_t total = 0;
    for (const auto& [name, tensor] : file->tensors) total += tensor.bytes.size();
    GALLEY_CHECK(total < size, "tensors lie within the file");
  }
  std::string hash;
  const auto weights = parse_weights(bytes, hash);
  if (!weights) return 0;
  const std::string printed = print_weights(*weights, hash);
  std::string hash_again;
  const auto again = parse_weights(printed, hash_again);
  GALLEY_CHECK(again.has_value() && hash_again == hash, "what we print we read");
  GALLEY_CHECK(print_weights(*again, hash) == printed, "and print alike");
  return 0;
}
