// The reader of event files: cut anywhere, the same is read; and a payload with its checksums made
// right, so that what is inside is reached.
#include <cstdint>
#include <string>

#include "../../src/tracking/tensorboard_format.h"
#include "base/result.h"
#include "tracking/tensorboard.h"

namespace {

std::string read_all(std::string_view bytes, std::size_t piece) {
  using namespace galley::tracking;
  TensorboardReader reader;
  std::string heard;
  const TensorboardSink sink{
      .scalar = [&](const TensorboardScalar& scalar) { heard += scalar.tag; },
      .parameter =
          [&](std::string_view name, std::string_view value) {
            heard += name;
            heard += value;
          }};
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    reader.feed(bytes.substr(at, piece), sink);
  return heard + std::to_string(reader.counts().records);
}

std::string in_a_record(std::string_view payload) {
  using namespace galley::tracking;
  const std::uint64_t length = payload.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof length);
  const std::uint32_t head = masked_crc32c(bytes);
  bytes.append(reinterpret_cast<const char*>(&head), sizeof head);
  bytes += payload;
  const std::uint32_t tail = masked_crc32c(payload);
  return bytes.append(reinterpret_cast<const char*>(&tail), sizeof tail);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  GALLEY_CHECK(read_all(bytes, size + 1) == read_all(bytes, 5), "pieces do not matter");
  constexpr std::size_t kHead = galley::tracking::kTensorboardHead;
  const std::string inside = in_a_record(bytes.substr(size < kHead ? 0 : kHead));
  GALLEY_CHECK(read_all(inside, inside.size()) == read_all(inside, 7), "pieces do not matter");
  return 0;
}
