#include "dnn_fit.h"

#include <torch/nn/functional/loss.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adamw.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <vector>

using galley::estimator::MlpModel;

namespace {

constexpr std::int64_t kDnnBatch = 64;

std::vector<float> floats_of(const torch::Tensor& tensor) {
  const auto flat = tensor.detach().contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

}  // namespace

MlpModel fit_dnn(const galley::estimator::DenseTable& x, std::span<const double> y,
                 const DnnOptions& options) {
  if (y.empty() || x.width == 0) return {};
  torch::manual_seed(options.seed);
  torch::set_num_threads(1);
  const auto rows = static_cast<std::int64_t>(x.rows());
  const auto width = static_cast<std::int64_t>(x.width);
  auto inputs = torch::from_blob(const_cast<float*>(x.values.data()), {rows, width}).clone();
  std::vector<float> labels(y.begin(), y.end());
  auto targets = torch::from_blob(labels.data(), {rows, 1}).clone();
  const auto mean = inputs.mean(0);
  auto scale = (inputs - mean).square().mean(0).sqrt();
  scale = torch::where(scale > 1e-5, scale, torch::ones_like(scale));
  inputs = (inputs - mean) / scale;
  const auto centre = targets.mean();
  targets -= centre;

  torch::nn::Linear first(width, options.hidden), second(options.hidden, options.hidden),
      third(options.hidden, options.hidden), last(options.hidden, 1);
  torch::nn::Sequential network(first, torch::nn::Tanh(), second, torch::nn::Tanh(), third,
                                torch::nn::Tanh(), last);
  torch::optim::AdamW optimiser(
      network->parameters(), torch::optim::AdamWOptions(options.learning_rate).weight_decay(0.01));
  auto order = torch::randperm(rows);
  std::int64_t at = 0;
  for (std::int64_t step = 0; step < options.steps; ++step) {
    if (at >= rows) {
      order = torch::randperm(rows);
      at = 0;
    }
    const auto batch = order.slice(0, at, std::min(at + kDnnBatch, rows));
    at += kDnnBatch;
    // Falls to a hundredth along half a cosine, so that the last steps settle.
    const double done = static_cast<double>(step) / static_cast<double>(options.steps);
    const double rate = options.learning_rate * (0.01 + 0.495 * (1 + std::cos(M_PI * done)));
    static_cast<torch::optim::AdamWOptions&>(optimiser.param_groups()[0].options()).lr(rate);
    optimiser.zero_grad();
    // Huber's: a mistaken record does not bend the network.
    const auto loss = torch::nn::functional::smooth_l1_loss(
        network->forward(inputs.index_select(0, batch)), targets.index_select(0, batch),
        torch::nn::functional::SmoothL1LossFuncOptions(), 0.1);
    loss.backward();
    optimiser.step();
  }

  MlpModel model{floats_of(mean), floats_of(scale), {}};
  for (const auto& layer : {first, second, third, last})
    model.layers.push_back({static_cast<std::size_t>(layer->weight.size(1)), floats_of(layer->bias),
                            floats_of(layer->weight)});
  model.layers.back().bias[0] += centre.item<float>();
  return model;
}
