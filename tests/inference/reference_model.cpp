#include "reference_model.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

namespace galley::inference {
namespace {

using Row = std::vector<double>;

void add_to(std::vector<Row>& x, const std::vector<Row>& y) {
  for (std::size_t t = 0; t < x.size(); ++t)
    for (std::size_t i = 0; i < x[t].size(); ++i) x[t][i] += y[t][i];
}

double gelu_tanh(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}

double gelu_erf(double x) { return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2)); }

}  // namespace

void ReferenceModel::add_low_rank(const std::string& name, std::vector<float> down,
                                  std::vector<float> up, double scale) {
  low_rank_[name] = {.down = std::move(down), .up = std::move(up), .scale = scale};
}

Row ReferenceModel::tensor(const std::string& name) const {
  const StoredTensor* stored = file_.find(name);
  if (stored == nullptr) return {};
  const std::size_t columns = stored->shape.back();
  const std::size_t rows = stored->shape.size() == 2 ? stored->shape[0] : 1;
  std::vector<float> values(rows * columns);
  for (std::size_t r = 0; r < rows; ++r)
    tensor::dequantize_row(stored->format,
                           stored->bytes + r * tensor::row_bytes(stored->format, columns),
                           stored->scales != nullptr ? stored->scales[r] : 1,
                           std::span(values).subspan(r * columns, columns));
  return {values.begin(), values.end()};
}

ReferenceModel::Rows ReferenceModel::linear(const Rows& x, const std::string& name) const {
  Row weights = tensor(name + ".weight");
  const Row bias = tensor(name + ".bias");
  const std::size_t inputs = x.front().size();
  const std::size_t outputs = weights.size() / inputs;
  if (const auto found = low_rank_.find(name); found != low_rank_.end()) {
    const auto& [down, up, scale] = found->second;
    const std::size_t rank = up.size() / outputs;
    for (std::size_t o = 0; o < outputs; ++o)
      for (std::size_t i = 0; i < inputs; ++i)
        for (std::size_t r = 0; r < rank; ++r)
          weights[o * inputs + i] += scale * static_cast<double>(up[o * rank + r]) *
                                     static_cast<double>(down[r * inputs + i]);
  }
  Rows y(x.size(), Row(outputs));
  for (std::size_t t = 0; t < x.size(); ++t)
    for (std::size_t o = 0; o < outputs; ++o) {
      double sum = bias.empty() ? 0 : bias[o];
      for (std::size_t i = 0; i < inputs; ++i) sum += x[t][i] * weights[o * inputs + i];
      y[t][o] = sum;
    }
  return y;
}

Row ReferenceModel::normalized(const Row& x, const std::string& name) const {
  const Row weight = tensor(name + ".weight");
  const Row bias = tensor(name + ".bias");
  const auto n = static_cast<double>(x.size());
  double mean = 0;
  if (config_.norm == tensor::NormKind::layer) {
    for (const double value : x) mean += value;
    mean /= n;
  }
  double squares = 0;
  for (const double value : x) squares += (value - mean) * (value - mean);
  const double scale = 1 / std::sqrt(squares / n + static_cast<double>(config_.norm_epsilon));
  Row y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    y[i] = (x[i] - mean) * scale * weight[i] + (bias.empty() ? 0 : bias[i]);
  return y;
}

ReferenceModel::Rows ReferenceModel::normalized(const Rows& x, const std::string& name) const {
  Rows y;
  for (const Row& row : x) y.push_back(normalized(row, name));
  return y;
}

void ReferenceModel::rotate(Row& heads, std::size_t position) const {
  const std::size_t half = config_.rotated_dim / 2;
  for (std::size_t head = 0; head * config_.head_dim < heads.size(); ++head)
    for (std::size_t i = 0; i < half; ++i) {
      const double angle =
          static_cast<double>(position) * static_cast<double>(config_.inverse_frequencies[i]);
      const auto scale = static_cast<double>(config_.rope_attention_scale);
      const std::size_t first = head * config_.head_dim + (config_.adjacent_pairs ? 2 * i : i);
      const std::size_t second = first + (config_.adjacent_pairs ? 1 : half);
      const double a = heads[first];
      const double b = heads[second];
      heads[first] = (a * std::cos(angle) - b * std::sin(angle)) * scale;
      heads[second] = (a * std::sin(angle) + b * std::cos(angle)) * scale;
    }
}

void ReferenceModel::normalize_heads(Rows& x, const std::string& name) const {
  for (Row& row : x)
    for (std::size_t at = 0; at < row.size(); at += config_.head_dim) {
      const auto first = row.begin() + static_cast<std::ptrdiff_t>(at);
      const auto last = first + static_cast<std::ptrdiff_t>(config_.head_dim);
      std::ranges::copy(normalized(Row(first, last), name), first);
    }
}

ReferenceModel::Rows ReferenceModel::attention(const Rows& x, const std::string& prefix) const {
  Rows q = linear(x, prefix + "attn_q");
  Rows k = linear(x, prefix + "attn_k");
  const Rows v = linear(x, prefix + "attn_v");
  if (config_.qk_norm) {
    normalize_heads(q, prefix + "attn_q_norm");
    normalize_heads(k, prefix + "attn_k_norm");
  }
  for (std::size_t t = 0; t < x.size(); ++t) {
    rotate(q[t], t);
    rotate(k[t], t);
  }
  const std::size_t dim = config_.head_dim;
  Rows out(x.size(), Row(config_.heads * dim));
  for (std::size_t t = 0; t < x.size(); ++t)
    for (std::size_t head = 0; head < config_.heads; ++head) {
      const std::size_t kv = head / (config_.heads / config_.kv_heads);
      const std::size_t window = config_.sliding_window;
      const std::size_t first = window != 0 && t + 1 > window ? t + 1 - window : 0;
      Row scores;
      for (std::size_t s = first; s <= t; ++s) {
        double dot = 0;
        for (std::size_t i = 0; i < dim; ++i) dot += q[t][head * dim + i] * k[s][kv * dim + i];
        scores.push_back(dot / std::sqrt(static_cast<double>(dim)));
      }
      const double top = *std::ranges::max_element(scores);
      double total = 0;
      for (double& score : scores) total += score = std::exp(score - top);
      for (std::size_t s = first; s <= t; ++s)
        for (std::size_t i = 0; i < dim; ++i)
          out[t][head * dim + i] += scores[s - first] / total * v[s][kv * dim + i];
    }
  return linear(out, prefix + "attn_output");
}

ReferenceModel::Rows ReferenceModel::feed_forward(const Rows& x, const std::string& prefix) const {
  Rows up = linear(x, prefix + "ffn_up");
  if (config_.activation == FeedForward::swiglu) {
    const Rows gate = linear(x, prefix + "ffn_gate");
    for (std::size_t t = 0; t < up.size(); ++t)
      for (std::size_t i = 0; i < up[t].size(); ++i)
        up[t][i] *= gate[t][i] / (1 + std::exp(-gate[t][i]));
  } else {
    for (Row& row : up)
      for (double& value : row)
        value = config_.activation == FeedForward::gelu ? gelu_tanh(value) : gelu_erf(value);
  }
  return linear(up, prefix + "ffn_down");
}

std::vector<Row> ReferenceModel::logits(const std::vector<text::TokenId>& tokens) const {
  const Row embedding = tensor("token_embd.weight");
  const Row positions =
      config_.positions == PositionKind::learned ? tensor("position_embd.weight") : Row{};
  Rows x;
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    Row row(config_.width);
    const auto token = static_cast<std::size_t>(tokens[t]);
    for (std::size_t i = 0; i < config_.width; ++i)
      row[i] = embedding[token * config_.width + i] +
               (positions.empty() ? 0 : positions[t * config_.width + i]);
    x.push_back(row);
  }
  for (std::size_t layer = 0; layer < config_.layers; ++layer) {
    const std::string prefix = "blk." + std::to_string(layer) + ".";
    add_to(x, attention(normalized(x, prefix + "attn_norm"), prefix));
    add_to(x, feed_forward(normalized(x, prefix + "ffn_norm"), prefix));
  }
  const Rows last = normalized(x, "output_norm");
  return linear(last, file_.find("output.weight") != nullptr ? "output" : "token_embd");
}

}  // namespace galley::inference
