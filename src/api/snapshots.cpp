#include "blobs/freeze.h"
#include "reply.h"
#include "snapshot_views.h"

#include "bodies.h"

namespace galley::api {
namespace {

using registry::Kind;
using registry::Snapshot;

Json print_versions(const std::vector<Snapshot>& versions) {
  Json list = Json::array();
  for (const auto& version : versions) list.push_back(print_snapshot(version));
  return list;
}

Result<http::Response> datasets(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto limit, query_limit(request));
  GALLEY_TRY(const auto names,
             context.services.registry.names(Kind::dataset, limit, query_text(request, "cursor")));
  Json items = Json::array();
  for (const auto& latest : names)
    items.push_back(
        {{"name", latest.name}, {"versions", latest.version}, {"latest", print_snapshot(latest)}});
  const bool full = std::ssize(names) == limit;
  return reply_list(std::move(items), full ? names.back().name : std::string());
}

Result<Snapshot> version(Context& context, const http::Request& request, std::string_view query) {
  GALLEY_TRY(const auto number, query_integer(request, query, 0, 1, std::int64_t{1} << 53));
  if (number == 0)
    return Error{Errc::invalid_argument, "required parameter is missing", std::string(query),
                 "a version of the data set"};
  return context.services.registry.get(
      Kind::dataset, std::string(request.param("name")) + "@" + std::to_string(number));
}

Result<http::Response> compare(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto from, version(context, request, "from"));
  GALLEY_TRY(const auto to, version(context, request, "to"));
  GALLEY_TRY(const auto before, blobs::get_manifest(context.services.blobs, from.manifest_sha256));
  GALLEY_TRY(const auto after, blobs::get_manifest(context.services.blobs, to.manifest_sha256));
  const auto difference = blobs::diff(before, after);
  Json added = Json::array();
  for (const auto& change : difference.added)
    added.push_back({{"path", change.path}, {"size_bytes", change.size_bytes_after}});
  Json removed = Json::array();
  for (const auto& change : difference.removed)
    removed.push_back({{"path", change.path}, {"size_bytes", change.size_bytes_before}});
  Json changed = Json::array();
  for (const auto& change : difference.changed)
    changed.push_back({{"path", change.path},
                       {"size_bytes", change.size_bytes_after},
                       {"previous_size_bytes", change.size_bytes_before}});
  const auto unchanged = after.files.size() - difference.added.size() - difference.changed.size();
  return reply({{"added", std::move(added)},
                {"removed", std::move(removed)},
                {"changed", std::move(changed)},
                {"unchanged_count", unchanged}});
}

Json diff_schema() {
  const Json file =
      object_schema({{"path", type_schema("string")}, {"size_bytes", type_schema("integer")}});
  Json changed = file;
  changed["properties"]["previous_size_bytes"] = type_schema("integer");
  return object_schema({{"added", list_of(file)},
                        {"removed", list_of(file)},
                        {"changed", list_of(changed)},
                        {"unchanged_count", type_schema("integer")}});
}

/// An id or NAME@VERSION; a model and a data set may share a name, and the model is meant then.
Result<Snapshot> find(Context& context, std::string_view reference) {
  auto model = context.services.registry.get(Kind::model, reference);
  if (model || model.error().code != Errc::not_found) return model;
  auto dataset = context.services.registry.get(Kind::dataset, reference);
  if (dataset || dataset.error().code != Errc::not_found) return dataset;
  return Error{Errc::not_found, "there is no snapshot " + std::string(reference.substr(0, 100))};
}

Result<http::Response> show_snapshot(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto snapshot, find(context, request.param("reference")));
  GALLEY_TRY(const auto manifest,
             blobs::get_manifest(context.services.blobs, snapshot.manifest_sha256));
  Json files = Json::array();
  for (const auto& file : manifest.files)
    files.push_back(
        {{"path", file.path}, {"size_bytes", file.size_bytes}, {"sha256", file.sha256}});
  Json body = print_snapshot(snapshot);
  body["files"] = std::move(files);
  return reply(body);
}

}  // namespace

void add_snapshot_routes(Endpoints& endpoints, Context& context) {
  endpoints.add("GET", "/api/v1/datasets", http::Run::pool,
                {.summary = "Lists data sets with their newest versions.",
                 .response = list_schema(object_schema({{"name", type_schema("string")},
                                                        {"versions", type_schema("integer")},
                                                        {"latest", snapshot_schema()}})),
                 .query = list_parameters()},
                [&context](const http::Request& request) { return datasets(context, request); });
  endpoints.add("GET", "/api/v1/datasets/{name}", http::Run::pool,
                {.summary = "Lists the versions of a data set, newest first.",
                 .response = object_schema(
                     {{"name", type_schema("string")}, {"versions", list_of(snapshot_schema())}})},
                [&context](const http::Request& request) -> Result<http::Response> {
                  const auto name = request.param("name");
                  GALLEY_TRY(const auto versions, versions_of(context, Kind::dataset, name));
                  return reply({{"name", name}, {"versions", print_versions(versions)}});
                });
  endpoints.add("POST", "/api/v1/datasets/{name}/versions", http::Run::pool,
                {.summary = "Gives frozen content the next version of a data set.",
                 .request = protocol::schema_of<FreezeBody>(),
                 .response = snapshot_schema(),
                 .status = 201},
                [&context](const http::Request& request) {
                  return freeze(context, request, Kind::dataset,
                                std::string(request.param("name")));
                });
  endpoints.add("GET", "/api/v1/datasets/{name}/diff", http::Run::pool,
                {.summary = "Compares the files of two versions of a data set.",
                 .response = diff_schema(),
                 .query = {{"from", "The older version.", "integer"},
                           {"to", "The newer version.", "integer"}}},
                [&context](const http::Request& request) { return compare(context, request); });
  endpoints.add(
      "GET", "/api/v1/snapshots/{reference}", http::Run::pool,
      {.summary = "Shows a snapshot, by id or NAME@VERSION, with its files.",
       .response = snapshot_schema()},
      [&context](const http::Request& request) { return show_snapshot(context, request); });
}

}  // namespace galley::api
