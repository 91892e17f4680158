#include "accounts/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "base/file.h"
#include "support/temp_folder.h"

namespace galley::accounts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kValue = "hf_Zt4kq9PlantedValue0123456789";

class SecretsTest : public ::testing::Test {
 protected:
  SecretsTest() {
    auto opened = store::open_sqlite({.path = folder_ / "x.db", .durable = false});
    GALLEY_CHECK(opened, "a database in an empty folder");
    database_ = *std::move(opened);
    secrets_.emplace(*database_, clock_, key_file());
  }
  std::filesystem::path key_file() const { return folder_ / "secrets.key"; }
  Result<SecretInfo> set(const std::string& name, const std::string& value,
                         const std::string& team = "nlp") {
    return secrets_->set(team, name, value, by_);
  }
  Result<std::vector<std::string>> values(std::vector<std::string> names,
                                          const std::string& team = "nlp") {
    return secrets_->values(team, names);
  }
  /// All bytes that lie in the folder, but for the key's.
  std::string stored() {
    std::string all;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      std::ifstream file(entry.path(), std::ios::binary);
      all.append(std::istreambuf_iterator<char>(file), {});
    }
    return all;
  }
  std::vector<std::string> audited() const {
    std::vector<std::string> found;
    EXPECT_TRUE(database_->read([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY(const auto rows,
                 transaction.query("select action || ' ' || subject from audit order by seq"));
      for (const auto& row : rows) found.push_back(row.text(0));
      return ok();
    }));
    return found;
  }

  testing::TempFolder folder_;
  ManualClock clock_;
  const By by_{"ada", "req-1", "10.0.0.7"};
  std::unique_ptr<store::Database> database_;
  std::optional<Secrets> secrets_;
};

TEST_F(SecretsTest, ComeBackForTheirTeamAloneAndLieNowhereInClear) {
  ASSERT_TRUE(set("HF_TOKEN", kValue));
  ASSERT_TRUE(set("OTHER", "x"));
  EXPECT_THAT(*values({"OTHER", "HF_TOKEN"}), ElementsAre("OTHER=x", "HF_TOKEN=" + kValue));
  const auto foreign = values({"HF_TOKEN"}, "vision");
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, Errc::not_found);
  EXPECT_EQ(foreign.error().field, "secrets[0]");
  EXPECT_THAT(stored(), Not(HasSubstr(kValue)));
  const auto list = secrets_->list();
  ASSERT_EQ(list->size(), 2U);
  EXPECT_EQ(list->front().name, "HF_TOKEN");
  EXPECT_EQ(list->front().principal, "ada");
  ASSERT_TRUE(secrets_->remove("nlp", "OTHER", by_));
  EXPECT_EQ(secrets_->remove("nlp", "OTHER", by_).error().code, Errc::not_found);
  EXPECT_THAT(audited(), ElementsAre("secret.set nlp/HF_TOKEN", "secret.set nlp/OTHER",
                                     "secret.remove nlp/OTHER"));
}

TEST_F(SecretsTest, TheKeyIsItsOwnersAlone) {
  ASSERT_TRUE(set("A", "1"));
  struct stat info {};
  ASSERT_EQ(::stat(key_file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  ::chmod(key_file().c_str(), 0644);
  const auto refused = values({"A"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, "--secrets-key");
  EXPECT_THAT(refused.error().message, HasSubstr("may be read by others (mode 644)"));
}

TEST_F(SecretsTest, AMissingOrWrongKeyIsSaidPlainlyAndNeverReplaced) {
  ASSERT_TRUE(set("A", kValue));
  std::filesystem::rename(key_file(), folder_ / "kept");
  for (const auto& error : {values({"A"}).error(), set("B", "2").error()}) {
    EXPECT_EQ(error.code, Errc::not_found);
    EXPECT_EQ(error.field, "--secrets-key");
    EXPECT_THAT(error.message, HasSubstr(key_file().string()));
  }
  ASSERT_TRUE(write_file_atomic(key_file(), std::string(64, 'a') + "\n", Durability::memory, 0600));
  const auto wrong = values({"A"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::corrupt);
  EXPECT_EQ(wrong.error().field, "secrets[0]");
  EXPECT_THAT(wrong.error().message, HasSubstr("which is not in the file of --secrets-key"));
  EXPECT_FALSE(secrets_->rotate(by_));
  ASSERT_TRUE(write_file_atomic(key_file(), "nonsense\n", Durability::memory, 0600));
  EXPECT_THAT(values({"A"}).error().message, HasSubstr("line 1 is no key"));
  std::filesystem::rename(folder_ / "kept", key_file());
  EXPECT_THAT(*values({"A"}), ElementsAre("A=" + kValue));
}

TEST_F(SecretsTest, RotationSealsAnewAndForgetsTheOldKey) {
  ASSERT_TRUE(set("A", "1"));
  ASSERT_TRUE(set("B", "2", "vision"));
  const std::string before = *read_file(key_file(), 4096);
  EXPECT_EQ(*secrets_->rotate(by_), 2);
  const std::string after = *read_file(key_file(), 4096);
  EXPECT_EQ(after.size(), before.size());
  EXPECT_NE(after, before);
  EXPECT_THAT(*values({"A"}), ElementsAre("A=1"));
  EXPECT_THAT(*values({"B"}, "vision"), ElementsAre("B=2"));
  // Killed before the rows were sealed: the file has both keys, and all of them still open.
  const std::string new_key(64, '7');
  ASSERT_TRUE(write_file_atomic(key_file(), new_key + "\n" + after, Durability::memory, 0600));
  EXPECT_THAT(*values({"A"}), ElementsAre("A=1"));
  EXPECT_EQ(*secrets_->rotate(by_), 2);
  EXPECT_THAT(*values({"A"}), ElementsAre("A=1"));
}

TEST_F(SecretsTest, ARowCannotStandInForAnother) {
  ASSERT_TRUE(set("A", kValue));
  ASSERT_TRUE(database_->write([](store::Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(transaction.execute("update secrets set team = 'vision'"));
    return ok();
  }));
  const auto stolen = values({"A"}, "vision");
  ASSERT_FALSE(stolen);
  EXPECT_EQ(stolen.error().code, Errc::corrupt);
}

TEST_F(SecretsTest, BadOnesAreRefusedByFieldWithoutTheValue) {
  const auto field = [&](const std::string& name, const std::string& value,
                         const std::string& team = "nlp") {
    const auto refused = set(name, value, team);
    if (refused) return std::string("accepted");
    EXPECT_THAT(describe(refused.error()), Not(HasSubstr(kValue)));
    return refused.error().field;
  };
  for (const char* name :
       {"", "1A", "A-B", "PATH", "GALLEY_TOKEN", "LD_PRELOAD", "CUDA_VISIBLE_DEVICES"})
    EXPECT_EQ(field(name, kValue), "name") << name;
  EXPECT_EQ(field(std::string(65, 'A'), kValue), "name");
  EXPECT_EQ(field("A", ""), "value");
  EXPECT_EQ(field("A", kValue + '\0' + kValue), "value");
  EXPECT_EQ(field("A", std::string(Secrets::kMostValueBytes + 1, 'x')), "value");
  EXPECT_EQ(field("A", kValue, "x/y"), "teams");
}

}  // namespace
}  // namespace galley::accounts
