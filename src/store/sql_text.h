#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace galley::store {

/// One of our statements as PostgreSQL wants it.
struct NumberedSql {
  std::string text;                       // with $1, $2, … in the order of appearance
  std::vector<std::size_t> parameter_of;  // for each of those, which ":N" (from 0)
  std::size_t parameter_count = 0;        // the highest N
};

/// Turns the parameters :1, :2, … into $1, $2, …; what stands in quotes or comments stays, and so
/// does a cast's "::". `untyped` says of a parameter (from 0) that the server is to infer its type:
/// each of its appearances gets a number of its own, since it may be inferred differently. Linear.
NumberedSql with_dollar_parameters(std::string_view sql,
                                   const std::function<bool(std::size_t)>& untyped);

/// A migration with PostgreSQL's types. The words {id}, {blob} and {bigserial} are replaced;
/// besides them `text` compares by bytes, as SQLite's does, and `integer` has 64 bits, as SQLite's
/// has, so that order and range are the same on both. What stands in quotes or comments stays.
std::string with_postgresql_types(std::string_view script);

}  // namespace galley::store
