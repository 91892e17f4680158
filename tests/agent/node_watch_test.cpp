#include "node_watch.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <chrono>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "support/temp_folder.h"

namespace galley::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

cluster::GpuDevice gpu(const std::string& uuid, int index) {
  cluster::GpuDevice device;
  device.uuid = uuid;
  device.index = index;
  device.name = "H100";
  device.memory_total_bytes = 100;
  return device;
}

TEST(UpdateDevices, AddsWhatIsSeen) {
  std::vector<protocol::DeviceRecord> devices;
  EXPECT_THAT(update_devices(devices, {.devices = {gpu("a", 0), gpu("b", 1)}}), IsEmpty());
  ASSERT_EQ(devices.size(), 2U);
  EXPECT_EQ(devices[1].id, "b");
  EXPECT_EQ(devices[1].model, "H100");
  EXPECT_EQ(devices[1].state, "in_service");
}

TEST(UpdateDevices, ALostDeviceIsOutOfServiceUntilSeenAgain) {
  std::vector<protocol::DeviceRecord> devices;
  (void)update_devices(devices, {.devices = {gpu("a", 0), gpu("b", 1)}});
  EXPECT_THAT(update_devices(devices, {.devices = {gpu("a", 0)}}),
              ElementsAre(HasSubstr("GPU b: nvidia-smi no longer lists it")));
  ASSERT_EQ(devices.size(), 2U);
  EXPECT_EQ(devices[1].state, "out_of_service");
  (void)update_devices(devices, {.devices = {gpu("a", 0), gpu("b", 1)}});
  EXPECT_EQ(devices[1].state, "in_service");
}

TEST(UpdateDevices, AFailedLookChangesNothing) {
  std::vector<protocol::DeviceRecord> devices;
  (void)update_devices(devices, {.devices = {gpu("a", 0)}});
  const cluster::GpuReport failed{{}, true, Error{Errc::timeout, "nvidia-smi timed out"}};
  EXPECT_THAT(update_devices(devices, failed), ElementsAre("nvidia-smi timed out"));
  EXPECT_EQ(devices[0].state, "in_service");
}

TEST(UpdateDevices, TellsOfMemoryErrors) {
  std::vector<protocol::DeviceRecord> devices;
  auto faulty = gpu("a", 0);
  faulty.ecc_errors_uncorrected = 3;
  EXPECT_THAT(update_devices(devices, {.devices = {faulty}}),
              ElementsAre("GPU a: 3 uncorrected memory errors"));
}

TEST(UpdateDevices, AnOperatorsMarkStaysOnItsGpu) {
  const ShareableGpus shareable{false, {1}};
  std::vector<protocol::DeviceRecord> devices;
  (void)update_devices(devices, {.devices = {gpu("a", 0), gpu("b", 1)}}, shareable);
  EXPECT_FALSE(devices[0].shareable);
  EXPECT_TRUE(devices[1].shareable);
  // The driver's numbers moved.
  (void)update_devices(devices, {.devices = {gpu("b", 0), gpu("a", 1)}}, shareable);
  EXPECT_FALSE(devices[0].shareable);
  EXPECT_TRUE(devices[1].shareable);
}

TEST(ShareableGpus, AreAllOrNumbers) {
  EXPECT_TRUE(parse_shareable_gpus("all")->holds(17));
  EXPECT_FALSE(parse_shareable_gpus("none")->holds(0));
  EXPECT_THAT(parse_shareable_gpus("6, 0-2,1")->indices, ElementsAre(0, 1, 2, 6));
  for (const char* wrong : {"", "a", "1,", "3-1", "-1", "0-999999", "1-2-3", "1.5"}) {
    const auto gpus = parse_shareable_gpus(wrong);
    ASSERT_FALSE(gpus) << wrong;
    EXPECT_EQ(gpus.error().field, "shareable-gpus");
    EXPECT_THAT(gpus.error().expected, HasSubstr("0,1"));
  }
}

TEST(ChooseTopology, PrefersWhatIsStatedWhereItFits) {
  cluster::StatedNode stated;
  stated.tree = *cluster::tree_of_cells(2, cluster::TopologySource::stated, {});
  stated.gpus = 2;
  stated.gpus_field = "node_types[0].gpus";
  const cluster::TopologyReport seen{*cluster::forge_cells(3), std::nullopt};
  std::string note;
  EXPECT_EQ(choose_topology(stated, "n1", 2, seen, note)->source, "stated");
  EXPECT_EQ(note, "");
  EXPECT_EQ(choose_topology(stated, "n1", 3, seen, note)->source, "forged");
  EXPECT_THAT(note, HasSubstr("states 2 GPUs for node 'n1', which has 3"));
}

/// A machine whose nvidia-smi is a script: it lists `count` GPUs, and answers `topo -m` as told.
std::string smi_script(int count, const std::string& topo) {
  std::string script =
      "#!/bin/sh\nif [ \"$1\" = topo ]; then\n" + topo + "\nexit\nfi\ncat <<'END'\n";
  for (int i = 0; i < count; ++i)
    script += std::to_string(i) + ", GPU-" + std::to_string(i) + ", T4, 16384, 0, 0, 40, 30, 0\n";
  return script + "END\n";
}

class NodeWatchTopology : public ::testing::Test {
 protected:
  Result<std::unique_ptr<NodeWatch>> start(const std::string& script,
                                           NodeWatchOptions options = {}) {
    const auto program = temp_ / "smi";
    EXPECT_TRUE(write_file_atomic(program, script, Durability::memory, 0755));
    options.id = NodeId::trusted("node_1");
    options.name = "n1";
    options.data_folder = temp_.path();
    options.gpu_probe.program = program.string();
    return NodeWatch::start(std::move(options));
  }
  static cluster::TopologyFile file(const char* json) {
    auto parsed = cluster::parse_topology_file(*parse_json(json));
    GALLEY_CHECK(parsed, "a correct file");
    return *std::move(parsed);
  }

  const galley::testing::TempFolder temp_;
};

TEST_F(NodeWatchTopology, IsDiscovered) {
  auto watch = start(
      smi_script(3,
                 "printf '\\tGPU0\\tGPU1\\tGPU2\\nGPU0\\tX\\tSYS\\tPIX\\nGPU1\\tSYS\\tX\\tSYS\\n'"
                 "'GPU2\\tPIX\\tSYS\\tX\\n'"));
  ASSERT_TRUE(watch) << describe(watch.error());
  const auto node = (*watch)->node();
  ASSERT_TRUE(node.topology);
  EXPECT_EQ(node.topology->source, "discovered");
  EXPECT_THAT(node.topology->cells, ElementsAre(protocol::CellRecord{"pair", "PIX", {0, 2}},
                                                protocol::CellRecord{"node", "SYS", {0, 1, 2}}));
  EXPECT_THAT(node.notes, IsEmpty());
}

TEST_F(NodeWatchTopology, IsForgedWithANoteWhereNothingIsLearnt) {
  auto watch = start(smi_script(4, "echo 'topo is not supported' >&2; exit 3"));
  ASSERT_TRUE(watch) << describe(watch.error());
  const auto node = (*watch)->node();
  ASSERT_TRUE(node.topology);
  EXPECT_EQ(node.topology->source, "forged");
  EXPECT_EQ(node.topology->cells.size(), 3U);
  EXPECT_THAT(node.notes, ElementsAre(HasSubstr("forged by halving")));
  EXPECT_THAT(node.notes, ElementsAre(HasSubstr("topo is not supported")));
}

TEST_F(NodeWatchTopology, OneGpuIsNotAskedForItsLinks) {
  auto watch = start(smi_script(1, "exit 3"));
  ASSERT_TRUE(watch) << describe(watch.error());
  ASSERT_TRUE((*watch)->node().topology);
  EXPECT_THAT((*watch)->node().topology->cells, IsEmpty());
  EXPECT_THAT((*watch)->node().notes, IsEmpty());
}

TEST_F(NodeWatchTopology, IsStated) {
  NodeWatchOptions options;
  options.topology = file(R"({"kind": "topology", "version": 1,
      "node_types": [{"name": "t", "nodes": ["n?"], "gpus": 3, "cells": [[1, 2]]}],
      "zones": [{"name": "rack", "in": "hall", "nodes": ["n1"]}, {"name": "hall"}]})");
  options.shareable_gpus.indices = {2};
  auto watch = start(smi_script(3, "exit 3"), options);
  ASSERT_TRUE(watch) << describe(watch.error());
  const auto node = (*watch)->node();
  EXPECT_EQ(node.topology->source, "stated");
  EXPECT_THAT(node.topology->cells, ElementsAre(protocol::CellRecord{"pair", "", {1, 2}},
                                                protocol::CellRecord{"node", "", {0, 1, 2}}));
  EXPECT_THAT(node.zone, ElementsAre("hall", "rack"));
  EXPECT_TRUE(node.devices[2].shareable);
  EXPECT_FALSE(node.devices[0].shareable);
}

TEST_F(NodeWatchTopology, WhatDoesNotFitTheMachineIsRefused) {
  NodeWatchOptions options;
  options.topology = file(R"({"kind": "topology", "version": 1,
      "node_types": [{"name": "t", "nodes": ["n1"], "gpus": 8}]})");
  const auto more = start(smi_script(3, "exit 3"), options);
  ASSERT_FALSE(more);
  EXPECT_EQ(describe(more.error()),
            "node_types[0].gpus: the topology file states 8 GPUs for node 'n1', which has 3; "
            "expected 3");

  options.topology = file(R"({"kind": "topology", "version": 1, "node_types": [
      {"name": "t", "nodes": ["n2"], "gpus": 3}]})");
  const auto unknown = start(smi_script(3, "exit 3"), options);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(describe(unknown.error()), HasSubstr("says nothing of node 'n1'"));

  options.topology.reset();
  options.shareable_gpus.indices = {3};
  const auto shared = start(smi_script(3, "exit 3"), options);
  ASSERT_FALSE(shared);
  EXPECT_THAT(describe(shared.error()), HasSubstr("GPU 3 cannot be shared"));
}

TEST_F(NodeWatchTopology, GpusThatAppearLaterGetCells) {
  const auto later = temp_ / "later";
  NodeWatchOptions options;
  options.gpu_interval = Millis{1};
  auto watch = start(
      "#!/bin/sh\nif [ \"$1\" = topo ]; then exit 3; fi\n"
      "echo '0, GPU-0, T4, 16384, 0, 0, 40, 30, 0'\n"
      "[ -e " +
          later.string() +
          " ] && echo '1, GPU-1, T4, 16384, 0, 0, 40, 30, 0'\n"
          "exit 0\n",
      options);
  ASSERT_TRUE(watch) << describe(watch.error());
  EXPECT_THAT((*watch)->node().topology->cells, IsEmpty());
  ASSERT_TRUE(write_file_atomic(later, "", Durability::memory));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while ((*watch)->node().topology->cells.empty() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_THAT((*watch)->node().topology->cells,
              ElementsAre(protocol::CellRecord{"node", "", {0, 1}}));
}

TEST(NodeWatch, SamplesThisMachine) {
  const galley::testing::TempFolder temp;
  auto watch = NodeWatch::start({.id = NodeId::trusted("node_1"),
                                 .name = "me",
                                 .data_folder = temp.path(),
                                 .gpu_probe = {.program = (temp / "absent").string()}});
  ASSERT_TRUE(watch) << describe(watch.error());
  const auto node = (*watch)->sample();
  EXPECT_EQ(node.name, "me");
  EXPECT_GE(node.cpus, 1);
  EXPECT_GT(node.memory_bytes, 0);
  EXPECT_GT(node.memory_used_bytes, 0);
  EXPECT_GT(node.disk_free_bytes, 0);
  EXPECT_THAT(node.devices, IsEmpty());
  EXPECT_THAT(node.notes, IsEmpty());
  EXPECT_EQ((*watch)->node().disk_free_bytes, node.disk_free_bytes);
}

TEST(NodeWatch, AHangingProbeIsANoteAndDoesNotHoldUpSamples) {
  const galley::testing::TempFolder temp;
  const auto program = temp / "smi";
  ASSERT_TRUE(write_file_atomic(program, "#!/bin/sh\nexec sleep 60\n", Durability::memory, 0755));
  auto watch = NodeWatch::start({.id = NodeId::trusted("node_1"),
                                 .name = {},
                                 .data_folder = temp.path(),
                                 .gpu_probe = {.program = program.string(), .timeout = Millis{50}},
                                 .gpu_interval = Millis{1}});
  ASSERT_TRUE(watch) << describe(watch.error());
  for (int i = 0; i < 20; ++i)
    EXPECT_THAT((*watch)->sample().notes, ElementsAre(HasSubstr("timed out")));
}

}  // namespace
}  // namespace galley::agent
