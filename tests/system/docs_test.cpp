// Every command of the runbook is one that this program takes.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

#include "base/file.h"
#include "base/text.h"
#include "installation.h"

namespace galley::testing {
namespace {

constexpr int kUsage = 2;

/// A role by itself is a name; it would begin to serve.
bool is_role(std::string_view command) {
  return command == "galley up" || command == "galley controller" || command == "galley agent";
}

/// What stands between backquotes in a line and begins with the program's name.
void add_inline(std::string_view line, std::vector<std::string>& commands) {
  const auto parts = split(line, '`');
  for (std::size_t i = 1; i < parts.size(); i += 2)
    if (parts[i].starts_with("galley ") && !is_role(parts[i])) commands.emplace_back(parts[i]);
}

/// The lines of fenced blocks that begin with the program's name, without what is said beside them,
/// and the commands in the text.
std::vector<std::string> commands_of(const std::string& page) {
  std::vector<std::string> commands;
  bool fenced = false;
  for (const std::string_view raw : split(page, '\n')) {
    if (raw.starts_with("```")) fenced = !fenced;
    if (!fenced) add_inline(raw, commands);
    if (fenced && raw.starts_with("galley ")) commands.emplace_back(raw.substr(0, raw.find("  ")));
  }
  return commands;
}

/// Places where nothing can be made, so that no command gets further than its arguments.
std::string harmless(std::string command) {
  const std::vector<std::pair<std::string, std::string>> places{
      {"/srv/", "/proc/none/srv/"},
      {"/backup", "/proc/none/backup"},
      {"/var/lib/", "/proc/none/var/lib/"},
      {"@db1/", "@127.0.0.1:1/"},
      {"@db2/", "@127.0.0.1:1/"}};
  for (const auto& [from, to] : places)
    for (std::size_t at = command.find(from); at != std::string::npos;
         at = command.find(from, at + to.size()))
      command.replace(at, from.size(), to);
  return command;
}

TEST(Runbook, HasNoCommandThatIsNotTaken) {
  const auto page =
      read_file(std::filesystem::path(GALLEY_SOURCE_DIR) / "docs" / "operations.md", 1 << 20);
  ASSERT_TRUE(page) << describe(page.error());
  const auto commands = commands_of(*page);
  EXPECT_GE(commands.size(), 25U);
  const TempFolder home;
  for (const std::string& command : commands) {
    const auto output = process::run_child(
        {"/bin/sh", "-c", harmless(command)},
        {.timeout = Millis{30'000},
         .env = std::vector<std::string>{std::string("PATH=") + GALLEY_BIN_DIR + ":" +
                                             std::getenv("PATH"),
                                         "HOME=" + home.path().string(), "LANG=C.UTF-8",
                                         "GALLEY_SERVER=http://127.0.0.1:1", "GALLEY_TOKEN=none"},
         .stdin_bytes = "none\n"});
    ASSERT_TRUE(output) << command << ": " << describe(output.error());
    EXPECT_NE(output->exit_code, kUsage) << command << ": " << output->stderr_bytes;
    EXPECT_LT(output->exit_code, 100) << command << ": " << output->stderr_bytes;
  }
}

}  // namespace
}  // namespace galley::testing
