#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "error_reply.h"
#include "filter.h"

namespace galley::mlflow {
namespace {

using tracking::RunCondition;
using tracking::RunField;
using tracking::RunOrder;

struct Attribute {
  std::string_view name;
  RunField field;
  bool numeric = false;
};

constexpr std::array kAttributes{
    Attribute{"run_id", RunField::id},
    Attribute{"run_name", RunField::name},
    Attribute{"run name", RunField::name},
    Attribute{"Run name", RunField::name},
    Attribute{"Run Name", RunField::name},
    Attribute{"status", RunField::state},
    Attribute{"user_id", RunField::user},
    Attribute{"user", RunField::user},
    Attribute{"start_time", RunField::created, true},
    Attribute{"created", RunField::created, true},
    Attribute{"Created", RunField::created, true},
    Attribute{"end_time", RunField::ended, true},
};

/// A run's name is also the tag by which older clients know it.
constexpr std::string_view kNameTag = "mlflow.runName";

std::string lower(std::string_view word) {
  std::string out(word);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

Result<const Attribute*> attribute_of(std::string_view key) {
  const auto* const found = std::ranges::find(kAttributes, key, &Attribute::name);
  if (found != kAttributes.end()) return found;
  return fault(
      fmt::format("Invalid attribute key '{}' specified. Valid keys are run_id, run_name,"
                  " status, user_id, start_time and end_time",
                  key.substr(0, 80)));
}

Error not_for(const Clause& clause, std::string_view expected) {
  return fault(fmt::format("Expected {} for '{}'", expected, clause.key.substr(0, 80)));
}

Status set_number(const Clause& clause, RunCondition& condition) {
  if (!clause.is_number) return not_for(clause, "a numeric value");
  condition.number = clause.number;
  return ok();
}

Status set_text(const Clause& clause, RunCondition& condition) {
  if (clause.is_number) return not_for(clause, "a quoted string value");
  condition.text = clause.text;
  condition.texts = clause.texts;
  return ok();
}

Result<RunCondition> condition_of(const Clause& clause) {
  RunCondition condition{.key = clause.key, .comparison = clause.comparison};
  switch (clause.entity) {
    case Entity::metric:
      condition.field = RunField::metric;
      GALLEY_TRY_STATUS(set_number(clause, condition));
      return condition;
    case Entity::param:
      condition.field = RunField::param;
      break;
    case Entity::tag:
      condition.field = clause.key == kNameTag ? RunField::name : RunField::tag;
      break;
    case Entity::dataset:
      if (clause.key != "name" && clause.key != "digest" && clause.key != "context")
        return fault(fmt::format("Invalid dataset key '{}'. Valid keys are name, digest, context",
                                 clause.key.substr(0, 80)));
      condition.field = clause.key == "name"     ? RunField::dataset
                        : clause.key == "digest" ? RunField::dataset_digest
                                                 : RunField::dataset_tag;
      break;
    case Entity::attribute: {
      GALLEY_TRY(const Attribute* attribute, attribute_of(clause.key));
      condition.field = attribute->field;
      if (attribute->numeric) {
        GALLEY_TRY_STATUS(set_number(clause, condition));
        return condition;
      }
      GALLEY_TRY_STATUS(set_text(clause, condition));
      if (attribute->field != RunField::state) return condition;
      condition.text = lower(condition.text);
      for (std::string& one : condition.texts) one = lower(one);
      return condition;
    }
  }
  GALLEY_TRY_STATUS(set_text(clause, condition));
  return condition;
}

Result<RunOrder> order_of(const Order& order) {
  RunOrder out{.key = order.key, .descending = order.descending};
  switch (order.entity) {
    case Entity::metric:
      out.field = RunField::metric;
      break;
    case Entity::param:
      out.field = RunField::param;
      break;
    case Entity::tag:
      out.field = order.key == kNameTag ? RunField::name : RunField::tag;
      break;
    case Entity::dataset:
      return fault("runs cannot be ordered by their data sets");
    case Entity::attribute: {
      GALLEY_TRY(const Attribute* attribute, attribute_of(order.key));
      out.field = attribute->field;
      break;
    }
  }
  return out;
}

}  // namespace

Status add_run_filter(std::string_view filter, tracking::RunSearch& search) {
  GALLEY_TRY(const auto clauses, parse_filter(filter));
  for (const Clause& clause : clauses) {
    GALLEY_TRY(auto condition, condition_of(clause));
    search.conditions.push_back(std::move(condition));
  }
  return ok();
}

Status add_run_orders(const std::vector<std::string>& orders, tracking::RunSearch& search) {
  bool first = true;
  for (const std::string& text : orders) {
    GALLEY_TRY(const Order parsed, parse_order(text));
    GALLEY_TRY(auto order, order_of(parsed));
    if (first)
      search.order = std::move(order);
    else
      search.then.push_back(std::move(order));
    first = false;
  }
  return ok();
}

}  // namespace galley::mlflow
