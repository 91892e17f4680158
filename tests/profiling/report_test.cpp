#include "profiling/report.h"

#include <nlohmann/json.hpp>

#include "figures.h"

namespace galley::profiling {
namespace {

std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

Profile small_study() {
  std::vector<Row> requests, cells, users;
  for (int i = 0; i < 40; ++i)
    requests.push_back({{"request", double(i)},
                        {"prompt_tokens", 400.0 + 7 * i},
                        {"output_tokens", 1.0 + i % 13},
                        {"first_token_ms", 10.0 + 0.1 * i},
                        {"latency_ms", 10.0 + 0.1 * i + 2.0 * (i % 13)},
                        {"finish", std::string("stop")},
                        {"kv_bytes", 36'864.0 * (401 + 7 * i + i % 13)}});
  for (const double batch : {1.0, 2.0})
    for (const double prompt : {128.0, 1024.0}) {
      Row cell{{"budget_bytes", 16e9},
               {"batch", batch},
               {"prompt_tokens", prompt},
               {"needed_bytes", batch * prompt * 1e7}};
      if (batch * prompt > 1600)
        cell["refused"] = std::string("<b>20.5 GB</b> are needed & 1 would fit");
      else
        cell["latency_ms"] = 10 * batch;
      cells.push_back(std::move(cell));
    }
  for (const double repetition : {0.0, 1.0})
    for (const double many : {1.0, 2.0})
      users.push_back({{"users", many},
                       {"repetition", repetition},
                       {"requests", 10.0},
                       {"tokens_per_s", 90 * many + repetition},
                       {"p50_latency_ms", 90.0 + repetition},
                       {"p99_latency_ms", 100.0 + repetition}});
  Profile profile = profile_with({table_of("wide-greedy", requests), table_of("budget", cells),
                                  table_of("capacity", users), table_of("threads", {})});
  profile.experiments.back().notes = {"left out <script>alert(1)</script>"};
  profile.model.name = "<img src=x onerror=alert(1)>";
  return profile;
}

TEST(Report, StandsAlone) {
  const std::string html = report_html(small_study());
  EXPECT_TRUE(html.starts_with("<!doctype html>"));
  for (const char* loaded :
       {"<script", "src=\"", "href=\"http", "<link", "@import", "url(", " style="})
    EXPECT_EQ(html.find(loaded), std::string::npos) << loaded;
  EXPECT_NE(html.find("default-src 'none'"), std::string::npos);
}

TEST(Report, EscapesWhatTheStudySays) {
  const std::string html = report_html(small_study());
  EXPECT_EQ(html.find("<img"), std::string::npos);
  EXPECT_NE(html.find("&lt;img src=x"), std::string::npos);
  EXPECT_EQ(html.find("<b>20.5"), std::string::npos);
  EXPECT_NE(html.find("&lt;script&gt;"), std::string::npos);
}

TEST(Report, EveryPlotHasItsAnswerAboveAndItsFiguresBelow) {
  const std::string html = report_html(small_study(), {.price_per_hour_usd = 2});
  for (const char* id : {"wide-greedy", "budget", "capacity"}) {
    const auto section = html.find(std::string("<h2 id=\"") + id + "\"");
    ASSERT_NE(section, std::string::npos) << id;
    const auto end = html.find("</section>", section);
    const auto answer = html.find("class=answer", section), plot = html.find("<svg", section);
    ASSERT_LT(answer, end) << id;
    ASSERT_LT(plot, end) << id;
    EXPECT_LT(answer, plot) << id;
    EXPECT_LT(html.find("<table>", plot), end) << id;
  }
  EXPECT_NE(html.find("a million tokens"), std::string::npos);
  EXPECT_NE(html.find("Nothing was measured here."), std::string::npos);
  EXPECT_EQ(count_of(html, "nan"), 0U);
}

TEST(Report, SurvivesEveryEmptyExperiment) {
  std::vector<Experiment> all;
  for (const ExperimentKind& kind : kExperiments) {
    all.push_back(table_of(kind.id, {}));
    all.back().rows.push_back(std::vector<Cell>(all.back().columns.size()));
    all.back().rows.push_back({});  // a row shorter than the columns
  }
  const std::string html = report_html(profile_with(std::move(all)));
  EXPECT_EQ(count_of(html, "<section>"), std::size(kExperiments));
}

TEST(Report, ComparesStudies) {
  Profile first = small_study(), second = small_study();
  second.machine.name = "other <host>";
  const std::vector<Profile> studies{first, second};
  const auto comparison = compare(studies);
  ASSERT_TRUE(comparison);
  const std::string html = comparison_html(*comparison, studies);
  EXPECT_NE(html.find("other &lt;host&gt;"), std::string::npos);
  EXPECT_NE(html.find("What each study answers"), std::string::npos);
  EXPECT_GT(count_of(html, "<svg"), 1U);
}

TEST(Report, PrintsAPrediction) {
  const auto shape = parse_model_shape("39b");
  ASSERT_TRUE(shape);
  const auto predicted =
      predict({}, {.model = *shape, .devices = *parse_devices("A100x4"), .load = {}});
  ASSERT_TRUE(predicted);
  const std::string html = prediction_html(*predicted);
  EXPECT_NE(html.find("4 × A100"), std::string::npos);
  EXPECT_NE(html.find("not measured"), std::string::npos);
  const auto json = prediction_json(*predicted);
  EXPECT_EQ(json["devices"]["count"], 4);
  EXPECT_LT(json["latency_ms"]["low"].get<double>(), json["latency_ms"]["value"].get<double>());
}

TEST(Answers, PrintJson) {
  const auto answers = answer_all(small_study());
  const auto json = answers_json(answers);
  ASSERT_EQ(json.size(), answers.size());
  for (const auto& one : json) EXPECT_TRUE(one.contains("verdict") && one.contains("low"));
  EXPECT_TRUE(json.back()["value"].is_null() || json.back()["value"].is_number());
}

}  // namespace
}  // namespace galley::profiling
