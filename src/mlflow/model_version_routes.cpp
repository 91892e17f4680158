#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "artifact_store.h"
#include "base/log.h"
#include "blobs/freeze.h"
#include "error_reply.h"
#include "filter.h"
#include "listing.h"
#include "logged_models.h"
#include "registered.h"
#include "service_impl.h"

namespace galley::mlflow {
namespace {

using store::Transaction;

constexpr std::int64_t kVersionsShown = 10'000;
constexpr std::int64_t kMaxVersionsShown = 200'000;
constexpr std::size_t kMaxSource = 1000;
constexpr std::array<std::string_view, 4> kStages{kNoStage, "Staging", "Production", "Archived"};

/// A name of our own registry for MLflow's, which may have capitals and spaces.
std::string snapshot_name(std::string_view name) {
  std::string own;
  for (char c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    if (plain || !own.ends_with('-')) own += plain ? c : '-';
  }
  while (!own.empty() && (own.front() < '0' || own.front() == '_')) own.erase(0, 1);
  own = own.substr(0, 63);
  return own.empty() ? "model" : own;
}

/// Where the content of a source lies among our artifacts; nothing for all other sources.
std::optional<ArtifactPlace> place_of(std::string_view source, const std::string& model_id) {
  constexpr std::string_view kProxy = "mlflow-artifacts:";
  constexpr std::string_view kRuns = "runs:/";
  constexpr std::string_view kModels = "models:/m-";
  if (source.starts_with(kProxy)) {
    const auto place = parse_place(source.substr(kProxy.size()));
    return place ? std::optional(*place) : std::nullopt;
  }
  if (source.starts_with(kRuns)) {
    source.remove_prefix(kRuns.size());
    const auto slash = source.find('/');
    if (slash == std::string_view::npos || !RunId::parse(source.substr(0, slash)))
      return std::nullopt;
    return ArtifactPlace{.run = std::string(source.substr(0, slash)),
                         .model = {},
                         .path = std::string(source.substr(slash + 1))};
  }
  if (source.starts_with(kModels))
    return ArtifactPlace{.run = {}, .model = std::string(source.substr(8)), .path = {}};
  if (!model_id.empty()) return ArtifactPlace{.run = {}, .model = model_id, .path = {}};
  return std::nullopt;
}

/// Freezes the files as a snapshot of our own registry: no byte is copied, for their chunks are
/// here. Errors: not_found (no file lies there), those of freezing.
Result<std::string> freeze_version(Service::Impl& service, const Call& call,
                                   const RegisteredVersion& version, const ArtifactPlace& place) {
  blobs::Manifest manifest;
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(manifest.files,
               ArtifactStore(transaction, service.services.blobs).files_below(place));
    return ok();
  }));
  if (manifest.files.empty()) return missing("no file lies at " + version.source);
  GALLEY_TRY(const auto frozen,
             blobs::put_manifest(service.services.blobs, blobs::print_manifest(manifest)));
  GALLEY_TRY(const auto answer,
             service.services.registry.freeze_snapshot(
                 {.kind = registry::Kind::model,
                  .name = snapshot_name(version.model),
                  .manifest_sha256 = frozen.name,
                  .sources = {},
                  .run_id = RunId::parse(version.run_id) ? version.run_id : std::string(),
                  .note = fmt::format("MLflow's {} version {}", version.model, version.version),
                  .principal = call.principal(),
                  .request_id = call.request().id,
                  .address = call.request().peer.address}));
  return answer.snapshot.id.str();
}

Result<RegisteredVersion> insert_version(Service::Impl& service, RegisteredVersion version,
                                         const std::vector<KeyValue>& tags) {
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(find_registered(transaction, version.model));
    // Deleted ones count: a number is never given twice.
    GALLEY_TRY(const auto row, transaction.query_one("select coalesce(max(version), 0) + 1 from"
                                                     " registered_versions where model = :1",
                                                     {version.model}));
    version.version = row->integer(0);
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into registered_versions (model, version, source, run_id, run_link, model_id,"
        " description, stage, user_name, snapshot_id, created_ms, updated_ms)"
        " values (:1, :2, :3, :4, :5, :6, :7, :8, :9, '', :10, :10)",
        {version.model, version.version, version.source, version.run_id, version.run_link,
         version.model_id, version.description, std::string(kNoStage), version.user,
         version.created_ms}));
    for (const auto& [key, value] : tags)
      GALLEY_TRY_STATUS(
          write_registered_tag(transaction, version.model, version.version, key, value));
    return touch_registered(transaction, version.model, from_ms(version.created_ms));
  }));
  return version;
}

Result<Reply> show_version(Service::Impl& service, const std::string& name, std::int64_t version) {
  Reply reply{.subject = fmt::format("{}/{}", name, version)};
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto found, find_version(transaction, name, version));
    reply.body = Json{{"model_version", print_version(found)}};
    return ok();
  }));
  return reply;
}

Result<Reply> create_version(Service::Impl& service, const Call& call) {
  RegisteredVersion version{.user = call.principal(), .created_ms = to_ms(service.now())};
  GALLEY_TRY(version.model, call.text("name"));
  GALLEY_TRY(version.source, call.text("source"));
  GALLEY_TRY(version.run_id, call.text_or("run_id"));
  GALLEY_TRY(version.run_link, call.text_or("run_link"));
  GALLEY_TRY(version.model_id, call.text_or("model_id"));
  GALLEY_TRY(version.description, call.text_or("description"));
  GALLEY_TRY(const auto tags, call.pairs("tags"));
  for (const std::string* text :
       {&version.source, &version.run_id, &version.run_link, &version.model_id})
    if (text->size() > kMaxSource) return fault("a source, link or id is too long");
  GALLEY_TRY(version, insert_version(service, std::move(version), tags));
  if (const auto place = place_of(version.source, version.model_id)) {
    const auto snapshot = freeze_version(service, call, version, *place);
    if (snapshot)
      GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) {
        return transaction.enqueue(
            "update registered_versions set snapshot_id = :1"
            " where model = :2 and version = :3",
            {*snapshot, version.model, version.version});
      }));
    else
      log::warn("mlflow", "a registered version is not frozen",
                {{"model", version.model}, {"reason", describe(snapshot.error())}});
  }
  return show_version(service, version.model, version.version);
}

/// The name and version that a call is about, which must be there.
struct Named {
  std::string name;
  std::int64_t version = 0;
};
Result<Named> named_version(const Call& call) {
  Named named;
  GALLEY_TRY(named.name, call.text("name"));
  if (!call.has("version")) return required("version");
  GALLEY_TRY(named.version, call.integer_or("version", 0));
  return named;
}

Result<Reply> get_version(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto named, named_version(call));
  return show_version(service, named.name, named.version);
}

template <class Change>
Result<Reply> change_version(Service::Impl& service, const Named& named, bool shown,
                             const Change& change) {
  const WallTime now = service.now();
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(find_version(transaction, named.name, named.version));
    GALLEY_TRY_STATUS(change(transaction, to_ms(now)));
    GALLEY_TRY_STATUS(transaction.enqueue(
        "update registered_versions set updated_ms = :1 where model = :2 and version = :3",
        {to_ms(now), named.name, named.version}));
    return touch_registered(transaction, named.name, now);
  }));
  if (shown) return show_version(service, named.name, named.version);
  return Reply{.subject = fmt::format("{}/{}", named.name, named.version)};
}

Result<Reply> update_version(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto named, named_version(call));
  GALLEY_TRY(const auto description, call.text_or("description"));
  return change_version(service, named, true, [&](Transaction& transaction, std::int64_t) {
    return transaction.enqueue(
        "update registered_versions set description = :1 where model = :2 and version = :3",
        {description, named.name, named.version});
  });
}

Result<Reply> delete_version(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto named, named_version(call));
  return change_version(
      service, named, false, [&](Transaction& transaction, std::int64_t now_ms) -> Status {
        for (const char* table : {"registered_aliases", "registered_tags"})
          GALLEY_TRY_STATUS(transaction.execute(
              fmt::format("delete from {} where model = :1 and version = :2", table),
              {named.name, named.version}));
        return transaction.enqueue(
            "update registered_versions set deleted_ms = :1 where model = :2 and version = :3",
            {now_ms, named.name, named.version});
      });
}

Result<Reply> transition_stage(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto named, named_version(call));
  GALLEY_TRY(const auto wanted, call.text("stage"));
  const auto lower = [](std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return out;
  };
  const auto* const stage = std::ranges::find_if(
      kStages, [&](std::string_view each) { return lower(each) == lower(wanted); });
  if (stage == kStages.end())
    return fault(
        fmt::format("Invalid Model Version stage: {}. Value must be one of None, Staging,"
                    " Production, Archived.",
                    wanted.substr(0, 40)));
  const Json* archive = call.member("archive_existing_versions");
  const bool archives = archive != nullptr && archive->is_boolean() && archive->get<bool>() &&
                        (*stage == "Staging" || *stage == "Production");
  return change_version(
      service, named, true, [&](Transaction& transaction, std::int64_t) -> Status {
        if (archives)
          GALLEY_TRY_STATUS(transaction.execute(
              "update registered_versions set stage = 'Archived' where model = :1 and stage = :2",
              {named.name, std::string(*stage)}));
        return transaction.enqueue(
            "update registered_versions set stage = :1 where model = :2 and version = :3",
            {std::string(*stage), named.name, named.version});
      });
}

Result<bool> fulfils_all_of_version(const std::vector<Clause>& clauses,
                                    const RegisteredVersion& version) {
  const std::string number = std::to_string(version.version);
  for (const Clause& clause : clauses) {
    bool fits = false;
    if (clause.entity == Entity::tag) {
      const auto tag = std::ranges::find(version.tags, clause.key, &KeyValue::first);
      fits = fulfils(clause, tag == version.tags.end() ? nullptr : &tag->second);
    } else if (clause.key == "version_number" || (clause.key == "version" && clause.is_number)) {
      fits = fulfils(clause, static_cast<double>(version.version));
    } else {
      const std::string* text = clause.key == "name"          ? &version.model
                                : clause.key == "run_id"      ? &version.run_id
                                : clause.key == "source_path" ? &version.source
                                : clause.key == "source"      ? &version.source
                                : clause.key == "model_id"    ? &version.model_id
                                : clause.key == "version"     ? &number
                                                              : nullptr;
      if (text == nullptr)
        return fault(
            fmt::format("Invalid attribute key '{}' specified. Valid keys are name,"
                        " version_number, run_id, source_path and tags",
                        clause.key.substr(0, 80)));
      fits = fulfils(clause, text);
    }
    if (!fits) return false;
  }
  return true;
}

Before<RegisteredVersion> version_field(std::string_view key) {
  if (key == "name") return by_member(&RegisteredVersion::model);
  if (key == "version_number") return by_member(&RegisteredVersion::version);
  if (key == "creation_timestamp") return by_member(&RegisteredVersion::created_ms);
  return by_member(&RegisteredVersion::updated_ms);
}

Result<Reply> search_versions(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto filter, call.text_or("filter"));
  GALLEY_TRY(const auto clauses, parse_filter(filter));
  GALLEY_TRY(const auto orders, call.texts("order_by"));
  std::vector<RegisteredVersion> found;
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(auto all, all_versions(transaction, {}));
    for (RegisteredVersion& one : all) {
      GALLEY_TRY(const bool fits, fulfils_all_of_version(clauses, one));
      if (fits) found.push_back(std::move(one));
    }
    return ok();
  }));
  GALLEY_TRY_STATUS(sort_by(found, orders, version_field));
  return reply_page(call, found, "model_versions", kVersionsShown, kMaxVersionsShown,
                    [](const RegisteredVersion& one) { return print_version(one); });
}

Result<Reply> download_uri(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto named, named_version(call));
  Reply reply;
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto found, find_version(transaction, named.name, named.version));
    std::string uri = found.source;
    if (uri.starts_with("models:/m-")) {
      GALLEY_TRY(uri, model_uri(transaction, uri.substr(8)));
    }
    reply.body = Json{{"artifact_uri", std::move(uri)}};
    return ok();
  }));
  return reply;
}

Result<Reply> write_version_tag(Service::Impl& service, const Call& call,
                                const std::optional<std::string>& value) {
  GALLEY_TRY(const auto named, named_version(call));
  GALLEY_TRY(const auto key, call.text("key"));
  return change_version(service, named, false, [&](Transaction& transaction, std::int64_t) {
    return write_registered_tag(transaction, named.name, named.version, key, value);
  });
}
Result<Reply> set_version_tag(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto value, call.text_or("value"));
  return write_version_tag(service, call, value);
}
Result<Reply> delete_version_tag(Service::Impl& service, const Call& call) {
  return write_version_tag(service, call, std::nullopt);
}

}  // namespace

std::vector<Line> model_version_lines() {
  using enum Effect;
  return {
      {"POST", "/model-versions/create", "MLflow: registers a version of a model.", create_version,
       change, "model_version.create"},
      {"GET", "/model-versions/get", "MLflow: a version of a model.", get_version},
      {"PATCH", "/model-versions/update", "MLflow: describes a version of a model.", update_version,
       stream},
      {"DELETE", "/model-versions/delete", "MLflow: deletes a version of a model.", delete_version,
       change, "model_version.delete"},
      {"POST", "/model-versions/transition-stage", "MLflow: moves a version to a stage.",
       transition_stage, change, "model_version.stage"},
      {"GET", "/model-versions/search", "MLflow: versions by filter and order.", search_versions},
      {"GET", "/model-versions/get-download-uri", "MLflow: where a version's files lie.",
       download_uri},
      {"POST", "/model-versions/set-tag", "MLflow: sets a tag of a version.", set_version_tag,
       stream},
      {"DELETE", "/model-versions/delete-tag", "MLflow: removes a tag of a version.",
       delete_version_tag, stream}};
}

}  // namespace galley::mlflow
