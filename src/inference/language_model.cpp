#include "inference/language_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "adapter_file.h"
#include "device_share.h"
#include "forward_pass.h"
#include "free_memory.h"

namespace galley::inference {
namespace {

using tensor::KvCache;

std::size_t kv_pages(const ModelConfig& config, const LoadOptions& options) {
  const std::size_t page_bytes =
      kv_bytes_per_token(config, options.kv_format) * tensor::kPageTokens;
  if (options.kv_tokens > 0)
    return (options.kv_tokens + tensor::kPageTokens - 1) / tensor::kPageTokens;
  if (options.kv_memory_bytes > 0) return options.kv_memory_bytes / page_bytes;
  constexpr std::size_t kContexts = 16;
  const std::size_t wanted = kContexts * config.context / tensor::kPageTokens;
  return std::min(wanted, free_memory_bytes() / 4 / page_bytes);
}

class LoadedModel final : public LanguageModel {
 public:
  LoadedModel(const ModelConfig& config, tensor::DeviceGroup& devices, const LoadOptions& options,
              std::vector<DeviceShare> shares)
      : config_(config),
        options_(options),
        shares_(std::move(shares)),
        pass_(config_, devices, shares_, options.max_rows, options.max_logit_rows) {}

  const ModelConfig& config() const override { return config_; }
  std::size_t vocabulary() const override { return config_.vocabulary; }
  std::size_t context() const override { return config_.context; }
  std::size_t width() const override { return config_.width; }
  std::size_t page_count() const override { return pages_; }
  std::size_t max_rows() const override { return options_.max_rows; }
  std::size_t max_logit_rows() const override { return options_.max_logit_rows; }

  std::size_t page_bytes() const override {
    std::size_t bytes = 0;
    for (const DeviceShare& share : shares_) bytes += share.cache->page_bytes();
    return bytes;
  }

  void set_pages(std::size_t pages) { pages_ = pages; }

  void forward(std::span<const ForwardSequence> sequences, std::span<float> logits) override {
    pass_.run(sequences, logits);
  }

  void embed(std::span<const ForwardSequence> sequences, std::span<float> hidden) override {
    pass_.run_hidden(sequences, hidden);
  }

  std::size_t adapter_count() const override { return shares_.front().adapters.size(); }

  void copy_page(std::uint32_t from, std::uint32_t to) override {
    for (const DeviceShare& share : shares_) share.cache->copy_page(from, to);
  }

  void read_page(std::uint32_t page, std::span<std::byte> out) const override {
    for (const DeviceShare& share : shares_) {
      share.cache->read_page(page, out.first(share.cache->page_bytes()));
      out = out.subspan(share.cache->page_bytes());
    }
  }

  void write_page(std::uint32_t page, std::span<const std::byte> bytes) override {
    for (const DeviceShare& share : shares_) {
      share.cache->write_page(page, bytes.first(share.cache->page_bytes()));
      bytes = bytes.subspan(share.cache->page_bytes());
    }
  }

  Result<AdapterIndex> load_adapter(const std::filesystem::path& folder) override {
    GALLEY_TRY(const AdapterFile file, AdapterFile::open(folder, config_));
    std::vector<AdapterShare> loaded;
    for (DeviceShare& share : shares_) {
      GALLEY_TRY(AdapterShare adapter, file.load(config_, share));
      loaded.push_back(std::move(adapter));
    }
    for (std::size_t i = 0; i < shares_.size(); ++i)
      shares_[i].adapters.push_back(std::move(loaded[i]));
    return static_cast<AdapterIndex>(shares_.front().adapters.size());
  }

  Memory memory() const override {
    Memory memory;
    for (const DeviceShare& share : shares_) {
      const std::size_t weights = share.weights.bytes();
      memory.weight_bytes += weights;
      memory.kv_bytes += share.cache->bytes();
      memory.device_bytes.push_back(weights + share.cache->bytes());
      for (const tensor::Tensor* one :
           {&share.x, &share.partial, &share.q, &share.k, &share.v, &share.attended, &share.gate,
            &share.up, &share.last_x, &share.last_attended, &share.logits})
        memory.work_bytes += one->rows() * one->columns() * sizeof(float);
    }
    return memory;
  }

  std::vector<KernelUse> kernels() const override {
    std::vector<KernelUse> uses;
    std::set<std::pair<std::string, std::string>> seen;
    for_each_matrix(shares_.front().weights,
                    [&](const std::string& operation, const tensor::Matrix& matrix) {
                      if (seen.emplace(operation, matrix.kernel()).second)
                        uses.push_back({operation, matrix.kernel()});
                    });
    const auto name = shares_.front().device->name();
    uses.push_back(
        {"attention", fmt::format("paged {} KV, {}", name_of(options_.kv_format), name)});
    return uses;
  }

 private:
  ModelConfig config_;
  LoadOptions options_;
  std::vector<DeviceShare> shares_;
  ForwardPass pass_;
  std::size_t pages_ = 0;
};

}  // namespace

Status make_step_tensors(DeviceShare& share, const ModelConfig& config, const LoadOptions& options,
                         bool several_devices) {
  tensor::Device& device = *share.device;
  const std::size_t rows = options.max_rows;
  const std::size_t last_rows = std::max(options.max_logit_rows, std::size_t{1});
  const std::size_t heads = share.plan.heads.count * config.head_dim;
  const std::size_t kv_heads = share.plan.kv_heads.count * config.head_dim;
  GALLEY_TRY(share.x, device.make_tensor(rows, config.width));
  if (several_devices) {
    GALLEY_TRY(share.partial, device.make_tensor(rows, config.width));
  }
  GALLEY_TRY(share.q, device.make_tensor(rows, heads));
  GALLEY_TRY(share.k, device.make_tensor(rows, kv_heads));
  GALLEY_TRY(share.v, device.make_tensor(rows, kv_heads));
  GALLEY_TRY(share.attended, device.make_tensor(rows, heads));
  if (config.activation == FeedForward::swiglu) {
    GALLEY_TRY(share.gate, device.make_tensor(rows, share.plan.feed_forward.count));
  }
  GALLEY_TRY(share.up, device.make_tensor(rows, share.plan.feed_forward.count));
  GALLEY_TRY(share.last_x, device.make_tensor(last_rows, config.width));
  GALLEY_TRY(share.last_attended, device.make_tensor(last_rows, heads));
  GALLEY_TRY(share.logits, device.make_tensor(last_rows, share.plan.vocabulary.count));
  return device.reserve(rows, std::max({config.width, heads, share.plan.feed_forward.count}));
}

Result<std::unique_ptr<LanguageModel>> LanguageModel::load(
    const ModelFile& file, tensor::DeviceGroup& devices, const LoadOptions& options,
    const std::function<void(double)>& progress) {
  const ModelConfig& config = file.config();
  GALLEY_TRY(const std::vector<ShardPlan> plans, plan_shards(file, devices.size()));
  const std::size_t pages = kv_pages(config, options);
  if (pages == 0)
    return Error{
        .code = Errc::exhausted,
        .message = fmt::format("not even one page of {} tokens of KV cache ({} bytes) fits",
                               tensor::kPageTokens,
                               kv_bytes_per_token(config, options.kv_format) * tensor::kPageTokens),
        .field = "kv_memory"};
  const double total_bytes =
      static_cast<double>(file.file_bytes()) * static_cast<double>(devices.size());
  double read_bytes = 0;
  const auto done = [&](std::size_t bytes) {
    read_bytes += static_cast<double>(bytes);
    if (progress) progress(std::min(read_bytes / total_bytes, 1.0));
  };

  std::vector<DeviceShare> shares(devices.size());
  for (std::size_t i = 0; i < devices.size(); ++i) {
    DeviceShare& share = shares[i];
    share.device = &devices.at(i);
    share.plan = plans[i];
    GALLEY_TRY(share.weights,
               load_weights(file, *share.device, share.plan, options.activation, done));
    GALLEY_TRY(share.cache, share.device->make_kv_cache({.layers = config.layers,
                                                         .kv_heads = share.plan.kv_heads.count,
                                                         .head_dim = config.head_dim,
                                                         .pages = pages,
                                                         .format = options.kv_format}));
    GALLEY_TRY_STATUS(make_step_tensors(share, config, options, devices.size() > 1));
  }
  auto model = std::make_unique<LoadedModel>(config, devices, options, std::move(shares));
  model->set_pages(pages);
  return std::unique_ptr<LanguageModel>(std::move(model));
}

}  // namespace galley::inference
