#include "tensorboard_rate.h"

#include <filesystem>
#include <string>

#include "base/file.h"
#include "processor_time.h"
#include "support/scratch_folder.h"
#include "tracking/tensorboard.h"

namespace galley::bench {
Result<double> tensorboard_read_rate() {
  constexpr int kScalars = 400'000;
  constexpr int kTags = 20;
  constexpr double kBytes = 1e9;
  constexpr std::size_t kPiece = 1 << 20;
  GALLEY_TRY(const auto scratch, support::ScratchFolder::make());
  GALLEY_TRY(auto writer, tracking::TensorboardWriter::create(scratch.path(), from_ms(1)));
  for (int i = 0; i < kScalars; ++i) {
    const std::string tag = "train/metric_" + std::to_string(i % kTags);
    GALLEY_TRY_STATUS(writer.add_scalar(tag, i / kTags, static_cast<float>(i) * 0.5F, from_ms(i)));
  }
  GALLEY_TRY_STATUS(writer.flush());
  GALLEY_TRY(const std::string text, read_file(writer.path(), 1 << 30));

  double sum = 0;
  const tracking::TensorboardSink sink{
      .scalar = [&](const tracking::TensorboardScalar& scalar) { sum += scalar.value; },
      .parameter = {}};
  double bytes = 0;
  const double begin = processor_seconds(CLOCK_PROCESS_CPUTIME_ID);
  while (bytes < kBytes) {
    tracking::TensorboardReader reader;
    for (std::size_t at = 0; at < text.size(); at += kPiece)
      reader.feed(std::string_view(text).substr(at, kPiece), sink);
    if (reader.counts().scalars != kScalars)
      return Error{Errc::internal, "the reader has not found all scalars that were written"};
    bytes += static_cast<double>(text.size());
  }
  const double seconds = processor_seconds(CLOCK_PROCESS_CPUTIME_ID) - begin;
  return sum > 0 ? bytes / 1e6 / seconds : 0;
}

}  // namespace galley::bench
