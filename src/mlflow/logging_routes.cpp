#include <algorithm>
#include <utility>

#include "error_reply.h"
#include "logged_models.h"
#include "names.h"
#include "print.h"
#include "service_impl.h"

namespace galley::mlflow {
namespace {

using store::Transaction;
using tracking::LogBatch;
using Parse = Result<LogBatch> (*)(std::string_view body, std::int64_t now_ms);

Result<LogBatch> parse_single(std::string_view body, std::vector<KeyValue> LogBatch::*list) {
  GALLEY_TRY(const auto json, parse_json(body));
  if (!json.is_object()) return fault("the body is no JSON object");
  LogBatch batch;
  GALLEY_TRY(batch.run_id, text_in(json, "run_id"));
  if (batch.run_id.empty()) {
    GALLEY_TRY(batch.run_id, text_in(json, "run_uuid"));
  }
  GALLEY_TRY(auto key, text_in(json, "key"));
  GALLEY_TRY(auto value, text_in(json, "value"));
  if (batch.run_id.empty()) return required("run_id");
  if (key.empty()) return required("key");
  (batch.*list).emplace_back(std::move(key), std::move(value));
  return batch;
}

Result<LogBatch> parse_param(std::string_view body, std::int64_t) {
  return parse_single(body, &LogBatch::params);
}
Result<LogBatch> parse_tag(std::string_view body, std::int64_t) {
  return parse_single(body, &LogBatch::tags);
}

std::string run_of_job(const http::Request& request) {
  constexpr std::string_view kJob = "job:";
  return request.principal.starts_with(kJob) ? request.principal.substr(kJob.size())
                                             : std::string();
}

/// A point that also says how good a logged model is, on which data.
struct ModelPoint {
  std::string model_id;
  std::string dataset_name;
  std::string dataset_digest;
  std::string key;
  double value = 0;
  std::int64_t step = 0;
  std::int64_t at_ms = 0;
};

/// Few calls hold any, so that those are read a second time. The body has been found good.
std::vector<ModelPoint> model_points_in(std::string_view body, const LogBatch& batch) {
  std::vector<ModelPoint> found;
  if (body.find("\"model_id\"") == std::string_view::npos) return found;
  const auto json = parse_json(body);
  if (!json) return found;
  const auto list = json->find("metrics");
  const Json metrics = list != json->end() && list->is_array() ? *list : Json::array({*json});
  for (std::size_t i = 0; i < metrics.size() && i < batch.points.size(); ++i) {
    const auto text = [&](const char* name) { return text_in(metrics[i], name).value_or(""); };
    ModelPoint one{text("model_id"), text("dataset_name"), text("dataset_digest"), text("key")};
    if (one.model_id.empty() || one.dataset_name.size() + one.dataset_digest.size() > 1000)
      continue;
    const tracking::Point& point = batch.points.points()[i];
    one.value = point.value;
    one.step = point.step;
    one.at_ms = point.at_ms;
    found.push_back(std::move(one));
  }
  return found;
}

/// The newest value for each data set; what names no model that is there is the run's alone.
Status write_model_points(Transaction& transaction, const std::string& own_run, const RunId& run,
                          const std::vector<ModelPoint>& points) {
  for (const ModelPoint& one : points) {
    if (!own_run.empty() && !check_model(transaction, own_run, one.model_id)) continue;
    const bool is_number = one.value == one.value;
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into logged_model_metrics (model_id, metric_key, dataset_name, dataset_digest,"
        " run_id, step, at_ms, value) select id, :2, :3, :4, :5, cast(:6 as bigint),"
        " cast(:7 as bigint), cast(:8 as double precision) from logged_models"
        " where id = :1 on conflict (model_id, metric_key, dataset_name, dataset_digest)"
        " do update set run_id = excluded.run_id, step = excluded.step, at_ms = excluded.at_ms,"
        " value = excluded.value where excluded.step > logged_model_metrics.step or"
        " (excluded.step = logged_model_metrics.step and"
        " excluded.at_ms >= logged_model_metrics.at_ms)",
        {one.model_id, one.key, one.dataset_name, one.dataset_digest, run.str(), one.step,
         one.at_ms, is_number ? store::Value(one.value) : store::Value(nullptr)}));
  }
  return ok();
}

/// What precedes the call's own writes; none for most calls, each of whose statements is a cost.
store::Database::Command before(const RunId& run, LogBatch& batch, const std::string& own_run,
                                std::vector<ModelPoint> points, WallTime now) {
  std::string name;
  std::erase_if(batch.tags, [&](const KeyValue& tag) {
    if (tag.first == kRunNameTag) name = tag.second;
    return tag.first == kRunNameTag;
  });
  const bool foreign = !own_run.empty() && own_run != run.str();
  if (!foreign && name.empty() && batch.params.empty() && batch.tags.empty() && points.empty())
    return {};
  return [run, own_run, name, now, points = std::move(points)](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(check_active_run(transaction, own_run, run));
    GALLEY_TRY_STATUS(write_model_points(transaction, own_run, run, points));
    return name.empty() ? ok() : tracking::change_run(transaction, run, {.name = name}, now);
  };
}

Error as_mlflow_says(Error error, const RunId& run) {
  if (error.code == Errc::not_found) return no_run(run);
  if (error.code == Errc::conflict)
    return fault("Changing param values is not allowed: " + error.message);
  return error;
}

/// Reading the call is done here on the I/O thread: it takes less than handing it over and back.
void answer_logged(http::Exchange exchange, Service::Impl& service, Parse parse) {
  const http::Responder respond = exchange.responder();
  const WallTime now = service.now();
  auto batch = parse(exchange.request().body, to_ms(now));
  if (!batch) return respond(error_answer(batch.error()));
  if (const Status checked = check_batch(*batch); !checked)
    return respond(error_answer(checked.error()));
  const auto run = RunId::parse(batch->run_id);
  if (!run)
    return respond(
        error_answer(missing("Run with id=" + batch->run_id.substr(0, 256) + " not found")));
  auto also = before(*run, *batch, run_of_job(exchange.request()),
                     model_points_in(exchange.request().body, *batch), now);
  std::vector<std::string> keys = batch->points.keys();
  service.services.tracking.log_call(
      *run, *std::move(batch), std::move(also),
      [respond, &service, run = *run, keys = std::move(keys)](const Status& status) {
        if (!status) return respond(error_answer(as_mlflow_says(status.error(), run)));
        if (service.arrival && !keys.empty()) service.arrival(run, keys);
        respond(http::Response::json("{}"));
      });
}

Result<Reply> delete_tag(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto run, call.run());
  GALLEY_TRY(const auto key, call.text("key"));
  const WallTime now = service.now();
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(check_active_run(transaction, call.own_run(), run));
    const Status gone = tracking::delete_tag(transaction, run, key, now);
    if (!gone && gone.error().code == Errc::not_found)
      return missing("No tag with name: " + key.substr(0, 80) + " in run with id " + run.str());
    return gone;
  }));
  return Reply{};
}

}  // namespace

void add_logging_routes(Service::Impl& service, std::vector<Route>& routes) {
  const auto add = [&](std::string_view path, std::string_view summary, Parse parse) {
    Route route = route_at("POST", path, summary);
    route.run = http::Run::inline_on_io;
    route.effect = Effect::stream;
    route.jobs = true;
    route.handler = [&service, parse](http::Exchange exchange) {
      answer_logged(std::move(exchange), service, parse);
    };
    routes.push_back(std::move(route));
  };
  add("/runs/log-batch", "MLflow: metrics, parameters and tags of a run in one call.",
      &tracking::parse_log_batch);
  add("/runs/log-metric", "MLflow: one value of a run's metric.", &tracking::parse_log_metric);
  add("/runs/log-parameter", "MLflow: one parameter of a run, written once.", &parse_param);
  add("/runs/set-tag", "MLflow: sets a tag of a run.", &parse_tag);
}

std::vector<Line> tag_lines() {
  return {{"POST",
           "/runs/delete-tag",
           "MLflow: removes a tag of a run.",
           delete_tag,
           Effect::stream,
           {},
           true}};
}

}  // namespace galley::mlflow
