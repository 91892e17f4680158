#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "profiling/answers.h"
#include "profiling/catalogue.h"
#include "profiling/profile.h"

/// Synthetic figures: tables with the catalogue's columns, filled by name.
namespace galley::profiling {

using Row = std::map<std::string, Cell>;

inline Experiment table_of(std::string_view id, const std::vector<Row>& rows) {
  Experiment experiment{.id = std::string(id), .columns = {}, .rows = {}, .notes = {}};
  const auto* kind = std::ranges::find(kExperiments, id, &ExperimentKind::id);
  for (const std::string_view column : kind->columns)
    experiment.columns.push_back({std::string(column), ""});
  for (const Row& row : rows) {
    std::vector<Cell> cells;
    for (const Column& column : experiment.columns) {
      const auto found = row.find(column.name);
      cells.push_back(found == row.end() ? Cell{} : found->second);
    }
    EXPECT_LE(row.size(), cells.size());
    experiment.rows.push_back(std::move(cells));
  }
  return experiment;
}

inline Profile profile_with(std::vector<Experiment> experiments) {
  Profile profile;
  profile.model.name = "synthetic";
  profile.model.weight_bytes = 100'000'000;
  profile.model.parameters = 100'000'000;
  profile.model.blocks = 12;
  profile.model.hidden = 768;
  profile.model.heads = 12;
  profile.model.kv_heads = 12;
  profile.model.vocabulary = 32'000;
  profile.model.kv_bytes_per_token = 36'864;
  profile.machine.name = "host";
  profile.experiments = std::move(experiments);
  return profile;
}

/// Factors around 1 that are the same in every run.
class Noise {
 public:
  explicit Noise(double deviation, unsigned seed = 7) : normal_(0, deviation), random_(seed) {}
  double operator()() { return std::exp(normal_(random_)); }

 private:
  std::normal_distribution<double> normal_;
  std::mt19937 random_;
};

inline Answer answer_of(const Profile& profile, std::string_view id) {
  for (const Answer& answer : answer_all(profile))
    if (answer.id == id) return answer;
  ADD_FAILURE() << "no answer " << id;
  return {};
}

/// The verdict, and that the sentence opens with it and the figure agrees with the interval.
inline void expect_verdict(const Profile& profile, std::string_view id, Verdict verdict) {
  const Answer answer = answer_of(profile, id);
  EXPECT_EQ(answer.verdict, verdict) << answer.sentence;
  const std::string opening = verdict == Verdict::yes  ? "Yes: "
                              : verdict == Verdict::no ? "No: "
                                                       : "Cannot tell: ";
  EXPECT_TRUE(answer.sentence.starts_with(opening)) << answer.sentence;
  EXPECT_TRUE(answer.sentence.ends_with('.')) << answer.sentence;
  EXPECT_EQ(answer.sentence.find("nan"), std::string::npos) << answer.sentence;
  EXPECT_TRUE(answer.has_figure || verdict == Verdict::cannot_tell);
  EXPECT_LE(answer.figure.low, answer.figure.value);
  EXPECT_LE(answer.figure.value, answer.figure.high);
}

inline void expect_verdict(Experiment experiment, std::string_view id, Verdict verdict) {
  SCOPED_TRACE(id);
  expect_verdict(profile_with({std::move(experiment)}), id, verdict);
}

}  // namespace galley::profiling
