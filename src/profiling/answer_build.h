#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiling/answers.h"

/// How a question becomes an answer: the verdict comes from an interval and a rule alone, and the
/// sentence from the verdict, so that no text can claim what the figures do not say.
namespace galley::profiling {

/// How a figure is printed.
enum class Unit { plain, share, ratio, ms, bytes, more_share };

std::string in_unit(double value, Unit unit);
/// "3.1 ms (2.9 to 3.3 ms)".
std::string in_unit(const Interval& interval, Unit unit);

/// Which side of which bound means yes.
struct Rule {
  enum class Kind { from, below, within } kind = Kind::from;
  double bound = 0;
  double upper = 0;  // of `within`: both ends belong to yes
};

Verdict judge(const Interval& interval, const Rule& rule);
std::string rule_text(const Rule& rule, Unit unit);

/// All that is said about one question, whatever the verdict will be.
struct Question {
  std::string_view experiment;
  std::string id;  // within the experiment
  std::string question;
  std::string measure;
  Unit unit = Unit::plain;
  Rule rule;
  std::string if_yes, if_no;  // the claims, as whole sentences without the final stop
  std::string rule_words{};   // where the rule's own words would mislead
};

/// An answer that a wider interval can still be put to.
struct Drafted : Answer {
  Question asked;
  std::string facts;
};

/// `facts`: further sentences that hold whatever the verdict, made of figures only.
Drafted answered(const Question& question, const Interval& figure, std::string facts = {});
/// `reason`: why there is no interval, without the final stop.
Drafted unanswered(const Question& question, std::string_view reason, std::string facts = {});
/// answered() where there is an interval, unanswered() with the reason elsewhere.
Drafted answered_if(const Question& question, const std::optional<Interval>& figure,
                    std::string_view reason, std::string facts = {});

}  // namespace galley::profiling
