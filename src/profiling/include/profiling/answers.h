#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "profiling/profile.h"

/// Plain answers to what a study was made for, computed from its figures and from nothing else.
namespace galley::profiling {

enum class Verdict { yes, no, cannot_tell };

/// "yes", "no", "cannot tell": as it is printed and as it stands in JSON.
std::string_view to_string(Verdict verdict);

/// A figure and where it lies with 95 % confidence, all three in the same unit.
struct Interval {
  double value = 0, low = 0, high = 0;
};

/// One question, its verdict, and the figure that decided it.
struct Answer {
  std::string id;          // "length.time-follows-tokens": unique within a study
  std::string experiment;  // whose figures decided, as in catalogue.h
  std::string question;    // "Does time follow the generated tokens?"
  Verdict verdict = Verdict::cannot_tell;
  std::string sentence;  // the whole answer: begins with the verdict, names figures and intervals
  std::string measure;   // what `figure` is, with its unit: "share of time explained"
  Interval figure;       // all 0 where nothing could be computed; `has_figure` is false then
  bool has_figure = false;
  std::string rule;  // what decides: "yes from 0.90 on"
};

/// Every answer that the study's experiments allow, in the order of the catalogue.
///
/// An experiment that the profile lacks gives no answer; one whose rows are too few, refused or
/// too scattered gives `cannot tell` with the reason. A verdict is yes or no only where the whole
/// interval lies on that side of the rule's threshold. Equal profiles give equal answers: what is
/// drawn at random (the bootstrap) comes from a fixed seed.
/// Pure; a few milliseconds for each thousand rows.
std::vector<Answer> answer_all(const Profile& profile);

/// [{id, experiment, question, verdict, sentence, measure, value, low, high, rule}]; the three
/// numbers are null where nothing could be computed.
nlohmann::json answers_json(std::span<const Answer> answers);

}  // namespace galley::profiling
