#include "gpu_monitor.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include "agent/agent.h"
#include "host_monitor.h"
#include "job_monitor.h"
#include "support/temp_folder.h"

namespace galley::agent {
namespace {

using protocol::DriverState;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kXid = "NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.\n";

void append(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::app) << text;
}

TEST(KernelLog, TellsOfWhatIsNewAndAfterARestartToo) {
  const galley::testing::TempFolder temp;
  const auto log = temp / "kern.log";
  append(log, kXid);
  {
    KernelLog first(log, temp / "position");
    EXPECT_THAT(first.read(), IsEmpty()) << "what was there before is history";
    append(log, std::string("usb 1-1: new device\n") + kXid + "NVRM: Xid (PCI:0000");
    ASSERT_THAT(first.read(), SizeIs(1));
    append(log, ":3b:00): 48, DBE\n");
    const auto rest = first.read();
    ASSERT_THAT(rest, SizeIs(1));
    EXPECT_EQ(rest[0].xid, 48);
  }
  append(log, kXid);
  KernelLog again(log, temp / "position");
  EXPECT_THAT(again.read(), SizeIs(1));
  EXPECT_THAT(again.read(), IsEmpty());
}

TEST(KernelLog, FollowsAFileThatIsReplacedOrComesLater) {
  const galley::testing::TempFolder temp;
  const auto path = temp / "kern.log";
  KernelLog log(path, temp / "position");
  EXPECT_THAT(log.read(), IsEmpty());
  append(path, kXid);
  EXPECT_THAT(log.read(), SizeIs(1));
  std::filesystem::rename(path, temp / "kern.log.1");
  append(path, kXid);
  EXPECT_THAT(log.read(), SizeIs(1));
  std::filesystem::resize_file(path, 0);
  append(path, std::string(20, '\n'));
  EXPECT_THAT(log.read(), IsEmpty());
}

TEST(HostCounters, CountDisksAndInterfacesOnce) {
  const auto disks = parse_diskstats(
      "   8       0 sda 1 0 100 0 2 0 200 0 0 0 0\n   8       1 sda1 1 0 100 0 2 0 200 0 0 0 0\n"
      " 259       0 nvme0n1 1 0 10 0 2 0 20 0 0 0 0\n 259 1 nvme0n1p1 1 0 10 0 2 0 20 0 0 0 0\n"
      "   7       0 loop0 1 0 100 0 2 0 200 0 0 0 0\n junk\n");
  ASSERT_TRUE(disks);
  EXPECT_EQ(disks->in_bytes, 110 * 512);
  EXPECT_EQ(disks->out_bytes, 220 * 512);
  const auto nets = parse_net_dev(
      "Inter-|   Receive\n face |bytes\n    lo: 9 0 0 0 0 0 0 0 9 0\n"
      "  eth0: 1000 1 0 0 0 0 0 0 2000 1 0\ndocker0: 5 0 0 0 0 0 0 0 5 0\n");
  ASSERT_TRUE(nets);
  EXPECT_EQ(nets->in_bytes, 1000);
  EXPECT_EQ(nets->out_bytes, 2000);
  EXPECT_FALSE(parse_net_dev("lo: 1 0 0 0 0 0 0 0 1\n"));
  EXPECT_FALSE(parse_diskstats(""));
}

TEST(Processes, HaveAUser) {
  EXPECT_FALSE(user_of_process(::getpid()).empty());
  EXPECT_EQ(user_of_process(std::int64_t{1} << 30), "");
}

class GpuMonitorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(temp_ / "attempts");
    set_gpus(2);
  }
  /// An nvidia-smi that answers from files: rows in the order of the query, whatever is asked.
  void set_gpus(int count) {
    std::string rows;
    const cluster::GpuQuery query;
    for (int i = 0; i < count; ++i) {
      std::string line;
      for (const auto& field : query.fields()) {
        std::string value = "[N/A]";
        if (field == "index") value = std::to_string(i);
        if (field == "uuid") value = "GPU-" + std::to_string(i);
        if (field == "pci.bus_id") value = "00000000:" + std::to_string(i + 3) + "B:00.0";
        if (field == "memory.total") value = "81559";
        if (field == "name") value = "NVIDIA H100";
        line += (line.empty() ? "" : ", ") + value;
      }
      rows += line + "\n";
    }
    ASSERT_TRUE(write_file_atomic(temp_ / "rows", rows, Durability::memory));
    ASSERT_TRUE(write_file_atomic(
        temp_ / "smi",
        "#!/bin/sh\ncase \"$1\" in\n--query-gpu=*) cat " + (temp_ / "rows").string() +
            ";;\n--query-compute-apps=*) echo 'GPU-0, " + std::to_string(::getpid()) +
            ", 512, python';;\n*) exit 2;;\nesac\n",
        Durability::memory, 0755));
  }
  std::unique_ptr<GpuMonitor> open(std::vector<std::string> test = {}) {
    auto monitor = GpuMonitor::open({.node = NodeId::trusted("node_01hzxk3m9qv4w8s2t6y0b1c5de"),
                                     .data_folder = temp_.path(),
                                     .smi_program = (temp_ / "smi").string(),
                                     .kernel_log = temp_ / "kern.log",
                                     .self_tests = {.program = std::move(test)}},
                                    system_clock());
    EXPECT_TRUE(monitor);
    return *std::move(monitor);
  }
  protocol::SelfTestResult result_of(GpuMonitor& monitor) {
    for (;;) {
      const auto taken = monitor.take();
      if (!taken.sample.self_tests.empty()) return taken.sample.self_tests.front();
    }
  }
  const galley::testing::TempFolder temp_;
};

TEST_F(GpuMonitorTest, TakesEverythingAtOnce) {
  const auto monitor = open();
  (void)monitor->take();
  append(temp_ / "kern.log", kXid);
  const auto [sample, inventory] = monitor->take();
  EXPECT_EQ(sample.driver, DriverState::ok);
  ASSERT_THAT(sample.gpus, SizeIs(2));
  ASSERT_THAT(sample.gpus[0].processes, SizeIs(1));
  EXPECT_EQ(sample.gpus[0].processes[0].pid, ::getpid());
  EXPECT_FALSE(sample.gpus[0].processes[0].user.empty());
  EXPECT_FALSE(sample.gpus[0].processes[0].attempt);
  ASSERT_THAT(sample.xids, SizeIs(1));
  EXPECT_EQ(sample.xids[0].uuid, "GPU-0");
  EXPECT_EQ(sample.gpus[0].last_xid, 79);
  EXPECT_GT(sample.host.memory_total_bytes, 0);
  EXPECT_THAT(inventory.devices, SizeIs(2));
  const auto printed = protocol::print_node_sample(sample);
  const auto read = protocol::parse_node_sample(printed);
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(protocol::print_node_sample(*read), printed);
}

TEST_F(GpuMonitorTest, SelfTestsRunASitesProgramOnThatGpuAlone) {
  const auto monitor =
      open({"/bin/sh", "-c", "[ $CUDA_VISIBLE_DEVICES = GPU-1 ] || { echo bad; exit 3; }"});
  monitor->ask_self_test({"GPU-1"});
  EXPECT_EQ(result_of(*monitor), (protocol::SelfTestResult{"GPU-1", true, ""}));
  monitor->ask_self_test({"GPU-0"});
  const auto failed = result_of(*monitor);
  EXPECT_FALSE(failed.passed);
  EXPECT_THAT(failed.text, HasSubstr("ended with code 3: bad"));
}

TEST_F(GpuMonitorTest, ARunningSelfTestDoesNotHoldUpTheEnd) {
  const auto monitor = open({"sleep", "600"});
  monitor->ask_self_test({"GPU-1"});
  (void)monitor->take();
}

TEST_F(GpuMonitorTest, NoProgramNeedsNoTest) {
  const auto monitor = open();
  monitor->ask_self_test({"GPU-1"});
  EXPECT_TRUE(result_of(*monitor).passed);
}

}  // namespace
}  // namespace galley::agent
