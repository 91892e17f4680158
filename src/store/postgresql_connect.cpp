// Opening a session: which server, which version, which settings.
#include "libpq.h"

#include "postgresql_connection.h"

namespace galley::store {
namespace {

constexpr int kOldestVersion = 130'000;
constexpr const char* kConnectSeconds = "2";

std::string parameter(const pg_conn* handle, const char* name) {
  const char* value = pq().PQparameterStatus(handle, name);
  return value ? value : std::string();
}

std::string name_of(const pg_conn* handle) {
  const char* host = pq().PQhost(handle);
  return "database " + std::string(pq().PQdb(handle) ? pq().PQdb(handle) : "?") + " at " +
         (host && *host != '\0' ? host : "localhost") + ":" +
         (pq().PQport(handle) ? pq().PQport(handle) : "");
}

/// Only the words of the libpq message: it names host and port, and never the password.
Error cannot_connect(const pg_conn* handle) {
  return Error{Errc::unavailable,
               "cannot connect to PostgreSQL: " + one_line(pq().PQerrorMessage(handle)),
               {},
               {},
               "check the address, the user and the password, and that the server runs"};
}

}  // namespace

Result<std::unique_ptr<PostgresqlConnection>> PostgresqlConnection::open(
    const PostgresqlSession& session) {
  GALLEY_TRY_STATUS(load_libpq());
  char* why = nullptr;
  PQconninfoOption* options = pq().PQconninfoParse(session.url.c_str(), &why);
  if (options == nullptr) {
    Error error{Errc::invalid_argument,
                "cannot read the address of the database: " + one_line(why ? why : ""), "database",
                "postgresql://USER@HOST:PORT/NAME"};
    pq().PQfreemem(why);
    return error;
  }
  pq().PQconninfoFree(options);
  // What stands before dbname may be changed by the URL, what stands after it may not. A server
  // that vanishes without a word is noticed by the keepalives, one that is a standby is passed
  // over.
  const char* const keywords[] = {"connect_timeout",      "keepalives_idle",
                                  "keepalives_interval",  "keepalives_count",
                                  "tcp_user_timeout",     "fallback_application_name",
                                  "target_session_attrs", "dbname",
                                  "client_encoding",      nullptr};
  const char* const values[] = {kConnectSeconds, "2",      "1",          "2",
                                "3000",          "galley", "read-write", session.url.c_str(),
                                "UTF8",          nullptr};
  constexpr int kExpandUrl = 1;
  pg_conn* handle = pq().PQconnectdbParams(keywords, values, kExpandUrl);
  GALLEY_CHECK(handle != nullptr, "libpq could not allocate a connection");
  std::unique_ptr<PostgresqlConnection> connection(new PostgresqlConnection(handle, session));
  if (pq().PQstatus(handle) != CONNECTION_OK) return cannot_connect(handle);
  connection->where_ = name_of(handle);
  // A server's notices are for its log; libpq would print them to stderr.
  pq().PQsetNoticeReceiver(
      handle, [](void*, const PGresult*) {}, nullptr);
  GALLEY_TRY_STATUS(connection->check_server());
  GALLEY_TRY_STATUS(connection->set_up());
  return connection;
}

std::string PostgresqlConnection::server_version() const {
  const std::string full = parameter(handle_, "server_version");  // "15.4 (Debian 15.4-1)"
  return full.substr(0, full.find(' '));
}

Status PostgresqlConnection::check_server() {
  if (pq().PQserverVersion(handle_) < kOldestVersion)
    return Error{Errc::unsupported,
                 where_ + " runs PostgreSQL " + server_version() + "; Galley needs " +
                     std::to_string(kOldestVersion / 10'000) + " or newer",
                 {},
                 {},
                 "upgrade the server, or use a newer one"};
  const std::string encoding = parameter(handle_, "server_encoding");
  if (encoding != "UTF8")
    return Error{Errc::unsupported,
                 where_ + " has the encoding " + encoding + "; Galley needs UTF8",
                 {},
                 {},
                 "make it with: create database NAME encoding 'UTF8' template template0"};
  return ok();
}

Status PostgresqlConnection::set_up() {
  if (pq().PQsetnonblocking(handle_, 1) != 0 || pq().PQenterPipelineMode(handle_) == 0)
    return lose(pq().PQerrorMessage(handle_));
  const auto ms = [](Millis time) { return std::to_string(time.count()); };
  // An answer means durable, whatever the server's default is; a stricter one stays.
  const std::string durability = session_.durable
                                     ? "select set_config('synchronous_commit', 'on', false)"
                                       " where current_setting('synchronous_commit') = 'off'"
                                     : "set synchronous_commit = off";
  GALLEY_TRY_STATUS(
      run_script("set statement_timeout = " + ms(session_.statement_timeout) +
                 "; set lock_timeout = " + ms(session_.lock_timeout) +
                 "; set idle_in_transaction_session_timeout = " + ms(session_.idle_timeout) +
                 "; set extra_float_digits = 1;" + "set bytea_output = hex; " + durability));
  reset_trouble();
  return trouble_ == Trouble::lost ? lose("the connection broke at once") : ok();
}

}  // namespace galley::store
