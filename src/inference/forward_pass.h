#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "device_share.h"

namespace galley::inference {

/// The transformer's layers over a group of devices. Buffers are made once; run() allocates nothing
/// in steady state. One thread at a time.
class ForwardPass {
 public:
  /// All must outlive it.
  ForwardPass(const ModelConfig& config, tensor::DeviceGroup& devices,
              std::vector<DeviceShare>& shares, std::size_t max_rows, std::size_t max_logit_rows);

  /// As ForwardModel::forward.
  void run(std::span<const ForwardSequence> sequences, std::span<float> logits);
  /// As ForwardModel::embed.
  void run_hidden(std::span<const ForwardSequence> sequences, std::span<float> hidden);

 private:
  struct AdapterRows {
    AdapterIndex adapter;
    std::size_t first_row;
    std::size_t rows;
  };
  using PairOf = AdapterLayer::Pair AdapterLayer::*;
  using LinearOf = Linear LayerWeights::*;

  void lay_out(std::span<const ForwardSequence> sequences);
  void embed_tokens(std::span<const ForwardSequence> sequences);
  void attend(std::size_t layer);
  void project_attention(std::size_t layer, bool last);
  void feed_forward(std::size_t layer, bool last);
  /// Sums `partial` over devices and adds it to the residual stream; one device has added already.
  void add_partials(std::size_t rows, bool last);
  void adapt(DeviceShare& share, const tensor::Input& input, std::size_t layer, PairOf pair,
             tensor::Tensor& out, bool last) const;
  void read_logits(std::span<float> logits);
  tensor::Tensor& stream(DeviceShare& share, bool last) const {
    return last ? share.last_x : share.x;
  }

  const ModelConfig& config_;
  tensor::DeviceGroup& devices_;
  std::vector<DeviceShare>& shares_;

  std::size_t rows_ = 0;
  std::vector<tensor::StepSequence> sequences_;
  std::vector<std::uint32_t> last_rows_;  // rows of x whose logits are wanted
  std::vector<AdapterRows> adapted_, last_adapted_;
  std::vector<std::uint32_t> tokens_, positions_, shard_tokens_;
  std::vector<tensor::Tensor*> parts_;
  std::vector<float> logit_share_;
};

}  // namespace galley::inference
