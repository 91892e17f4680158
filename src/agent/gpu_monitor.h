#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cluster/gpu.h"
#include "cluster/gpu_sampler.h"
#include "host_monitor.h"
#include "kernel_log.h"
#include "protocol/samples.h"
#include "self_test.h"

namespace galley::agent {

struct GpuMonitorOptions {
  NodeId node;
  std::filesystem::path data_folder;
  std::string smi_program = "nvidia-smi";
  std::filesystem::path kernel_log = "/dev/kmsg";
  cluster::GpuSamplerOptions sampler{};
  SelfTests::Options self_tests{};
};

/// Everything that is sampled of a machine at once: its GPUs, what the kernel said of them, the
/// host, and what each job uses. take() by one thread, ask_self_test() by any.
class GpuMonitor {
 public:
  /// Errors: system errors.
  static Result<std::unique_ptr<GpuMonitor>> open(GpuMonitorOptions options, const Clock& clock);

  struct Taken {
    protocol::NodeSample sample;
    cluster::GpuReport inventory;  // the same look, for the node's record
  };
  /// Blocks for as long as the driver may take: see GpuSampler.
  Taken take();

  void ask_self_test(const protocol::SelfTestRequest& request) { self_tests_->ask(request); }

 private:
  GpuMonitor(GpuMonitorOptions options, const Clock& clock);
  void add_owners(protocol::NodeSample& sample) const;
  void add_xids(protocol::NodeSample& sample);

  const GpuMonitorOptions options_;
  const Clock& clock_;
  HostMonitor host_;
  cluster::GpuSampler sampler_;
  KernelLog kernel_log_;
  std::unique_ptr<SelfTests> self_tests_;
  std::map<std::string, std::string> uuid_at_;    // by PCI address
  std::map<std::string, std::int64_t> last_xid_;  // by UUID
  std::vector<cluster::GpuDevice> last_devices_;
};

}  // namespace galley::agent
