// Jobs as the accounts of their users, on a machine whose user database is the test's: the server
// runs in a mount namespace with another /etc/passwd.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "installation.h"

namespace galley::testing {
namespace {

using ::testing::HasSubstr;

class JobAccounts : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can run jobs as other accounts";
    ASSERT_EQ(::chmod(installation_.folder().c_str(), 0711), 0);
    const auto passwd = installation_.folder() / "passwd";
    ASSERT_TRUE(write_file_atomic(passwd,
                                  "root:x:0:0:root:/root:/bin/sh\n"
                                  "mail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n"
                                  "ada:x:61001:61001:Ada:/tmp:/bin/sh\n",
                                  Durability::memory));
    installation_.start({}, {},
                        {"/usr/bin/unshare", "--mount", "/bin/sh", "-c",
                         "mount --bind " + passwd.string() + " /etc/passwd && exec \"$@\"", "sh"});
  }

  /// A command of that user, or of the owner.
  process::ChildOutput as(const std::string& user, std::vector<std::string> words) {
    if (!user.empty()) {
      installation_.galley({"users", "add", user});
      const auto token = installation_.galley({"tokens", "create", "t", "--user", user});
      words.insert(words.begin(), {"--server", installation_.server().url()});
      EXPECT_EQ(installation_
                    .galley({"--server", installation_.server().url(), "login"}, token.stdout_bytes)
                    .exit_code,
                0);
    }
    return installation_.galley(std::move(words));
  }

  Installation installation_;
};

TEST_F(JobAccounts, AUsersJobIsThatUsers) {
  const auto done = as("ada", {"run", "--", "/bin/sh", "-c", "id -un; id -u; echo $HOME"});
  EXPECT_EQ(done.exit_code, 0) << done.stderr_bytes;
  EXPECT_EQ(done.stdout_bytes, "ada\n61001\n/tmp\n");
}

TEST_F(JobAccounts, TheOwnersJobIsTheServers) {
  EXPECT_EQ(as("", {"run", "--", "id", "-un"}).stdout_bytes, "root\n");
}

TEST_F(JobAccounts, WhoHasNoAccountIsToldWhatToDo) {
  const auto refused = as("lee", {"run", "--", "id", "-un"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_EQ(refused.stdout_bytes, "");
  EXPECT_THAT(refused.stderr_bytes, HasSubstr("user 'lee' has no account on this machine"));
  EXPECT_THAT(refused.stderr_bytes, HasSubstr("--jobs-as"));
}

TEST_F(JobAccounts, AServicesAccountIsNoUsers) {
  const auto refused = as("mail", {"run", "--", "id", "-un"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.stderr_bytes, HasSubstr("'mail' of this machine has uid 8"));
}

TEST_F(JobAccounts, ADataFolderIsClosedToJobsButForTheirOwn) {
  const std::string data = installation_.data().string();
  const auto done = as("ada", {"run", "--", "/bin/sh", "-c",
                               "cd $(dirname $GALLEY_METRICS_FILE)/../.. && pwd; "
                               "ls; cat token secret galley.db; echo > galley.sock; "
                               "ls attempts blobs; echo end"});
  EXPECT_EQ(done.stdout_bytes.find(data + "\n"), 0U) << done.stdout_bytes;
  EXPECT_THAT(done.stdout_bytes, HasSubstr("end"));
  for (const char* name :
       {"'.'", "token", "secret", "galley.db", "galley.sock", "'attempts'", "'blobs'"})
    EXPECT_THAT(done.stdout_bytes,
                ::testing::ContainsRegex(std::string(name) + "[^\n]*: Permission denied"));
  for (const auto& entry : std::filesystem::directory_iterator(installation_.data())) {
    struct stat info {};
    const std::string name = entry.path().filename();
    if (name == "attempts" || name == "cache") continue;
    ASSERT_EQ(::lstat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0077, 0U) << name << " is open to other accounts";
  }
}

}  // namespace
}  // namespace galley::testing
