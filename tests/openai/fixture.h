#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/json.h"
#include "http/client.h"
#include "http/server.h"
#include "openai/service.h"
#include "serving/engine_fixture.h"
#include "support/temp_folder.h"

namespace galley::openai {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

/// Looks again and again until the condition holds; for counters that have no signal.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

/// Lets the model take a number of steps, then holds it.
class StepGate {
 public:
  void hold() {
    const std::lock_guard lock(mutex_);
    allowed_ = 0;
    holds_ = true;
  }
  /// So many steps from now on, whatever was allowed before.
  void allow(std::size_t steps) {
    const std::lock_guard lock(mutex_);
    allowed_ = steps;
    changed_.notify_all();
  }
  void release() {
    const std::lock_guard lock(mutex_);
    holds_ = false;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    is_waiting_ = true;
    changed_.wait(lock, [this] { return !holds_ || allowed_ > 0; });
    is_waiting_ = false;
    if (holds_) --allowed_;
  }
  /// A step has begun and is held.
  bool is_waiting() {
    const std::lock_guard lock(mutex_);
    return is_waiting_;
  }

 private:
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::size_t allowed_ = 0;
  bool is_waiting_ = false;
  bool holds_ = false;
};

/// The whole API over a twin of a model: a byte is a token, and logits are a hash of the text.
class ApiTest : public ::testing::Test {
 protected:
  static serving::TwinModel::Shape default_shape() {
    return {.vocabulary = 257, .context = 512, .pages = 512};
  }

  ~ApiTest() override {
    gate.release();
    server.reset();
    service.reset();
    models.reset();
  }

  TextModelParts parts(const std::string& name, const serving::TwinModel::Shape& shape) {
    auto model = std::make_unique<serving::TwinModel>(shape);
    model->before_step = [this] { gate.pass(); };
    twin = model.get();
    return {.name = name,
            .holds = nullptr,
            .draft = nullptr,
            .model = std::move(model),
            .tokenizer = serving::byte_tokenizer(),
            .chat_template = "",
            .adapters = {{"poems", 1}},
            .engine = engine_options};
  }

  void add_model(const std::string& name = "twin",
                 const serving::TwinModel::Shape& shape = default_shape()) {
    if (!models) models = std::make_unique<TextModels>(system_clock());
    const auto added = models->add(parts(name, shape));
    ASSERT_TRUE(added) << added.error().message;
  }

  void start() {
    if (!models) add_model();
    auto opened =
        Service::open(*models, system_clock(), {.data = folder / "data", .version = "test"});
    ASSERT_TRUE(opened) << opened.error().message;
    service = *std::move(opened);
    http::Router router;
    add_routes(router, service->routes());
    add_routes(router, service->server_routes());
    http::ServerOptions options{.listen = {"127.0.0.1:0"}};
    options.limits.stream_buffer_bytes = 16 << 10;
    options.body_bytes_of_route = Service::body_bytes_of_route();
    auto started = http::Server::start(std::move(options), std::move(router));
    ASSERT_TRUE(started) << started.error().message;
    server = *std::move(started);
  }
  void stop() {
    server.reset();
    service.reset();
  }

  std::string address() const { return server->addresses().front(); }
  std::unique_ptr<http::Client> client() const {
    return *http::Client::open(
        {.server = "http://" + address(), .timeout = std::chrono::seconds(20)});
  }
  http::Response send(http::Client::Call call) const {
    auto answer = client()->send(std::move(call));
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? *answer : http::Response{.status = 0, .headers = {}, .body = "{}"};
  }
  http::Response post_bytes(const std::string& path, std::string body,
                            const std::string& type = "application/json") const {
    http::Headers headers;
    headers.set("Content-Type", type);
    return send(
        {.method = "POST", .target = path, .headers = std::move(headers), .body = std::move(body)});
  }
  /// The document of an answer that must have this status.
  Json post(const std::string& path, const Json& body, int status = 200) const {
    const auto answer = post_bytes(path, dump_json(body));
    EXPECT_EQ(answer.status, status) << answer.body;
    auto json = parse_json(answer.body);
    EXPECT_TRUE(json) << answer.body;
    return json ? *json : Json::object();
  }
  Json get(const std::string& path, int status = 200) const {
    const auto answer = send({.target = path});
    EXPECT_EQ(answer.status, status) << answer.body;
    auto json = parse_json(answer.body);
    return json ? *json : Json::object();
  }
  /// All events of a stream, the last of which must be "[DONE]", which is left out.
  std::vector<Json> stream(const std::string& path, Json body) const {
    body["stream"] = true;
    std::vector<Json> events;
    http::EventParser parser;
    bool done = false;
    http::Client::Call call{
        .method = "POST", .target = path, .headers = {}, .body = dump_json(body)};
    const auto answer = client()->stream(std::move(call), [&](std::string_view bytes) {
      return parser
          .feed(bytes,
                [&](const auto& event) {
                  done = event.data == "[DONE]";
                  if (!done) events.push_back(*parse_json(event.data));
                })
          .has_value();
    });
    EXPECT_TRUE(answer && answer->status == 200)
        << (answer ? answer->body : answer.error().message);
    EXPECT_TRUE(done);
    return events;
  }
  serving::TextEngine::Metrics metrics() const { return models->all().front()->engine().metrics(); }
  std::uint64_t finished(const std::string& reason) const {
    for (const auto& [name, count] : metrics().finished)
      if (name == reason) return count;
    return 0;
  }

  testing::TempFolder folder;
  serving::EngineOptions engine_options{};
  StepGate gate;
  serving::TwinModel* twin = nullptr;
  std::unique_ptr<TextModels> models;
  std::unique_ptr<Service> service;
  std::unique_ptr<http::Server> server;
};

}  // namespace galley::openai
