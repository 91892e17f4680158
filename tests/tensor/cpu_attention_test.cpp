#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "device_support.h"

namespace galley::tensor {
namespace {

struct Shape {
  std::size_t heads = 8;
  std::size_t kv_heads = 2;
  std::size_t dim = 64;
  KvFormat format = KvFormat::f16;
  std::uint32_t window = 0;
  bool adjacent = false;
  std::size_t rotated = 64;
  bool head_norms = false;
};

/// Queries, keys and values of one sequence, before rotation.
struct Rows {
  std::size_t count;
  std::vector<float> q, k, v;

  Rows(const Shape& shape, std::size_t count_, unsigned seed)
      : count(count_),
        q(normals(count_ * shape.heads * shape.dim, seed)),
        k(normals(count_ * shape.kv_heads * shape.dim, seed + 1000)),
        v(normals(count_ * shape.kv_heads * shape.dim, seed + 2000)) {}
};

/// Rows of one sequence in a step.
struct Part {
  std::size_t sequence;
  std::size_t count;
};
using Step = std::vector<Part>;

constexpr float kFrequencyBase = 100;

std::vector<float> frequencies(const Shape& shape) {
  std::vector<float> values(shape.rotated / 2);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] =
        std::pow(kFrequencyBase, -2 * static_cast<float>(i) / static_cast<float>(shape.rotated));
  return values;
}

/// Runs steps over layer 1 of a cache whose memory was another's before (all NaN), on pages in a
/// shuffled order; returns each sequence's outputs.
std::vector<std::vector<float>> run(const CpuGroupOptions& options, const Shape& shape,
                                    const std::vector<Rows>& sequences,
                                    const std::vector<Step>& steps, unsigned page_seed) {
  const auto group = cpu_group(options);
  Device& device = group->at(0);
  constexpr std::size_t kPages = 64;
  auto cache = *device.make_kv_cache({2, shape.kv_heads, shape.dim, kPages, shape.format});
  const std::vector<std::byte> nan(cache->page_bytes(), std::byte{0xff});
  for (std::uint32_t page = 0; page < kPages; ++page) cache->write_page(page, nan);

  std::vector<std::uint32_t> numbers(kPages);
  std::iota(numbers.begin(), numbers.end(), 0);
  std::mt19937 random(page_seed);
  std::ranges::shuffle(numbers, random);
  std::vector<std::vector<std::uint32_t>> pages(sequences.size());
  for (std::size_t i = 0, next = 0; i < sequences.size(); ++i)
    for (std::size_t start = 0; start < sequences[i].count; start += kPageTokens)
      pages[i].push_back(numbers.at(next++));

  const std::size_t q_width = shape.heads * shape.dim;
  const std::size_t k_width = shape.kv_heads * shape.dim;
  const Tensor q_weight = tensor_of(device, 1, shape.dim, normals(shape.dim, 51));
  const Tensor k_weight = tensor_of(device, 1, shape.dim, normals(shape.dim, 52));
  const Norm q_norm{NormKind::rms, 1e-6F, &q_weight, nullptr};
  const Norm k_norm{NormKind::rms, 1e-6F, &k_weight, nullptr};
  const std::vector<float> rotation = frequencies(shape);

  std::vector<std::vector<float>> outputs(sequences.size());
  std::vector<std::size_t> done(sequences.size());
  for (const Step& step : steps) {
    std::vector<float> q, k, v;
    std::vector<StepSequence> parts;
    std::size_t rows = 0;
    for (const Part& part : step) {
      const Rows& from = sequences[part.sequence];
      const std::size_t first = done[part.sequence];
      const auto cut = [&](const std::vector<float>& all, std::size_t width,
                           std::vector<float>& to) {
        const auto start = all.begin() + static_cast<std::ptrdiff_t>(first * width);
        to.insert(to.end(), start, start + static_cast<std::ptrdiff_t>(part.count * width));
      };
      cut(from.q, q_width, q);
      cut(from.k, k_width, k);
      cut(from.v, k_width, v);
      parts.push_back({static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(part.count),
                       static_cast<std::uint32_t>(first), pages[part.sequence]});
      rows += part.count;
      done[part.sequence] += part.count;
    }
    Tensor q_rows = tensor_of(device, rows, q_width, q);
    Tensor k_rows = tensor_of(device, rows, k_width, k);
    Tensor v_rows = tensor_of(device, rows, k_width, v);
    Tensor out = *device.make_tensor(rows, q_width);
    Attention call;
    call.q = &q_rows;
    call.k = &k_rows;
    call.v = &v_rows;
    call.out = &out;
    call.cache = cache.get();
    call.layer = 1;
    call.heads = shape.heads;
    call.kv_heads = shape.kv_heads;
    call.head_dim = shape.dim;
    call.scale = 1 / std::sqrt(static_cast<float>(shape.dim));
    call.window = shape.window;
    call.rope = {shape.rotated, shape.adjacent, 1.1F, rotation};
    if (shape.head_norms) {
      call.q_norm = &q_norm;
      call.k_norm = &k_norm;
    }
    device.attend(call, parts);
    const std::vector<float> found = values_of(device, out, rows);
    for (std::size_t i = 0; i < step.size(); ++i) {
      const auto start = found.begin() + static_cast<std::ptrdiff_t>(parts[i].first_row * q_width);
      outputs[step[i].sequence].insert(
          outputs[step[i].sequence].end(), start,
          start + static_cast<std::ptrdiff_t>(step[i].count * q_width));
    }
  }
  return outputs;
}

std::vector<Step> chunks(std::size_t count, std::size_t size) {
  std::vector<Step> steps;
  for (std::size_t start = 0; start < count; start += size)
    steps.push_back({{0, std::min(size, count - start)}});
  return steps;
}

/// One head's row as the model means it, in f64: normed and rotated.
std::vector<double> turned(const Shape& shape, const float* head, std::size_t position,
                           unsigned norm_seed) {
  std::vector<double> x(head, head + shape.dim);
  if (shape.head_norms) {
    double squares = 0;
    for (const double v : x) squares += v * v / static_cast<double>(shape.dim);
    const std::vector<float> weight = normals(shape.dim, norm_seed);
    for (std::size_t i = 0; i < shape.dim; ++i)
      x[i] *= double{weight[i]} / std::sqrt(squares + 1e-6);
  }
  const std::vector<float> rotation = frequencies(shape);
  for (std::size_t i = 0; i < shape.rotated / 2; ++i) {
    const std::size_t first = shape.adjacent ? 2 * i : i;
    const std::size_t second = shape.adjacent ? 2 * i + 1 : i + shape.rotated / 2;
    const double angle = static_cast<double>(position) * double{rotation[i]};
    const double a = x[first];
    const double b = x[second];
    x[first] = 1.1F * (a * std::cos(angle) - b * std::sin(angle));
    x[second] = 1.1F * (a * std::sin(angle) + b * std::cos(angle));
  }
  return x;
}

std::vector<double> reference(const Shape& shape, const Rows& rows) {
  const std::size_t q_width = shape.heads * shape.dim;
  const std::size_t k_width = shape.kv_heads * shape.dim;
  std::vector<double> out(rows.count * q_width);
  for (std::size_t head = 0; head < shape.heads; ++head) {
    const std::size_t kv = head / (shape.heads / shape.kv_heads);
    std::vector<std::vector<double>> keys;
    for (std::size_t t = 0; t < rows.count; ++t)
      keys.push_back(turned(shape, rows.k.data() + t * k_width + kv * shape.dim, t, 52));
    for (std::size_t row = 0; row < rows.count; ++row) {
      const auto q = turned(shape, rows.q.data() + row * q_width + head * shape.dim, row, 51);
      const std::size_t begin =
          shape.window > 0 && row + 1 > shape.window ? row + 1 - shape.window : 0;
      std::vector<double> weights;
      for (std::size_t t = begin; t <= row; ++t)
        weights.push_back(std::inner_product(q.begin(), q.end(), keys[t].begin(), 0.0) /
                          std::sqrt(static_cast<double>(shape.dim)));
      const double most = *std::ranges::max_element(weights);
      double sum = 0;
      for (double& w : weights) sum += w = std::exp(w - most);
      for (std::size_t t = begin; t <= row; ++t)
        for (std::size_t d = 0; d < shape.dim; ++d)
          out[row * q_width + head * shape.dim + d] +=
              weights[t - begin] / sum * double{rows.v[t * k_width + kv * shape.dim + d]};
    }
  }
  return out;
}

const Shape kShapes[] = {
    {},                                                          // grouped queries, halves
    {.kv_heads = 8, .adjacent = true},                           // every head its own keys
    {.kv_heads = 1, .format = KvFormat::f32, .adjacent = true},  // one for all
    {.heads = 6, .kv_heads = 2, .dim = 48, .format = KvFormat::f32, .rotated = 16},
    {.heads = 7, .kv_heads = 1, .dim = 128, .format = KvFormat::bf16, .rotated = 128},
    {.format = KvFormat::int8, .window = 20, .head_norms = true},
    {.kv_heads = 8, .format = KvFormat::f32, .window = 33, .rotated = 0},
    {.kv_heads = 8, .dim = 80, .format = KvFormat::bf16, .rotated = 80},
    {.kv_heads = 8, .format = KvFormat::int8, .window = 50},
};

class CpuAttention : public ::testing::TestWithParam<Shape> {};

TEST_P(CpuAttention, IsNearTheTruth) {
  const Shape& shape = GetParam();
  const Rows rows(shape, 83, 1);
  const std::vector<double> truth = reference(shape, rows);
  // The cache's rounding, times what softmax makes of it; f32 tells the arithmetic's own.
  const double tolerance = shape.format == KvFormat::f32    ? 2e-5
                           : shape.format == KvFormat::f16  ? 4e-3
                           : shape.format == KvFormat::bf16 ? 3e-2
                                                            : 8e-2;
  for (const std::string& isa : instruction_sets()) {
    const auto found = run({.threads = 2, .isa = isa}, shape, {rows}, {{{0, rows.count}}}, 1);
    double worst = 0;
    for (std::size_t i = 0; i < truth.size(); ++i)
      worst = std::max(worst, std::abs(truth[i] - double{found[0][i]}));
    EXPECT_LT(worst, tolerance) << isa;
  }
}

TEST_P(CpuAttention, HasTheSameBitsForEveryChunkingCompanyPageOrderAndThreadCount) {
  const Shape& shape = GetParam();
  const std::vector<Rows> sequences{Rows(shape, 83, 1), Rows(shape, 50, 2), Rows(shape, 9, 3)};
  for (const std::string& isa : instruction_sets()) {
    if (isa == "scalar") continue;  // compared below
    const auto whole =
        run({.threads = 1, .isa = isa}, shape, {sequences[0]}, {{{0, sequences[0].count}}}, 1)[0];
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{3}, std::size_t{16}, std::size_t{17}}) {
      const auto steps = chunks(sequences[0].count, size);
      EXPECT_TRUE(
          same_bits(run({.threads = 2, .isa = isa}, shape, {sequences[0]}, steps, 7)[0], whole))
          << isa << ", chunks of " << size;
    }
    const std::vector<Step> mixed{{{1, 20}, {0, 40}}, {{0, 1}, {1, 1}, {2, 9}}, {{1, 29}, {0, 42}}};
    for (const std::uint32_t threads : {1U, 2U, 3U, 4U})
      EXPECT_TRUE(same_bits(
          run({.threads = threads, .isa = isa}, shape, sequences, mixed, 10 + threads)[0], whole))
          << isa << ", " << threads << " threads";
  }
}

TEST_P(CpuAttention, HasTheBitsOfScalarInEveryInstructionSet) {
  const Shape& shape = GetParam();
  const Rows rows(shape, 40, 4);
  const auto steps = chunks(rows.count, 23);
  const auto expected = run({.threads = 2, .isa = "scalar"}, shape, {rows}, steps, 1)[0];
  for (const std::string& isa : instruction_sets())
    EXPECT_TRUE(same_bits(run({.threads = 2, .isa = isa}, shape, {rows}, steps, 1)[0], expected))
        << isa;
}

INSTANTIATE_TEST_SUITE_P(Shapes, CpuAttention, ::testing::ValuesIn(kShapes));

TEST(CpuKvCache, PagesMoveWholeThroughAllLayers) {
  const auto group = cpu_group({.threads = 1});
  for (const KvFormat format : {KvFormat::f32, KvFormat::f16, KvFormat::bf16, KvFormat::int8}) {
    auto cache = *group->at(0).make_kv_cache({3, 2, 32, 5, format});
    const std::size_t values = 3 * 2 * 2 * 32 * kPageTokens;
    const std::size_t scales = format == KvFormat::int8 ? 3 * 2 * 2 * kPageTokens * 4 : 0;
    EXPECT_EQ(cache->page_bytes(), values * kv_value_bytes(format) + scales);
    EXPECT_EQ(cache->bytes(), 5 * cache->page_bytes());
    std::vector<std::byte> page(cache->page_bytes());
    for (std::size_t i = 0; i < page.size(); ++i) page[i] = static_cast<std::byte>(i * 7);
    cache->write_page(4, page);
    cache->copy_page(4, 1);
    std::vector<std::byte> found(page.size());
    cache->read_page(1, found);
    EXPECT_EQ(found, page);
    cache->read_page(2, found);
    EXPECT_EQ(found, std::vector<std::byte>(page.size()));
  }
  EXPECT_EQ(name_of(KvFormat::bf16), "bf16");
}

TEST(CpuKvCache, RefusesHeadsThatItsKernelsCannotTake) {
  const auto group = cpu_group({.threads = 1});
  for (const std::size_t dim : {std::size_t{0}, std::size_t{40}, std::size_t{512}}) {
    const auto cache = group->at(0).make_kv_cache({1, 1, dim, 1, KvFormat::f16});
    ASSERT_FALSE(cache);
    EXPECT_EQ(cache.error().code, Errc::invalid_argument);
    EXPECT_EQ(cache.error().field, "head_dim");
  }
}

}  // namespace
}  // namespace galley::tensor
