// The reader of blob files: whatever the bytes, an answer has the digest that was asked for.
#include <cstdint>

#include "base/text.h"
#include "blobs/format.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  // Asking for the name that the header claims lets inputs reach the decompressor.
  const std::string name = size >= 48 ? to_hex(file.substr(16, 32)) : std::string(64, 'a');
  const auto bytes = blobs::decode_blob(name, file);
  if (bytes) GALLEY_CHECK(sha256_hex(*bytes) == name, "decoded bytes are verified");
  return 0;
}
