#include "registered.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "error_reply.h"
#include "names.h"
#include "print.h"

namespace galley::mlflow {
namespace {

using store::Row;
using store::Transaction;
using store::Value;

constexpr std::size_t kMaxRegisteredTags = 1000;

/// " and COLUMN = :1" with its value, unless the name is empty.
std::string of_model(const std::string& name, std::string_view column,
                     std::vector<Value>& parameters) {
  if (name.empty()) return {};
  parameters.emplace_back(name);
  return fmt::format(" and {} = :1", column);
}

RegisteredVersion version_of(const Row& row) {
  return {.model = row.text(0),
          .version = row.integer(1),
          .source = row.text(2),
          .run_id = row.text(3),
          .run_link = row.text(4),
          .model_id = row.text(5),
          .description = row.text(6),
          .stage = row.text(7),
          .user = row.text(8),
          .snapshot_id = row.text(9),
          .created_ms = row.integer(10),
          .updated_ms = row.integer(11)};
}

}  // namespace

Result<std::vector<RegisteredVersion>> all_versions(Transaction& transaction,
                                                    const std::string& name) {
  std::vector<Value> parameters;
  const std::string where = of_model(name, "model", parameters);
  GALLEY_TRY(const auto rows,
             transaction.query("select model, version, source, run_id, run_link, model_id,"
                               " description, stage, user_name, snapshot_id, created_ms,"
                               " updated_ms from registered_versions where deleted_ms is null" +
                                   where + " order by created_ms desc, model, version desc",
                               parameters));
  std::vector<RegisteredVersion> versions;
  std::map<std::pair<std::string, std::int64_t>, std::size_t> index;
  for (const Row& row : rows) {
    versions.push_back(version_of(row));
    index.emplace(std::pair(row.text(0), row.integer(1)), versions.size() - 1);
  }
  GALLEY_TRY(const auto tags,
             transaction.query("select model, version, tag_key, value from registered_tags"
                               " where version > 0" +
                                   where + " order by tag_key",
                               parameters));
  for (const Row& row : tags)
    if (const auto at = index.find({row.text(0), row.integer(1)}); at != index.end())
      versions[at->second].tags.emplace_back(row.text(2), row.text(3));
  GALLEY_TRY(const auto aliases,
             transaction.query("select model, version, alias from registered_aliases where true" +
                                   where + " order by alias",
                               parameters));
  for (const Row& row : aliases)
    if (const auto at = index.find({row.text(0), row.integer(1)}); at != index.end())
      versions[at->second].aliases.push_back(row.text(2));
  return versions;
}

namespace {

Result<std::vector<RegisteredModel>> registered_where(Transaction& transaction,
                                                      const std::string& name) {
  std::vector<Value> parameters;
  const std::string by_name = of_model(name, "name", parameters);
  const std::string by_model = name.empty() ? "" : " and model = :1";
  GALLEY_TRY(const auto rows,
             transaction.query("select name, description, user_name, created_ms, updated_ms from"
                               " registered_models where true" +
                                   by_name + " order by name",
                               parameters));
  std::vector<RegisteredModel> models;
  std::map<std::string, std::size_t, std::less<>> index;
  for (const Row& row : rows) {
    index.emplace(row.text(0), models.size());
    models.push_back({.name = row.text(0),
                      .description = row.text(1),
                      .user = row.text(2),
                      .created_ms = row.integer(3),
                      .updated_ms = row.integer(4)});
  }
  GALLEY_TRY(const auto tags,
             transaction.query("select model, tag_key, value from registered_tags where"
                               " version = 0" +
                                   by_model + " order by tag_key",
                               parameters));
  for (const Row& row : tags)
    models[index.at(row.text(0))].tags.emplace_back(row.text(1), row.text(2));
  GALLEY_TRY(const auto aliases,
             transaction.query("select model, alias, version from registered_aliases where true" +
                                   by_model + " order by alias",
                               parameters));
  for (const Row& row : aliases)
    models[index.at(row.text(0))].aliases.emplace_back(row.text(1), row.integer(2));
  GALLEY_TRY(auto versions, all_versions(transaction, name));
  std::ranges::stable_sort(versions, std::ranges::greater{}, &RegisteredVersion::version);
  for (RegisteredVersion& one : versions) {
    auto& latest = models[index.at(one.model)].latest;
    if (std::ranges::find(latest, one.stage, &RegisteredVersion::stage) == latest.end())
      latest.push_back(std::move(one));
  }
  return models;
}

}  // namespace

Result<RegisteredModel> find_registered(Transaction& transaction, const std::string& name) {
  GALLEY_TRY(auto found, registered_where(transaction, name));
  if (name.empty() || found.empty())
    return missing(fmt::format("Registered Model with name={} not found", name.substr(0, 256)));
  return std::move(found.front());
}

Result<std::vector<RegisteredModel>> all_registered(Transaction& transaction) {
  return registered_where(transaction, {});
}

Result<RegisteredVersion> find_version(Transaction& transaction, const std::string& name,
                                       std::int64_t version) {
  GALLEY_TRY(auto all,
             name.empty() ? Result<std::vector<RegisteredVersion>>(std::vector<RegisteredVersion>{})
                          : all_versions(transaction, name));
  const auto found = std::ranges::find(all, version, &RegisteredVersion::version);
  if (found == all.end())
    return missing(
        fmt::format("Model Version (name={}, version={}) not found", name.substr(0, 256), version));
  return std::move(*found);
}

Status write_registered_tag(Transaction& transaction, const std::string& name, std::int64_t version,
                            const std::string& key, const std::optional<std::string>& value) {
  if (!value)
    return transaction.enqueue(
        "delete from registered_tags where model = :1 and version = :2 and"
        " tag_key = :3",
        {name, version, key});
  GALLEY_TRY_STATUS(check_tags({{key, *value}}));
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into registered_tags (model, version, tag_key, value) values (:1, :2, :3, :4)"
      " on conflict (model, version, tag_key) do update set value = excluded.value",
      {name, version, key, *value}));
  GALLEY_TRY(const auto count,
             transaction.query_one("select count(*) from registered_tags where model = :1 and"
                                   " version = :2",
                                   {name, version}));
  if (count->integer(0) <= static_cast<std::int64_t>(kMaxRegisteredTags)) return ok();
  return fault(fmt::format("a model or version has at most {} tags", kMaxRegisteredTags));
}

Status touch_registered(Transaction& transaction, const std::string& name, WallTime at) {
  return transaction.enqueue("update registered_models set updated_ms = :1 where name = :2",
                             {to_ms(at), name});
}

Json print_version(const RegisteredVersion& version) {
  Json printed{{"name", version.model},
               {"version", std::to_string(version.version)},
               {"creation_timestamp", version.created_ms},
               {"last_updated_timestamp", version.updated_ms},
               {"user_id", version.user},
               {"current_stage", version.stage},
               {"description", version.description},
               {"source", version.source},
               {"run_id", version.run_id},
               {"status", "READY"},
               {"run_link", version.run_link}};
  if (!version.model_id.empty()) printed["model_id"] = version.model_id;
  Json tags = print_pairs(version.tags);
  // Where the same content is deployed from.
  if (!version.snapshot_id.empty())
    tags.push_back({{"key", "galley.snapshot"}, {"value", version.snapshot_id}});
  if (!tags.empty()) printed["tags"] = std::move(tags);
  if (!version.aliases.empty()) printed["aliases"] = version.aliases;
  return printed;
}

Json print_registered(const RegisteredModel& model) {
  Json printed{{"name", model.name},
               {"creation_timestamp", model.created_ms},
               {"last_updated_timestamp", model.updated_ms},
               {"user_id", model.user},
               {"description", model.description}};
  if (!model.tags.empty()) printed["tags"] = print_pairs(model.tags);
  for (const auto& [alias, version] : model.aliases)
    printed["aliases"].push_back({{"alias", alias}, {"version", std::to_string(version)}});
  for (const RegisteredVersion& one : model.latest)
    printed["latest_versions"].push_back(print_version(one));
  return printed;
}

}  // namespace galley::mlflow
