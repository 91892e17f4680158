#include "decoder.h"

#include <torch/torch.h>

#include <cmath>
#include <utility>

#include "base/result.h"

using at::Tensor;
using galley::training::DecoderLayout;
using galley::training::DecoderShape;
using galley::training::ParameterSlot;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

/// y = x * w / sqrt(mean(x^2) + epsilon) over rows, as one pass each way: composed of libtorch's
/// own operations it takes seven.
class RmsNorm : public torch::autograd::Function<RmsNorm> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& gain,
                        double epsilon) {
    const auto rows = x.size(0);
    const auto width = x.size(1);
    Tensor y = at::empty_like(x);
    Tensor scales = at::empty({rows});
    const float* const w = gain.data_ptr<float>();
    for (std::int64_t r = 0; r < rows; ++r) {
      const float* const in = x.data_ptr<float>() + r * width;
      float* const out = y.data_ptr<float>() + r * width;
      float squares = 0;
      for (std::int64_t c = 0; c < width; ++c) squares += in[c] * in[c];
      const float scale =
          1 / std::sqrt(squares / static_cast<float>(width) + static_cast<float>(epsilon));
      for (std::int64_t c = 0; c < width; ++c) out[c] = in[c] * scale * w[c];
      scales.data_ptr<float>()[r] = scale;
    }
    context->save_for_backward({x, gain, scales});
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list outputs) {
    const auto saved = context->get_saved_variables();
    const Tensor& x = saved[0];
    const Tensor dy = outputs[0].contiguous();
    const auto rows = x.size(0);
    const auto width = x.size(1);
    Tensor dx = at::empty_like(x);
    Tensor dgain = at::zeros({width});
    const float* const w = saved[1].data_ptr<float>();
    float* const dw = dgain.data_ptr<float>();
    for (std::int64_t r = 0; r < rows; ++r) {
      const float* const in = x.data_ptr<float>() + r * width;
      const float* const d = dy.data_ptr<float>() + r * width;
      float* const out = dx.data_ptr<float>() + r * width;
      const float scale = saved[2].data_ptr<float>()[r];
      float dot = 0;
      for (std::int64_t c = 0; c < width; ++c) dot += d[c] * w[c] * in[c];
      const float pull = dot * scale * scale / static_cast<float>(width);
      for (std::int64_t c = 0; c < width; ++c) {
        out[c] = scale * (d[c] * w[c] - in[c] * pull);
        dw[c] += d[c] * in[c] * scale;
      }
    }
    return {dx, dgain, Tensor()};
  }
};

/// The angles of rotary positions (Su et al. 2021, arXiv:2104.09864), halves turned together.
struct Rotations {
  Tensor cosines;  // [context, head_dim / 2]
  Tensor sines;
};

/// How [tokens, heads * head_dim] is laid out by heads.
struct HeadShape {
  std::int64_t rows = 0;
  std::int64_t length = 0;
  std::int64_t heads = 0;  // of queries
  std::int64_t kv_heads = 0;
  std::int64_t dim = 0;
};

/// Moves one row's heads between [tokens, all heads] and [heads, tokens, dim], turning pairs by
/// their position's angle (direction 1) or back (-1); 0 only moves.
void turn_heads(const HeadShape& shape, const Rotations& rotations, float* flat,
                std::int64_t stride, std::int64_t heads, float* by_head, int direction,
                bool into_heads) {
  const std::int64_t half = shape.dim / 2;
  const float sign = direction < 0 ? -1.0F : 1.0F;
  for (std::int64_t row = 0; row < shape.rows; ++row)
    for (std::int64_t t = 0; t < shape.length; ++t)
      for (std::int64_t h = 0; h < heads; ++h) {
        float* const a = flat + (row * shape.length + t) * stride + h * shape.dim;
        float* const b = by_head + ((row * heads + h) * shape.length + t) * shape.dim;
        const float* const from = into_heads ? a : b;
        float* const to = into_heads ? b : a;
        if (direction == 0) {
          for (std::int64_t i = 0; i < shape.dim; ++i) to[i] = from[i];
          continue;
        }
        const float* const cosine = rotations.cosines.data_ptr<float>() + t * half;
        const float* const sine = rotations.sines.data_ptr<float>() + t * half;
        for (std::int64_t i = 0; i < half; ++i) {
          const float s = sign * sine[i];
          to[i] = from[i] * cosine[i] - from[i + half] * s;
          to[i + half] = from[i + half] * cosine[i] + from[i] * s;
        }
      }
}

/// One matrix of queries, keys and values, split into heads and turned to their positions.
class SplitHeads : public torch::autograd::Function<SplitHeads> {
 public:
  static variable_list forward(AutogradContext* context, const Tensor& qkv, const HeadShape& shape,
                               const Rotations& rotations) {
    context->saved_data["rows"] = shape.rows;
    context->saved_data["length"] = shape.length;
    context->saved_data["heads"] = shape.heads;
    context->saved_data["kv_heads"] = shape.kv_heads;
    context->saved_data["dim"] = shape.dim;
    context->save_for_backward({rotations.cosines, rotations.sines});
    Tensor q = at::empty({shape.rows * shape.heads, shape.length, shape.dim});
    Tensor k = at::empty({shape.rows * shape.kv_heads, shape.length, shape.dim});
    Tensor v = at::empty_like(k);
    move(shape, rotations, qkv.data_ptr<float>(), q, k, v, 1, true);
    return {q, k, v};
  }

  static variable_list backward(AutogradContext* context, variable_list outputs) {
    const auto number = [&](const char* name) { return context->saved_data[name].toInt(); };
    const HeadShape shape{number("rows"), number("length"), number("heads"), number("kv_heads"),
                          number("dim")};
    const auto saved = context->get_saved_variables();
    Tensor dqkv =
        at::empty({shape.rows * shape.length, (shape.heads + 2 * shape.kv_heads) * shape.dim});
    move(shape, {saved[0], saved[1]}, dqkv.data_ptr<float>(), outputs[0].contiguous(),
         outputs[1].contiguous(), outputs[2].contiguous(), -1, false);
    return {dqkv, Tensor(), Tensor()};
  }

 private:
  static void move(const HeadShape& shape, const Rotations& rotations, float* qkv, const Tensor& q,
                   const Tensor& k, const Tensor& v, int direction, bool into_heads) {
    const std::int64_t stride = (shape.heads + 2 * shape.kv_heads) * shape.dim;
    float* const keys = qkv + shape.heads * shape.dim;
    float* const values = keys + shape.kv_heads * shape.dim;
    turn_heads(shape, rotations, qkv, stride, shape.heads, q.data_ptr<float>(), direction,
               into_heads);
    turn_heads(shape, rotations, keys, stride, shape.kv_heads, k.data_ptr<float>(), direction,
               into_heads);
    turn_heads(shape, rotations, values, stride, shape.kv_heads, v.data_ptr<float>(), 0,
               into_heads);
  }
};

/// The parameters of a layer; q, k, v are one matrix, and so are gate and up.
struct Layer {
  Tensor attention_gain, qkv, output, feed_forward_gain, gate_up, down;
};

Rotations make_rotations(const DecoderShape& shape) {
  const std::int64_t half = shape.head_dim() / 2;
  Rotations rotations{at::empty({shape.context, half}), at::empty({shape.context, half})};
  for (std::int64_t t = 0; t < shape.context; ++t)
    for (std::int64_t i = 0; i < half; ++i) {
      const double angle =
          static_cast<double>(t) * std::pow(static_cast<double>(shape.rope_theta),
                                            -static_cast<double>(i) / static_cast<double>(half));
      rotations.cosines.data_ptr<float>()[t * half + i] = static_cast<float>(std::cos(angle));
      rotations.sines.data_ptr<float>()[t * half + i] = static_cast<float>(std::sin(angle));
    }
  return rotations;
}

}  // namespace

void TokenBatch::add(std::span<const galley::text::TokenId> window) {
  length = static_cast<std::int64_t>(window.size()) - 1;
  ++rows;
  ids.insert(ids.end(), window.begin(), window.end());
}

struct DecoderWorker::Impl {
  DecoderShape shape;
  double dropout = 0;
  std::span<float> gradient;
  Tensor tokens, final_gain;
  std::vector<Layer> layers;
  Rotations rotations;
  Tensor mask;  // [context, context]: 0 for what a token may see, else minus infinity
  at::Generator random = at::detail::createCPUGenerator();

  Tensor drop(const Tensor& x) {
    if (dropout <= 0 || !at::GradMode::is_enabled()) return x;
    Tensor keep = at::empty_like(x, x.options().requires_grad(false));
    keep.bernoulli_(1 - dropout, random).div_(1 - dropout);
    return x * keep;
  }

  Tensor attend(const Layer& layer, const Tensor& x, const HeadShape& heads) {
    const Tensor qkv = at::mm(x, layer.qkv.t());
    const auto split = SplitHeads::apply(qkv, heads, rotations);
    // Query heads that share a head of keys are rows of one product.
    const std::int64_t group = heads.heads / heads.kv_heads;
    const Tensor q = split[0].view({heads.rows * heads.kv_heads, group * heads.length, heads.dim});
    const double scale = 1 / std::sqrt(static_cast<double>(heads.dim));
    const Tensor visible = mask.slice(0, 0, heads.length).slice(1, 0, heads.length);
    Tensor scores = at::bmm(q * scale, split[1].transpose(1, 2));
    scores = scores.view({-1, group, heads.length, heads.length}).add_(visible);
    const Tensor weights = at::softmax(scores, -1).view({-1, group * heads.length, heads.length});
    const Tensor mixed = at::bmm(weights, split[2])
                             .view({heads.rows, heads.heads, heads.length, heads.dim})
                             .permute({0, 2, 1, 3})
                             .reshape({heads.rows * heads.length, heads.heads * heads.dim});
    return at::mm(mixed, layer.output.t());
  }

  /// The last hidden states, normalised: [rows * length, width].
  Tensor hidden(const Tensor& inputs) {
    const HeadShape heads{inputs.size(0), inputs.size(1), shape.heads, shape.kv_heads,
                          shape.head_dim()};
    const double epsilon = static_cast<double>(shape.norm_epsilon);
    Tensor x = drop(at::embedding(tokens, inputs.reshape({-1})));
    for (const Layer& layer : layers) {
      x = x + drop(attend(layer, RmsNorm::apply(x, layer.attention_gain, epsilon), heads));
      const Tensor h = RmsNorm::apply(x, layer.feed_forward_gain, epsilon);
      const auto gate_up = at::mm(h, layer.gate_up.t()).chunk(2, 1);
      x = x + drop(at::mm(at::silu(gate_up[0]) * gate_up[1], layer.down.t()));
    }
    return RmsNorm::apply(x, final_gain, epsilon);
  }

  Tensor all_logits(const Tensor& inputs) { return at::mm(hidden(inputs), tokens.t()); }
};

DecoderWorker::DecoderWorker(const DecoderLayout& layout, std::span<float> parameters,
                             std::span<float> gradient, double dropout)
    : impl_(std::make_unique<Impl>()) {
  at::set_num_threads(1);
  GALLEY_CHECK(parameters.size() == layout.size() && gradient.size() == layout.size(),
               "both arrays are as long as the layout says");
  Impl& impl = *impl_;
  impl.shape = layout.shape();
  impl.dropout = dropout;
  impl.gradient = gradient;
  impl.rotations = make_rotations(impl.shape);
  const std::int64_t context = impl.shape.context;
  impl.mask = at::full({context, context}, -INFINITY).triu_(1);

  const auto& slots = layout.slots();
  std::size_t next = 0;
  // Takes `count` neighbours as one matrix, with its gradient in place.
  const auto take = [&](std::size_t count) {
    const ParameterSlot& first = slots[next];
    std::vector<std::int64_t> sides(first.shape.begin(), first.shape.end());
    for (std::size_t i = 1; i < count; ++i)
      sides[0] += static_cast<std::int64_t>(slots[next + i].shape[0]);
    next += count;
    Tensor tensor = at::from_blob(parameters.data() + first.offset, sides);
    tensor.requires_grad_(true);
    tensor.mutable_grad() = at::from_blob(gradient.data() + first.offset, sides);
    return tensor;
  };
  impl.tokens = take(1);
  for (std::uint32_t i = 0; i < impl.shape.layers; ++i) {
    Layer layer;
    layer.attention_gain = take(1);
    layer.qkv = take(3);
    layer.output = take(1);
    layer.feed_forward_gain = take(1);
    layer.gate_up = take(2);
    layer.down = take(1);
    impl.layers.push_back(std::move(layer));
  }
  impl.final_gain = take(1);
}

DecoderWorker::~DecoderWorker() = default;
DecoderWorker::DecoderWorker(DecoderWorker&&) noexcept = default;

double DecoderWorker::learn(const TokenBatch& batch, std::uint64_t seed) {
  at::set_num_threads(1);  // libtorch keeps this per thread, and ours may be a new one
  std::ranges::fill(impl_->gradient, 0.0F);
  impl_->random.set_current_seed(seed);
  const Tensor ids = at::tensor(batch.ids, at::kLong).view({batch.rows, batch.length + 1});
  const Tensor logits = impl_->all_logits(ids.slice(1, 0, batch.length));
  const Tensor loss = at::cross_entropy_loss(logits, ids.slice(1, 1).reshape({-1}));
  loss.backward();
  return static_cast<double>(loss.item<float>());
}

double DecoderWorker::loss_sum(const TokenBatch& batch, std::int64_t first) {
  at::set_num_threads(1);
  const at::NoGradGuard no_gradient;
  const Tensor ids = at::tensor(batch.ids, at::kLong).view({batch.rows, batch.length + 1});
  const Tensor hidden = impl_->hidden(ids.slice(1, 0, batch.length))
                            .view({batch.rows, batch.length, impl_->shape.width})
                            .slice(1, first)
                            .reshape({-1, impl_->shape.width});
  const Tensor losses =
      at::cross_entropy_loss(at::mm(hidden, impl_->tokens.t()),
                             ids.slice(1, 1 + first).reshape({-1}), {}, at::Reduction::None);
  return losses.sum(at::kDouble).item<double>();
}

std::vector<float> DecoderWorker::logits(std::span<const galley::text::TokenId> tokens) {
  at::set_num_threads(1);
  const at::NoGradGuard no_gradient;
  const std::vector<std::int64_t> ids(tokens.begin(), tokens.end());
  const Tensor logits = impl_->all_logits(at::tensor(ids, at::kLong).view({1, -1}));
  const float* const begin = logits.data_ptr<float>();
  return {begin, begin + logits.numel()};
}
