#include "backup.h"

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "blobs/blob_store.h"
#include "blobs/freeze.h"
#include "registry/registry.h"

namespace galley::app {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kMaxListBytes = 1 << 20;
constexpr std::int64_t kMaxSecretBytes = 4096;
constexpr int kForm = 1;
constexpr const char* kList = "backup.json";

double share(std::size_t done, std::size_t total) {
  return total == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total);
}

Status bring_file(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (fs::exists(to, error)) return ok();
  GALLEY_TRY_STATUS(make_folders(to.parent_path()));
  // A blob is never changed after it was written, so two folders may share one.
  fs::create_hard_link(from, to, error);
  if (!error) return ok();
  const fs::path part = to.string() + ".part";
  fs::copy_file(from, part, fs::copy_options::overwrite_existing, error);
  if (!error) fs::rename(part, to, error);
  if (error) return system_error("cannot copy " + from.string(), error.value());
  return ok();
}

Result<Backup> parse_list(const Json& json) {
  try {
    if (json.at("version").get<int>() > kForm)
      return Error{Errc::unsupported,
                   "the backup has the form " + std::to_string(json.at("version").get<int>()) +
                       "; this program reads forms up to " + std::to_string(kForm)};
    Backup backup{.made_at = json.at("made_at").get<std::string>(),
                  .tables = {},
                  .blob_count = json.at("blobs").get<std::int64_t>()};
    for (const Json& table : json.at("tables"))
      backup.tables.push_back({table.at("table").get<std::string>(),
                               table.at("rows").get<std::int64_t>(),
                               table.at("sha256").get<std::string>()});
    return backup;
  } catch (const nlohmann::json::exception& error) {
    return Error{Errc::corrupt,
                 std::string("its list of contents cannot be read: ") + error.what()};
  }
}

}  // namespace

Status write_backup_list(const fs::path& folder, const Backup& backup) {
  Json tables = Json::array();
  for (const auto& table : backup.tables)
    tables.push_back({{"table", table.table}, {"rows", table.rows}, {"sha256", table.sha256}});
  const Json list{{"kind", "galley-backup"},
                  {"version", kForm},
                  {"made_at", backup.made_at},
                  {"blobs", backup.blob_count},
                  {"tables", tables}};
  return write_file_atomic(folder / kList, dump_json(list) + "\n", Durability::disk, 0600);
}

Result<Backup> read_backup_list(const fs::path& folder) {
  const auto text = read_file(folder / kList, kMaxListBytes);
  if (!text && text.error().code == Errc::not_found)
    return Error{Errc::not_found,
                 "there is no complete backup in " + folder.string() + ": it has no " + kList,
                 "--from", "a folder that `galley store backup` has made"};
  if (!text) return text.error();
  const auto explain = [&](Error error) {
    error.message = "the backup in " + folder.string() + " is damaged: " + error.message;
    return error;
  };
  auto json = parse_json(*text);
  if (!json) return explain(Error{Errc::corrupt, json.error().message});
  auto backup = parse_list(*json);
  if (!backup) return explain(std::move(backup).error());
  return backup;
}

Result<std::int64_t> copy_blobs(const fs::path& from, const fs::path& to,
                                const StepProgress& progress) {
  if (!fs::exists(from)) return std::int64_t{0};
  GALLEY_TRY(const auto source, blobs::BlobStore::open(from));
  GALLEY_TRY(const auto target, blobs::BlobStore::open(to));
  GALLEY_TRY(const auto all, source->list());
  std::size_t done = 0;
  for (const auto& blob : all) {
    const fs::path place = fs::path(blob.name.substr(0, 2)) / blob.name;
    GALLEY_TRY_STATUS(bring_file(from / place, to / place));
    progress("copying blobs", share(++done, all.size()));
  }
  return static_cast<std::int64_t>(all.size());
}

Result<std::int64_t> verify_blobs(const fs::path& folder, const StepProgress& progress) {
  if (!fs::exists(folder)) return std::int64_t{0};
  GALLEY_TRY(const auto store, blobs::BlobStore::open(folder));
  GALLEY_TRY(const auto all, store->list());
  std::size_t done = 0;
  for (const auto& blob : all) {
    GALLEY_TRY_STATUS(store->get(blob.name));
    progress("reading blobs", share(++done, all.size()));
  }
  return static_cast<std::int64_t>(all.size());
}

Status verify_references(store::Database& database, const fs::path& folder,
                         const StepProgress& progress) {
  GALLEY_TRY(const auto store, blobs::BlobStore::open(folder));
  IdSource ids(system_clock());
  const registry::Registry registry(database, *store, system_clock(), ids);
  GALLEY_TRY(const auto manifests, registry.reachable_manifests());
  std::size_t done = 0;
  for (const std::string& name : manifests) {
    const auto manifest = blobs::get_manifest(*store, name);
    auto complete = manifest ? blobs::check_complete(*store, *manifest) : Status(manifest.error());
    if (!complete)
      return Error{Errc::corrupt, "the records name " + name.substr(0, 12) +
                                      ", which is not all there: " + complete.error().message};
    progress("following references", share(++done, manifests.size()));
  }
  return ok();
}

Status copy_secrets(const fs::path& from, const fs::path& to) {
  for (const char* name : {"token", "secret"}) {
    const auto secret = read_file(from / name, kMaxSecretBytes);
    if (!secret && secret.error().code == Errc::not_found) continue;
    if (!secret) return secret.error();
    GALLEY_TRY_STATUS(write_file_atomic(to / name, *secret, Durability::disk, 0600));
  }
  return ok();
}

}  // namespace galley::app
