#include "lm_workers.h"

#include <algorithm>
#include <functional>
#include <thread>
#include <utility>

using galley::text::TokenId;

namespace {

/// Calls work(0) … work(count - 1) at once, the first on this thread.
void run_together(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < count; ++i) threads.emplace_back(work, i);
  work(0);
}

/// Weighted mean of the gradients, into the first.
void average(std::vector<std::vector<float>>& gradients, std::span<const TokenBatch> batches,
             std::int64_t rows) {
  std::vector<float>& sum = gradients.front();
  for (std::size_t worker = 0; worker < gradients.size(); ++worker) {
    const float share = static_cast<float>(batches[worker].rows) / static_cast<float>(rows);
    const std::vector<float>& part = gradients[worker];
    for (std::size_t i = 0; i < sum.size(); ++i)
      sum[i] = worker == 0 ? share * part[i] : sum[i] + share * part[i];
  }
}

}  // namespace

LmWorkers::LmWorkers(const galley::training::DecoderLayout& layout, std::vector<float> parameters,
                     std::uint32_t threads, double dropout)
    : context_(layout.shape().context),
      parameters_(std::move(parameters)),
      gradients_(threads, std::vector<float>(layout.size())) {
  for (std::vector<float>& gradient : gradients_)
    workers_.emplace_back(layout, parameters_, gradient, dropout);
}

double LmWorkers::learn(galley::training::TokenWindows& windows, std::uint32_t batch,
                        std::uint64_t seed) {
  std::vector<TokenBatch> batches(workers_.size());
  for (std::uint32_t i = 0; i < batch; ++i) batches[i % batches.size()].add(windows.next());
  std::vector<double> losses(workers_.size());
  run_together(workers_.size(), [&](std::size_t i) {
    losses[i] = workers_[i].learn(batches[i], seed * workers_.size() + i);
  });
  average(gradients_, batches, batch);
  double loss = 0;
  for (std::size_t i = 0; i < losses.size(); ++i)
    loss += losses[i] * static_cast<double>(batches[i].rows) / batch;
  return loss;
}

LmWorkers::Measured LmWorkers::measure(std::span<const TokenId> stream) {
  struct Window {
    std::span<const TokenId> tokens;
    std::int64_t first = 0;  // counted from here
  };
  std::vector<Window> windows;
  const std::size_t half = context_ / 2;
  std::size_t done = 1;  // tokens predicted, and the first, which nothing predicts
  while (done < stream.size()) {
    const std::size_t begin = done == 1 ? 0 : done - 1 - half;
    const std::size_t end = std::min(stream.size(), begin + context_ + 1);
    windows.push_back(
        {stream.subspan(begin, end - begin), static_cast<std::int64_t>(done - 1 - begin)});
    done = end;
  }
  std::vector<double> nats(windows.size());
  run_together(workers_.size(), [&](std::size_t worker) {
    for (std::size_t i = worker; i < windows.size(); i += workers_.size()) {
      TokenBatch batch;
      batch.add(windows[i].tokens);
      nats[i] = workers_[worker].loss_sum(batch, windows[i].first);
    }
  });
  Measured measured{.tokens = static_cast<std::int64_t>(stream.size()) - 1};
  for (const double part : nats) measured.nats += part;
  return measured;
}
