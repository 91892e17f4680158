#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "installation.h"
#include "pretended_gpus.h"

namespace galley::testing {
namespace {

using process::ChildOutput;
using ::testing::HasSubstr;

/// Four GPUs: two on each socket, and neighbours are not neighbours in number.
constexpr const char* kMatrix = R"(
  printf '\tGPU0\tGPU1\tGPU2\tGPU3\tNIC0\tCPU Affinity\n'
  printf 'GPU0\t X \tSYS\tPIX\tSYS\tPHB\t0-7\n'
  printf 'GPU1\tSYS\t X \tSYS\tPIX\tSYS\t8-15\n'
  printf 'GPU2\tPIX\tSYS\t X \tSYS\tPHB\t0-7\n'
  printf 'GPU3\tSYS\tPIX\tSYS\t X \tSYS\t8-15\n'
  printf 'NIC0\tPHB\tSYS\tPHB\tSYS\t X \t\n'
)";

class Topology : public ::testing::Test {
 protected:
  Topology() {
    EXPECT_TRUE(support::install(
        {.count = 4, .model = "Tesla T4", .memory_mib = 15'360, .topology = kMatrix}, programs()));
    EXPECT_TRUE(make_folders(installation_.work()));
  }
  std::filesystem::path programs() const { return installation_.folder() / "programs"; }
  std::string write(const std::string& text) {
    const auto file = installation_.work() / "topology.yaml";
    EXPECT_TRUE(write_file_atomic(file, text, Durability::memory));
    return file.string();
  }
  /// What `galley up` says when it does not come up.
  std::string refusal_of(std::vector<std::string> arguments, int code) {
    auto server = support::ServerProcess::begin(
        {.program = program("galley"),
         .data = installation_.folder() / "refused",
         .arguments = std::move(arguments),
         .environment = {"PATH=" + programs().string() + ":" + std::getenv("PATH")}});
    if (!server) return describe(server.error());
    const auto end = server->wait(Millis{10'000});
    if (!end) return describe(end.error());
    EXPECT_EQ(end->exit_code, code) << end->said;
    EXPECT_EQ(std::ranges::count(end->said, '\n'), 1) << end->said;
    return end->said;
  }

  Installation installation_;
};

TEST_F(Topology, IsDiscoveredAndDrawn) {
  installation_.start({}, programs());

  const ChildOutput drawn = installation_.galley({"nodes", "topology"});

  EXPECT_EQ(drawn.exit_code, 0) << drawn.stderr_bytes;
  EXPECT_THAT(drawn.stdout_bytes, HasSubstr("4 × Tesla T4  cells discovered\n"
                                            "node     SYS  GPU 0-3  ○○○○\n"
                                            "├─ pair  PIX  GPU 0,2  ○○\n"
                                            "└─ pair  PIX  GPU 1,3  ○○\n"));
  EXPECT_THAT(drawn.stdout_bytes, HasSubstr("    as one cell             1,2,4\n"
                                            "    only as several cells   3\n"
                                            "    never on one node       more than 4\n"
                                            "  all Tesla T4\n"
                                            "    never                   more than 4\n"));

  auto client = installation_.client();
  const auto all = client.get("/api/v1/topology");
  ASSERT_TRUE(all) << describe(all.error());
  EXPECT_EQ((*all)["fleet"]["largest_node"], 4);
  const std::string id = (*all)["items"][0]["node_id"];
  const auto one = client.get("/api/v1/nodes/" + id + "/topology");
  ASSERT_TRUE(one) << describe(one.error());
  EXPECT_EQ(*one, (*all)["items"][0]);
  EXPECT_FALSE(client.get("/api/v1/nodes/absent/topology"));
  EXPECT_EQ(installation_.galley({"nodes", "topology", "absent"}).exit_code, 3);
}

TEST_F(Topology, IsStatedInAFileAndGpusAreShareable) {
  const std::string file = write(
      "kind: topology\nversion: 1\nnode_types:\n"
      "  - {name: t, nodes: ['*'], gpus: 4, cells: [[0, 1], [2, 3]]}\n"
      "zones:\n  - {name: hall}\n  - {name: rack-1, in: hall, nodes: ['*']}\n");
  installation_.start({"--topology", file, "--shareable-gpus", "3"}, programs());

  const ChildOutput drawn = installation_.galley({"nodes", "topology"});

  EXPECT_THAT(drawn.stdout_bytes, HasSubstr("cells stated  in hall / rack-1\n"));
  EXPECT_THAT(drawn.stdout_bytes, HasSubstr("├─ pair    GPU 0,1  ○○\n"));
  auto client = installation_.client();
  const auto nodes = client.get("/api/v1/nodes");
  ASSERT_TRUE(nodes) << describe(nodes.error());
  const auto& node = (*nodes)["items"][0];
  EXPECT_EQ(node["zone"], Json::array({"hall", "rack-1"}));
  EXPECT_EQ(node["topology"]["source"], "stated");
  EXPECT_EQ(node["devices"][3]["shareable"], true);
  EXPECT_EQ(node["devices"][0]["shareable"], false);
}

TEST_F(Topology, FilesThatCannotBeAreRefusedWithTheirPlace) {
  const std::string start = "kind: topology\nversion: 1\n";
  const std::string type = "node_types:\n  - {name: t, nodes: ['*'], gpus: 4, cells: ";
  const auto refused = [&](const std::string& text) {
    return refusal_of({"--topology", write(text)}, 2);
  };
  EXPECT_THAT(refused(start + type + "[[0, 1], [1, 2]]}\n"),
              HasSubstr("topology.yaml:4: node_types[0].cells[1][0]: GPU 1 is in a second cell"));
  EXPECT_THAT(refused(start + type + "[[0, 4]]}\n"), HasSubstr("GPU 4 does not exist"));
  EXPECT_THAT(refused(start + "zones:\n  - {name: a, in: b}\n  - {name: b, in: a}\n"),
              HasSubstr("a zone lies inside itself: a in b in a"));
  EXPECT_THAT(refused(start + "node_typs: []\n"), HasSubstr("node_types"));
  EXPECT_THAT(refusal_of({"--topology", "/absent.yaml"}, 2), HasSubstr("/absent.yaml"));
  EXPECT_THAT(refusal_of({"--shareable-gpus", "x"}, 2), HasSubstr("'x' names no GPUs"));
}

TEST_F(Topology, WhatDoesNotFitTheMachineIsRefused) {
  const std::string start = "kind: topology\nversion: 1\nnode_types:\n  - {name: t, nodes: ";
  EXPECT_THAT(refusal_of({"--topology", write(start + "['*'], gpus: 8}\n")}, 1),
              HasSubstr("states 8 GPUs for node"));
  EXPECT_THAT(refusal_of({"--topology", write(start + "[no-such-host], gpus: 4}\n")}, 1),
              HasSubstr("says nothing of node"));
  EXPECT_THAT(refusal_of({"--shareable-gpus", "7"}, 1), HasSubstr("GPU 7 cannot be shared"));
}

TEST_F(Topology, TheExampleIsATopologyAndIsDrawnWithoutAServer) {
  const ChildOutput example = installation_.galley({"init", "topology"});
  EXPECT_EQ(example.exit_code, 0);
  write(example.stdout_bytes);

  const ChildOutput drawn = installation_.galley({"nodes", "topology", "--file", "topology.yaml"});

  EXPECT_EQ(drawn.exit_code, 0) << drawn.stderr_bytes;
  EXPECT_THAT(drawn.stdout_bytes, HasSubstr("├─ socket   NODE  GPU 0-2  ○○○\n"
                                            "│  ├─ pair  PIX   GPU 0,1  ○○\n"
                                            "│  └─ gpu         GPU 2    ○\n"));
  write("kind: topology\nversion: 1\nnode_types: [{name: t, nodes: [a], gpus: 99}]\n");
  const ChildOutput refused =
      installation_.galley({"nodes", "topology", "--file", "topology.yaml"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.stderr_bytes, HasSubstr("node_types[0].gpus"));
}

}  // namespace
}  // namespace galley::testing
