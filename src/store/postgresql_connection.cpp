#include "postgresql_connection.h"

#include <poll.h>
#include "libpq.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "postgresql_values.h"
#include "sql_text.h"

namespace galley::store {
namespace {

// Our SQL is a few dozen fixed texts; a caller that builds texts must not grow this without end.
constexpr std::size_t kMaxPrepared = 512;
// The server gives up a statement by itself; past that and this much more it is not there.
constexpr Millis kAnswerGrace{2'000};

struct ResultDeleter {
  void operator()(pg_result* result) const { pq().PQclear(result); }
};
using OwnedResult = std::unique_ptr<pg_result, ResultDeleter>;

std::int64_t changed_rows(pg_result* result) {
  const char* text = pq().PQcmdTuples(result);
  return *text == '\0' ? 0 : std::strtoll(text, nullptr, 10);
}

void read_rows(const pg_result& result, std::vector<Row>& rows) {
  const int count = pq().PQntuples(&result);
  const int columns = pq().PQnfields(&result);
  rows.reserve(static_cast<std::size_t>(count));
  for (int row = 0; row < count; ++row) {
    std::vector<Value> values;
    values.reserve(static_cast<std::size_t>(columns));
    for (int column = 0; column < columns; ++column)
      values.push_back(value_of(result, row, column));
    rows.emplace_back(std::move(values));
  }
}

Error wrong_sql(std::string_view what, std::string_view sql) {
  return Error{Errc::internal, std::string(what) + ": " + std::string(sql.substr(0, 120))};
}

}  // namespace

PostgresqlConnection::~PostgresqlConnection() { pq().PQfinish(handle_); }

Instant PostgresqlConnection::deadline() const {
  if (session_.statement_timeout.count() == 0) return Instant::max();
  return std::chrono::steady_clock::now() + session_.statement_timeout + kAnswerGrace;
}

Error PostgresqlConnection::lose(std::string_view why) {
  trouble_ = Trouble::lost;
  return Error{Errc::unavailable, where_ + ": " + one_line(why)};
}

void PostgresqlConnection::reset_trouble() {
  if (trouble_ != Trouble::lost) trouble_ = Trouble::none;
}

int PostgresqlConnection::backend_pid() const { return pq().PQbackendPID(handle_); }
int PostgresqlConnection::socket() const { return pq().PQsocket(handle_); }

Status PostgresqlConnection::wait(short events, Instant deadline) {
  for (;;) {
    int timeout_ms = -1;
    if (deadline != Instant::max()) {
      const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0)
        return lose("the server does not answer within " +
                    std::to_string((session_.statement_timeout + kAnswerGrace).count()) + " ms");
      timeout_ms = static_cast<int>(left.count());
    }
    pollfd wanted{socket(), events, 0};
    const int ready = ::poll(&wanted, 1, timeout_ms);
    if (ready > 0) return ok();
    if (ready < 0 && errno != EINTR) return lose(std::strerror(errno));
  }
}

/// Writes all that is waiting; reads meanwhile, so that neither side waits for the other for ever.
Status PostgresqlConnection::flush() {
  const Instant end = deadline();
  for (;;) {
    const int left = pq().PQflush(handle_);
    if (left == 0) return ok();
    if (left < 0) return lose(pq().PQerrorMessage(handle_));
    GALLEY_TRY_STATUS(wait(POLLIN | POLLOUT, end));
    if (pq().PQconsumeInput(handle_) == 0) return lose(pq().PQerrorMessage(handle_));
  }
}

Result<pg_result*> PostgresqlConnection::next_result() {
  const Instant end = deadline();
  while (pq().PQisBusy(handle_)) {
    GALLEY_TRY_STATUS(wait(POLLIN, end));
    if (pq().PQconsumeInput(handle_) == 0) return lose(pq().PQerrorMessage(handle_));
  }
  return pq().PQgetResult(handle_);
}

Result<PostgresqlConnection::Statement> PostgresqlConnection::prepared(
    std::string_view sql, const std::vector<Value>& parameters) {
  std::string key(sql);
  if (!parameters.empty()) key += '\0' + type_letters(parameters);
  if (const auto found = statements_.find(key); found != statements_.end()) return found->second;
  NumberedSql numbered = with_dollar_parameters(sql, [&](std::size_t parameter) {
    return parameter < parameters.size() && type_of(parameters[parameter]) == 0;
  });
  if (numbered.text.find_first_not_of(" \n\t;") == std::string::npos)
    return wrong_sql("SQL must be one statement with parameters :1, :2, …", sql);
  if (numbered.parameter_count != parameters.size())
    return wrong_sql("SQL takes " + std::to_string(numbered.parameter_count) +
                         " parameters and got " + std::to_string(parameters.size()),
                     sql);
  if (statements_.size() >= kMaxPrepared) {
    statements_.clear();
    // Prepared ones live until told otherwise; this one runs before those that come after it.
    if (pq().PQsendQueryParams(handle_, "deallocate all", 0, nullptr, nullptr, nullptr, nullptr,
                               0) == 0)
      return lose(pq().PQerrorMessage(handle_));
    awaited_.push_back({Awaited::Kind::statement, {}, "deallocate all", nullptr});
  }
  Statement statement{"s" + std::to_string(++names_given_), std::move(numbered.parameter_of)};
  std::vector<unsigned> types;
  for (const std::size_t parameter : statement.parameter_of)
    types.push_back(type_of(parameters[parameter]));
  if (pq().PQsendPrepare(handle_, statement.name.c_str(), numbered.text.c_str(),
                         static_cast<int>(types.size()), types.data()) == 0)
    return lose(pq().PQerrorMessage(handle_));
  awaited_.push_back({Awaited::Kind::prepare, key, std::string(sql), nullptr});
  statements_.emplace(std::move(key), statement);
  return statement;
}

Status PostgresqlConnection::send(std::string_view sql, const std::vector<Value>& parameters,
                                  std::optional<Row>* row) {
  GALLEY_TRY(const auto statement, prepared(sql, parameters));
  GALLEY_TRY(const auto bound, BoundParameters::bind(parameters, statement.parameter_of));
  constexpr int kTextForm = 0;
  if (pq().PQsendQueryPrepared(handle_, statement.name.c_str(), bound.count(), bound.values(),
                               bound.lengths(), bound.formats(), kTextForm) == 0)
    return lose(pq().PQerrorMessage(handle_));
  awaited_.push_back({Awaited::Kind::statement, {}, std::string(sql), row});
  return ok();
}

/// An error when one of them could not even be sent: a fault in its text, or a lost connection.
Status PostgresqlConnection::send_all_deferred() {
  for (const Deferred& one : std::exchange(deferred_, {}))
    GALLEY_TRY_STATUS(send(one.sql, one.parameters, one.row));
  return ok();
}

void PostgresqlConnection::defer(std::string sql, std::optional<Row>* row) {
  deferred_.push_back({std::move(sql), row, {}, false});
}

Status PostgresqlConnection::enqueue(std::string_view sql, std::vector<Value> parameters) {
  if (trouble_ == Trouble::lost) return lose("the connection is gone");
  deferred_.push_back({std::string(sql), nullptr, std::move(parameters), true});
  return ok();
}

bool PostgresqlConnection::has_enqueued() const {
  return std::ranges::any_of(deferred_, &Deferred::enqueued);
}

/// The server works once it has this; what was sent before waits for it.
Status PostgresqlConnection::end_round() {
  if (pq().PQpipelineSync(handle_) == 0) return lose(pq().PQerrorMessage(handle_));
  awaited_.push_back({});
  ++rounds_;
  return flush();
}

Status PostgresqlConnection::settle() {
  if (trouble_ == Trouble::lost) return lose("the connection is gone");
  if (!awaited_.empty()) (void)read_answers(nullptr);
  if (trouble_ == Trouble::lost) return lose("the connection is gone");
  const Status sent = send_all_deferred();
  if (trouble_ == Trouble::lost) return sent;
  GALLEY_TRY_STATUS(end_round());
  const Status answered = read_answers(nullptr);
  return sent ? answered : sent;
}

void PostgresqlConnection::forget_deferred(std::size_t keep) {
  deferred_.erase(deferred_.begin() + static_cast<std::ptrdiff_t>(keep), deferred_.end());
}

void PostgresqlConnection::send_deferred() {
  if (deferred_.empty() || trouble_ == Trouble::lost) return;
  if (!send_all_deferred()) return;
  (void)end_round();  // what fails here fails again at the next statement
}

Status PostgresqlConnection::read_answer(const Awaited& awaited, Answer* answer) {
  GALLEY_TRY(pg_result* const raw, next_result());
  const OwnedResult result(raw);
  if (!result) return lose("the server's answers are out of step");
  const auto status = pq().PQresultStatus(raw);
  if (awaited.kind == Awaited::Kind::sync) {
    if (status == PGRES_PIPELINE_SYNC) return ok();
    return lose(pq().PQresultErrorMessage(raw));
  }
  GALLEY_TRY(pg_result* const end, next_result());
  if (end != nullptr) {
    pq().PQclear(end);
    return lose("the server's answers are out of step");
  }
  const bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
  if (!good && awaited.kind == Awaited::Kind::prepare) statements_.erase(awaited.key);
  if (status == PGRES_PIPELINE_ABORTED)  // one before it has failed and says why
    return Error{Errc::internal, "skipped"};
  if (!good) {
    Fault fault = fault_of(*raw, where_, awaited.sql);
    const char* state = pq().PQresultErrorField(raw, PG_DIAG_SQLSTATE);
    if (session_.writes && state && std::strcmp(state, "25006") == 0)
      fault = {Trouble::lost, {Errc::unavailable, fault.error.message}};
    trouble_ = std::max(trouble_, fault.trouble);
    return fault.error;
  }
  if (awaited.row != nullptr && pq().PQntuples(raw) > 0) {
    std::vector<Row> rows;
    read_rows(*raw, rows);
    *awaited.row = std::move(rows.front());
  }
  if (answer != nullptr && awaited.kind == Awaited::Kind::statement) {
    answer->changed = changed_rows(raw);
    answer->tag = pq().PQcmdStatus(raw);
    read_rows(*raw, answer->rows);
  }
  return ok();
}

/// Reads all answers that are still to come, `last` being that of the last statement. The first
/// failure is the answer, since what came after it was skipped.
Status PostgresqlConnection::read_answers(Answer* last) {
  Status outcome = ok();
  while (!awaited_.empty()) {
    const Awaited awaited = std::move(awaited_.front());
    awaited_.pop_front();
    const bool is_last = awaited_.size() == 1;  // the sync comes after it
    auto status = read_answer(awaited, is_last ? last : nullptr);
    if (trouble_ == Trouble::lost) {
      awaited_.clear();
      return outcome ? status : outcome;
    }
    if (!status && outcome) outcome = std::move(status);
  }
  return outcome;
}

Result<PostgresqlConnection::Answer> PostgresqlConnection::run(
    std::string_view sql, const std::vector<Value>& parameters) {
  if (trouble_ == Trouble::lost) return lose("the connection is gone");
  // Answers to what was sent without waiting: nobody depends on them, unless the connection is
  // lost.
  if (!awaited_.empty()) (void)read_answers(nullptr);
  if (trouble_ == Trouble::lost) return lose("the connection is gone");
  Status sent = send_all_deferred();
  if (sent) sent = send(sql, parameters, nullptr);
  if (trouble_ == Trouble::lost) return sent.error();
  GALLEY_TRY_STATUS(end_round());
  Answer answer;
  auto status = read_answers(sent ? &answer : nullptr);
  if (!sent) return sent.error();  // a fault in the text, found before it went out
  if (!status) return std::move(status).error();
  return answer;
}

Result<std::int64_t> PostgresqlConnection::execute(std::string_view sql,
                                                   const std::vector<Value>& parameters) {
  GALLEY_TRY(const Answer answer, run(sql, parameters));
  return answer.changed;
}

Result<std::vector<Row>> PostgresqlConnection::query(std::string_view sql,
                                                     const std::vector<Value>& parameters) {
  GALLEY_TRY(Answer answer, run(sql, parameters));
  return std::move(answer.rows);
}

Status PostgresqlConnection::commit() {
  GALLEY_TRY(const Answer answer, run("commit", {}));
  if (answer.tag == "COMMIT") return ok();
  // The server answers so, without an error, when a statement before had failed.
  return Error{Errc::internal, where_ + ": a commit was answered by " + answer.tag};
}

Status PostgresqlConnection::run_script(const std::string& sql) {
  if (!awaited_.empty()) (void)read_answers(nullptr);
  if (trouble_ == Trouble::lost) return lose("the connection is gone");
  // Several statements at once are for the simple protocol, which a pipeline does not speak.
  if (pq().PQexitPipelineMode(handle_) == 0) return lose(pq().PQerrorMessage(handle_));
  Status outcome = ok();
  if (pq().PQsendQuery(handle_, sql.c_str()) == 0) return lose(pq().PQerrorMessage(handle_));
  GALLEY_TRY_STATUS(flush());
  for (;;) {
    GALLEY_TRY(pg_result* const raw, next_result());
    const OwnedResult result(raw);
    if (!result) break;
    const auto status = pq().PQresultStatus(raw);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY)
      continue;
    const Fault fault = fault_of(*raw, where_, sql);
    trouble_ = std::max(trouble_, fault.trouble);
    outcome = fault.error;
  }
  if (trouble_ != Trouble::lost && pq().PQenterPipelineMode(handle_) == 0)
    return lose(pq().PQerrorMessage(handle_));
  return outcome;
}

Result<std::vector<int>> PostgresqlConnection::read_notifications() {
  if (pq().PQconsumeInput(handle_) == 0) return lose(pq().PQerrorMessage(handle_));
  std::vector<int> backends;
  while (PGnotify* notify = pq().PQnotifies(handle_)) {
    backends.push_back(notify->be_pid);
    pq().PQfreemem(notify);
  }
  return backends;
}

}  // namespace galley::store
