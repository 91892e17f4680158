#include "snapshot_views.h"

#include <algorithm>

#include "blobs/freeze.h"
#include "bodies.h"
#include "reply.h"
#include "tracking/tracking.h"

namespace galley::api {
namespace {

using registry::Kind;
using registry::Snapshot;

constexpr std::int64_t kMaxVersions = 1000;

Result<SnapshotId> source_id(Context& context, const std::string& source) {
  if (auto id = SnapshotId::parse(source)) return id;
  GALLEY_TRY(auto snapshot, context.services.registry.get(Kind::dataset, source));
  return snapshot.id;
}

Result<std::string> artifact_manifest(Context& context, const RunId& run, const std::string& path) {
  GALLEY_TRY(const auto artifacts, context.services.tracking.artifacts(run));
  const auto found = std::ranges::find(artifacts, path, &tracking::Artifact::path);
  if (found != artifacts.end()) return found->manifest_sha256;
  return Error{Errc::not_found,
               "run " + run.str() + " has no artifact '" + path + "' among its " +
                   std::to_string(artifacts.size()),
               "artifact",
               {},
               "look at GET /api/v1/runs/" + run.str()};
}

Result<std::string> manifest_of(Context& context, const FreezeBody& body) {
  const bool from_run = body.artifact.has_value();
  if (from_run == body.manifest.has_value())
    return Error{Errc::invalid_argument,
                 from_run ? "found both a manifest and an artifact" : "found nothing to freeze",
                 "manifest", "either manifest, or run_id and artifact"};
  if (from_run) {
    if (!body.run_id || body.run_id->empty())
      return Error{Errc::invalid_argument, "found an artifact without its run", "run_id",
                   "the run that registered it"};
    return artifact_manifest(context, *body.run_id, *body.artifact);
  }
  GALLEY_TRY(auto frozen, blobs::put_manifest(context.services.blobs, dump_json(*body.manifest)));
  return std::move(frozen.name);
}

}  // namespace

Json print_snapshot(const Snapshot& snapshot) {
  Json sources = Json::array();
  for (const auto& source : snapshot.sources) sources.push_back(source.str());
  Json json{{"id", snapshot.id.str()},
            {"kind", registry::to_string(snapshot.kind)},
            {"name", snapshot.name},
            {"version", snapshot.version},
            {"ref", registry::reference(snapshot)},
            {"manifest", snapshot.manifest_sha256},
            {"size_bytes", snapshot.size_bytes},
            {"file_count", snapshot.file_count},
            {"sources", std::move(sources)},
            {"note", snapshot.note},
            {"principal", snapshot.principal},
            {"created_at", to_rfc3339(snapshot.created)}};
  if (!snapshot.run_id.empty()) json["run_id"] = snapshot.run_id;
  return json;
}

Json snapshot_schema() {
  Json properties{{"version", type_schema("integer")},
                  {"size_bytes", type_schema("integer")},
                  {"file_count", type_schema("integer")},
                  {"sources", list_of(type_schema("string"))}};
  for (const char* name :
       {"id", "kind", "name", "ref", "manifest", "run_id", "note", "principal", "created_at"})
    properties[name] = type_schema("string");
  return object_schema(std::move(properties));
}

Json print_channel(const registry::Channel& channel) {
  return {{"model", channel.model},
          {"channel", channel.channel},
          {"snapshot_id", channel.snapshot_id.str()},
          {"snapshot_ref", channel.model + "@" + std::to_string(channel.version)},
          {"generation", channel.generation},
          {"changed_at", to_rfc3339(channel.changed)}};
}

Json channel_schema() {
  Json properties{{"generation", type_schema("integer")}};
  for (const char* name : {"model", "channel", "snapshot_id", "snapshot_ref", "changed_at"})
    properties[name] = type_schema("string");
  return object_schema(std::move(properties));
}

Result<http::Response> freeze(Context& context, const http::Request& request, Kind kind,
                              const std::string& name) {
  GALLEY_TRY(const auto body, body_as<FreezeBody>(request));
  GALLEY_TRY_STATUS(registry::check_name(registry::to_string(kind), name));
  registry::FreezeRequest freeze{.kind = kind,
                                 .name = name,
                                 .note = body.note,
                                 .principal = request.principal,
                                 .request_id = request.id,
                                 .address = request.peer.address};
  GALLEY_TRY(freeze.manifest_sha256, manifest_of(context, body));
  if (body.run_id) freeze.run_id = body.run_id->str();
  for (const auto& source : body.sources) {
    GALLEY_TRY(auto id, source_id(context, source));
    freeze.sources.push_back(std::move(id));
  }
  GALLEY_TRY(const auto answer, context.services.registry.freeze_snapshot(freeze));
  auto response = reply(print_snapshot(answer.snapshot), answer.created ? 201 : 200);
  response.headers.set("Location", "/api/v1/snapshots/" + answer.snapshot.id.str());
  return response;
}

Result<std::vector<Snapshot>> versions_of(Context& context, Kind kind, std::string_view name) {
  GALLEY_TRY(auto versions, context.services.registry.versions(kind, name, kMaxVersions));
  if (versions.empty())
    return Error{Errc::not_found, "there is no " + std::string(registry::to_string(kind)) + " " +
                                      std::string(name.substr(0, 100))};
  return versions;
}

}  // namespace galley::api
