#pragma once

#include "postgres_server.h"

namespace galley::testing {

/// The one PostgreSQL of a test program, started by the first test that needs it. Not durable.
support::PostgresServer& shared_postgres();

/// The URL of a fresh, empty database there.
std::string fresh_database();

}  // namespace galley::testing
