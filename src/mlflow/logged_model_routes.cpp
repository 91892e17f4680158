#include <fmt/format.h>

#include <charconv>
#include <map>
#include <vector>

#include "base/text.h"
#include "error_reply.h"
#include "filter.h"
#include "logged_models.h"
#include "names.h"
#include "service_impl.h"
#include "tracking/experiments.h"

namespace galley::mlflow {
namespace {

using store::Transaction;

constexpr std::string_view kPending = "LOGGED_MODEL_PENDING";
constexpr std::string_view kReady = "LOGGED_MODEL_READY";
constexpr std::string_view kFailed = "LOGGED_MODEL_UPLOAD_FAILED";
constexpr std::int64_t kModelsShown = 50;
constexpr std::int64_t kMaxModelsShown = 1000;
constexpr std::size_t kMaxModelName = 256;
constexpr std::size_t kMaxModelPairs = 1000;
Status write_pairs(Transaction& transaction, const std::string& model, std::string_view kind,
                   const std::vector<KeyValue>& pairs) {
  for (const auto& [key, value] : pairs) {
    GALLEY_TRY_STATUS(check_name(kind, key));
    if (value.size() > kMaxTagBytes)
      return fault(fmt::format("the value of {} '{}' is longer than {}", kind, key, kMaxTagBytes));
    if (kind == "param") {
      GALLEY_TRY(const auto known,
                 transaction.query_one("select value from logged_model_pairs where model_id = :1"
                                       " and kind = 'param' and pair_key = :2",
                                       {model, key}));
      if (known && known->text(0) != value)
        return fault(
            fmt::format("Changing param values is not allowed. Param with key='{}' was"
                        " already logged with value='{}'",
                        key, known->text(0).substr(0, 80)));
    }
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into logged_model_pairs (model_id, kind, pair_key, value) values (:1, :2, :3, :4)"
        " on conflict (model_id, kind, pair_key) do update set value = excluded.value",
        {model, std::string(kind), key, value}));
  }
  GALLEY_TRY(const auto count,
             transaction.query_one("select count(*) from logged_model_pairs where model_id = :1"
                                   " and kind = :2",
                                   {model, std::string(kind)}));
  if (count->integer(0) <= static_cast<std::int64_t>(kMaxModelPairs)) return ok();
  return fault(fmt::format("a model has at most {} {}s", kMaxModelPairs, kind));
}

Status touch_model(Transaction& transaction, const std::string& id, WallTime at) {
  return transaction.enqueue("update logged_models set updated_ms = :1 where id = :2",
                             {to_ms(at), id});
}

Result<Reply> create_model(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto experiment, call.text("experiment_id"));
  GALLEY_TRY(auto name, call.text_or("name"));
  GALLEY_TRY(const auto type, call.text_or("model_type"));
  GALLEY_TRY(const auto run, call.text_or("source_run_id"));
  GALLEY_TRY(const auto params, call.pairs("params"));
  GALLEY_TRY(const auto tags, call.pairs("tags"));
  if (name.size() > kMaxModelName || type.size() > kMaxModelName || run.size() > kMaxModelName)
    return fault(fmt::format("a model's name, type and run have at most {} bytes", kMaxModelName));
  if (name.find_first_of("/:.%\"'") != std::string::npos)
    return fault("Invalid model name: it cannot contain / : . % \" '");
  const std::string id = "m-" + random_hex(16);
  if (name.empty()) name = "model-" + id.substr(2, 8);
  const std::int64_t now = to_ms(service.now());
  Reply reply{.subject = id};
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    std::int64_t number = -1;
    std::from_chars(experiment.data(), experiment.data() + experiment.size(), number);
    const auto known = tracking::experiment_by_id(transaction, number);
    if (!known) return missing(fmt::format("No Experiment with id={} exists", experiment));
    if (call.is_job()) {
      const auto source = RunId::parse(run);
      if (!source)
        return Error{Errc::forbidden, "a job logs models of its own run: name it in source_run_id"};
      GALLEY_TRY_STATUS(check_run(transaction, call.own_run(), *source));
    }
    GALLEY_TRY_STATUS(tracking::keep_default_experiment(transaction));
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into logged_models (id, experiment_id, name, model_type, source_run, status,"
        " created_ms, updated_ms) values (:1, :2, :3, :4, :5, :6, :7, :7)",
        {id, number, name, type, run, std::string(kPending), now}));
    GALLEY_TRY_STATUS(write_pairs(transaction, id, "param", params));
    GALLEY_TRY_STATUS(write_pairs(transaction, id, "tag", tags));
    GALLEY_TRY(const auto made, find_model(transaction, id));
    GALLEY_TRY(auto printed, print_model(transaction, made));
    reply.body = Json{{"model", std::move(printed)}};
    return ok();
  }));
  return reply;
}

/// A change of one model, answered with it.
template <class Change>
Result<Reply> change_model(Service::Impl& service, const Call& call, bool shown,
                           const Change& change) {
  GALLEY_TRY(const auto id, call.text("model_id"));
  const WallTime now = service.now();
  Reply reply{.subject = id};
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(check_model(transaction, call.own_run(), id));
    GALLEY_TRY_STATUS(change(transaction, id));
    GALLEY_TRY_STATUS(touch_model(transaction, id, now));
    if (!shown) return ok();
    GALLEY_TRY(const auto model, find_model(transaction, id));
    GALLEY_TRY(auto printed, print_model(transaction, model));
    reply.body = Json{{"model", std::move(printed)}};
    return ok();
  }));
  return reply;
}

Result<Reply> get_model(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto id, call.text("model_id"));
  Reply reply;
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(check_model(transaction, call.own_run(), id));
    GALLEY_TRY(const auto model, find_model(transaction, id));
    GALLEY_TRY(auto printed, print_model(transaction, model));
    reply.body = Json{{"model", std::move(printed)}};
    return ok();
  }));
  return reply;
}

Result<Reply> finalize_model(Service::Impl& service, const Call& call) {
  GALLEY_TRY(auto status, call.text("status"));
  if (status == "2" || status == "READY") status = kReady;
  if (status == "3" || status == "FAILED") status = kFailed;
  if (status != kReady && status != kFailed)
    return fault(fmt::format("Invalid model status '{}'; expected {} or {}", status.substr(0, 40),
                             kReady, kFailed));
  return change_model(service, call, true, [&](Transaction& transaction, const std::string& id) {
    return transaction.enqueue("update logged_models set status = :1 where id = :2", {status, id});
  });
}

Result<Reply> delete_model(Service::Impl& service, const Call& call) {
  const WallTime now = service.now();
  return change_model(service, call, false, [&](Transaction& transaction, const std::string& id) {
    return transaction.enqueue("update logged_models set deleted_ms = :1 where id = :2",
                               {to_ms(now), id});
  });
}

Result<Reply> set_model_tags(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto tags, call.pairs("tags"));
  return change_model(service, call, true, [&](Transaction& transaction, const std::string& id) {
    return write_pairs(transaction, id, "tag", tags);
  });
}

Result<Reply> delete_model_tag(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto key, call.text("tag_key"));
  return change_model(
      service, call, false, [&](Transaction& transaction, const std::string& id) -> Status {
        GALLEY_TRY(const auto gone, transaction.execute("delete from logged_model_pairs where"
                                                        " model_id = :1 and kind = 'tag' and"
                                                        " pair_key = :2",
                                                        {id, key}));
        if (gone > 0) return ok();
        return missing(
            fmt::format("No tag with key '{}' found for model with ID"
                        " '{}'.",
                        key.substr(0, 80), id));
      });
}

Result<Reply> log_model_params(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto params, call.pairs("params"));
  return change_model(service, call, false, [&](Transaction& transaction, const std::string& id) {
    return write_pairs(transaction, id, "param", params);
  });
}

Result<Reply> search_models(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto experiments, call.texts("experiment_ids"));
  GALLEY_TRY(const auto filter, call.text_or("filter"));
  GALLEY_TRY(const auto clauses, parse_filter(filter));
  Reply reply;
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    std::vector<LoggedModel> found;
    std::map<std::string, bool> may_see;  // by the run that a model is of
    for (const std::string& text : experiments) {
      std::int64_t number = -1;
      std::from_chars(text.data(), text.data() + text.size(), number);
      GALLEY_TRY(auto models, models_of(transaction, number));
      for (LoggedModel& model : models) {
        const auto [seen, is_new] = may_see.emplace(model.source_run, true);
        if (call.is_job() && is_new)
          seen->second = check_model(transaction, call.own_run(), model.id).has_value();
        if (!seen->second) continue;
        GALLEY_TRY(const bool fits, fulfils_all(clauses, model));
        if (fits) found.push_back(std::move(model));
      }
    }
    GALLEY_TRY_STATUS(sort_models(found, call.member("order_by")));
    GALLEY_TRY(const auto page, page_of(call, found.size(), kModelsShown, kMaxModelsShown));
    for (std::size_t i = page.from; i < page.to; ++i) {
      GALLEY_TRY(auto printed, print_model(transaction, found[i]));
      reply.body["models"].push_back(std::move(printed));
    }
    if (!page.next_token.empty()) reply.body["next_page_token"] = page.next_token;
    return ok();
  }));
  return reply;
}

}  // namespace

std::vector<Line> logged_model_lines() {
  using enum Effect;
  return {
      {"POST", "/logged-models", "MLflow: begins a model that a run logs.", create_model, change,
       "logged_model.create", true},
      {"POST",
       "/logged-models/search",
       "MLflow: logged models by filter and order.",
       search_models,
       look,
       {},
       true},
      {"GET", "/logged-models/{model_id}", "MLflow: a logged model.", get_model, look, {}, true},
      {"PATCH",
       "/logged-models/{model_id}",
       "MLflow: says that a model is complete, or failed.",
       finalize_model,
       stream,
       {},
       true},
      {"DELETE", "/logged-models/{model_id}", "MLflow: deletes a logged model.", delete_model,
       change, "logged_model.delete"},
      {"PATCH",
       "/logged-models/{model_id}/tags",
       "MLflow: sets tags of a logged model.",
       set_model_tags,
       stream,
       {},
       true},
      {"DELETE",
       "/logged-models/{model_id}/tags/{tag_key}",
       "MLflow: removes a tag of a logged model.",
       delete_model_tag,
       stream,
       {},
       true},
      {"POST",
       "/logged-models/{model_id}/params",
       "MLflow: writes parameters of a logged model.",
       log_model_params,
       stream,
       {},
       true}};
}

}  // namespace galley::mlflow
