#include "container_engine.h"

#include <gmock/gmock.h>

#include "attempt_spec.h"
#include "support/temp_folder.h"

namespace galley::agent {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Engine engine(EngineKind kind) {
  return {.program = {kind, "/bin/" + std::string(to_string(kind))}, .version = "1"};
}
ContainerRun small_run() {
  return {.image = "base:1",
          .images_cache = "/c",
          .name = "galley-a",
          .command = {"train", "--fast"},
          .workdir = "/d/work",
          .mounts = {{"/d", "/d", false}, {"/sets/x", "/d/datasets/x@1", true}},
          .env_names = {"KEY"},
          .env_file = "/d/container.env",
          .gpus = {"GPU-a", "GPU-b"},
          .cpus = 2,
          .memory_bytes = 1024,
          .user = {}};
}
std::string line(const std::vector<std::string>& argv) {
  std::string text;
  for (const auto& word : argv) text += (text.empty() ? "" : " ") + word;
  return text;
}

TEST(ContainerEngine, PodmanRuns) {
  const auto argv = run_command(engine(EngineKind::podman), small_run());
  ASSERT_TRUE(argv);
  EXPECT_EQ(line(*argv),
            "/bin/podman run --rm --name galley-a --pull never --network host --ipc host "
            "--log-driver none --security-opt label=disable --workdir /d/work --env KEY --env-file "
            "/d/container.env --mount type=bind,source=/d,target=/d --mount "
            "type=bind,source=/sets/x,target=/d/datasets/x@1,readonly --cpus 2 --memory 1024 "
            "--device nvidia.com/gpu=GPU-a --device nvidia.com/gpu=GPU-b --entrypoint train base:1 "
            "--fast");
}

TEST(ContainerEngine, DockerRuns) {
  auto run = small_run();
  run.user = "7:8";
  const auto argv = run_command(engine(EngineKind::docker), run);
  ASSERT_TRUE(argv);
  EXPECT_THAT(line(*argv), HasSubstr("--user 7:8"));
  EXPECT_THAT(*argv, Contains("\"device=GPU-a,GPU-b\""));
}

TEST(ContainerEngine, ApptainerRuns) {
  const auto argv = run_command(engine(EngineKind::apptainer), small_run());
  ASSERT_TRUE(argv);
  EXPECT_THAT(line(*argv),
              StartsWith("/bin/apptainer exec --cleanenv --no-home --pwd /d/work --nv --bind /d:/d "
                         "--bind /sets/x:/d/datasets/x@1:ro /c/"));
  EXPECT_THAT(line(*argv), ::testing::EndsWith(".sif train --fast"));
  EXPECT_TRUE(remove_command(engine(EngineKind::apptainer), "galley-a").empty());
}

TEST(ContainerEngine, LimitsThatItCannotHoldAreNotAsked) {
  auto rootless = engine(EngineKind::podman);
  rootless.limits_cpus = false;
  const auto argv = run_command(rootless, small_run());
  ASSERT_TRUE(argv);
  EXPECT_THAT(*argv, Not(Contains("--cpus")));
  EXPECT_THAT(*argv, Contains("--memory"));
}

TEST(ContainerEngine, PathsThatCouldBeMisreadAreRefused) {
  auto run = small_run();
  run.mounts = {{"/a,readonly", "/b", false}};
  EXPECT_EQ(run_command(engine(EngineKind::podman), run).error().code, Errc::invalid_argument);
  run.mounts = {{"/a:b", "/b", false}};
  EXPECT_EQ(run_command(engine(EngineKind::apptainer), run).error().code, Errc::invalid_argument);
}

TEST(ContainerEngine, KnowsWhatEnginesSayOfThemselves) {
  const EngineProgram podman{EngineKind::podman, "/bin/podman"};
  const auto rootless =
      parse_info(podman, R"({"host":{"cgroupVersion":"v2","cgroupControllers":["memory","pids"],
                  "security":{"rootless":true}},"version":{"Version":"4.3.1"}})");
  ASSERT_TRUE(rootless);
  EXPECT_EQ(rootless->version, "4.3.1");
  EXPECT_TRUE(rootless->rootless);
  EXPECT_FALSE(rootless->limits_cpus);
  EXPECT_TRUE(rootless->limits_memory);

  const EngineProgram docker{EngineKind::docker, "/bin/docker"};
  const auto daemon = parse_info(
      docker, R"({"ServerVersion":"24.0","SecurityOptions":["name=seccomp"],"MemoryLimit":false})");
  ASSERT_TRUE(daemon);
  EXPECT_FALSE(daemon->rootless);
  EXPECT_FALSE(daemon->limits_memory);
  EXPECT_FALSE(parse_info(docker, R"({"ServerErrors":["no daemon"]})"));

  const auto apptainer =
      parse_info({EngineKind::apptainer, "/bin/apptainer"}, "apptainer version 1.1.9\n");
  ASSERT_TRUE(apptainer);
  EXPECT_EQ(apptainer->version, "1.1.9");
  EXPECT_FALSE(apptainer->builds());
  for (const char* garbage : {"", "{", "[]", "3", "{\"host\":[]}", "{\"version\":{\"Version\":7}}"})
    EXPECT_FALSE(parse_info(podman, garbage)) << garbage;
}

TEST(ContainerEngine, VariablesThatSteerTheEngineGoIntoAFile) {
  const std::map<std::string, std::string> ours{{"PATH", "/our/bin"}};
  const std::map<std::string, std::string> job{{"DOCKER_HOST", "tcp://evil"},
                                               {"KEY", "two\nlines"},
                                               {"LD_PRELOAD", "/evil.so"},
                                               {"PATH", "/image/bin"},
                                               {"https_proxy", "http://p"}};
  const auto env = container_environment(EngineKind::docker, ours, job);
  ASSERT_TRUE(env);
  EXPECT_EQ(env->command,
            (std::map<std::string, std::string>{{"KEY", "two\nlines"}, {"PATH", "/our/bin"}}));
  EXPECT_THAT(env->names, ElementsAre("KEY"));
  EXPECT_EQ(env->file,
            "DOCKER_HOST=tcp://evil\nLD_PRELOAD=/evil.so\nPATH=/image/bin\nhttps_proxy=http://p\n");

  EXPECT_FALSE(container_environment(EngineKind::podman, ours, {{"PATH", "a\nb"}}));
  const auto prefixed = container_environment(EngineKind::apptainer, ours, job);
  ASSERT_TRUE(prefixed);
  EXPECT_EQ(prefixed->command.at("APPTAINERENV_LD_PRELOAD"), "/evil.so");
  EXPECT_EQ(prefixed->command.at("PATH"), "/our/bin");
}

TEST(ContainerEngine, TellsTheJobsFaultFromTheNodes) {
  struct Case {
    const char* output;
    ImageFault fault;
    const char* reason;
  };
  const Case cases[] = {
      {"Error: reading manifest 9 in x: manifest unknown", ImageFault::user, "image not found: "},
      {"Error response from daemon: manifest for a:1 not found: manifest unknown", ImageFault::user,
       "image not found: "},
      {"Error: short-name \"a\" did not resolve to an alias", ImageFault::user,
       "image not found: "},
      {"invalid reference format", ImageFault::user, "image not found: "},
      {"denied: requested access to the resource is denied", ImageFault::user,
       "image not allowed: "},
      {"unauthorized: authentication required", ImageFault::user, "image not allowed: "},
      {"Error: pinging registry: dial tcp 10.0.0.1:443: connect: connection refused",
       ImageFault::node, "registry unreachable: "},
      {"Get https://r/v2/: x509: certificate signed by unknown authority", ImageFault::node,
       "registry unreachable: "},
      {"toomanyrequests: You have reached your pull rate limit", ImageFault::node,
       "registry unreachable: "},
      {"Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon "
       "running?",
       ImageFault::node, "container engine unreachable: "},
      {"write /var/lib: no space left on device", ImageFault::node, "no room for image "},
      {"", ImageFault::user, "image cannot be pulled: 'a:1': it gave no reason"},
  };
  for (const Case& one : cases) {
    const auto failure = explain_pull("a:1", one.output);
    EXPECT_EQ(failure.fault, one.fault) << one.output;
    EXPECT_THAT(failure.reason, StartsWith(one.reason)) << one.output;
  }
}

TEST(ContainerEngine, TellsAContainerThatNeverRanFromAProgramThatFailed) {
  EXPECT_FALSE(explain_run(EngineKind::podman, 125, "step 9\nloss is nan\n"));
  EXPECT_FALSE(explain_run(EngineKind::podman, 1, "Error: my own\n"));
  const auto absent = explain_run(EngineKind::podman, 127,
                                  "Error: runc: exec: \"/nothere\": stat /nothere: no such file\n");
  ASSERT_TRUE(absent);
  EXPECT_EQ(absent->fault, ImageFault::user);
  const auto node = explain_run(EngineKind::docker, 125,
                                "docker: Error response from daemon: could not select device\n");
  ASSERT_TRUE(node);
  EXPECT_EQ(node->fault, ImageFault::node);
}

TEST(ContainerEngine, IsFoundInThePath) {
  galley::testing::TempFolder temp;
  const auto make = [&](const char* name) {
    std::filesystem::create_symlink("/bin/true", temp / name);
  };
  make("docker");
  make("podman-remote");
  const std::string path = "/nowhere::" + temp.path().string();
  EXPECT_EQ((*find_engine("auto", path))->kind, EngineKind::docker);
  EXPECT_EQ((*find_engine("podman-remote", path))->kind, EngineKind::podman);
  EXPECT_FALSE(find_engine("none", path)->has_value());
  EXPECT_FALSE(find_engine("auto", "/nowhere")->has_value());
  EXPECT_EQ(find_engine("podman", path).error().code, Errc::not_found);
  EXPECT_EQ(find_engine("rkt", path).error().code, Errc::invalid_argument);
}

TEST(ContainerSpec, TheSupervisorRunsTheEngine) {
  protocol::Assignment given;
  given.attempt_id = AttemptId::trusted("att_1");
  given.rank = 2;
  given.spec.command = {"train"};
  given.spec.image = "base:1";
  given.spec.workdir = "/app";
  given.spec.resources.memory = protocol::Bytes{4096};
  given.device_ids = {"GPU-a"};
  const AttemptPlace place{
      .folder = "/d/att_1",
      .server = {},
      .token = "hidden",
      .data_sets = {{"x@1", "x", "/sets/x"}},
      .container = ContainerPlace{engine(EngineKind::podman), "base:1", "/c", ""}};
  const auto spec = make_attempt_spec(given, place, [](const char* name) {
    return std::string_view(name) == "HOME" ? std::optional<std::string>("/root") : std::nullopt;
  });
  ASSERT_TRUE(spec) << describe(spec.error());
  EXPECT_THAT(line(spec->argv), HasSubstr("--name galley-att_1-2 "));
  EXPECT_THAT(line(spec->argv), HasSubstr("--workdir /app "));
  EXPECT_THAT(line(spec->argv), HasSubstr("--env CUDA_VISIBLE_DEVICES"));
  EXPECT_THAT(line(spec->argv), HasSubstr("--env GALLEY_ATTEMPT_DIR"));
  EXPECT_THAT(line(spec->argv), Not(HasSubstr("hidden")));
  EXPECT_THAT(spec->env, Contains("GALLEY_TOKEN=hidden"));
  EXPECT_THAT(spec->env, Contains("HOME=/root"));
  EXPECT_THAT(spec->env, Contains("GALLEY_DATASET_X=/d/att_1/datasets/x@1"));
  EXPECT_EQ(line(spec->after), "/bin/podman rm --force galley-att_1-2");
  EXPECT_EQ(spec->limits.memory_bytes, 0);
  EXPECT_TRUE(spec->read_only_binds.empty());
  EXPECT_EQ(spec->workdir, "/d/att_1");
  EXPECT_TRUE(process::check_spec(*spec));
}

TEST(ContainerSpec, SecretsAreGivenByName) {
  protocol::Assignment given;
  given.attempt_id = AttemptId::trusted("att_1");
  given.spec.command = {"train"};
  given.spec.image = "base:1";
  given.spec.secrets = {"HF_TOKEN"};
  AttemptPlace place{.folder = "/d/att_1",
                     .container = ContainerPlace{engine(EngineKind::docker), "base:1", "/c", ""}};
  const auto none = [](const char*) { return std::optional<std::string>(); };
  const auto spec = make_attempt_spec(given, place, none);
  ASSERT_TRUE(spec) << describe(spec.error());
  EXPECT_THAT(line(spec->argv), HasSubstr("--env HF_TOKEN"));
  EXPECT_THAT(spec->inherited_env, ElementsAre("HF_TOKEN"));
  given.spec.secrets = {"DOCKER_HOST"};
  EXPECT_EQ(make_attempt_spec(given, place, none).error().field, "secrets");
  given.spec.secrets = {"HF_TOKEN"};
  place.container->engine = engine(EngineKind::apptainer);
  EXPECT_EQ(make_attempt_spec(given, place, none).error().code, Errc::unsupported);
}

}  // namespace
}  // namespace galley::agent
