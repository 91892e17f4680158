#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "installation.h"
#include "pretended_gpus.h"

namespace galley::testing {

/// A server with an agent that has two GPUs, whose price the site has written down.
class EstimateFixture : public ::testing::Test {
 protected:
  void start(std::vector<std::string> arguments = {}) {
    const auto programs = site_.folder() / "programs";
    ASSERT_TRUE(support::install(
        {.count = 2, .model = "Tesla V100-SXM2-32GB", .memory_mib = 32'768}, programs));
    const auto prices = site_.folder() / "prices.csv";
    ASSERT_TRUE(write_file_atomic(prices, "GPU Type,GPUs,On-demand\nV100 SXM2 32GB,4,14.40\n",
                                  Durability::memory));
    arguments.insert(arguments.end(), {"--prices", prices.string()});
    ASSERT_NO_FATAL_FAILURE(site_.start(std::move(arguments), programs));
    client_.emplace(site_.client());
  }
  Json submit(Json spec) {
    const auto job = client_->post("/api/v1/jobs", spec);
    EXPECT_TRUE(job) << describe(job.error());
    return job ? *job : Json::object();
  }
  Json get(const std::string& target) {
    const auto answer = client_->get(target);
    EXPECT_TRUE(answer) << target << ": " << describe(answer.error());
    return answer ? *answer : Json::object();
  }
  Json eta_of(const std::string& job) { return get("/api/v1/jobs/" + job).value("eta", Json()); }
  std::string text_of(const std::string& target) {
    const auto answer = client_->send({"GET", target, {}, {}});
    return answer ? answer->body : std::string();
  }
  std::string said(const std::vector<std::string>& arguments) {
    const auto output = site_.galley(arguments);
    return output.stdout_bytes + output.stderr_bytes;
  }

  Installation site_;
  std::optional<support::ApiClient> client_;
};

}  // namespace galley::testing
