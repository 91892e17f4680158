#include <fmt/format.h>

#include <cctype>
#include <limits>
#include <map>

#include "fixture.h"

namespace galley::api {
namespace {

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0)
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", byte);
  }
  return encoded;
}

/// Five runs: a to d with a loss of 0.1 to 0.4, a learning rate and an optimiser, and e with
/// nothing.
class RunSearches : public ApiFixture {
 protected:
  RunSearches() {
    const std::vector<std::string> rates{"0.001", "0.01", "1e-1", "fast"};
    for (std::size_t i = 0; i < rates.size(); ++i) {
      const std::string id = add(std::string(1, static_cast<char>('a' + i)));
      const auto path = "/api/v1/runs/" + id;
      post(path + "/metrics",
           {{"points",
             {{{"key", "loss"}, {"step", 1}, {"value", 9.0}},
              {{"key", "loss"}, {"step", 2}, {"value", 0.1 * static_cast<double>(i + 1)}},
              {{"key", "val/acc"}, {"value", 1.0 - 0.1 * static_cast<double>(i)}}}}},
           204);
      post(path + "/params",
           {{"params", {{"lr", rates[i]}, {"opt", i % 2 == 0 ? "sgd" : "adam"}, {"same", "1"}}}},
           204);
      post(path + "/tags", {{"tags", {{"who", i == 0 ? "me" : "you"}, {"round", "10"}}}}, 204);
    }
    add("e");
  }

  std::string add(const std::string& name) {
    const std::string id = post("/api/v1/runs", {{"name", name}, {"experiment", "x"}}, 201)["id"];
    ids_by_name_[name] = id;
    return id;
  }

  static std::string address(const std::string& filter, const std::string& order = {},
                             const std::string& more = {}) {
    return "/api/v1/runs?filter=" + percent_encoded(filter) + "&order=" + percent_encoded(order) +
           more;
  }
  static std::string names(const Json& list) {
    std::string joined;
    for (const auto& run : list["items"]) joined += run["name"].get<std::string>();
    return joined;
  }
  std::string find(const std::string& filter, const std::string& order = {},
                   const std::string& more = {}) {
    return names(get(address(filter, order, more)));
  }
  /// All pages of one, in order.
  std::string walk(const std::string& filter, const std::string& order) {
    std::string joined;
    std::string cursor;
    for (int pages = 0; pages < 10; ++pages) {
      const auto page = get(address(filter, order, "&limit=1" + cursor));
      joined += names(page);
      if (!page.contains("next_cursor")) return joined;
      cursor = "&cursor=" + percent_encoded(page["next_cursor"].get<std::string>());
    }
    return joined + " and no end";
  }
  std::string refusal(const std::string& filter, const std::string& order = {},
                      const std::string& more = {}) {
    const auto response = call("GET", address(filter, order, more));
    EXPECT_EQ(response.status, 400) << response.body;
    return response.body;
  }

  std::map<std::string, std::string> ids_by_name_;
};

TEST_F(RunSearches, FiltersReachMetricsParametersAndTags) {
  EXPECT_EQ(find("metrics.loss < 0.25"), "ba");
  EXPECT_EQ(find("metrics.loss < 0.35 and params.opt = \"sgd\""), "ca");
  EXPECT_EQ(find("tags.who = 'me' and experiment = 'x'"), "a");
  EXPECT_EQ(find(R"(metrics."val/acc" > 0.75)"), "cba");
  EXPECT_EQ(find("metrics.`val/acc` >= 0.9 and state = \"running\""), "ba");
  EXPECT_EQ(find("metrics.nothing > 0"), "");
}

TEST_F(RunSearches, ParametersThatAreNumbersAreComparedAsNumbers) {
  EXPECT_EQ(find("params.lr >= 0.01"), "cb");  // 1e-1 is a number, "fast" is none
  EXPECT_EQ(find("metrics.loss < 0.25 and params.lr > 0.001"), "b");
  EXPECT_EQ(find("params.lr < 0.05", "-metrics.loss"), "ba");
  EXPECT_EQ(find("tags.round > 9"), "dcba");
  EXPECT_EQ(find("params.lr = \"fast\""), "d");
}

TEST_F(RunSearches, AlternativesAndNegationsAreUnderstoodToo) {
  EXPECT_EQ(find("metrics.loss < 0.15 or params.lr = 'fast'"), "da");
  EXPECT_EQ(find("not (metrics.loss < 0.25)"), "dc");  // e has no loss, of which nothing is true
  EXPECT_EQ(find("params.opt in (\"adam\", \"lamb\")"), "db");
  EXPECT_EQ(find("params.lr in (0.1, 0.01)", "params.lr"), "bc");
  EXPECT_EQ(find("tags.who not in ('me')"), "dcb");
}

TEST_F(RunSearches, AnyColumnOrders) {
  EXPECT_EQ(find(""), "edcba");
  EXPECT_EQ(find("", "created_at"), "abcde");
  EXPECT_EQ(find("", "name"), "abcde");
  EXPECT_EQ(find("", "-name"), "edcba");
  EXPECT_EQ(find("", "metrics.loss"), "abcde");  // those without it come last
  EXPECT_EQ(find("", "-metrics.loss"), "dcbae");
  EXPECT_EQ(find("", "-params.lr"), "cbade");  // numbers before words
  EXPECT_EQ(find("", "params.lr"), "abcde");
  EXPECT_EQ(find("", "-tags.who", "&limit=4"), "dcba");
  post("/api/v1/runs/" + ids_by_name_["c"] + "/finish", {{"state", "finished"}}, 204);
  EXPECT_EQ(find("", "duration").front(), 'c');
  EXPECT_EQ(find("", "-ended_at").front(), 'c');
}

TEST_F(RunSearches, EveryOrderIsWalkedPageByPage) {
  for (const std::string order :
       {"", "created_at", "name", "-metrics.loss", "params.lr", "duration"})
    for (const std::string filter : {"", "metrics.loss < 0.35 or name = 'e'", "name != 'd'"}) {
      const auto whole = find(filter, order);
      EXPECT_EQ(walk(filter, order), whole) << filter << " by " << order;
      // A scroll bar jumps into the middle.
      for (std::size_t offset = 0; offset <= whole.size(); ++offset)
        EXPECT_EQ(find(filter, order, "&limit=2&offset=" + std::to_string(offset)),
                  whole.substr(offset, 2))
            << filter << " by " << order << " from " << offset;
    }
}

TEST_F(RunSearches, TheNumberOfAllIsToldWhenAskedFor) {
  EXPECT_FALSE(get(address("")).contains("total"));
  EXPECT_EQ(get(address("", "", "&limit=1&total=true"))["total"], 5);
  EXPECT_EQ(get(address("metrics.loss < 0.25", "", "&limit=1&total=true"))["total"], 2);
  EXPECT_EQ(get(address("not name = 'a'", "name", "&offset=3&total=true"))["total"], 4);
}

TEST_F(RunSearches, ListsHoldParametersAndWhatIsWanted) {
  const auto run = get(address("name = 'a'"))["items"][0];
  EXPECT_EQ(run["params"], (Json{{"lr", "0.001"}, {"opt", "sgd"}, {"same", "1"}}));
  EXPECT_EQ(run["metrics"]["loss"], 0.1);
  EXPECT_TRUE(run["tags"].empty());
  const auto id = RunId::trusted(ids_by_name_["e"]);
  std::vector<tracking::KeyValue> params;
  for (int i = 100; i < 200; ++i)
    params.emplace_back("p" + std::to_string(i), std::string(999, 'x'));
  ASSERT_TRUE(tracking_->log_params(id, params));
  const auto e = get(address("name = 'e'", "", "&column=params.p199&column=tags.none"))["items"][0];
  EXPECT_EQ(e["params"].size(), 50U);
  EXPECT_EQ(e["params"]["p199"], std::string(200, 'x'));
  EXPECT_FALSE(e["params"].contains("p149"));
  EXPECT_EQ(get(address("name = 'a'", "", "&column=tags.who"))["items"][0]["tags"]["who"], "me");
}

TEST_F(RunSearches, MistakesInQuestionsAreNamed) {
  EXPECT_THAT(refusal("metrics.loss < 'low'"), HasSubstr("a number"));
  EXPECT_THAT(refusal("metric.loss < 1"), HasSubstr("metrics.NAME"));
  EXPECT_THAT(refusal("metrics. < 1"), HasSubstr("there is no field"));
  EXPECT_THAT(refusal("params.lr in (1, 'a')"), HasSubstr("only texts or only numbers"));
  EXPECT_THAT(refusal("", "loss"), HasSubstr("metrics.NAME"));
  EXPECT_THAT(refusal("", "name", "&cursor=x"), HasSubstr("next_cursor"));
  EXPECT_THAT(refusal("", "", "&offset=-1"), HasSubstr("offset"));
  EXPECT_THAT(refusal("", "", "&offset=1&cursor=o1"), HasSubstr("one of the two"));
  EXPECT_THAT(refusal("", "", "&column=loss"), HasSubstr("params.NAME"));
}

TEST_F(RunSearches, RunsStandSideBySide) {
  const auto ask = [&](const std::vector<std::string>& which) {
    std::string path = "/api/v1/runs/compare?";
    for (const auto& name : which) path += "id=" + ids_by_name_.at(name) + "&";
    return path;
  };
  const auto compared = get(ask({"b", "a", "e"}));
  EXPECT_EQ(compared["runs"][1]["name"], "a");
  ASSERT_EQ(compared["params"].size(), 3U);
  EXPECT_EQ(compared["params"][0],
            (Json{{"key", "lr"}, {"values", {"0.01", "0.001", nullptr}}, {"differs", true}}));
  EXPECT_EQ(get(ask({"a", "b"}))["params"][2]["differs"], false);
  const auto& loss = compared["metrics"][0];
  EXPECT_EQ(loss["key"], "loss");
  EXPECT_EQ(loss["last"], (Json{0.2, 0.1, nullptr}));
  EXPECT_EQ(loss["max"], (Json{9.0, 9.0, nullptr}));
  EXPECT_EQ(loss["points"], (Json{2, 2, nullptr}));
  EXPECT_EQ(loss["goal"], "min");
  EXPECT_EQ(loss["best"], loss["min"]);
  EXPECT_EQ(compared["metrics"][1]["goal"], "max");
  EXPECT_EQ(compared["tags"][1]["values"], (Json{"you", "me", nullptr}));

  EXPECT_EQ(call("GET", "/api/v1/runs/compare").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/runs/compare?id=x").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/runs/compare?id=run_00000000000000000000000000").status, 404);
  EXPECT_EQ(call("GET", ask(std::vector<std::string>(21, "a"))).status, 400);
}

TEST_F(RunSearches, ValuesThatAreNoNumbersAreNullSideBySide) {
  const auto id = RunId::trusted(ids_by_name_["e"]);
  ASSERT_TRUE(
      tracking_->log_metrics(id, std::vector<tracking::MetricPoint>{
                                     {"loss", 1, std::numeric_limits<double>::quiet_NaN(), 5}}));
  const auto metric = get("/api/v1/runs/compare?id=" + id.str())["metrics"][0];
  EXPECT_EQ(metric["last"], (Json{nullptr}));
  EXPECT_EQ(metric["min"], (Json{nullptr}));
  EXPECT_EQ(metric["points"], (Json{1}));
  EXPECT_EQ(find("", "-metrics.loss").back(), 'e');
}

}  // namespace
}  // namespace galley::api
