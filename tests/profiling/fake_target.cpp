#include "fake_target.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace galley::profiling::testing {

void FakeAnswer::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void FakeAnswer::json(const Json& body, int status) {
  const std::string text = dump_json(body);
  send("HTTP/1.1 " + std::to_string(status) +
       " X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
       std::to_string(text.size()) + "\r\n\r\n" + text);
}

void FakeAnswer::begin_stream() {
  send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
}

void FakeAnswer::event(std::string_view data) { send("data: " + std::string(data) + "\n\n"); }

void FakeAnswer::piece(std::string_view text) {
  event(dump_json({{"choices", {{{"text", text}, {"finish_reason", nullptr}}}}}));
}

void FakeAnswer::finish(std::string_view reason, int prompt_tokens, int output_tokens) {
  event(dump_json({{"choices", {{{"text", ""}, {"finish_reason", reason}}}}}));
  event(dump_json(
      {{"choices", Json::array()},
       {"usage", {{"prompt_tokens", prompt_tokens}, {"completion_tokens", output_tokens}}}}));
  event("[DONE]");
}

void FakeAnswer::stall() const {
  char byte = 0;
  while (::recv(fd_, &byte, 1, 0) > 0) {
  }
}

FakeTarget::FakeTarget(Handler handler, Json models)
    : handler_(std::move(handler)), models_(std::move(models)) {
  if (models_.is_null())
    models_ = {{"data", {{{"id", "fake"}, {"owned_by", "test"}, {"max_model_len", 512}}}}};
  listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  GALLEY_CHECK(::bind(listener_.get(), generic, size) == 0 && ::listen(listener_.get(), 128) == 0 &&
                   ::getsockname(listener_.get(), generic, &size) == 0,
               "a port for a test's server");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

FakeTarget::~FakeTarget() {
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    threads.swap(threads_);
  }
  for (auto& thread : threads) thread.join();
}

int FakeTarget::count(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(path);
  return found == counts_.end() ? 0 : found->second;
}

void FakeTarget::accept_all() {
  while (true) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

void FakeTarget::serve(int fd) {
  std::string request;
  std::size_t head_end = std::string::npos;
  std::size_t length = 0;
  char buffer[4096];
  while (head_end == std::string::npos || request.size() < head_end + 4 + length) {
    const auto got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    request.append(buffer, static_cast<std::size_t>(got));
    head_end = request.find("\r\n\r\n");
    const auto at = request.find("Content-Length: ");
    if (head_end != std::string::npos && at < head_end)
      length = std::stoul(request.substr(at + 16));
  }
  if (head_end != std::string::npos) {
    const auto space = request.find(' ');
    const std::string path = request.substr(space + 1, request.find(' ', space + 1) - space - 1);
    {
      const std::lock_guard lock(mutex_);
      ++counts_[path];
    }
    FakeAnswer answer(fd);
    if (request.starts_with("GET")) {
      if (path == "/v1/models")
        answer.json(models_);
      else
        answer.json({{"error", {{"message", "no such path"}}}}, 404);
    } else {
      const auto body = parse_json(request.substr(head_end + 4));
      handler_(path, body ? *body : Json(nullptr), answer);
    }
  }
  const std::lock_guard lock(mutex_);
  std::erase(open_, fd);
  ::close(fd);
}

}  // namespace galley::profiling::testing
