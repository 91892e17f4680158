// A real Prometheus reads a real server, and asks it everything that the dashboard asks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "base/file.h"
#include "base/json.h"
#include "installation.h"
#include "pretended_gpus.h"
#include "support/gate.h"

namespace galley::testing {
namespace {

/// Prometheus on a free port of this machine, with a folder of its own. Ends with its owner.
class Prometheus {
 public:
  Prometheus(const std::filesystem::path& folder, const std::string& target,
             const std::string& token)
      : log_(folder / "prometheus.log") {
    const auto config = folder / "prometheus.yml";
    const std::string text =
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        "scrape_configs:\n- job_name: galley\n"
        "  authorization: {credentials: \"" +
        token +
        "\"}\n"
        "  static_configs: [{targets: [\"" +
        target + "\"]}]\n";
    EXPECT_TRUE(write_file_atomic(config, text, Durability::memory));
    const std::vector<std::string> words{"prometheus", "--config.file=" + config.string(),
                                         "--storage.tsdb.path=" + (folder / "tsdb").string(),
                                         "--web.listen-address=127.0.0.1:0"};
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (std::freopen(log_.c_str(), "w", stderr) == nullptr) ::_exit(127);
      ::execvp(argv[0], argv.data());
      ::_exit(127);
    }
  }
  ~Prometheus() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  /// "http://127.0.0.1:40123", once it listens.
  std::string url() const {
    static const std::regex listening(R"re(msg="Listening on" address=([0-9.:]+))re");
    std::string found;
    EXPECT_TRUE(eventually([&] {
      std::smatch match;
      const std::string text = said();
      if (std::regex_search(text, match, listening)) found = "http://" + match[1].str();
      return !found.empty();
    })) << said();
    return found;
  }
  std::string said() const {
    std::stringstream text;
    text << std::ifstream(log_).rdbuf();
    return text.str();
  }

 private:
  std::filesystem::path log_;
  pid_t pid_ = -1;
};

std::string dashboard_text(const std::string& name) {
  std::stringstream text;
  text << std::ifstream(GALLEY_SOURCE_DIR "/deploy/grafana/" + name).rdbuf();
  return text.str();
}

/// All expressions of the dashboard, and the queries of its variables.
void collect(const Json& json, std::set<std::string>& expressions) {
  if (json.is_object()) {
    if (json.contains("expr")) expressions.insert(json["expr"].get<std::string>());
    if (json.contains("definition")) expressions.insert(json["definition"].get<std::string>());
  }
  if (json.is_structured())
    for (const Json& child : json) collect(child, expressions);
}

/// Names of metrics in an expression: what is left without labels, texts, ranges and functions.
std::set<std::string> metrics_of(std::string expression) {
  for (const char* noise : {R"(\{[^}]*\})", R"(\[[^\]]*\])", R"("[^"]*")", R"(\bby \([^)]*\))",
                            R"(,\s*(Hostname|gpu|job)\))"})
    expression = std::regex_replace(expression, std::regex(noise), " ");
  std::set<std::string> names;
  static const std::regex word(R"([A-Za-z_:][A-Za-z0-9_:]*(?!\w)(?!\s*\())");
  for (auto match = std::sregex_iterator(expression.begin(), expression.end(), word);
       match != std::sregex_iterator(); ++match)
    names.insert(match->str());
  for (const char* function : {"sum", "avg", "by", "label_values"}) names.erase(function);
  return names;
}

std::set<std::string> families_of(const std::string& text) {
  std::set<std::string> families;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("# TYPE ")) families.insert(line.substr(7, line.find(' ', 7) - 7));
  return families;
}

bool is_exported(std::string metric, const std::set<std::string>& families) {
  for (const char* part : {"_bucket", "_sum", "_count"})
    if (metric.ends_with(part) && families.contains(metric.substr(0, metric.rfind('_'))))
      return true;
  return families.contains(metric);
}

/// A job that draws a bar and comes to its end; what it says of itself lets it be estimated before.
void run_a_training(Installation& installation, support::ApiClient& client) {
  Gate gate(installation.folder() / "gate");
  const auto job = client.post(
      "/api/v1/jobs",
      {{"command",
        {"/bin/sh", "-c",
         "for i in 1 2 3 4 5 6 7 8 9 10; do read x < \"$0\"; "
         "echo galley:: step=$i total_steps=10 loss=1; done",
         gate.str(), "--arch", "resnet50", "--batch-size", "64", "--amp", "--max-steps", "10"}},
       {"resources", {{"gpus", 1}}}});
  ASSERT_TRUE(job) << describe(job.error());
  const std::string id = job->at("id");
  double done = 0;
  const auto eta = [&] {
    const auto record = client.get("/api/v1/jobs/" + id);
    return record ? record->value("eta", Json::object()) : Json::object();
  };
  ASSERT_TRUE(eventually([&] { return eta().value("from", "") == "before"; }));
  for (int i = 1; i <= 10; ++i) {
    gate.open();
    ASSERT_TRUE(eventually([&] { return (done = eta().value("step", 0.0)) >= i || i == 10; }))
        << done;
  }
  const auto end = client.wait_for_job(id, Millis{20'000});
  ASSERT_TRUE(end) << describe(end.error());
  ASSERT_TRUE(eventually([&] {
    const auto metrics = client.send({"GET", "/metrics", {}, {}});
    return metrics &&
           metrics->body.find("galley_estimate_error_ratio_count 1") != std::string::npos &&
           metrics->body.find("galley_eta_error_ratio_count{gpus=\"one\"} 1") != std::string::npos;
  }));
}

TEST(PrometheusTest, ScrapesUsAndTheDashboardAsksOnlyForWhatThereIs) {
  Installation installation;
  ASSERT_TRUE(support::install({}, installation.folder() / "programs"));
  ASSERT_TRUE(make_folders(installation.work()));
  installation.start({}, installation.folder() / "programs");
  auto client = installation.client();
  ASSERT_NO_FATAL_FAILURE(run_a_training(installation, client));
  const std::string address = installation.server().url().substr(std::string("http://").size());
  const Prometheus prometheus(installation.folder(), address, installation.server().token());

  // What we export, once the first sample is there.
  std::string exported;
  ASSERT_TRUE(eventually([&] {
    const auto answer = client.send({"GET", "/metrics", {}, {}});
    if (answer) exported = answer->body;
    return exported.find("DCGM_FI_DEV_GPU_UTIL{gpu=\"1\"") != std::string::npos;
  })) << exported.substr(0, 2'000);
  const auto families = families_of(exported);

  auto asks = support::ApiClient::open(prometheus.url(), "");
  ASSERT_TRUE(asks);
  const auto ask = [&](const std::string& expression) {
    const auto answer = asks->get("/api/v1/query?query=" + http::percent_encode(expression));
    EXPECT_TRUE(answer) << expression << ": " << describe(answer.error());
    return answer ? (*answer)["data"]["result"] : Json::array();
  };
  ASSERT_TRUE(eventually([&] {
    const Json up = ask("count_over_time(up{job=\"galley\"}[1m]) >= 3 and up == 1");
    return !up.empty();
  })) << prometheus.said();
  EXPECT_EQ(ask("DCGM_FI_DEV_GPU_TEMP{gpu=\"1\"}")[0]["value"][1], "55");
  EXPECT_EQ(ask("sum(DCGM_FI_DEV_FB_USED)")[0]["value"][1], "2048");

  std::set<std::string> expressions;
  for (const char* name : {"galley.json", "jobs.json"}) {
    const auto dashboard = parse_json(dashboard_text(name));
    ASSERT_TRUE(dashboard) << name;
    collect(*dashboard, expressions);
  }
  ASSERT_GT(expressions.size(), 30U);
  std::size_t with_data = 0;
  for (const std::string& expression : expressions) {
    const auto names = metrics_of(expression);
    EXPECT_FALSE(names.empty()) << expression;
    for (const std::string& name : names)
      EXPECT_TRUE(is_exported(name, families)) << name << " in " << expression;
    if (expression.starts_with("label_values")) continue;
    std::string plain = std::regex_replace(expression, std::regex(R"(\$(host|gpu|job))"), ".*");
    const Json answer = ask(plain);
    if (!answer.empty()) ++with_data;
    // One job has ended: how right estimates were is known, each of these a number.
    if (expression.find("_error_ratio") != expression.npos ||
        expression.find("galley_estimate") != expression.npos) {
      EXPECT_FALSE(answer.empty()) << expression;
      for (const Json& series : answer)
        EXPECT_NE(series["value"][1], "NaN") << expression << answer.dump();
    }
  }
  // The others ask for faults, teams and users, of which this machine has none.
  EXPECT_GE(with_data, 20U);
}

}  // namespace
}  // namespace galley::testing
