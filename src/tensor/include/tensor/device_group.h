#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tensor/device.h"

namespace galley::tensor {

/// The devices that hold one model between them (tensor parallelism, arXiv:1909.08053). Code above
/// asks each for its share and this for the sums across.
class DeviceGroup {
 public:
  virtual ~DeviceGroup() = default;
  virtual std::size_t size() const = 0;
  virtual Device& at(std::size_t index) = 0;

  /// Each of parts[i] (a tensor of device i) becomes the sum of all, added in the order of devices;
  /// the first `rows` rows. Free with one device.
  virtual void all_reduce(std::span<Tensor* const> parts, std::size_t rows) = 0;

  struct Communication {
    std::uint64_t calls = 0;
    std::uint64_t bytes = 0;
    std::chrono::nanoseconds took{0};
  };
  virtual Communication communication() const = 0;
};

struct CpuGroupOptions {
  std::size_t devices = 1;
  std::uint32_t threads = 0;  // of all devices together; 0: the processors this process may use
  std::string isa;            // empty: the fastest, or what GALLEY_ISA names
};

/// Devices that share this machine's processors and one pool of threads.
/// Errors: invalid_argument (0 devices, an instruction set that is unknown or not there).
Result<std::unique_ptr<DeviceGroup>> make_cpu_group(const CpuGroupOptions& options);

}  // namespace galley::tensor
