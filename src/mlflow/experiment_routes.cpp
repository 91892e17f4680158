#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "error_reply.h"
#include "filter.h"
#include "listing.h"
#include "print.h"
#include "service_impl.h"

namespace galley::mlflow {
namespace {

using store::Transaction;
using tracking::Experiment;

constexpr std::int64_t kExperimentsShown = 1000;
constexpr std::int64_t kMaxExperimentsShown = 50'000;

Error no_experiment(std::string_view which) {
  return missing(fmt::format("No Experiment with id={} exists", which.substr(0, 100)));
}

Result<std::int64_t> experiment_number(const Call& call) {
  GALLEY_TRY(const auto text, call.text("experiment_id"));
  std::int64_t id = 0;
  const auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (errc != std::errc{} || end != text.data() + text.size()) return no_experiment(text);
  return id;
}

Result<Experiment> find_experiment(Transaction& transaction, std::int64_t id) {
  auto found = tracking::experiment_by_id(transaction, id);
  if (!found && found.error().code == Errc::not_found) return no_experiment(std::to_string(id));
  return found;
}

/// A job sees its own experiment, where its client begins.
Status check_experiment(Transaction& transaction, const Call& call, const Experiment& experiment) {
  if (!call.is_job()) return ok();
  GALLEY_TRY(const auto row,
             transaction.query_one("select experiment from runs where id = :1", {call.own_run()}));
  const auto names = tracking::run_experiments(experiment);
  if (row && std::ranges::find(names, row->text(0)) != names.end()) return ok();
  return Error{Errc::forbidden, "a job sees the experiment of its own run only"};
}

Result<Reply> create_experiment(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto name, call.text("name"));
  GALLEY_TRY(const auto location, call.text_or("artifact_location"));
  GALLEY_TRY(const auto tags, call.pairs("tags"));
  const WallTime now = service.now();
  std::string id;
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    const auto made = tracking::create_experiment(transaction, name, location, tags, now);
    if (!made && made.error().code == Errc::conflict)
      return already_there(fmt::format("Experiment(name={}) already exists.", name));
    if (!made) return made.error();
    id = std::to_string(made->id);
    return ok();
  }));
  return Reply{{{"experiment_id", id}}, name};
}

Result<Reply> get_experiment(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto id, experiment_number(call));
  Reply reply;
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto found, find_experiment(transaction, id));
    GALLEY_TRY_STATUS(check_experiment(transaction, call, found));
    reply.body["experiment"] = print_experiment(found);
    return ok();
  }));
  return reply;
}

Result<Reply> get_experiment_by_name(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto name, call.text("experiment_name"));
  Reply reply;
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    const auto found = tracking::experiment_by_name(transaction, name);
    if (!found && found.error().code == Errc::not_found)
      return missing(fmt::format("Could not find experiment with name '{}'", name.substr(0, 500)));
    if (!found) return found.error();
    GALLEY_TRY_STATUS(check_experiment(transaction, call, *found));
    reply.body["experiment"] = print_experiment(*found);
    return ok();
  }));
  return reply;
}

Result<bool> fulfils_all(const std::vector<Clause>& clauses, const Experiment& experiment) {
  for (const Clause& clause : clauses) {
    if (clause.entity == Entity::tag) {
      const auto tag = std::ranges::find(experiment.tags, clause.key, &KeyValue::first);
      if (!fulfils(clause, tag == experiment.tags.end() ? nullptr : &tag->second)) return false;
    } else if (clause.entity == Entity::attribute && clause.key == "name") {
      if (!fulfils(clause, &experiment.name)) return false;
    } else if (clause.entity == Entity::attribute &&
               (clause.key == "creation_time" || clause.key == "last_update_time")) {
      const WallTime at = clause.key == "creation_time" ? experiment.created : experiment.updated;
      if (!fulfils(clause, static_cast<double>(to_ms(at)))) return false;
    } else {
      return fault(
          fmt::format("Invalid attribute key '{}' specified. Valid keys are name,"
                      " creation_time, last_update_time and tags",
                      clause.key.substr(0, 80)));
    }
  }
  return true;
}

Before<Experiment> experiment_field(std::string_view key) {
  if (key == "name") return by_member(&Experiment::name);
  if (key == "experiment_id") return by_member(&Experiment::id);
  if (key == "creation_time") return by_member(&Experiment::created);
  if (key == "last_update_time") return by_member(&Experiment::updated);
  return {};
}

Result<std::string> view_of(const Call& call, std::string_view name) {
  GALLEY_TRY(auto view, call.text_or(name, "ACTIVE_ONLY"));
  if (view == "1") view = "ACTIVE_ONLY";
  if (view == "2") view = "DELETED_ONLY";
  if (view == "3") view = "ALL";
  if (view == "ACTIVE_ONLY" || view == "DELETED_ONLY" || view == "ALL") return view;
  return fault(fmt::format("Invalid view type '{}'", view.substr(0, 40)));
}

Result<Reply> search_experiments(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto filter, call.text_or("filter"));
  GALLEY_TRY(const auto clauses, parse_filter(filter));
  GALLEY_TRY(const auto orders, call.texts("order_by"));
  GALLEY_TRY(const auto view, view_of(call, "view_type"));
  std::vector<Experiment> found;
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(auto all, tracking::all_experiments(transaction));
    for (Experiment& one : all) {
      if (view != "ALL" && one.deleted.has_value() != (view == "DELETED_ONLY")) continue;
      GALLEY_TRY(const bool fits, fulfils_all(clauses, one));
      if (fits && check_experiment(transaction, call, one)) found.push_back(std::move(one));
    }
    return ok();
  }));
  GALLEY_TRY_STATUS(sort_by(found, orders, experiment_field));
  return reply_page(call, found, "experiments", kExperimentsShown, kMaxExperimentsShown,
                    [](const Experiment& one) { return print_experiment(one); });
}

Result<Reply> update_experiment(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto id, experiment_number(call));
  GALLEY_TRY(const auto name, call.text("new_name"));
  const WallTime now = service.now();
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto found, find_experiment(transaction, id));
    if (found.deleted)
      return fault(
          "Cannot rename experiment in non-active lifecycle stage. Current stage: deleted");
    const auto renamed = tracking::rename_experiment(transaction, found, name, now);
    if (!renamed && renamed.error().code == Errc::conflict)
      return already_there(fmt::format("Experiment(name={}) already exists.", name));
    return renamed;
  }));
  return Reply{.subject = name};
}

Result<Reply> mark_experiment(Service::Impl& service, const Call& call, bool deleted) {
  GALLEY_TRY(const auto id, experiment_number(call));
  const WallTime now = service.now();
  Reply reply;
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto found, find_experiment(transaction, id));
    if (found.deleted.has_value() == deleted) return no_experiment(std::to_string(id));
    reply.subject = found.name;
    return tracking::delete_experiment(transaction, found, deleted, now);
  }));
  return reply;
}

Result<Reply> delete_experiment(Service::Impl& service, const Call& call) {
  return mark_experiment(service, call, true);
}
Result<Reply> restore_experiment(Service::Impl& service, const Call& call) {
  return mark_experiment(service, call, false);
}

Result<Reply> write_experiment_tag(Service::Impl& service, const Call& call,
                                   const std::optional<std::string>& value) {
  GALLEY_TRY(const auto id, experiment_number(call));
  GALLEY_TRY(const auto key, call.text("key"));
  const WallTime now = service.now();
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto found, find_experiment(transaction, id));
    if (found.deleted)
      return fault(
          fmt::format("The experiment {} must be in the 'active' state. Current state is"
                      " deleted.",
                      id));
    return tracking::set_experiment_tag(transaction, id, key, value, now);
  }));
  return Reply{};
}

Result<Reply> set_experiment_tag(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto value, call.text_or("value"));
  return write_experiment_tag(service, call, value);
}
Result<Reply> delete_experiment_tag(Service::Impl& service, const Call& call) {
  return write_experiment_tag(service, call, std::nullopt);
}

}  // namespace

std::vector<Line> experiment_lines() {
  using enum Effect;
  return {{"POST", "/experiments/create", "MLflow: makes an experiment.", create_experiment, change,
           "experiment.create"},
          {"GET",
           "/experiments/get",
           "MLflow: an experiment by its number.",
           get_experiment,
           look,
           {},
           true},
          {"GET",
           "/experiments/get-by-name",
           "MLflow: an experiment by its name.",
           get_experiment_by_name,
           look,
           {},
           true},
          {"GET",
           "/experiments/search",
           "MLflow: experiments by filter and order.",
           search_experiments,
           look,
           {},
           true},
          {"POST",
           "/experiments/search",
           "MLflow: experiments by filter and order.",
           search_experiments,
           look,
           {},
           true},
          {"POST", "/experiments/update", "MLflow: renames an experiment.", update_experiment,
           change, "experiment.rename"},
          {"POST", "/experiments/delete", "MLflow: hides an experiment with its runs.",
           delete_experiment, change, "experiment.delete"},
          {"POST", "/experiments/restore", "MLflow: brings a deleted experiment back.",
           restore_experiment, change, "experiment.restore"},
          {"POST", "/experiments/set-experiment-tag", "MLflow: sets a tag of an experiment.",
           set_experiment_tag, stream},
          {"POST", "/experiments/delete-experiment-tag", "MLflow: removes a tag of an experiment.",
           delete_experiment_tag, stream}};
}

}  // namespace galley::mlflow
