// The reader of chunks: what it accepts can be written and read again unchanged.
#include <bit>
#include <cstdint>

#include "repaired_checksum.h"
#include "tracking/chunk.h"

namespace {

void check(std::string_view bytes) {
  using namespace galley;
  const auto points = tracking::decode_chunk(bytes);
  if (!points) return;
  for (const auto form : {tracking::ChunkForm::growing, tracking::ChunkForm::sealed}) {
    const auto again = tracking::decode_chunk(tracking::encode_chunk(*points, form));
    GALLEY_CHECK(again && again->size() == points->size(), "points survive");
    for (std::size_t i = 0; i < points->size(); ++i)
      GALLEY_CHECK((*again)[i].step == (*points)[i].step &&
                       (*again)[i].at_ms == (*points)[i].at_ms &&
                       std::bit_cast<std::uint64_t>((*again)[i].value) ==
                           std::bit_cast<std::uint64_t>((*points)[i].value),
                   "points survive");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check(bytes);
  if (size >= 16) check(galley::tracking::with_repaired_checksum(bytes));
  return 0;
}
