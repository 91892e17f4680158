#include "transaction.h"

#include <exception>
#include <string>
#include <utility>

#include "base/log.h"
#include "router.h"
#include "stream_core.h"

namespace galley::http {
namespace {

void log_exception(const Request& request, std::string_view what) {
  log::error("http", "a handler threw",
             {{"request_id", request.id},
              {"method", request.method},
              {"path", request.path},
              {"what", std::string(what)}});
}

template <class Call>
bool guarded(const Request& request, Call&& call) {
  try {
    call();
    return true;
  } catch (const std::exception& exception) {
    log_exception(request, exception.what());
  } catch (...) {
    log_exception(request, "not a std::exception");
  }
  return false;
}

}  // namespace

/// All copies of a responder (and of its exchange) share one of these; the last to go answers for
/// those who forgot.
struct Responder::State {
  explicit State(std::shared_ptr<Transaction> of) : transaction(std::move(of)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (transaction->claimed()) return;
    log::error("http", "a request was dropped without an answer",
               {{"request_id", transaction->request.id}, {"path", transaction->request.path}});
    answer(transaction, internal_problem(transaction->request));
  }
  std::shared_ptr<Transaction> transaction;
};

struct Exchange::State {
  std::shared_ptr<Responder::State> responder;
};

Responder::Responder(std::shared_ptr<State> state) : state_(std::move(state)) {}
void Responder::operator()(Response response) const {
  answer(state_->transaction, std::move(response));
}

Exchange::Exchange(std::shared_ptr<State> state) : state_(std::move(state)) {}
const Request& Exchange::request() const { return state_->responder->transaction->request; }
Responder Exchange::responder() const { return Responder(state_->responder); }

Stream Exchange::stream(int status, Headers headers) const {
  const auto& transaction = state_->responder->transaction;
  auto core = std::make_shared<StreamCore>(transaction->hub, transaction->connection,
                                           transaction->stream_buffer_bytes);
  if (!transaction->claim()) {  // somebody answered already: a stream without a reader
    core->reader_gone();
    return make_stream(std::move(core));
  }
  transaction->response = Response{status, std::move(headers), {}};
  transaction->stream = core;
  if (!transaction->hub->post(transaction)) core->reader_gone();
  return make_stream(std::move(core));
}

void Exchange::on_hang_up(std::function<void()> callback) const {
  state_->responder->transaction->on_hang_up(std::move(callback));
}

void Transaction::hang_up() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(hang_up_mutex_);
    hung_up_ = true;
    callback = std::exchange(on_hang_up_, nullptr);
  }
  if (callback && !claimed()) callback();
}

void Transaction::on_hang_up(std::function<void()> callback) {
  {
    const std::lock_guard lock(hang_up_mutex_);
    if (!hung_up_) {
      on_hang_up_ = std::move(callback);
      return;
    }
  }
  if (!claimed()) callback();
}

void answer(const std::shared_ptr<Transaction>& transaction, Response response) {
  if (!transaction->claim()) return;
  transaction->response = std::move(response);
  transaction->hub->post(transaction);
}

Response internal_problem(const Request& request) {
  return problem({Errc::internal,
                  "the request failed because of a fault inside the server",
                  {},
                  {},
                  "look for request id " + request.id + " in the server's log"},
                 request.id);
}

Response call_handler(const Transaction& transaction) {
  Response response;
  if (guarded(transaction.request,
              [&] { response = transaction.route->handler(transaction.request); }))
    return response;
  return internal_problem(transaction.request);
}

void call_deferred(const std::shared_ptr<Transaction>& transaction) {
  auto state = std::make_shared<Exchange::State>();
  state->responder = std::make_shared<Responder::State>(transaction);
  const Exchange exchange(std::move(state));
  if (!guarded(transaction->request, [&] { transaction->route->deferred(exchange); }))
    answer(transaction, internal_problem(transaction->request));
}

void run_on_pool(const std::shared_ptr<Transaction>& transaction) {
  if (transaction->route->handler)
    answer(transaction, call_handler(*transaction));
  else
    call_deferred(transaction);
}

}  // namespace galley::http
