#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/database.h"

struct pg_result;

namespace galley::store {

/// Parameters as libpq takes them: arrays side by side. Numbers and bytes are sent in PostgreSQL's
/// binary form with their type; texts and nulls without, so that they become what the column is.
class BoundParameters {
 public:
  /// Binds values[slots[0]], values[slots[1]], …, which must outlive it.
  /// Errors: invalid_argument for a text with a zero byte, which PostgreSQL cannot hold.
  static Result<BoundParameters> bind(const std::vector<Value>& values,
                                      const std::vector<std::size_t>& slots);

  int count() const { return static_cast<int>(pointers_.size()); }
  const char* const* values() const { return pointers_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  std::vector<std::string> numbers_;  // big-endian bytes; reserved in full, so that they stay put
  std::vector<const char*> pointers_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

/// PostgreSQL's number of the type that a parameter is sent as; 0 where the server infers it.
unsigned type_of(const Value& value);
/// One letter for each parameter's type: a prepared statement fits these and no others.
std::string type_letters(const std::vector<Value>& values);

/// A value of an answer in PostgreSQL's text form. Sums of integers come as `numeric` and become
/// integers where they are whole; truth becomes 1 or 0.
Value value_of(const pg_result& result, int row, int column);

}  // namespace galley::store
