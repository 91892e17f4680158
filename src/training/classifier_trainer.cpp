#include "training/classifier_trainer.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/processors.h"
#include "hashed_texts.h"
#include "huge_array.h"
#include "output_layer.h"
#include "random.h"
#include "tensor/kernels.h"
#include "workers.h"

namespace galley::training {
namespace {

using inference::ClassifierWeights;
using inference::RowIndex;
using SteadyClock = std::chrono::steady_clock;

constexpr std::uint32_t kMaxDim = 1024;
constexpr std::uint32_t kMaxThreads = 1024;
constexpr std::uint32_t kMaxEpochs = 10'000;
constexpr std::size_t kChunkTexts = 256;       // what a worker takes at a time
constexpr std::size_t kTextsPerExchange = 16;  // of the output layer
// The output layer learns twice as fast as the embedding; found by cross-validation.
constexpr double kOutputRateRatio = 2;
constexpr auto kReportEvery = std::chrono::milliseconds(100);

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

/// One worker's buffers and its copy of the output layer.
struct Learner {
  OutputLayer mine;
  OutputLayer base;
  std::vector<std::uint32_t> kept;
  std::vector<float> hidden;
  std::vector<float> gradient;
  std::vector<float> probabilities;
  double loss = 0;
  std::uint64_t texts = 0;

  explicit Learner(const OutputLayer& layer)
      : mine(layer), base(layer), hidden(layer.dim), gradient(layer.dim) {}
};

class Trainer {
 public:
  /// The two arrays are zero: a row for each that the texts have, and its sum of squares.
  Trainer(const LabelledTexts& texts, const HashedTexts& hashed, const ClassifierOptions& options,
          const std::function<void(const TrainProgress&)>& report, const std::atomic<bool>& stop,
          HugeArray embedding, HugeArray squares)
      : texts_(texts),
        hashed_(hashed),
        options_(options),
        report_(report),
        stop_(stop),
        random_(options.seed),
        output_(
            OutputLayer(options.dim, static_cast<std::uint32_t>(texts.labels().size()), random_)),
        embedding_(std::move(embedding)),
        squares_(std::move(squares)),
        order_(hashed.train) {}

  TrainedClassifier run() {
    const auto start = SteadyClock::now();
    TrainedClassifier result;
    std::uint32_t without_progress = 0;
    for (epoch_ = 1; epoch_ <= options_.epochs && !stop_; ++epoch_) {
      const double loss = run_pass();
      if (stop_) break;
      result.epochs = epoch_;
      const std::optional<double> accuracy = measure_dev();
      send_report(order_.size(), loss, accuracy);
      if (!accuracy || !result.dev_accuracy || *accuracy > *result.dev_accuracy) {
        result.weights = copy_weights();
        result.best_epoch = epoch_;
        result.dev_accuracy = accuracy;
        without_progress = 0;
      } else if (options_.patience > 0 && ++without_progress >= options_.patience) {
        break;
      }
    }
    result.stopped = stop_ && result.epochs < options_.epochs;
    if (result.best_epoch == 0) result.weights = copy_weights();
    result.tokens = result.epochs * hashed_.train_occurrences;
    result.seconds = seconds_since(start);
    return result;
  }

 private:
  /// One pass over the train texts in a new order; the mean loss.
  double run_pass() {
    shuffle();
    const auto start = SteadyClock::now();
    ChunkCounter counter(order_.size(), kChunkTexts);
    std::mutex sums_mutex;  // guards loss and texts
    double loss = 0;
    std::uint64_t texts = 0;
    run_workers(options_.threads, [&](std::uint32_t worker) {
      Learner learner(output_.copy());
      for (ChunkCounter::Chunk chunk; !stop_ && counter.next(chunk);) {
        learn_chunk(chunk, learner);
        if (worker == 0 && SteadyClock::now() - last_report_ >= kReportEvery) {
          pass_seconds_now_ = pass_seconds_ + seconds_since(start);
          send_report(counter.handed_out(), learner.loss / static_cast<double>(learner.texts),
                      std::nullopt);
        }
      }
      const std::scoped_lock lock(sums_mutex);
      loss += learner.loss;
      texts += learner.texts;
    });
    pass_seconds_ += seconds_since(start);
    pass_seconds_now_ = pass_seconds_;
    return texts > 0 ? loss / static_cast<double>(texts) : 0;
  }

  void shuffle() {
    for (std::size_t i = order_.size(); i > 1; --i)
      std::swap(order_[i - 1], order_[random_.below(static_cast<std::uint32_t>(i))]);
  }

  void learn_chunk(ChunkCounter::Chunk chunk, Learner& learner) {
    for (std::size_t i = chunk.begin; i < chunk.end; ++i) {
      const double done =
          (static_cast<double>(epoch_ - 1) * static_cast<double>(order_.size()) +
           static_cast<double>(i)) /
          (static_cast<double>(options_.epochs) * static_cast<double>(order_.size()));
      learn(order_[i], options_.learning_rate * (1 - done), learner);
      if ((i + 1) % kTextsPerExchange == 0 || i + 1 == chunk.end)
        output_.exchange(learner.mine, learner.base);
    }
  }

  void learn(std::uint32_t text, double rate, Learner& l) {
    const std::span<const std::uint32_t> all = hashed_.of(text);
    drop(all, text, l.kept);
    ++l.texts;
    const auto n = static_cast<float>(all.size());
    // The kept ones stand for all: the sum keeps its expectation.
    const float norm =
        all.empty() ? 0 : 1 / (static_cast<float>(1 - options_.dropout) * std::sqrt(n));
    kernels_.sum_rows(embedding_.data(), options_.dim, l.kept.data(), l.kept.size(),
                      l.hidden.data());
    for (float& x : l.hidden) x *= norm;
    l.mine.forward(kernels_, l.hidden, l.probabilities);
    const std::uint32_t label = texts_.label(text);
    l.loss -= std::log(std::max(l.probabilities[label], 1e-9F));
    std::ranges::fill(l.gradient, 0.0F);
    l.mine.backward(kernels_, l.hidden, label, static_cast<float>(kOutputRateRatio * rate),
                    l.probabilities, l.gradient);
    for (float& x : l.gradient) x *= norm;
    const float square = kernels_.dot(l.gradient.data(), l.gradient.data(), options_.dim) /
                         static_cast<float>(options_.dim);
    kernels_.adagrad_rows(embedding_.data(), squares_.data(), options_.dim, l.kept.data(),
                          l.kept.size(), l.gradient.data(), square, static_cast<float>(rate));
  }

  /// Leaves out each n-gram with the probability `dropout`, by 8 random bits each.
  void drop(std::span<const std::uint32_t> all, std::uint32_t text,
            std::vector<std::uint32_t>& kept) const {
    const auto threshold = static_cast<std::uint64_t>(std::lround(options_.dropout * 256));
    Random random((options_.seed * kMaxEpochs + epoch_) << 32U ^ text);
    kept.resize(all.size());
    std::size_t count = 0;
    for (std::size_t i = 0; i < all.size(); i += 8) {
      std::uint64_t bits = random.next();
      const std::size_t end = std::min(i + 8, all.size());
      for (std::size_t k = i; k < end; ++k, bits >>= 8U) {
        kept[count] = all[k];
        count += (bits & 0xFFU) >= threshold ? 1 : 0;
      }
    }
    kept.resize(count);
  }

  std::optional<double> measure_dev() const {
    if (hashed_.dev.empty()) return std::nullopt;
    const OutputLayer output = output_.copy();
    ChunkCounter counter(hashed_.dev.size(), kChunkTexts);
    std::atomic<std::size_t> right = 0;
    run_workers(options_.threads, [&](std::uint32_t) {
      std::vector<float> hidden(options_.dim);
      std::vector<float> probabilities;
      for (ChunkCounter::Chunk chunk; counter.next(chunk);)
        for (std::size_t i = chunk.begin; i < chunk.end; ++i) {
          const auto rows = hashed_.of(hashed_.dev[i]);
          kernels_.sum_rows(embedding_.data(), options_.dim, rows.data(), rows.size(),
                            hidden.data());
          const float n = static_cast<float>(std::max<std::size_t>(rows.size(), 1));
          for (float& x : hidden) x /= std::sqrt(n);
          if (output.forward(kernels_, hidden, probabilities) == texts_.label(hashed_.dev[i]))
            ++right;
        }
    });
    return static_cast<double>(right) / static_cast<double>(hashed_.dev.size());
  }

  ClassifierWeights copy_weights() const {
    const OutputLayer output = output_.copy();
    const std::size_t size = std::size_t{hashed_.index.row_count()} * options_.dim;
    return {.index = hashed_.index,
            .dim = options_.dim,
            .classes = output.classes,
            .embedding = {embedding_.data(), embedding_.data() + size},
            .output = output.weight,
            .bias = output.bias};
  }

  void send_report(std::size_t texts_of_pass, double loss, std::optional<double> dev_accuracy) {
    last_report_ = SteadyClock::now();
    if (!report_) return;
    const std::uint64_t step = (epoch_ - 1) * order_.size() + texts_of_pass;
    const double tokens_per_text =
        static_cast<double>(hashed_.train_occurrences) / static_cast<double>(order_.size());
    report_({.step = step,
             .total_steps = std::uint64_t{options_.epochs} * order_.size(),
             .epoch = epoch_,
             .loss = loss,
             .tokens_per_s =
                 static_cast<double>(step) * tokens_per_text / std::max(pass_seconds_now_, 1e-9),
             .dev_accuracy = dev_accuracy});
  }

  const LabelledTexts& texts_;
  const HashedTexts& hashed_;
  const ClassifierOptions& options_;
  const std::function<void(const TrainProgress&)>& report_;
  const std::atomic<bool>& stop_;
  const tensor::KernelTable& kernels_ = tensor::select_kernels();
  Random random_;
  SharedOutputLayer output_;
  HugeArray embedding_;
  HugeArray squares_;
  std::vector<std::uint32_t> order_;
  std::uint32_t epoch_ = 0;
  double pass_seconds_ = 0;      // of the passes done
  double pass_seconds_now_ = 0;  // and of the running one
  SteadyClock::time_point last_report_ = SteadyClock::now();
};

Error bad_option(const std::string& name, const std::string& expected) {
  return {Errc::invalid_argument, "the option " + name + " is out of range", name, expected};
}

}  // namespace

ClassifierOptions settle(const ClassifierOptions& options, std::size_t texts, std::size_t classes) {
  ClassifierOptions settled = options;
  if (settled.threads == 0) settled.threads = usable_processors();
  if (settled.dim == 0) settled.dim = classes <= 16 ? 16 : 64;
  if (settled.learning_rate == 0)
    settled.learning_rate = 1.5 / std::sqrt(static_cast<double>(texts)) *
                            std::pow(static_cast<double>(classes) / 2, 0.25);
  return settled;
}

Status check(const ClassifierOptions& o) {
  GALLEY_TRY_STATUS(check(o.ngrams));
  if (o.buckets != 0 && (!std::has_single_bit(o.buckets) || o.buckets < RowIndex::kMinBuckets ||
                         o.buckets > RowIndex::kMaxBuckets))
    return bad_option("buckets", "0 or a power of two from 1024 to 16777216");
  if (o.min_count < 1 || o.min_count > UINT8_MAX) return bad_option("min-count", "1 to 255");
  if (o.dim > kMaxDim || o.dim % tensor::kLanes != 0)
    return bad_option("dim", "0 or a multiple of 16 up to 1024");
  if (o.epochs < 1 || o.epochs > kMaxEpochs) return bad_option("epochs", "1 to 10000");
  if (o.hold_out < 2 || o.hold_out > 1000) return bad_option("hold-out", "2 to 1000");
  if (!(o.learning_rate >= 0 && o.learning_rate <= 10)) return bad_option("lr", "0 to 10");
  if (!(o.dropout >= 0 && o.dropout <= 0.99)) return bad_option("dropout", "0 to 0.99");
  if (o.threads > kMaxThreads) return bad_option("threads", "0 to 1024");
  return ok();
}

Result<TrainedClassifier> train_classifier(const LabelledTexts& texts,
                                           const ClassifierOptions& options,
                                           const std::function<void(const TrainProgress&)>& report,
                                           const std::atomic<bool>& stop) {
  GALLEY_TRY_STATUS(check(options));
  const ClassifierOptions settled = settle(options, texts.size(), texts.labels().size());
  const auto start = SteadyClock::now();
  GALLEY_TRY(const HashedTexts hashed, hash_texts(texts, {.ngrams = settled.ngrams,
                                                          .buckets = settled.buckets,
                                                          .min_count = settled.min_count,
                                                          .hold_out = settled.hold_out,
                                                          .threads = settled.threads}));
  const std::size_t rows = hashed.index.row_count();
  GALLEY_TRY(auto embedding, HugeArray::make(rows * settled.dim));
  GALLEY_TRY(auto squares, HugeArray::make(rows));
  TrainedClassifier result =
      Trainer(texts, hashed, settled, report, stop, std::move(embedding), std::move(squares)).run();
  result.train_texts = hashed.train.size();
  result.dev_texts = hashed.dev.size();
  result.tokens_per_pass = hashed.train_occurrences;
  result.options = settled;
  result.seconds = seconds_since(start);
  return result;
}

}  // namespace galley::training
