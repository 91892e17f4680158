#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/database.h"

namespace galley::store {

/// The Transaction that a command sees, on a driver's connection. Remembers the first failed
/// statement.
template <class Connection>
class NotedTransaction final : public Transaction {
 public:
  explicit NotedTransaction(Connection& connection) : connection_(connection) {}

  Result<std::int64_t> execute(std::string_view sql, std::vector<Value> parameters) override {
    return noted(connection_.execute(sql, parameters));
  }
  Result<std::vector<Row>> query(std::string_view sql, std::vector<Value> parameters) override {
    return noted(connection_.query(sql, parameters));
  }
  Status enqueue(std::string_view sql, std::vector<Value> parameters) override {
    Status status = connection_.enqueue(sql, std::move(parameters));
    if (!status && !failure_) failure_ = status.error();
    return status;
  }

  /// The command's own answer, or the failure that it overlooked.
  Status outcome(Status answer) const { return answer && failure_ ? Status(*failure_) : answer; }

 private:
  template <class T>
  Result<T> noted(Result<T> result) {
    if (!result && !failure_) failure_ = result.error();
    return result;
  }

  Connection& connection_;
  std::optional<Error> failure_;
};

}  // namespace galley::store
