#pragma once

#include <map>
#include <string>
#include <vector>

#include "inference/model_file.h"

namespace galley::inference {

/// The transformer as its papers write it, in f64 and without any cache: what the fast one is held
/// to. Slow; for models of a few thousand weights.
class ReferenceModel {
 public:
  explicit ReferenceModel(const ModelFile& file) : file_(file), config_(file.config()) {}

  /// Adds scale * up * down to a layer's weights; row-major, rows in the file's order.
  void add_low_rank(const std::string& name, std::vector<float> down, std::vector<float> up,
                    double scale);

  /// Logits after each token: [tokens][vocabulary].
  std::vector<std::vector<double>> logits(const std::vector<text::TokenId>& tokens) const;

 private:
  using Row = std::vector<double>;
  using Rows = std::vector<Row>;

  Row tensor(const std::string& name) const;  // dequantised; empty where absent
  Rows linear(const Rows& x, const std::string& name) const;
  Row normalized(const Row& x, const std::string& name) const;
  Rows normalized(const Rows& x, const std::string& name) const;
  void rotate(Row& heads, std::size_t position) const;
  void normalize_heads(Rows& x, const std::string& name) const;
  Rows attention(const Rows& x, const std::string& prefix) const;
  Rows feed_forward(const Rows& x, const std::string& prefix) const;

  struct LowRank {
    std::vector<float> down, up;
    double scale = 1;
  };

  const ModelFile& file_;
  const ModelConfig& config_;
  std::map<std::string, LowRank> low_rank_;
};

}  // namespace galley::inference
