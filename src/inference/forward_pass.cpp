#include "forward_pass.h"

#include <algorithm>
#include <cmath>

#include "base/result.h"

namespace galley::inference {
namespace {

using tensor::Device;
using tensor::Input;
using tensor::Norm;
using tensor::Product;
using tensor::Tensor;

Norm norm_of(const ModelConfig& config, const NormWeights& weights) {
  return {.kind = config.norm,
          .epsilon = config.norm_epsilon,
          .weight = weights.weight.get(),
          .bias = weights.bias.get()};
}

Input normalized(const ModelConfig& config, const Tensor& x, const NormWeights& weights) {
  return {.kind = Input::Kind::norm, .x = &x, .norm = norm_of(config, weights)};
}

Product product(const Linear& linear, Tensor& out, bool accumulate = false) {
  return {.matrix = linear.matrix.get(),
          .bias = linear.bias.get(),
          .out = &out,
          .accumulate = accumulate};
}

/// What enters the last layer of the feed-forward block.
Input activated(const ModelConfig& config, const DeviceShare& share) {
  switch (config.activation) {
    case FeedForward::swiglu:
      return {.kind = Input::Kind::swiglu, .x = &share.gate, .other = &share.up};
    case FeedForward::gelu:
      return {.kind = Input::Kind::gelu, .x = &share.up};
    case FeedForward::gelu_erf:
      break;
  }
  return {.kind = Input::Kind::gelu_erf, .x = &share.up};
}

}  // namespace

ForwardPass::ForwardPass(const ModelConfig& config, tensor::DeviceGroup& devices,
                         std::vector<DeviceShare>& shares, std::size_t max_rows,
                         std::size_t max_logit_rows)
    : config_(config), devices_(devices), shares_(shares) {
  tokens_.reserve(max_rows);
  positions_.reserve(max_rows);
  shard_tokens_.reserve(max_rows);
  sequences_.reserve(max_rows);
  last_rows_.reserve(max_logit_rows);
  parts_.resize(shares.size());
  if (shares.size() > 1) logit_share_.resize(max_logit_rows * shares.front().plan.vocabulary.count);
}

void ForwardPass::run(std::span<const ForwardSequence> sequences, std::span<float> logits) {
  lay_out(sequences);
  embed_tokens(sequences);
  for (std::size_t layer = 0; layer < config_.layers; ++layer) {
    attend(layer);
    // After the last attention only the rows whose logits are wanted matter.
    const bool last = layer + 1 == config_.layers;
    if (last) {
      if (last_rows_.empty()) break;
      for (DeviceShare& share : shares_) {
        share.device->gather(share.x, last_rows_, share.last_x);
        share.device->gather(share.attended, last_rows_, share.last_attended);
      }
    }
    project_attention(layer, last);
    feed_forward(layer, last);
  }
  if (!last_rows_.empty()) read_logits(logits);
  for (DeviceShare& share : shares_) share.device->synchronize();
}

void ForwardPass::run_hidden(std::span<const ForwardSequence> sequences, std::span<float> hidden) {
  lay_out(sequences);
  embed_tokens(sequences);
  for (std::size_t layer = 0; layer < config_.layers; ++layer) {
    attend(layer);
    project_attention(layer, false);
    feed_forward(layer, false);
  }
  // q is free by now, but may be narrower than x: the norm is written over x itself.
  DeviceShare& share = shares_.front();
  share.device->normalize(norm_of(config_, share.weights.output_norm), share.x, rows_, share.x);
  share.device->download(share.x, 0, hidden.first(rows_ * config_.width));
}

void ForwardPass::lay_out(std::span<const ForwardSequence> sequences) {
  sequences_.clear();
  last_rows_.clear();
  adapted_.clear();
  last_adapted_.clear();
  std::uint32_t row = 0;
  for (const ForwardSequence& sequence : sequences) {
    const auto count = static_cast<std::uint32_t>(sequence.tokens.size());
    sequences_.push_back({.first_row = row,
                          .row_count = count,
                          .first_position = sequence.first_position,
                          .pages = sequence.pages});
    if (sequence.adapter != 0) {
      adapted_.push_back({sequence.adapter, row, count});
      last_adapted_.push_back({sequence.adapter, last_rows_.size(), sequence.logit_rows});
    }
    for (std::uint32_t i = count - sequence.logit_rows; i < count; ++i)
      last_rows_.push_back(row + i);
    row += count;
  }
  rows_ = row;
  GALLEY_CHECK(
      rows_ <= shares_.front().x.rows() && last_rows_.size() <= shares_.front().last_x.rows(),
      "a step has more rows than were reserved");
}

void ForwardPass::embed_tokens(std::span<const ForwardSequence> sequences) {
  tokens_.clear();
  positions_.clear();
  for (const ForwardSequence& sequence : sequences)
    for (std::size_t i = 0; i < sequence.tokens.size(); ++i) {
      tokens_.push_back(static_cast<std::uint32_t>(sequence.tokens[i]));
      positions_.push_back(sequence.first_position + static_cast<std::uint32_t>(i));
    }
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    DeviceShare& share = shares_[i];
    const auto first = static_cast<std::uint32_t>(share.plan.vocabulary.first);
    shard_tokens_.clear();
    // Tokens below the share wrap around to numbers past it: rows of zeros there.
    for (const std::uint32_t token : tokens_) shard_tokens_.push_back(token - first);
    share.device->embed(share.weights.token_rows(), shard_tokens_, share.x, false);
    if (share.weights.positions)
      share.device->embed(*share.weights.positions, positions_, share.x, true);
    parts_[i] = &share.x;
  }
  devices_.all_reduce(parts_, rows_);
}

void ForwardPass::attend(std::size_t layer) {
  for (DeviceShare& share : shares_) {
    const LayerWeights& weights = share.weights.layers[layer];
    const Input input = normalized(config_, share.x, weights.attention_norm);
    const Product products[] = {product(weights.q, share.q), product(weights.k, share.k),
                                product(weights.v, share.v)};
    share.device->multiply(input, rows_, products);
    adapt(share, input, layer, &AdapterLayer::q, share.q, false);
    adapt(share, input, layer, &AdapterLayer::k, share.k, false);
    adapt(share, input, layer, &AdapterLayer::v, share.v, false);

    const Norm q_norm = norm_of(config_, weights.q_norm);
    const Norm k_norm = norm_of(config_, weights.k_norm);
    share.device->attend({.q = &share.q,
                          .k = &share.k,
                          .v = &share.v,
                          .out = &share.attended,
                          .cache = share.cache.get(),
                          .layer = layer,
                          .heads = share.plan.heads.count,
                          .kv_heads = share.plan.kv_heads.count,
                          .head_dim = config_.head_dim,
                          .scale = 1 / std::sqrt(static_cast<float>(config_.head_dim)),
                          .window = config_.sliding_window,
                          .rope = {.rotated_dim = config_.rotated_dim,
                                   .adjacent_pairs = config_.adjacent_pairs,
                                   .attention_scale = config_.rope_attention_scale,
                                   .inverse_frequencies = config_.inverse_frequencies},
                          .q_norm = config_.qk_norm ? &q_norm : nullptr,
                          .k_norm = config_.qk_norm ? &k_norm : nullptr},
                         sequences_);
  }
}

void ForwardPass::project_attention(std::size_t layer, bool last) {
  const std::size_t rows = last ? last_rows_.size() : rows_;
  const bool several = shares_.size() > 1;
  for (DeviceShare& share : shares_) {
    const LayerWeights& weights = share.weights.layers[layer];
    const Input input{.kind = Input::Kind::plain,
                      .x = last ? &share.last_attended : &share.attended};
    Tensor& out = several ? share.partial : stream(share, last);
    const Product products[] = {product(weights.o, out, !several)};
    share.device->multiply(input, rows, products);
    adapt(share, input, layer, &AdapterLayer::o, out, last);
  }
  add_partials(rows, last);
}

void ForwardPass::feed_forward(std::size_t layer, bool last) {
  const std::size_t rows = last ? last_rows_.size() : rows_;
  const bool several = shares_.size() > 1;
  for (DeviceShare& share : shares_) {
    const LayerWeights& weights = share.weights.layers[layer];
    const Input input = normalized(config_, stream(share, last), weights.feed_forward_norm);
    if (config_.activation == FeedForward::swiglu) {
      const Product products[] = {product(weights.gate, share.gate), product(weights.up, share.up)};
      share.device->multiply(input, rows, products);
      adapt(share, input, layer, &AdapterLayer::gate, share.gate, last);
    } else {
      const Product products[] = {product(weights.up, share.up)};
      share.device->multiply(input, rows, products);
    }
    adapt(share, input, layer, &AdapterLayer::up, share.up, last);

    const Input inner = activated(config_, share);
    Tensor& out = several ? share.partial : stream(share, last);
    const Product products[] = {product(weights.down, out, !several)};
    share.device->multiply(inner, rows, products);
    adapt(share, inner, layer, &AdapterLayer::down, out, last);
  }
  add_partials(rows, last);
}

void ForwardPass::add_partials(std::size_t rows, bool last) {
  if (shares_.size() == 1) return;
  for (std::size_t i = 0; i < shares_.size(); ++i) parts_[i] = &shares_[i].partial;
  devices_.all_reduce(parts_, rows);
  for (DeviceShare& share : shares_) share.device->add(share.partial, rows, stream(share, last));
}

void ForwardPass::adapt(DeviceShare& share, const Input& input, std::size_t layer, PairOf pair,
                        Tensor& out, bool last) const {
  for (const AdapterRows& rows : last ? last_adapted_ : adapted_) {
    const AdapterShare& adapter = share.adapters[rows.adapter - 1];
    const AdapterLayer::Pair& low_rank = adapter.layers[layer].*pair;
    if (!low_rank.down || rows.rows == 0) continue;
    share.device->adapt(input, rows.first_row, rows.rows, *low_rank.down, *low_rank.up,
                        adapter.scale, out);
  }
}

void ForwardPass::read_logits(std::span<float> logits) {
  const std::size_t rows = last_rows_.size();
  const std::size_t vocabulary = config_.vocabulary;
  GALLEY_CHECK(logits.size() >= rows * vocabulary, "the logits do not fit into the buffer");
  for (DeviceShare& share : shares_) {
    const Input input = normalized(config_, share.last_x, share.weights.output_norm);
    const Product products[] = {
        {.matrix = share.weights.output.get(), .bias = nullptr, .out = &share.logits}};
    share.device->multiply(input, rows, products);
  }
  if (shares_.size() == 1) {
    shares_.front().device->download(shares_.front().logits, 0, logits.first(rows * vocabulary));
    return;
  }
  for (DeviceShare& share : shares_) {
    const Part part = share.plan.vocabulary;
    share.device->download(share.logits, 0, std::span(logit_share_).first(rows * part.count));
    for (std::size_t row = 0; row < rows; ++row)
      std::copy_n(logit_share_.begin() + static_cast<std::ptrdiff_t>(row * part.count), part.count,
                  logits.begin() + static_cast<std::ptrdiff_t>(row * vocabulary + part.first));
  }
}

}  // namespace galley::inference
