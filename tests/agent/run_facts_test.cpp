#include "run_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "support/temp_folder.h"

namespace galley::agent {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class PythonOf : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(make_folders(temp_ / "bin"));
    ASSERT_TRUE(make_folders(temp_ / "lib"));
    interpreter("python3.12", "3.12.4");
    fs::create_symlink("python3.12", temp_ / "bin/python3");
    fs::create_symlink("python3", temp_ / "bin/python");
  }
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file_atomic(temp_ / name, text, Durability::memory, 0755));
  }
  void interpreter(const std::string& name, const std::string& version) {
    using namespace std::string_literals;
    write("bin/" + name, "\0023.12.\0 3.12.9 \0003.12.x\0"s + '\0' + version + '\0' + "rest");
  }
  std::optional<std::string> python(std::vector<std::string> command) const {
    return python_of({.command = std::move(command),
                      .workdir = temp_.path().string(),
                      .path = "/nowhere:" + (temp_ / "bin").string()});
  }

  testing::TempFolder temp_;
};

TEST_F(PythonOf, IsReadInTheInterpreterThatTheCommandNames) {
  EXPECT_EQ(python({"python", "train.py"}), "3.12.4");
  EXPECT_EQ(python({"bin/python3", "train.py"}), "3.12.4");
  EXPECT_EQ(python({"env", "A=1", "python3.12", "train.py"}), "3.12.4");
  EXPECT_EQ(python({"/bin/sh", "-c", "cd x && python3 train.py --lr 1"}), "3.12.4");
}

TEST_F(PythonOf, IsThatOfAVirtualEnvironmentAndOfALauncher) {
  ASSERT_TRUE(make_folders(temp_ / "venv/bin"));
  fs::create_symlink(temp_ / "bin/python3.12", temp_ / "venv/bin/python");
  EXPECT_EQ(python({"venv/bin/python", "train.py"}), "3.12.4");
  write("bin/torchrun", "#!" + (temp_ / "venv/bin/python").string() + " -u\nimport sys\n");
  EXPECT_EQ(python({"torchrun", "--nproc-per-node", "8", "train.py"}), "3.12.4");
  write("train", "#!/usr/bin/env python3\n");
  EXPECT_EQ(python({"./train"}), "3.12.4");
}

TEST_F(PythonOf, IsTheOneThatPyenvChooses) {
  const auto root = temp_ / "pyenv";
  for (const char* folder : {"shims", "versions/3.12.4/bin", "versions/other/bin"})
    ASSERT_TRUE(make_folders(root / folder));
  ASSERT_TRUE(write_file_atomic(root / "shims/python", "#!/bin/bash\n", Durability::memory, 0755));
  ASSERT_TRUE(write_file_atomic(root / "version", "3.12.4\n", Durability::memory));
  fs::copy(temp_ / "bin/python3.12", root / "versions/3.12.4/bin/python3.12");
  fs::create_symlink("python3.12", root / "versions/3.12.4/bin/python");
  const std::string shim = (root / "shims/python").string();
  EXPECT_EQ(python({shim, "train.py"}), "3.12.4");
  write(".python-version", "other\n");
  EXPECT_EQ(python({shim, "train.py"}), std::nullopt);
}

TEST_F(PythonOf, IsReadInTheLibraryOrIsWhatTheNameSays) {
  write("bin/python3.10", "a launcher");
  EXPECT_EQ(python({"python3.10"}), "3.10");
  using namespace std::string_literals;
  write("lib/libpython3.10.so.1.0", "\0003.10.14\0"s);
  EXPECT_EQ(python({"python3.10"}), "3.10.14");
}

TEST_F(PythonOf, IsAbsentWhereNoneRuns) {
  EXPECT_EQ(python({"/bin/true"}), std::nullopt);
  EXPECT_EQ(python({"translate", "--to", "python"}), std::nullopt);
  EXPECT_EQ(python({"python2.7", "train.py"}), std::nullopt);  // not here
  EXPECT_EQ(python({}), std::nullopt);
  fs::create_symlink("loop", temp_ / "bin/loop");
  EXPECT_EQ(python({"bin/loop"}), std::nullopt);
}

TEST(DriverHead, NamesDriverAndCuda) {
  EXPECT_THAT(read_driver_head("| NVIDIA-SMI 535.104.05   Driver Version: 535.104.05   CUDA "
                               "Version: 12.2     |\n"),
              Pair("535.104.05", "12.2"));
  EXPECT_THAT(read_driver_head("CUDA Version: N/A"), Pair("", ""));
  EXPECT_THAT(read_driver_head(""), Pair("", ""));
}

TEST(ImageFacts, AreTheDigestAndWhatTheEnvironmentStates) {
  EXPECT_THAT(
      read_image_facts("[\"docker.io/library/python@sha256:abc\"]\nsha256:0123\n"
                       "[\"PATH=/bin\",\"PYTHON_VERSION=3.11.9\",\"CUDA_VERSION=12.4.1\"]\n"),
      ElementsAre(Pair("galley.image.digest", "sha256:abc"), Pair("galley.python", "3.11.9"),
                  Pair("galley.cuda", "12.4.1")));
  EXPECT_THAT(read_image_facts("[]\nsha256:0123\nnull\n"),
              ElementsAre(Pair("galley.image.digest", "sha256:0123")));
  EXPECT_THAT(read_image_facts("Error: no such image"), IsEmpty());
}

TEST(RunFactsTest, AskTheDriverOnceAndLeaveOutWhatCannotBeFound) {
  const testing::TempFolder temp;
  const auto smi = temp / "smi";
  ASSERT_TRUE(write_file_atomic(smi,
                                "#!/bin/sh\necho x >> $0.calls\n"
                                "echo 'Driver Version: 550.54  CUDA Version: 12.4'\n",
                                Durability::memory, 0755));
  RunFacts facts(smi.string());
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(facts.find({.command = {"/bin/true"}, .has_gpus = true}),
                ::testing::IsSupersetOf(
                    {Pair("galley.gpu.driver", "550.54"), Pair("galley.cuda", "12.4")}));
  EXPECT_EQ(read_file(smi.string() + ".calls", 100).value_or(""), "x\n");
  EXPECT_THAT(facts.find({.command = {"/bin/true"}}), IsEmpty());
  EXPECT_THAT(RunFacts("/absent").find({.command = {}, .has_gpus = true}),
              ::testing::Each(Pair("galley.os", ::testing::_)));
}

}  // namespace
}  // namespace galley::agent
