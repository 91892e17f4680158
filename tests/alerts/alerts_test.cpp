#include "alerts/alerts.h"

#include <gmock/gmock.h>

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <sstream>

#include "base/json.h"
#include "http/server.h"
#include "support/database.h"
#include "support/temp_folder.h"

namespace galley::alerts {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;
using namespace std::string_literals;

/// A server that keeps what is posted to it, and fails as often as it is told to.
class Hook {
 public:
  explicit Hook(int failures = 0) : failures_(failures) {
    http::Router router;
    router.add("POST", "/hook", http::Run::pool, [this](const http::Request& request) {
      const std::lock_guard lock(mutex_);
      if (failures_-- > 0) return http::Response::text("not now", 503);
      bodies_.push_back(*parse_json(request.body));
      changed_.notify_all();
      return http::Response::text("thanks");
    });
    auto server = http::Server::start({.listen = {"127.0.0.1:0"}}, std::move(router));
    GALLEY_CHECK(server, "a test's server starts");
    server_ = *std::move(server);
  }
  std::string url() const { return "http://" + server_->addresses().front() + "/hook"; }
  Json body(std::size_t index) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 20s, [&] { return bodies_.size() > index; }));
    return bodies_.size() > index ? bodies_[index] : Json();
  }

 private:
  std::mutex mutex_;  // guards failures_ and bodies_
  std::condition_variable changed_;
  int failures_;
  std::vector<Json> bodies_;
  std::unique_ptr<http::Server> server_;
};

class AlertsFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = *testing::open_database(folder_.path());
    telemetry_.emplace(*database_, clock_, telemetry::Telemetry::Options{.background = false});
    start();
  }
  void start() {
    alerts_.reset();
    alerts_ =
        *Alerts::open(*database_, clock_, *telemetry_, {.first_retry = 1ms, .command_timeout = 2s});
  }
  /// A look at the machine, and at the rules.
  void look(double cpu) {
    clock_.advance(5s);
    protocol::NodeSample sample;
    sample.host.cpu_busy_ratio = cpu;
    telemetry_->add(node_, "gpu01", sample);
    const auto status = alerts_->step(clock_.wall());
    ASSERT_TRUE(status) << describe(status.error());
  }
  static StoredRule busy(const std::string& webhook, std::vector<std::string> command = {}) {
    return {.name = "busy",
            .expression = "node_cpu_ratio > 0.8",
            .webhook = webhook,
            .command = std::move(command),
            .principal = "ada"};
  }

  testing::TempFolder folder_;
  ManualClock clock_;
  IdSource ids_{clock_, 1};
  const NodeId node_ = ids_.next<NodeTag>();
  std::unique_ptr<store::Database> database_;
  std::optional<telemetry::Telemetry> telemetry_;
  std::unique_ptr<Alerts> alerts_;
};

TEST_F(AlertsFixture, AWebhookHearsOfTheBeginAndTheEnd) {
  Hook hook;
  ASSERT_TRUE(alerts_->add(busy(hook.url())));
  look(0.95);
  look(0.95);
  const Json fired = hook.body(0);
  EXPECT_EQ(fired["state"], "firing");
  EXPECT_EQ(fired["rule"], "busy");
  EXPECT_EQ(fired["subject"], "gpu01");
  EXPECT_EQ(fired["labels"]["node"], "gpu01");
  EXPECT_NEAR(fired["value"].get<double>(), 0.95, 1e-4);
  look(0.1);
  EXPECT_EQ(hook.body(1)["state"], "resolved");
  const auto firings = *alerts_->firings(false, 10);
  ASSERT_EQ(firings.size(), 1U);
  EXPECT_TRUE(firings[0].resolved_at);
}

TEST_F(AlertsFixture, AWebhookThatFailsIsTriedAgain) {
  Hook hook(3);
  ASSERT_TRUE(alerts_->add(busy(hook.url())));
  look(0.95);
  EXPECT_EQ(hook.body(0)["state"], "firing");
}

TEST_F(AlertsFixture, ACommandGetsTheSameOnItsStdinAndAHangingOneIsEnded) {
  const auto out = (folder_ / "out").string();
  Hook hook;
  ASSERT_TRUE(alerts_->add(busy("", {"sleep", "600"})));
  StoredRule second =
      busy(hook.url(), {"sh", "-c", "cat >> \"$0\"; echo \"$TOKEN\" >> \"$0\"", out});
  second.name = "second";
  ASSERT_TRUE(alerts_->add(second));
  ::setenv("TOKEN", "secret-of-the-server", 1);
  look(0.95);
  hook.body(0);
  alerts_->remove("busy").has_value();
  look(0.1);
  hook.body(1);  // deliveries go one by one: both commands of before are over
  std::ifstream file(out);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_THAT(text.str(), HasSubstr("\"state\":\"firing\""));
  EXPECT_THAT(text.str(), ::testing::Not(HasSubstr("secret-of-the-server")));
}

TEST_F(AlertsFixture, RulesAndWhatFiresOutliveARestart) {
  Hook hook;
  ASSERT_TRUE(alerts_->add(busy(hook.url())));
  look(0.95);
  hook.body(0);
  start();
  ASSERT_EQ(alerts_->rules().size(), 1U);
  EXPECT_EQ(alerts_->rules()[0].firing, 1);
  EXPECT_EQ(alerts_->rules()[0].principal, "ada");
  look(0.95);
  EXPECT_EQ(alerts_->firings(false, 10)->size(), 1U) << "not fired again";
  look(0.1);
  EXPECT_EQ(hook.body(1)["state"], "resolved");
  EXPECT_TRUE(alerts_->firings(true, 10)->empty());
}

TEST_F(AlertsFixture, ARemovedRuleFiresAboutNothing) {
  ASSERT_TRUE(alerts_->add(busy("http://127.0.0.1:9/")));
  look(0.95);
  EXPECT_EQ(alerts_->firings(true, 10)->size(), 1U);
  ASSERT_TRUE(alerts_->remove("busy"));
  EXPECT_TRUE(alerts_->firings(true, 10)->empty());
  EXPECT_EQ(alerts_->remove("busy").error().code, Errc::not_found);
  look(0.95);
  EXPECT_TRUE(alerts_->firings(true, 10)->empty());
}

TEST_F(AlertsFixture, AChangeThatCannotBeStoredComesAgain) {
  Hook hook;
  ASSERT_TRUE(alerts_->add(busy(hook.url())));
  const auto rename = [&](const char* from, const char* to) {
    ASSERT_TRUE(database_->write([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY_STATUS(
          transaction.execute(std::string("alter table ") + from + " rename to " + to));
      return ok();
    }));
  };
  rename("alert_firings", "hidden");
  clock_.advance(5s);
  protocol::NodeSample sample;
  sample.host.cpu_busy_ratio = 0.9;
  telemetry_->add(node_, "gpu01", sample);
  EXPECT_FALSE(alerts_->step(clock_.wall()));
  rename("hidden", "alert_firings");
  look(0.9);
  EXPECT_EQ(hook.body(0)["state"], "firing");
  EXPECT_EQ(alerts_->firings(false, 10)->size(), 1U);
}

TEST_F(AlertsFixture, WhatCannotWorkIsRefusedByField) {
  const auto field = [&](StoredRule rule) {
    const auto added = alerts_->add(std::move(rule));
    return added ? std::string("added") : added.error().field;
  };
  EXPECT_EQ(field(busy("")), "webhook");
  EXPECT_EQ(field(busy("ftp://host/")), "webhook");
  EXPECT_EQ(field(busy("http://")), "webhook");
  EXPECT_EQ(field(busy("http://user:pw@host/")), "webhook");
  EXPECT_EQ(field(busy("http://host/a b")), "webhook");
  EXPECT_EQ(field(busy("http://host/\r\nX: y")), "webhook");
  EXPECT_EQ(field(busy("", {""})), "command");
  EXPECT_EQ(field(busy("", std::vector<std::string>(65, "x"))), "command");
  EXPECT_EQ(field(busy("", {"a\0b"s})), "command");
  StoredRule named = busy("http://127.0.0.1:9/");
  named.name = "two words";
  EXPECT_EQ(field(named), "name");
  named.name = "x";
  named.expression = "cpu > 1";
  EXPECT_EQ(field(named), "expression");
  EXPECT_EQ(field(busy("http://127.0.0.1:9")), "added");
  EXPECT_EQ(alerts_->add(busy("http://127.0.0.1:9/")).error().code, Errc::conflict);
}

/// A database that can be taken away.
class Removable final : public store::Database {
 public:
  explicit Removable(store::Database& real) : real_(real) {}
  std::atomic<bool> away{false};
  void write_async(Command command, Done done) override {
    if (away) return done(gone());
    real_.write_async(std::move(command), std::move(done));
  }
  Status read(const Command& reads) override { return away ? gone() : real_.read(reads); }
  void on_commit(std::function<void()> listener) override { real_.on_commit(std::move(listener)); }
  std::string description() const override { return real_.description(); }
  Kind kind() const override { return real_.kind(); }
  Stats stats() const override { return real_.stats(); }

 private:
  static Status gone() { return Error{Errc::unavailable, "the database is away"}; }
  store::Database& real_;
};

class PlatformAlarms : public AlertsFixture {
 protected:
  void SetUp() override {
    AlertsFixture::SetUp();
    removable_.emplace(*database_);
    open();
    telemetry_->alarms_from([this] { return now_; });
  }
  void open() {
    alerts_.reset();
    alerts_ = *Alerts::open(*removable_, clock_, *telemetry_,
                            {.first_retry = 1ms, .watch_platform = true});
  }
  Status pass() {
    clock_.advance(5s);
    (void)telemetry_->work();
    return alerts_->step(clock_.wall());
  }
  std::optional<Removable> removable_;
  std::vector<telemetry::Alarm> now_;
};

TEST_F(PlatformAlarms, AreListedToldOnceAndOverWhenTheirCauseIs) {
  ASSERT_EQ(alerts_->rules().size(), 1U);
  EXPECT_EQ(alerts_->rules().front().name, "platform");
  now_ = {{"node_excluded", "gpu05", "hardware_xid: Xid 79"}, {"spool_full", "gpu06", "3 MiB"}};
  ASSERT_TRUE(pass());
  EXPECT_EQ(alerts_->rules().front().firing, 2);

  Hook hook;
  ASSERT_TRUE(alerts_->add({.name = "platform",
                            .expression = "platform_alarm{alarm=\"node_excluded\"} >= 1",
                            .webhook = hook.url(),
                            .principal = "ada"}));
  ASSERT_TRUE(pass());
  now_.front().evidence = "hardware_xid: Xid 79, twice";
  ASSERT_TRUE(pass());
  const Json fired = hook.body(0);
  EXPECT_EQ(fired["subject"], "node_excluded gpu05");
  EXPECT_EQ(fired["labels"]["evidence"], "hardware_xid: Xid 79");
  now_.clear();
  ASSERT_TRUE(pass());
  EXPECT_EQ(hook.body(1)["state"], "resolved") << "and nothing in between";
  ASSERT_TRUE(alerts_->remove("platform"));
  EXPECT_EQ(alerts_->rules().front().expression, kPlatformExpression) << "it is watched again";
  EXPECT_FALSE(alerts_->remove("platform"));
}

TEST_F(PlatformAlarms, ThatTheDatabaseIsAwayIsToldBeforeItIsBack) {
  Hook hook;
  ASSERT_TRUE(alerts_->add({.name = "platform",
                            .expression = kPlatformExpression,
                            .webhook = hook.url(),
                            .principal = "ada"}));
  removable_->away = true;
  now_ = {{"database_lost", "database", "connection refused"}};
  EXPECT_FALSE(pass());
  EXPECT_FALSE(pass());
  EXPECT_EQ(hook.body(0)["subject"], "database_lost database");
  removable_->away = false;
  ASSERT_TRUE(pass());
  EXPECT_EQ(alerts_->rules().front().firing, 1) << "now it is stored";
  now_.clear();
  ASSERT_TRUE(pass());
  EXPECT_EQ(hook.body(1)["state"], "resolved")
      << "told once, although it failed to be stored twice";
}

}  // namespace
}  // namespace galley::alerts
