#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "process/attempt_files.h"

namespace galley::agent {
namespace {

namespace fs = std::filesystem;
using protocol::AttemptState;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr uid_t kUid = 54321;  // of no account of this machine
constexpr gid_t kGid = 54322;

/// An agent that is root, on a machine where the user kim has an account.
class Accounts : public AgentFixture {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can run jobs as other accounts";
    ASSERT_EQ(::chmod(temp_.path().c_str(), 0711), 0);
    AgentFixture::SetUp();
  }
  void adjust(Options& options) override {
    options.jobs_as = {JobsAs::Who::submitter};
    options.find_account = [](const std::string& name) -> Result<std::optional<JobAccount>> {
      if (name != "kim") return std::optional<JobAccount>();
      return std::optional(JobAccount{"kim", kUid, kGid, "/home/kim", "/bin/sh"});
    };
  }
  Agent::Assigned by(const std::string& user, const std::string& script) {
    auto job = shell(script);
    job.assignment.user = user;
    return job;
  }
  fs::path secret_file() {
    const fs::path file = temp_ / "secret";
    EXPECT_TRUE(write_file_atomic(file, "of root", Durability::memory, 0600));
    return file;
  }
};

TEST_F(Accounts, AJobRunsAsTheUserWhoSubmittedIt) {
  const auto job =
      by("kim", "id -u; id -g; id -G; echo $USER $LOGNAME $HOME; touch own; ls -n own");
  EXPECT_EQ(run(job).state, AttemptState::succeeded) << log(job);
  EXPECT_THAT(log(job), HasSubstr("54321\n54322\n54322\nkim kim /home/kim\n"));
  EXPECT_THAT(log(job), HasSubstr(" 54321 54322 "));
}

TEST_F(Accounts, TheOwnersJobRunsAsTheAgent) {
  const auto job = by("", "id -u");
  EXPECT_EQ(run(job).state, AttemptState::succeeded);
  EXPECT_EQ(log(job), "0\n");
}

TEST_F(Accounts, AUserWithoutAnAccountIsRefusedPlainly) {
  const auto end = run(by("lee", "true"));
  EXPECT_EQ(end.state, AttemptState::failed);
  EXPECT_THAT(end.reason, HasSubstr("user 'lee' has no account on this machine"));
}

TEST_F(Accounts, ItMayWriteItsMetricsAndItsOutputAnew) {
  const auto job = by("kim",
                      "printf 'galley:: step=1 loss=0.5\\n' >> $GALLEY_METRICS_FILE; "
                      "echo again > /dev/stderr");
  EXPECT_EQ(run(job).state, AttemptState::succeeded) << log(job);
  EXPECT_THAT(log(job), HasSubstr("again"));
  ASSERT_EQ(link_.points_.size(), 1U);
  EXPECT_EQ(link_.points_[0].key, "loss");
}

TEST_F(Accounts, ItsAttemptsFolderStaysTheAgents) {
  const auto job = by("kim",
                      "cd ..; cat spec.json; echo '{}' > exit.json; rm -f pid log.head; "
                      "ls; mv work other; echo end");
  EXPECT_EQ(run(job).state, AttemptState::succeeded);
  const std::string text = log(job);
  EXPECT_THAT(text, HasSubstr("spec.json: Permission denied"));
  EXPECT_THAT(text, HasSubstr("exit.json: Permission denied"));
  EXPECT_THAT(text, HasSubstr("cannot remove 'pid'"));
  EXPECT_THAT(text, HasSubstr("cannot move 'work'"));
  EXPECT_THAT(text, HasSubstr("end"));
}

TEST_F(Accounts, NothingIsKeptThatTheJobMayNotRead) {
  const auto secret = secret_file();
  ASSERT_TRUE(make_folders(temp_ / "closed"));
  ASSERT_TRUE(write_file_atomic(temp_ / "closed/inside", "x", Durability::memory));
  ASSERT_EQ(::chmod((temp_ / "closed").c_str(), 0700), 0);
  const auto job = by("kim", "ln -s " + secret.string() +
                                 " link; echo mine > mine; chmod 600 mine; "
                                 "echo 'galley:: artifact=link'; "
                                 "echo 'galley:: artifact=" +
                                 secret.string() +
                                 "'; "
                                 "echo 'galley:: artifact=" +
                                 (temp_ / "closed").string() +
                                 "'; "
                                 "echo 'galley:: artifact=mine'");
  EXPECT_EQ(run(job).state, AttemptState::succeeded) << log(job);
  ASSERT_EQ(link_.files_.size(), 1U);
  EXPECT_EQ(link_.files_[0].path, "mine");
  std::string faults;
  for (const auto& [key, text] : link_.texts_) faults += key + ": " + text + "\n";
  EXPECT_THAT(faults, HasSubstr("'link' was not kept"));
  EXPECT_THAT(faults, HasSubstr("Permission denied"));
  EXPECT_THAT(faults, HasSubstr((temp_ / "closed").string()));
}

TEST_F(Accounts, TheAgentsOwnRightsComeBack) {
  const auto secret = secret_file();
  EXPECT_EQ(run(by("kim", "echo x > mine; echo 'galley:: artifact=mine'")).state,
            AttemptState::succeeded);
  const auto own = by("", "echo 'galley:: artifact=" + secret.string() + "'");
  EXPECT_EQ(run(own).state, AttemptState::succeeded);
  ASSERT_EQ(link_.files_.size(), 2U);
  EXPECT_EQ(link_.files_[1].path, secret.string());
}

TEST_F(Accounts, AWorkingFolderThatIsClosedToItIsNamed) {
  ASSERT_TRUE(make_folders(temp_ / "closed"));
  ASSERT_EQ(::chmod((temp_ / "closed").c_str(), 0700), 0);
  auto job = by("kim", "true");
  job.assignment.spec.workdir = (temp_ / "closed").string();
  const auto end = run(job);
  EXPECT_EQ(end.state, AttemptState::failed);
  EXPECT_THAT(end.reason, AllOf(HasSubstr(" as kim: Permission denied"), HasSubstr("closed")));
}

TEST_F(Accounts, ItDiesWithItsSupervisor) {
  auto job = by("kim", "echo $$; exec sleep 1000");
  agent_->assign(job);
  ASSERT_TRUE(link_.wait(
      [](const FakeLink& link) { return link.count_reports(AttemptState::running) == 1; }));
  const auto folder = agent_->attempt_folder(job.assignment.attempt_id);
  const auto record = process::parse_supervisor(
      read_file(folder / process::attempt_file::kPid, 1 << 16).value_or(""));
  ASSERT_TRUE(record);
  ASSERT_EQ(::kill(record->identity.pid, SIGKILL), 0);
  EXPECT_EQ(wait_for_end(job).state, AttemptState::lost);
}

}  // namespace
}  // namespace galley::agent
