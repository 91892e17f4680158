// What clients log, and what waits in the store: whatever the bytes, an answer and no fault; what
// is read can be stored and comes back.
#include <cstdint>

#include "repaired_checksum.h"
#include "tracking/log_batch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::tracking;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto batch = parse_log_batch(bytes, 1); batch && !batch->points.empty()) {
    const auto stored = PointBatch::unpack(batch->points.pack());
    GALLEY_CHECK(stored && stored->size() == batch->points.size(), "what was stored is read");
    GALLEY_CHECK(stored->keys() == batch->points.keys(), "with its keys");
  }
  (void)parse_log_metric(bytes, 1);
  (void)PointBatch::unpack(bytes);
  if (size >= 16) (void)PointBatch::unpack(with_repaired_checksum(bytes));
  return 0;
}
