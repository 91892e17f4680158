#include <algorithm>
#include <string>
#include <vector>

#include "base/processors.h"
#include "cpu_device.h"
#include "matmul_select.h"
#include "tensor/device_group.h"
#include "tensor/forward_select.h"

namespace galley::tensor {
namespace {

constexpr std::uint32_t kMaxThreads = 1024;
constexpr std::size_t kMaxDevices = 64;

/// Devices take turns, each with all threads: a share of the work is then as fast as it can be, and
/// the sum of the shares costs what one device would.
class CpuGroup final : public DeviceGroup {
 public:
  CpuGroup(std::size_t devices, std::uint32_t threads, const MatmulKernels& kernels)
      : pool_(threads), forward_(forward_kernels_beside(kernels.isa)) {
    for (std::size_t i = 0; i < devices; ++i)
      devices_.push_back(std::make_unique<CpuDevice>(kernels, forward_, pool_));
  }

  std::size_t size() const override { return devices_.size(); }
  Device& at(std::size_t index) override { return *devices_.at(index); }

  void all_reduce(std::span<Tensor* const> parts, std::size_t rows) override {
    if (parts.size() <= 1 || rows == 0) return;
    const auto start = std::chrono::steady_clock::now();
    const std::size_t columns = parts[0]->columns();
    for (const Tensor* part : parts)
      GALLEY_CHECK(part->columns() == columns && rows <= part->rows(), "parts have one shape");
    const std::size_t values = rows * columns;
    constexpr std::size_t kTileValues = 4096;
    pool_.run((values + kTileValues - 1) / kTileValues, [&](std::size_t tile, std::uint32_t) {
      const std::size_t begin = tile * kTileValues;
      const std::size_t count = std::min(kTileValues, values - begin);
      float* sum = row_of(*parts[0], 0) + begin;
      for (std::size_t i = 1; i < parts.size(); ++i)
        forward_.add(row_of(*parts[i], 0) + begin, count, sum);
      for (std::size_t i = 1; i < parts.size(); ++i)
        std::copy_n(sum, count, row_of(*parts[i], 0) + begin);
    });
    ++communication_.calls;
    // Every part but the first travels to the first, and the sum back.
    communication_.bytes += 2 * (parts.size() - 1) * values * sizeof(float);
    communication_.took += std::chrono::steady_clock::now() - start;
  }

  Communication communication() const override { return communication_; }

 private:
  ThreadPool pool_;
  const ForwardKernels& forward_;
  std::vector<std::unique_ptr<CpuDevice>> devices_;
  Communication communication_;
};

}  // namespace

Result<std::unique_ptr<DeviceGroup>> make_cpu_group(const CpuGroupOptions& options) {
  if (options.devices == 0 || options.devices > kMaxDevices)
    return Error{Errc::invalid_argument,
                 "a group of " + std::to_string(options.devices) + " devices", "devices",
                 "1 to " + std::to_string(kMaxDevices)};
  if (options.threads > kMaxThreads)
    return Error{Errc::invalid_argument, std::to_string(options.threads) + " threads", "threads",
                 "at most " + std::to_string(kMaxThreads) + "; 0 for one a processor"};
  GALLEY_TRY(const MatmulKernels* kernels, find_matmul_kernels(options.isa));
  const std::uint32_t threads = options.threads > 0 ? options.threads : usable_processors();
  return std::unique_ptr<DeviceGroup>(
      std::make_unique<CpuGroup>(options.devices, threads, *kernels));
}

}  // namespace galley::tensor
