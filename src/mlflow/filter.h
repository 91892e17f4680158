#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tracking/search.h"

namespace galley::mlflow {

/// What a condition or an order is about. A name without one of MLflow's prefixes is an attribute.
enum class Entity : std::uint8_t { attribute, metric, param, tag, dataset };

using Comparison = tracking::RunComparison;

/// `metrics.loss < 0.5`, `tags."my tag" LIKE '%x%'`, `attributes.run_id IN ('a', 'b')`.
struct Clause {
  Entity entity = Entity::attribute;
  std::string key;
  Comparison comparison = Comparison::equal;
  bool is_number = false;
  double number = 0;
  std::string text{};
  std::vector<std::string> texts{};
};

struct Order {
  Entity entity = Entity::attribute;
  std::string key;
  bool descending = false;
};

/// Conditions joined by AND; none for an empty text. Keys may stand in backticks or double quotes.
/// Errors: invalid_argument, with the place.
Result<std::vector<Clause>> parse_filter(std::string_view text);
/// `metrics.loss DESC`, `attributes.start_time`, `params.lr ASC`. Errors: invalid_argument.
Result<Order> parse_order(std::string_view text);

/// The search for runs that these mean. Errors: invalid_argument (an attribute that runs lack, a
/// value of the wrong type, an order by data sets).
Status add_run_filter(std::string_view filter, tracking::RunSearch& search);
Status add_run_orders(const std::vector<std::string>& orders, tracking::RunSearch& search);

/// For what is kept in memory: whether a text, absent where null, fulfils the clause.
bool fulfils(const Clause& clause, const std::string* text);
bool fulfils(const Clause& clause, double number);

}  // namespace galley::mlflow
