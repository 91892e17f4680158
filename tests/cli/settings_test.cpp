#include "settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>

#include "base/file.h"
#include "support/temp_folder.h"

namespace galley::cli {
namespace {

class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() { variables_["HOME"] = home_.path().string(); }

  Settings resolve(const GlobalFlags& flags = {}) {
    auto settings = resolve_settings(flags, [this](const char* name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    });
    EXPECT_TRUE(settings) << settings.error().message;
    return settings ? *settings : Settings{};
  }
  Result<Settings> try_resolve() {
    return resolve_settings({}, [this](const char* name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    });
  }
  void write_config(const std::string& text) {
    ASSERT_TRUE(make_folders(home_ / ".config/galley"));
    ASSERT_TRUE(write_file_atomic(home_ / ".config/galley/config.yaml", text, Durability::memory));
  }

  testing::TempFolder home_;
  std::map<std::string, std::string> variables_;
};

TEST_F(SettingsTest, FirstOfFlagVariableFileAndDefaultWins) {
  const std::string home = home_.path().string();
  EXPECT_EQ(resolve().server.value, "unix:" + home + "/.local/share/galley/galley.sock");
  EXPECT_EQ(resolve().server.source, "default");
  variables_["GALLEY_DATA"] = "/srv/galley";
  EXPECT_EQ(resolve().server.value, "unix:/srv/galley/galley.sock");
  write_config("server: http://filehost:1\n");
  EXPECT_EQ(resolve().server.value, "http://filehost:1");
  EXPECT_EQ(resolve().server.source, home + "/.config/galley/config.yaml");
  variables_["GALLEY_SERVER"] = "varhost:2";
  EXPECT_EQ(resolve().server.value, "http://varhost:2");
  EXPECT_EQ(resolve({.data = "/x"}).server.value, "unix:/x/galley.sock");
  EXPECT_EQ(resolve({.server = "/run/g.sock", .data = "/x"}).server.value, "unix:/run/g.sock");
}

TEST_F(SettingsTest, ATokenIsSentOnlyToItsServerAndKeptPrivate) {
  const Settings settings = resolve({.server = "http://a:1"});
  ASSERT_TRUE(store_token(settings, "http://a:1", "secret-a"));
  ASSERT_TRUE(store_token(settings, "http://b:1", "secret-b"));
  struct stat file {};
  ASSERT_EQ(::stat(settings.credentials_file.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777U, 0600U);
  EXPECT_EQ(resolve({.server = "http://a:1"}).token.value, "secret-a");
  EXPECT_EQ(resolve({.server = "b:1"}).token.value, "secret-b");
  EXPECT_EQ(resolve({.server = "http://c:1"}).token.value, "");
  variables_["GALLEY_TOKEN"] = "from-job";
  EXPECT_EQ(resolve({.server = "http://a:1"}).token.value, "from-job");
  EXPECT_EQ(resolve({.server = "http://a:1", .token = "flag"}).token.value, "flag");
}

TEST_F(SettingsTest, RefusesAConfigFileItDoesNotUnderstand) {
  write_config("serve: x\n");
  const auto settings = try_resolve();
  ASSERT_FALSE(settings);
  EXPECT_THAT(describe(settings.error()), ::testing::HasSubstr("did you mean server?"));
  write_config("- a list\n");
  EXPECT_FALSE(try_resolve());
  write_config("# nothing but a comment\nserver: a:1\n");
  EXPECT_TRUE(try_resolve());
}

TEST_F(SettingsTest, TheAuthorityToTrustComesFromFlagVariableOrFile) {
  EXPECT_EQ(resolve().ca.value, "");
  write_config("server: https://a:1\nca: /etc/galley/ca.pem\n");
  EXPECT_EQ(resolve().ca.value, "/etc/galley/ca.pem");
  variables_["GALLEY_CA"] = "/var/ca.pem";
  EXPECT_EQ(resolve().ca.value, "/var/ca.pem");
  EXPECT_EQ(resolve().ca.source, "GALLEY_CA");
  EXPECT_EQ(resolve({.ca = "/flag.pem"}).ca.value, "/flag.pem");
}

TEST_F(SettingsTest, DoesNotOverwriteAConfigFile) {
  EXPECT_TRUE(*store_default_server(resolve(), "http://a:1"));
  EXPECT_EQ(resolve().server.value, "http://a:1");
  EXPECT_FALSE(*store_default_server(resolve(), "http://b:1"));
  EXPECT_EQ(resolve().server.value, "http://a:1");
}

}  // namespace
}  // namespace galley::cli
