#include "fixture.h"

#include <unistd.h>

#include <cstdlib>

#include "cli/cli.h"

namespace galley::cli::testing {

Json job_record(const std::string& state, int attempts) {
  Json job{{"id", kJobId},
           {"seq", 1},
           {"name", "train"},
           {"team", "default"},
           {"priority_class", "normal"},
           {"state", state},
           {"reason", ""},
           {"principal", "local"},
           {"run_id", kRunId},
           {"attempts", attempts},
           {"created_at", "2026-11-21T06:00:00.000Z"},
           {"spec",
            {{"command", {"python3", "a b.py"}},
             {"resources", {{"cpus", 2}, {"gpus", 1}, {"memory", 1073741824}}}}}};
  if (state == "succeeded") job["exit_code"] = 0;
  if (state == "failed") {
    job["exit_code"] = 3;
    job["reason"] = "exit code 3";
  }
  return job;
}

ClientTest::ClientTest() {
  for (const char* name : {"GALLEY_SERVER", "GALLEY_TOKEN", "GALLEY_DATA", "XDG_CONFIG_HOME"})
    ::unsetenv(name);
  ::setenv("HOME", home.path().c_str(), 1);
  ::setenv("COLUMNS", "160", 1);
}

ClientTest::~ClientTest() { ::unsetenv("COLUMNS"); }

void ClientTest::record(const http::Request& request) {
  const std::lock_guard lock(mutex_);
  requests_.push_back(request.method + " " + request.target +
                      (request.body.empty() ? "" : " " + request.body));
}

std::vector<std::string> ClientTest::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void ClientTest::handle(const std::string& method, const std::string& pattern,
                        http::Handler handler) {
  router.add(method, pattern, http::Run::pool,
             [this, handler = std::move(handler)](const http::Request& request) {
               record(request);
               return handler(request);
             });
}

void ClientTest::answer(const std::string& method, const std::string& pattern, const Json& body,
                        int status) {
  const std::string text = dump_json(body);
  handle(method, pattern,
         [text, status](const auto&) { return http::Response::json(text, status); });
}

void ClientTest::start() {
  http::ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.pool_threads = 2;
  auto started = http::Server::start(options, std::move(router));
  ASSERT_TRUE(started) << started.error().message;
  server_ = *std::move(started);
  address = "http://" + server_->addresses().front();
}

Outcome ClientTest::galley(std::vector<std::string> words) {
  if (!server_) start();
  words.insert(words.begin(), {"galley", "--server", address});
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = run_cli(static_cast<int>(pointers.size()), pointers.data(), {});
  std::fflush(stdout);
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

}  // namespace galley::cli::testing
