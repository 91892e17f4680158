// What a team relies on when many use one installation: TLS, and secrets that stay secret.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "installation.h"

namespace galley::testing {
namespace {

using ::testing::HasSubstr;

class Security : public ::testing::Test {
 protected:
  std::string line(const std::vector<std::string>& arguments) const {
    const auto done = installation_.galley(arguments);
    EXPECT_EQ(done.exit_code, 0) << done.stderr_bytes;
    return std::string(trim(done.stdout_bytes));
  }

  Installation installation_;
};

/// The command lines of all processes that we may see, but for this test's own.
std::string command_lines() {
  std::string all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string pid = entry.path().filename();
    if (!std::ranges::all_of(pid, [](char c) { return c >= '0' && c <= '9'; })) continue;
    std::ifstream file(entry.path() / "cmdline", std::ios::binary);
    all.append(std::istreambuf_iterator<char>(file), {});
    all += '\n';
  }
  return all;
}

TEST_F(Security, PlantedSecretsAreInNoLogNoCommandLineAndNoDatabase) {
  installation_.start({"--verbose"});
  line({"users", "add", "ada"});
  const std::string token = line({"tokens", "create", "laptop", "--user", "ada"});
  const std::string owner = *read_file(installation_.data() / "token", 4096);
  const std::string link = line({"login", "--web"});
  const std::string code = link.substr(link.find("code=") + 5);
  const std::string job = line({"run", "--detach", "--", "sleep", "1000"});
  ASSERT_TRUE(eventually([&] {
    auto client = installation_.client();
    return state_of(client, job) == "running";
  }));
  const std::string seen = command_lines();
  ASSERT_THAT(seen, HasSubstr("sleep"));
  const std::string run = [&] {
    const auto record = parse_json(line({"show", job, "--json"}));
    return record ? (*record)["run_id"].get<std::string>() : "";
  }();
  const std::vector<std::string> secrets{token.substr(4), std::string(trim(owner)), code,
                                         run + "."};
  for (const std::string& secret : secrets) {
    ASSERT_GE(secret.size(), 16u);
    EXPECT_EQ(seen.find(secret), std::string::npos);
  }
  line({"cancel", job});
  ASSERT_TRUE(installation_.server().stop());
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(installation_.folder())) {
    const std::string name = entry.path().filename();
    // These are where secrets are kept, for their owner alone; an attempt's holds its job's token.
    if (!entry.is_regular_file() || name == "token" || name == "secret") continue;
    if (name == "spec.json") {
      EXPECT_EQ(entry.status().permissions() & std::filesystem::perms(0077),
                std::filesystem::perms::none);
      continue;
    }
    const auto bytes = read_file(entry.path(), 1 << 30);
    if (!bytes) continue;
    ++files;
    for (const std::string& secret : secrets)
      EXPECT_EQ(bytes->find(secret), std::string::npos) << entry.path();
  }
  EXPECT_GT(files, 3);
}

/// Everything in the installation's folder that can be read, but for the files of that name.
std::vector<std::filesystem::path> files_with(const std::filesystem::path& folder,
                                              const std::string& text) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const auto bytes = read_file(entry.path(), 1 << 30);
    if (bytes && bytes->find(text) != std::string::npos) found.push_back(entry.path());
  }
  return found;
}

TEST_F(Security, AJobGetsItsTeamsSecretsAndNothingElseHoldsThem) {
  const std::string value = "hf_PlantedBySystemTest_8c1f0a77";
  installation_.start({"--verbose"});
  ASSERT_EQ(installation_.galley({"secrets", "set", "HF_TOKEN"}, value + "\n").exit_code, 0);
  EXPECT_THAT(line({"secrets"}), HasSubstr("HF_TOKEN"));
  const auto missing = installation_.galley({"submit", "-"}, R"({"command": ["true"],
      "secrets": ["HF_TOKEM"]})");
  EXPECT_EQ(missing.exit_code, 3) << missing.stderr_bytes;
  EXPECT_THAT(missing.stderr_bytes, HasSubstr("secrets[0]"));
  EXPECT_THAT(missing.stderr_bytes, HasSubstr("did you mean HF_TOKEN?"));

  // The job tells the length and a hash of what it was given, not the value.
  const auto submitted = installation_.galley({"submit", "-"}, R"({"secrets": ["HF_TOKEN"],
      "command": ["/bin/sh", "-c", "printf %s \"$HF_TOKEN\" | sha256sum; exec sleep 1000"]})");
  ASSERT_EQ(submitted.exit_code, 0) << submitted.stderr_bytes;
  const std::string job(trim(submitted.stdout_bytes));
  auto client = installation_.client();
  ASSERT_TRUE(eventually([&] {
    return log_from(client, job, 0).find(sha256_hex(value)) != std::string::npos;
  })) << log_from(client, job, 0);
  EXPECT_EQ(command_lines().find(value), std::string::npos);
  EXPECT_THAT(files_with(installation_.folder(), value), ::testing::IsEmpty()) << "while it runs";
  for (const char* shown : {"/api/v1/secrets", "/api/v1/jobs", "/api/v1/audit"})
    EXPECT_EQ(client.get(shown)->dump().find(value), std::string::npos) << shown;
  line({"cancel", job});
  line({"secrets", "rotate"});
  const std::string again = line({"run", "--detach", "--", "true"});
  EXPECT_FALSE(again.empty());
  line({"secrets", "remove", "HF_TOKEN"});
  ASSERT_TRUE(installation_.server().stop());
  EXPECT_THAT(files_with(installation_.folder(), value), ::testing::IsEmpty());
}

TEST_F(Security, TlsCarriesUsersWhoTrustTheAuthority) {
  const auto tls = installation_.folder() / "tls";
  ASSERT_TRUE(make_folders(installation_.work()));
  line({"tls", "init", "--out", tls.string()});
  installation_.start({"--tls-cert", (tls / "server.pem").string(), "--tls-key",
                       (tls / "server-key.pem").string()});
  line({"users", "add", "ada"});
  const std::string token = line({"tokens", "create", "laptop", "--user", "ada"});
  const std::string url = installation_.server().url();
  ASSERT_THAT(url, ::testing::StartsWith("https://"));
  const auto strange = installation_.galley({"--server", url, "whoami"}, token);
  EXPECT_EQ(strange.exit_code, 4);
  EXPECT_THAT(strange.stderr_bytes, HasSubstr("--ca"));
  const std::string ca = (tls / "ca.pem").string();
  EXPECT_EQ(installation_.galley({"--server", url, "--ca", ca, "login"}, token + "\n").exit_code,
            0);
  const auto done = installation_.galley({"--server", url, "--ca", ca, "whoami"});
  EXPECT_EQ(done.stdout_bytes, "ada\n") << done.stderr_bytes;
}

TEST_F(Security, OtherMachinesAreNotServedInClearUnlessAskedTo) {
  ASSERT_TRUE(make_folders(installation_.work()));
  const auto refused = installation_.galley({"up", "--listen", "0.0.0.0:0"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.stderr_bytes, HasSubstr("galley tls init"));
  EXPECT_THAT(refused.stderr_bytes, HasSubstr("--insecure"));
}

}  // namespace
}  // namespace galley::testing
