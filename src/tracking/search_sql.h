#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/database.h"
#include "tracking/search.h"

namespace galley::tracking {

// What a search's conditions and orders are in SQL, over the table runs, which is called r.

bool is_numeric(RunField field);
bool is_pattern(RunComparison comparison);
bool is_list(RunComparison comparison);

/// The text of a statement with its parameters.
class SearchSql {
 public:
  explicit SearchSql(store::Database::Kind kind) : kind_(kind) {}
  store::Database::Kind kind() const { return kind_; }
  SearchSql& add(std::string_view text) {
    sql_ += text;
    return *this;
  }
  SearchSql& value(store::Value value) {
    parameters_.push_back(std::move(value));
    sql_ += ":" + std::to_string(parameters_.size());
    return *this;
  }
  /// Text that counts its parameters from 1: nothing may stand before it that has some.
  SearchSql& add(std::string_view text, std::vector<store::Value> parameters) {
    parameters_ = std::move(parameters);
    return add(text);
  }
  Result<std::vector<store::Row>> ask(store::Transaction& transaction) const {
    return transaction.query(sql_, parameters_);
  }

 private:
  store::Database::Kind kind_;
  std::string sql_;
  std::vector<store::Value> parameters_;
};

/// "COLUMN OPERATOR VALUE".
void add_comparison(SearchSql& sql, std::string_view column, const RunCondition& condition);
/// `run_id` names the column that is at hand first, so that only runs that pass are fetched.
void add_condition(SearchSql& sql, const RunCondition& condition, std::string_view run_id);
/// One order, with a comma behind it.
void add_order(SearchSql& sql, const RunOrder& order);

}  // namespace galley::tracking
