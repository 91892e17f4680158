#include "training/accuracy.h"

#include <mutex>
#include <optional>
#include <utility>

#include "base/processors.h"
#include "workers.h"

namespace galley::training {

Result<double> measure_accuracy(const inference::TextClassifier& classifier,
                                const LabelledTexts& texts, std::uint32_t threads) {
  GALLEY_CHECK(texts.labels() == classifier.labels(), "texts are read with the model's labels");
  ChunkCounter counter(texts.size(), 256);
  std::mutex sums_mutex;  // guards right and error
  std::size_t right = 0;
  std::optional<Error> error;
  run_workers(threads > 0 ? threads : usable_processors(), [&](std::uint32_t) {
    std::size_t mine = 0;
    for (ChunkCounter::Chunk chunk; counter.next(chunk);)
      for (std::size_t i = chunk.begin; i < chunk.end; ++i) {
        auto answer = classifier.predict(texts.text(i));
        if (!answer) {
          const std::scoped_lock lock(sums_mutex);
          error = std::move(answer).error();
          return;
        }
        mine += answer->label_index == texts.label(i) ? 1 : 0;
      }
    const std::scoped_lock lock(sums_mutex);
    right += mine;
  });
  if (error) return *std::move(error);
  return static_cast<double>(right) / static_cast<double>(texts.size());
}

}  // namespace galley::training
