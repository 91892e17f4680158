#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <future>

#include "../http/wire.h"
#include "api/api.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "blobs/freeze.h"
#include "controller/controller.h"
#include "controller/fixture.h"
#include "estimates/estimates.h"
#include "http/client.h"
#include "http/server.h"
#include "openai/service.h"
#include "registry/registry.h"
#include "serving/fixture.h"
#include "serving/model_host.h"
#include "store/events.h"
#include "studies/studies.h"
#include "support/temp_folder.h"
#include "tracking/tracking.h"

namespace galley::api {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

inline std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string in = text;
  std::string out(text.size() + 200, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

/// The whole server on a free port and a local socket, over real modules, with an agent that only
/// remembers. What a client sees is asserted, through HTTP.
class ApiFixture : public ::testing::Test {
 protected:
  friend class Listening;

  static constexpr const char* kToken = "the-owner-token-0123456789";

  ApiFixture() {
    database_ = taken(store::open_sqlite({.path = folder_ / "x.db", .durable = false}));
    blobs_ = taken(blobs::BlobStore::open(folder_ / "blobs"));
    models_ = taken(serving::ModelHost::open(folder_ / "serving", *blobs_, system_clock()));
    // A model that never comes, so that what is asked of it waits.
    language_models_.expect("soon");
    language_ = taken(openai::Service::open(language_models_, system_clock(),
                                            {.data = folder_ / "language", .version = "1.2.3"}));
    registry_.emplace(*database_, *blobs_, system_clock(), ids_);
    tracking_.emplace(*database_, system_clock(), ids_);
    controller_ = taken(controller::Controller::start(*database_, system_clock(), ids_, "test"));
    protocol::NodeRecord node;
    node.id = *controller_->node_id("n1");
    node.name = "n1";
    node.cpus = 4;
    node.memory_bytes = std::int64_t{8} << 30;
    node.devices.push_back({.id = "GPU-0", .index = 0, .model = "H100"});
    EXPECT_TRUE(controller_->attach(node, agent_));
    studies_ =
        taken(studies::Studies::open(*database_, *controller_, *tracking_, system_clock(), ids_));
    estimates_ = taken(estimates::Estimates::open({.database = *database_,
                                                   .controller = *controller_,
                                                   .tracking = *tracking_,
                                                   .registry = *registry_,
                                                   .blobs = *blobs_,
                                                   .clock = system_clock()},
                                                  {.learns = false}));
    start();
  }
  ~ApiFixture() override {
    stop();
    studies_->stop();
    estimates_->stop();
  }

  template <class T>
  static T taken(Result<T> result) {
    GALLEY_CHECK(result, result ? "" : result.error().message.c_str());
    return *std::move(result);
  }

  void start() {
    const std::vector<StaticFile> pages{
        {"/index.html", "text/html; charset=utf-8", index_, "\"i1\"", false},
        {"/assets/app.js", "text/javascript", script_, "\"a1\"", true}};
    api_ = taken(Api::create(Services{.controller = *controller_,
                                      .registry = *registry_,
                                      .tracking = *tracking_,
                                      .blobs = *blobs_,
                                      .models = *models_,
                                      .database = *database_,
                                      .clock = clock_,
                                      .ids = ids_,
                                      .attempts_folder = folder_ / "attempts",
                                      .data_folder = folder_.path(),
                                      .version = "1.2.3",
                                      .pages = pages,
                                      .language = language_.get(),
                                      .studies = studies_.get(),
                                      .estimates = estimates_.get()},
                             {.admin_token = kToken,
                              .secret = "a-secret-of-the-test-0",
                              .listen = {"127.0.0.1:0"},
                              .extra_hosts = {"galley.example"},
                              .requests_burst = requests_burst_,
                              .failures_burst = failures_burst_}));
    server_ = taken(http::Server::start({.listen = {"127.0.0.1:0"},
                                         .unix_socket = folder_ / "s.sock",
                                         .pool_threads = 4,
                                         .body_bytes_of_route = Api::body_bytes_of_route(),
                                         .spooled_routes = Api::spooled_routes(),
                                         .spool_folder = folder_ / "uploads"},
                                        api_->router()));
    address_ = server_->addresses().front();
    api_->set_url("http://" + address_);
  }
  void stop() {
    if (api_) api_->stop();
    server_.reset();
    api_.reset();
  }

  std::unique_ptr<http::Client> client(const std::string& token = kToken) const {
    return taken(http::Client::open({.server = "http://" + address_, .bearer_token = token}));
  }
  http::Response call(const std::string& method, const std::string& target,
                      const std::string& body = {}, http::Headers headers = {}) const {
    return taken(client()->send({method, target, std::move(headers), body}));
  }
  static Json json_of(const http::Response& response) {
    auto json = parse_json(response.body);
    EXPECT_TRUE(json) << response.body;
    return json ? *json : Json();
  }
  /// The JSON of a success; a failure of the test else.
  Json get(const std::string& target) const {
    const auto response = call("GET", target);
    EXPECT_EQ(response.status, 200) << target << ": " << response.body;
    return json_of(response);
  }
  Json post(const std::string& target, const Json& body, int status) const {
    const auto response = call("POST", target, dump_json(body));
    EXPECT_EQ(response.status, status) << target << ": " << response.body;
    return response.body.empty() ? Json() : json_of(response);
  }

  /// Exactly these headers over TCP; Host is given where the list has none.
  std::string raw(const std::string& method, const std::string& target,
                  const std::vector<std::string>& headers, const std::string& body = {}) const {
    std::string text = method + " " + target + " HTTP/1.1\r\n";
    bool host = false;
    for (const auto& header : headers) {
      text += header + "\r\n";
      host = host || header.starts_with("Host:");
    }
    if (!host) text += "Host: " + address_ + "\r\n";
    if (!body.empty() || method != "GET")
      text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    auto wire = http::testing::Wire::to(address_);
    wire.send(text + "\r\n" + body);
    return wire.read_answer();
  }

  std::string submit(const Json& more = Json::object()) const {
    Json body{{"command", {"true"}}, {"name", "one"}};
    body.update(more);
    return post("/api/v1/jobs", body, 201)["id"];
  }
  /// The n-th assignment, reported as running, with its log folder made.
  protocol::Assignment runs(std::size_t n) {
    auto assignment = agent_.assigned(n).assignment;
    EXPECT_TRUE(make_folders(attempt_folder(assignment)));
    EXPECT_TRUE(
        report({.attempt_id = assignment.attempt_id, .state = protocol::AttemptState::running}));
    return assignment;
  }
  Status report(protocol::AttemptReport attempt_report) {
    std::promise<Status> stored;
    controller_->report(std::move(attempt_report),
                        [&](Status status) { stored.set_value(std::move(status)); });
    return stored.get_future().get();
  }
  Status ends(const protocol::Assignment& assignment, protocol::AttemptState state,
              std::int64_t exit_code = 0) {
    return report({.attempt_id = assignment.attempt_id, .state = state, .exit_code = exit_code});
  }
  std::filesystem::path attempt_folder(const protocol::Assignment& assignment) const {
    return folder_ / "attempts" / assignment.attempt_id.str();
  }
  void print(const protocol::Assignment& assignment, const std::string& text) const {
    std::ofstream(attempt_folder(assignment) / "log.head", std::ios::app | std::ios::binary)
        << text;
  }

  /// Stores a folder of one file as a client would, and answers its manifest.
  Json manifest(const std::string& file, const std::string& text) const {
    const auto name = sha256_hex(text);
    EXPECT_EQ(call("PUT", "/api/v1/blobs/" + name, text).status, 204);
    return {{"format", "galley-manifest"},
            {"version", 1},
            {"files",
             {{{"path", file},
               {"size_bytes", text.size()},
               {"mode_executable", false},
               {"sha256", name},
               {"chunks", {name}}}}}};
  }
  /// Freezes a model that always answers `label`; answers its reference.
  std::string model(const std::string& name, const std::string& label) {
    const auto from = folder_ / ("made-" + name + "-" + label);
    serving::write_model(from, label);
    const auto frozen = taken(blobs::freeze(from, *blobs_));
    const auto bytes = taken(blobs_->get(frozen.name));
    return post("/api/v1/models/" + name + "/snapshots", {{"manifest", *parse_json(bytes)}},
                201)["ref"];
  }
  Json deploy(const std::string& model_name, const Json& snapshot) const {
    const auto response = call("PUT", "/api/v1/models/" + model_name + "/channels/prod",
                               dump_json({{"snapshot", snapshot}}));
    EXPECT_EQ(response.status, 200) << response.body;
    return json_of(response);
  }
  std::vector<std::string> audited() const {
    std::vector<std::string> found;
    EXPECT_TRUE(database_->read([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY(const auto rows,
                 transaction.query("select principal || ' ' || action from audit order by seq"));
      for (const auto& row : rows) found.push_back(row.text(0));
      return ok();
    }));
    return found;
  }

  testing::TempFolder folder_;
  const std::string index_ = gzip("<!doctype html><title>Galley</title>");
  const std::string script_ = gzip("console.log(1)");
  ManualClock clock_{system_clock().wall()};
  double requests_burst_ = 1e6;  // for tests of other things than limits
  double failures_burst_ = 1e6;
  IdSource ids_{system_clock()};
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<blobs::BlobStore> blobs_;
  std::unique_ptr<serving::ModelHost> models_;
  openai::TextModels language_models_{system_clock()};
  std::unique_ptr<openai::Service> language_;
  std::optional<registry::Registry> registry_;
  std::optional<tracking::Tracking> tracking_;
  controller::FakeAgent agent_;
  std::unique_ptr<controller::Controller> controller_;
  std::unique_ptr<studies::Studies> studies_;
  std::unique_ptr<estimates::Estimates> estimates_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<http::Server> server_;
  std::string address_;
};

/// A stream read on a thread of its own; the test waits for what it wants to see.
class Listening {
 public:
  Listening(const ApiFixture& server, std::string target, http::Headers headers = {})
      : api_(*server.api_),
        client_(server.client()),
        thread_([this, target, headers] { listen(target, headers); }) {}
  /// Ends all streams of the server, so that nobody waits for the next event of a quiet one.
  ~Listening() {
    api_.stop();
    thread_.join();
  }

  /// True once the bytes so far hold the text; false after twenty seconds.
  bool saw(const std::string& text) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return seen_.find(text) != std::string::npos; });
  }
  /// All that came, once the server has ended the stream.
  std::string whole() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20), [&] { return ended_; }));
    return seen_;
  }
  std::string so_far() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  http::Response head() {
    whole();
    return head_;
  }

 private:
  void listen(const std::string& target, const http::Headers& headers) {
    auto answer = client_->stream({"GET", target, headers, {}}, [this](std::string_view piece) {
      const std::lock_guard lock(mutex_);
      seen_ += piece;
      changed_.notify_all();
      return true;
    });
    const std::lock_guard lock(mutex_);
    if (answer) head_ = *std::move(answer);
    if (head_.status >= 400) seen_ = head_.body;
    ended_ = true;
    changed_.notify_all();
  }

  std::mutex mutex_;  // guards seen_, ended_ and head_
  std::condition_variable changed_;
  std::string seen_;
  bool ended_ = false;
  http::Response head_;
  Api& api_;
  std::unique_ptr<http::Client> client_;
  std::thread thread_;
};

}  // namespace galley::api
