#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

struct pg_result;

namespace galley::store {

/// What a failure means for the transaction around it.
enum class Trouble {
  none,
  statement,  // the statement's own fault; going back to a savepoint mends the transaction
  rerun,      // the server asks for the transaction to be run again: serialization, deadlock
  lost        // the session is gone, or is no longer one that may write
};

struct Fault {
  Trouble trouble = Trouble::statement;
  Error error;
};

/// What the server said about a statement. `where` is "database galley at db1:5432".
Fault fault_of(const pg_result& result, std::string_view where, std::string_view sql);

/// The code of an SQLSTATE, and what it means for the transaction.
Errc code_of_sqlstate(std::string_view state);
Trouble trouble_of_sqlstate(std::string_view state);

/// Several lines of libpq as one sentence without a full stop.
std::string one_line(std::string_view message);

}  // namespace galley::store
