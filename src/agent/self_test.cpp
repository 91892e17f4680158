#include "self_test.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/text.h"
#include "process/child.h"

namespace galley::agent {

Result<std::unique_ptr<SelfTests>> SelfTests::start(Options options) {
  auto tests = std::unique_ptr<SelfTests>(new SelfTests(std::move(options)));
  tests->cancel_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!tests->cancel_) return system_error("cannot make an event descriptor", errno);
  tests->thread_ = std::thread([raw = tests.get()] { raw->serve(); });
  return tests;
}

SelfTests::~SelfTests() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  const std::uint64_t one = 1;
  if (cancel_) (void)!::write(cancel_.get(), &one, sizeof one);
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void SelfTests::ask(const protocol::SelfTestRequest& request) {
  {
    const std::lock_guard lock(mutex_);
    if (std::ranges::find(waiting_, request.uuid) != waiting_.end()) return;
    waiting_.push_back(request.uuid);
  }
  changed_.notify_one();
}

std::vector<protocol::SelfTestResult> SelfTests::take_results() {
  const std::lock_guard lock(mutex_);
  return std::exchange(results_, {});
}

void SelfTests::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    const std::string uuid = waiting_.front();
    lock.unlock();
    auto result = run(uuid);
    lock.lock();
    waiting_.pop_front();
    results_.push_back(std::move(result));
  }
}

protocol::SelfTestResult SelfTests::run(const std::string& uuid) const {
  // A node's own test is that its driver answers, which looks have shown.
  if (options_.program.empty() || uuid.empty()) return {uuid, true, ""};
  constexpr std::int64_t kMostOutputBytes = 1024 * 1024;
  constexpr std::size_t kMostQuotedBytes = 300;
  std::vector<std::string> env;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    if (!std::string_view(*entry).starts_with("CUDA_VISIBLE_DEVICES=")) env.emplace_back(*entry);
  env.push_back("CUDA_VISIBLE_DEVICES=" + uuid);
  const auto end = process::run_child(options_.program, {.timeout = options_.limit,
                                                         .max_output_bytes = kMostOutputBytes,
                                                         .env = std::move(env),
                                                         .stdin_bytes = {},
                                                         .workdir = {},
                                                         .kill_patience = Millis{1'000},
                                                         .cancel_fd = cancel_.get()});
  if (!end) return {uuid, false, "the self-test: " + end.error().message};
  if (end->succeeded()) return {uuid, true, ""};
  const std::string& said = trim(end->stderr_bytes).empty() ? end->stdout_bytes : end->stderr_bytes;
  std::string_view last = trim(said);
  if (last.size() > kMostQuotedBytes) last.remove_prefix(last.size() - kMostQuotedBytes);
  return {uuid, false,
          "the self-test ended with code " + std::to_string(end->exit_code) + ": " +
              to_valid_utf8(last)};
}

}  // namespace galley::agent
