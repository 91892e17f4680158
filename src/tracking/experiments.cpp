#include "tracking/experiments.h"

#include <map>

#include "checks.h"

namespace galley::tracking {
namespace {

using store::Row;
using store::Transaction;

constexpr std::string_view kDefaultName = "Default";
constexpr std::string_view kSelectExperiments =
    "select id, name, artifact_location, created_ms, updated_ms, deleted_ms from experiments";
constexpr std::size_t kMaxExperimentTags = 1000;
constexpr std::size_t kMaxExperimentTagBytes = 5000;
constexpr std::size_t kMaxLocationBytes = 1024;

Experiment experiment_of(const Row& row) {
  Experiment one{.id = row.integer(0),
                 .name = row.text(1),
                 .artifact_location = row.text(2),
                 .created = from_ms(row.integer(3)),
                 .updated = from_ms(row.integer(4))};
  if (!row.is_null(5)) one.deleted = from_ms(row.integer(5));
  return one;
}

Experiment default_experiment() {
  return {.id = kDefaultExperiment, .name = std::string(kDefaultName)};
}

Result<Experiment> with_tags(Transaction& transaction, const std::optional<Row>& row,
                             bool is_default, const std::string& wanted) {
  if (!row && is_default) return default_experiment();
  if (!row) return Error{Errc::not_found, "there is no experiment " + wanted};
  Experiment one = experiment_of(*row);
  GALLEY_TRY(const auto tags, transaction.query("select tag_key, value from experiment_tags"
                                                " where experiment_id = :1 order by tag_key",
                                                {one.id}));
  for (const Row& tag : tags) one.tags.emplace_back(tag.text(0), tag.text(1));
  return one;
}

/// Numbers go on from the greatest: one writer at a time.
Status insert_experiment(Transaction& transaction, const std::string& name,
                         const std::string& location, WallTime at) {
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into experiments (id, name, artifact_location, created_ms, updated_ms)"
      " select coalesce(max(id), 0) + 1, :1, :2, cast(:3 as bigint), cast(:3 as bigint) from "
      "experiments",
      {name, location, to_ms(at)}));
  return ok();
}

Status not_default(const Experiment& experiment, std::string_view what) {
  if (experiment.id != kDefaultExperiment) return ok();
  return Error{Errc::invalid_argument, "the default experiment cannot be " + std::string(what),
               "experiment_id"};
}

Status check_name(std::string_view name) {
  GALLEY_TRY_STATUS(check_text("name", name, kMaxExperimentBytes));
  if (!name.empty()) return ok();
  return Error{Errc::invalid_argument, "an experiment needs a name", "name",
               "1 to " + std::to_string(kMaxExperimentBytes) + " bytes"};
}

Status check_name_is_free(Transaction& transaction, std::string_view name) {
  GALLEY_TRY(const auto taken, transaction.query_one("select 1 from experiments where name = :1",
                                                     {std::string(name)}));
  if (!taken && name != kDefaultName) return ok();
  return Error{Errc::conflict, "Experiment '" + std::string(name) + "' already exists.", "name"};
}

}  // namespace

std::vector<std::string> run_experiments(const Experiment& experiment) {
  std::vector<std::string> names{experiment.name};
  if (experiment.id == kDefaultExperiment) names.emplace_back();
  return names;
}

Status keep_default_experiment(Transaction& transaction) {
  return transaction.enqueue(
      "insert into experiments (id, name, created_ms, updated_ms) values (:1, :2, 0, 0)"
      " on conflict (id) do nothing",
      {kDefaultExperiment, std::string(kDefaultName)});
}

Status ensure_experiment(Transaction& transaction, const std::string& name, WallTime at) {
  if (name.empty() || name == kDefaultName) return ok();
  GALLEY_TRY(const auto known,
             transaction.query_one("select 1 from experiments where name = :1", {name}));
  return known ? ok() : insert_experiment(transaction, name, {}, at);
}

Result<Experiment> create_experiment(Transaction& transaction, const std::string& name,
                                     const std::string& artifact_location,
                                     const std::vector<KeyValue>& tags, WallTime at) {
  GALLEY_TRY_STATUS(check_name(name));
  GALLEY_TRY_STATUS(check_text("artifact_location", artifact_location, kMaxLocationBytes));
  GALLEY_TRY_STATUS(check_name_is_free(transaction, name));
  GALLEY_TRY_STATUS(insert_experiment(transaction, name, artifact_location, at));
  GALLEY_TRY(const Experiment made, experiment_by_name(transaction, name));
  for (const auto& [key, value] : tags)
    GALLEY_TRY_STATUS(set_experiment_tag(transaction, made.id, key, value, at));
  return experiment_by_id(transaction, made.id);
}

Result<Experiment> experiment_by_id(Transaction& transaction, std::int64_t id) {
  GALLEY_TRY(const auto row,
             transaction.query_one(std::string(kSelectExperiments) + " where id = :1", {id}));
  return with_tags(transaction, row, id == kDefaultExperiment, std::to_string(id));
}

Result<Experiment> experiment_by_name(Transaction& transaction, std::string_view name) {
  GALLEY_TRY(const auto row,
             transaction.query_one(std::string(kSelectExperiments) + " where name = :1",
                                   {std::string(name)}));
  return with_tags(transaction, row, name == kDefaultName,
                   "'" + std::string(name.substr(0, 100)) + "'");
}

Result<std::vector<Experiment>> all_experiments(Transaction& transaction) {
  GALLEY_TRY(const auto rows,
             transaction.query(std::string(kSelectExperiments) + " order by id desc"));
  std::vector<Experiment> all;
  std::map<std::int64_t, std::size_t> index;
  for (const Row& row : rows) {
    index.emplace(row.integer(0), all.size());
    all.push_back(experiment_of(row));
  }
  if (!index.contains(kDefaultExperiment)) all.push_back(default_experiment());
  GALLEY_TRY(const auto tags, transaction.query("select experiment_id, tag_key, value from"
                                                " experiment_tags order by tag_key"));
  for (const Row& tag : tags)
    all[index.at(tag.integer(0))].tags.emplace_back(tag.text(1), tag.text(2));
  return all;
}

Status rename_experiment(Transaction& transaction, const Experiment& experiment,
                         const std::string& name, WallTime at) {
  if (name == experiment.name) return ok();
  GALLEY_TRY_STATUS(not_default(experiment, "renamed"));
  GALLEY_TRY_STATUS(check_name(name));
  GALLEY_TRY_STATUS(check_name_is_free(transaction, name));
  GALLEY_TRY_STATUS(
      transaction.execute("update experiments set name = :1, updated_ms = :2 where id = :3",
                          {name, to_ms(at), experiment.id}));
  return transaction.enqueue("update runs set experiment = :1 where experiment = :2",
                             {name, experiment.name});
}

Status delete_experiment(Transaction& transaction, const Experiment& experiment, bool deleted,
                         WallTime at) {
  GALLEY_TRY_STATUS(not_default(experiment, "deleted"));
  const store::Value mark = deleted ? store::Value(to_ms(at)) : store::Value(nullptr);
  GALLEY_TRY_STATUS(
      transaction.execute("update experiments set deleted_ms = :1, updated_ms = :2 where id = :3",
                          {mark, to_ms(at), experiment.id}));
  // Runs that were deleted one by one before stay so.
  const store::Value before =
      experiment.deleted ? store::Value(to_ms(*experiment.deleted)) : store::Value(nullptr);
  if (deleted)
    return transaction.enqueue(
        "update runs set deleted_ms = :1 where experiment = :2 and deleted_ms is null",
        {mark, experiment.name});
  return transaction.enqueue(
      "update runs set deleted_ms = null where experiment = :1 and deleted_ms = :2",
      {experiment.name, before});
}

Status set_experiment_tag(Transaction& transaction, std::int64_t experiment, const std::string& key,
                          const std::optional<std::string>& value, WallTime at) {
  GALLEY_TRY_STATUS(check_key("tag", key));
  if (!value) {
    GALLEY_TRY(const auto gone,
               transaction.execute("delete from experiment_tags where experiment_id = :1"
                                   " and tag_key = :2",
                                   {experiment, key}));
    if (gone == 0)
      return Error{Errc::not_found,
                   "experiment " + std::to_string(experiment) + " has no tag '" + key + "'"};
  } else {
    GALLEY_TRY_STATUS(check_text("tag " + key, *value, kMaxExperimentTagBytes));
    GALLEY_TRY_STATUS(keep_default_experiment(transaction));
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into experiment_tags (experiment_id, tag_key, value) values (:1, :2, :3)"
        " on conflict (experiment_id, tag_key) do update set value = excluded.value",
        {experiment, key, *value}));
    GALLEY_TRY(const auto count, transaction.query_one("select count(*) from experiment_tags"
                                                       " where experiment_id = :1",
                                                       {experiment}));
    if (count->integer(0) > static_cast<std::int64_t>(kMaxExperimentTags))
      return Error{Errc::too_large,
                   "an experiment has at most " + std::to_string(kMaxExperimentTags) + " tags"};
  }
  return transaction.enqueue("update experiments set updated_ms = :1 where id = :2",
                             {to_ms(at), experiment});
}

}  // namespace galley::tracking
