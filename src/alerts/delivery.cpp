#include "delivery.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/log.h"
#include "http/client.h"
#include "process/child.h"

namespace galley::alerts {
namespace {

constexpr std::size_t kMostAnswerBytes = 64 * 1024;  // nobody reads what a webhook answers

}  // namespace

Result<WebhookAddress> parse_webhook(const std::string& address) {
  const auto wrong = [&](std::string found) {
    return Error{Errc::invalid_argument, std::move(found), "webhook",
                 "an address such as https://chat.example/hooks/galley"};
  };
  if (address.size() > 2'048)
    return wrong("the address has " + std::to_string(address.size()) + " characters");
  const std::size_t scheme = address.starts_with("http://")    ? 7
                             : address.starts_with("https://") ? 8
                                                               : 0;
  if (scheme == 0) return wrong("found '" + address.substr(0, 40) + "'");
  const std::size_t end = std::min(address.find_first_of("/?#", scheme), address.size());
  if (end == scheme) return wrong("'" + address.substr(0, 40) + "' names no host");
  WebhookAddress parsed{address.substr(0, end), address.substr(end)};
  parsed.target = parsed.target.substr(0, parsed.target.find('#'));
  if (parsed.target.empty() || parsed.target.front() != '/') parsed.target.insert(0, "/");
  const bool plain = std::ranges::all_of(address, [](char c) { return c > ' ' && c < '\x7f'; });
  if (!plain) return wrong("the address has characters that no address has");
  if (parsed.server.find('@') != std::string::npos)
    return wrong("the address names a user; a secret belongs into its path");
  GALLEY_TRY(const auto client, http::Client::open({.server = parsed.server}));
  return parsed;
}

Result<std::unique_ptr<Delivery>> Delivery::start(Alerts::Options options) {
  std::unique_ptr<Delivery> delivery(new Delivery(options));
  delivery->stop_fd_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  if (!delivery->stop_fd_) return system_error("eventfd", errno);
  delivery->thread_ = std::thread([self = delivery.get()] { self->serve(); });
  return delivery;
}

void Delivery::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  if (stop_fd_) (void)::eventfd_write(stop_fd_.get(), 1);
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Delivery::enqueue_locked(Waiting waiting) {
  if (waiting_.size() >= Alerts::kMostWaiting) {
    log::warn("alerts", "too many alerts wait; the oldest is not delivered",
              {{"rule", waiting_.front().message.rule}});
    waiting_.pop_front();
  }
  waiting_.push_back(std::move(waiting));
}

void Delivery::send(Message message) {
  // Two ways, two deliveries: a webhook that fails must not run the command again.
  Message by_command = message;
  by_command.webhook.clear();
  message.command.clear();
  const std::lock_guard lock(mutex_);
  if (!by_command.command.empty()) enqueue_locked({std::move(by_command)});
  if (!message.webhook.empty()) enqueue_locked({std::move(message)});
  changed_.notify_all();
}

void Delivery::serve() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto next = std::ranges::min_element(waiting_, {}, &Waiting::due);
    if (next == waiting_.end()) {
      changed_.wait(lock);
      continue;
    }
    if (next->due > std::chrono::steady_clock::now()) {
      changed_.wait_until(lock, next->due);
      continue;
    }
    Waiting current = std::move(*next);
    waiting_.erase(next);
    lock.unlock();
    const bool done = deliver(current);
    lock.lock();
    if (done) continue;
    current.due =
        std::chrono::steady_clock::now() + options_.first_retry * (1 << (2 * current.tries));
    ++current.tries;
    enqueue_locked(std::move(current));
  }
}

bool Delivery::deliver(const Waiting& waiting) {
  const Message& message = waiting.message;
  const bool by_webhook = !message.webhook.empty();
  const Status status = by_webhook ? post(message) : run(message);
  if (status) return true;
  const bool last = !by_webhook || waiting.tries + 1 >= Alerts::kTries;
  if (last)
    log::warn("alerts", "an alert could not be delivered",
              {{"rule", message.rule},
               {"by", by_webhook ? "webhook" : "command"},
               {"reason", describe(status.error())}});
  return last;
}

Status Delivery::post(const Message& message) {
  GALLEY_TRY(const auto address, parse_webhook(message.webhook));
  GALLEY_TRY(const auto client, http::Client::open({.server = address.server,
                                                    .connect_timeout = options_.webhook_timeout,
                                                    .timeout = options_.webhook_timeout,
                                                    .max_body_bytes = kMostAnswerBytes,
                                                    .interrupt_fd = stop_fd_.get()}));
  http::Headers headers;
  headers.set("Content-Type", "application/json");
  GALLEY_TRY(const auto answer,
             client->send({"POST", address.target, std::move(headers), message.body}));
  if (answer.status >= 200 && answer.status < 300) return ok();
  return Error{Errc::unavailable, "the webhook answered " + std::to_string(answer.status)};
}

Status Delivery::run(const Message& message) {
  // Our own environment may hold what a stranger's program need not know.
  const char* const path = std::getenv("PATH");
  process::ChildOptions child;
  child.timeout = options_.command_timeout;
  child.kill_patience = Millis{2'000};
  child.max_output_bytes = 64 * 1024;
  child.env = {std::string("PATH=") + (path != nullptr ? path : "/usr/bin:/bin")};
  child.stdin_bytes = message.body + "\n";
  child.workdir = "/";
  child.cancel_fd = stop_fd_.get();
  GALLEY_TRY(const auto output, process::run_child(message.command, child));
  if (output.succeeded()) return ok();
  return Error{Errc::unavailable, "the command ended with " + std::to_string(output.exit_code) +
                                      ": " + output.stderr_bytes.substr(0, 200)};
}

}  // namespace galley::alerts
