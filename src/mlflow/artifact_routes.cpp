#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "artifact_store.h"
#include "base/text.h"
#include "blobs/freeze.h"
#include "error_reply.h"
#include "logged_models.h"
#include "print.h"
#include "service_impl.h"

namespace galley::mlflow {
namespace {

using store::Transaction;

constexpr std::string_view kArtifactPattern = "/artifacts/{path...}";
constexpr std::size_t kArtifactsShown = 1000;
/// Files up to this are answered in one piece, with their length.
constexpr std::int64_t kWholeBytes = 1 << 20;

/// Client falls back to a plain upload when it reads this beginning.
constexpr std::string_view kNoParts =
    "Multipart upload is not supported for the current artifact repository";

/// The paths of the artifact proxy, which have a prefix of their own.
Route artifact_route(std::string_view method, std::string_view path, std::string_view summary) {
  Route route = route_at(method, path, summary);
  route.pattern = fmt::format("/api/2.0/mlflow-artifacts{}", path);
  route.aliases = {fmt::format("/ajax-api/2.0/mlflow-artifacts{}", path)};
  route.jobs = true;
  return route;
}

Status check_place(Transaction& transaction, const std::string& own_run,
                   const ArtifactPlace& place) {
  if (!place.run.empty()) return check_run(transaction, own_run, RunId::trusted(place.run));
  return check_model(transaction, own_run, place.model);
}

Json print_entries(const std::vector<ArtifactEntry>& entries, bool names_only) {
  Json files = Json::array();
  for (const ArtifactEntry& entry : entries) {
    std::string path = entry.path;
    if (names_only) path = path.substr(path.rfind('/') + 1);
    Json file{{"path", std::move(path)}, {"is_dir", entry.is_folder}};
    if (!entry.is_folder) file["file_size"] = entry.size_bytes;
    files.push_back(std::move(file));
  }
  return files;
}

Result<std::vector<ArtifactEntry>> list_place(Service::Impl& service, const std::string& own_run,
                                              const ArtifactPlace& place) {
  std::vector<ArtifactEntry> entries;
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(check_place(transaction, own_run, place));
    GALLEY_TRY(entries, ArtifactStore(transaction, service.services.blobs).list(place));
    return ok();
  }));
  // A file lists nothing, as a folder of the file system would.
  if (entries.size() == 1 && entries[0].path == place.path && !entries[0].is_folder)
    entries.clear();
  return entries;
}

Result<Json> paged_files(const Call& call, const std::vector<ArtifactEntry>& entries, Json body) {
  GALLEY_TRY(const auto page, page_of(call, entries.size(), kArtifactsShown, kArtifactsShown));
  const std::vector<ArtifactEntry> shown(entries.begin() + static_cast<std::ptrdiff_t>(page.from),
                                         entries.begin() + static_cast<std::ptrdiff_t>(page.to));
  if (!shown.empty()) body["files"] = print_entries(shown, false);
  if (!page.next_token.empty()) body["next_page_token"] = page.next_token;
  return body;
}

Result<std::string> path_member(const Call& call, std::string_view name) {
  GALLEY_TRY(auto path, call.text_or(name));
  while (path.ends_with('/')) path.pop_back();
  if (!path.empty())
    if (const Status good = blobs::check_path(path); !good)
      return fault("Invalid path: " + good.error().message);
  return path;
}

Result<Reply> list_artifacts(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto run, call.run());
  GALLEY_TRY(const auto path, path_member(call, "path"));
  Json body;
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(check_run(transaction, call.own_run(), run));
    GALLEY_TRY(const auto record, tracking::read_record(transaction, run));
    GALLEY_TRY(const auto info, print_run_info(transaction, record.run));
    body["root_uri"] = info["artifact_uri"];
    return ok();
  }));
  GALLEY_TRY(const auto entries,
             list_place(service, call.own_run(), {.run = run.str(), .model = {}, .path = path}));
  GALLEY_TRY(body, paged_files(call, entries, std::move(body)));
  return Reply{std::move(body)};
}

Result<Reply> list_model_artifacts(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto model, call.text("model_id"));
  GALLEY_TRY(const auto path, path_member(call, "artifact_directory_path"));
  GALLEY_TRY(const auto entries,
             list_place(service, call.own_run(), {.run = {}, .model = model, .path = path}));
  Json body;
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(body["root_uri"], model_uri(transaction, model));
    return ok();
  }));
  GALLEY_TRY(body, paged_files(call, entries, std::move(body)));
  return Reply{std::move(body)};
}

/// The proxy's list: names within the folder that was asked for.
http::Response list_proxy(Service::Impl& service, const Call& call) {
  const auto path = call.text_or("path");
  if (!path) return error_answer(path.error());
  const auto place = parse_place(*path);
  if (!place) return error_answer(place.error());
  const auto entries = list_place(service, call.own_run(), *place);
  if (!entries) return error_answer(entries.error());
  return http::Response::json(dump_json({{"files", print_entries(*entries, true)}}));
}

class ToBlobs final : public blobs::ChunkSink {
 public:
  explicit ToBlobs(blobs::BlobStore& blobs) : blobs_(blobs) {}
  Result<std::vector<std::string>> missing(std::span<const std::string> names) override {
    return blobs_.missing(names);
  }
  Status put(const std::string& name, std::string_view bytes) override {
    return blobs_.put(name, bytes);
  }

 private:
  blobs::BlobStore& blobs_;
};

Result<blobs::Frozen> freeze_body(Service::Impl& service, const http::Request& request,
                                  const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  ToBlobs sink(service.services.blobs);
  if (request.body_file == nullptr) {  // an empty one
    const blobs::Manifest empty{.files = {{.path = name, .sha256 = sha256_hex(""), .chunks = {}}}};
    return blobs::put_manifest(service.services.blobs, blobs::print_manifest(empty));
  }
  GALLEY_TRY(const auto manifest, blobs::freeze_file(request.body_file->path(), name, sink));
  return blobs::put_manifest(service.services.blobs, blobs::print_manifest(manifest));
}

Result<http::Response> upload(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto path, call.text("path"));
  GALLEY_TRY(const auto place, parse_place(path));
  if (place.path.empty()) return fault("an artifact needs a path");
  // Before the work, so that it is not done in vain; and with the row, since time passes.
  const auto check = [&](Transaction& transaction) {
    return check_place(transaction, call.own_run(), place);
  };
  GALLEY_TRY_STATUS(service.read(check));
  GALLEY_TRY(const auto frozen, freeze_body(service, call.request(), place.path));
  const WallTime now = service.now();
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(check(transaction));
    return ArtifactStore(transaction, service.services.blobs)
        .put(place, frozen.name, frozen.manifest.size_bytes(), now);
  }));
  return http::Response::json("{}");
}

Result<http::Response> remove(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto path, call.text("path"));
  GALLEY_TRY(const auto place, parse_place(path));
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(check_place(transaction, call.own_run(), place));
    return ArtifactStore(transaction, service.services.blobs).remove(place);
  }));
  return http::Response::json("{}");
}

struct ByteRange {
  std::int64_t from = 0;
  std::int64_t to = 0;  // behind the last byte
};

/// "bytes=5-9", "bytes=5-" or "bytes=-3"; nothing for all that means the whole. A range that holds
/// no byte is empty.
std::optional<ByteRange> range_of(std::string_view header, std::int64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit) || header.find(',') != std::string_view::npos) return std::nullopt;
  header.remove_prefix(kUnit.size());
  const auto dash = header.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view text) -> std::optional<std::int64_t> {
    std::int64_t value = -1;
    const auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (errc != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
  };
  const auto first = number(header.substr(0, dash));
  const auto last = number(header.substr(dash + 1));
  if (!first && !last) return std::nullopt;
  if (!first) return ByteRange{std::max<std::int64_t>(0, size - *last), *last == 0 ? 0 : size};
  return ByteRange{*first, last ? std::min(*last, size - 1) + 1 : size};
}

http::Headers head_of(const blobs::ManifestFile& file, const std::optional<ByteRange>& range) {
  const std::string name = file.path.substr(file.path.rfind('/') + 1);
  http::Headers headers;
  headers.set("Content-Type", "application/octet-stream");
  headers.set("Content-Disposition",
              fmt::format("attachment; filename*=UTF-8''{}", http::percent_encode(name)));
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Accept-Ranges", "bytes");
  if (range)
    headers.set("Content-Range",
                fmt::format("bytes {}-{}/{}", range->from, range->to - 1, file.size_bytes));
  return headers;
}

void download(Service::Impl& service, http::Exchange exchange) {
  const auto fail = [&](const Error& error) { exchange.responder()(error_answer(error)); };
  const auto call = Call::read(exchange.request());
  if (!call) return fail(call.error());
  const auto path = call->text("path");
  if (!path) return fail(path.error());
  const auto place = parse_place(*path);
  if (!place) return fail(place.error());
  blobs::ManifestFile file;
  const Status found = service.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(check_place(transaction, call->own_run(), *place));
    GALLEY_TRY(file, ArtifactStore(transaction, service.services.blobs).file(*place));
    return ok();
  });
  if (!found) return fail(found.error());
  const auto range = range_of(exchange.request().headers.get("Range"), file.size_bytes);
  if (range && range->from >= range->to) {
    auto refusal = error_answer(fault("the range holds no byte of the artifact"));
    refusal.status = 416;
    refusal.headers.set("Content-Range", fmt::format("bytes */{}", file.size_bytes));
    return exchange.responder()(std::move(refusal));
  }
  const ByteRange wanted = range.value_or(ByteRange{0, file.size_bytes});
  const int status = range ? 206 : 200;
  auto headers = head_of(file, range);
  if (file.size_bytes <= kWholeBytes && file.chunks.size() <= 1) {
    std::string bytes;
    if (!file.chunks.empty()) {
      auto chunk = service.services.blobs.get(file.chunks.front());
      if (!chunk) return fail(chunk.error());
      bytes = chunk->substr(static_cast<std::size_t>(wanted.from),
                            static_cast<std::size_t>(wanted.to - wanted.from));
    }
    return exchange.responder()({.status = status, .headers = std::move(headers), .body = bytes});
  }
  service.downloads.send(exchange.stream(status, std::move(headers)), std::move(file), wanted.from,
                         wanted.to);
}

}  // namespace

std::vector<Line> artifact_lines() {
  return {{"GET",
           "/artifacts/list",
           "MLflow: what lies in a folder of a run's artifacts.",
           list_artifacts,
           Effect::look,
           {},
           true},
          {"GET",
           "/logged-models/{model_id}/artifacts/directories",
           "MLflow: what lies in a folder of a logged model.",
           list_model_artifacts,
           Effect::look,
           {},
           true}};
}

void add_artifact_routes(Service::Impl& service, std::vector<Route>& routes) {
  const auto add = [&](Route route, auto act) {
    route.handler = [&service, act](http::Exchange exchange) {
      const auto call = Call::read(exchange.request());
      if (!call) return exchange.responder()(error_answer(call.error()));
      Result<http::Response> answer = act(service, *call);
      exchange.responder()(answer ? *std::move(answer) : error_answer(answer.error()));
    };
    routes.push_back(std::move(route));
  };
  for (const char* method : {"PUT", "POST"}) {
    Route route = artifact_route(method, kArtifactPattern, "MLflow: uploads an artifact.");
    route.effect = Effect::stream;
    add(std::move(route), upload);
  }
  Route gone = artifact_route("DELETE", kArtifactPattern, "MLflow: deletes artifacts.");
  gone.effect = Effect::stream;
  add(std::move(gone), remove);
  Route get = artifact_route("GET", kArtifactPattern, "MLflow: downloads an artifact.");
  get.handler = [&service](http::Exchange exchange) { download(service, std::move(exchange)); };
  routes.push_back(std::move(get));
  add(artifact_route("GET", "/artifacts", "MLflow: what lies in a folder of artifacts."),
      [](Service::Impl& own, const Call& call) -> Result<http::Response> {
        return list_proxy(own, call);
      });
  for (const char* step : {"create", "complete", "abort"}) {
    Route route = artifact_route("POST", fmt::format("/mpu/{}/{{path...}}", step),
                                 "MLflow: uploads in parts, which are not supported.");
    add(std::move(route), [](Service::Impl&, const Call&) -> Result<http::Response> {
      return Error{Errc::unsupported, std::string(kNoParts)};
    });
  }
}

std::map<std::string, std::size_t, std::less<>> Service::body_bytes_of_route() {
  std::map<std::string, std::size_t, std::less<>> bytes;
  for (const std::string& pattern : spooled_routes()) bytes.emplace(pattern, kMaxArtifactBytes);
  return bytes;
}

std::vector<std::string> Service::spooled_routes() {
  return {"/api/2.0/mlflow-artifacts/artifacts/{path...}",
          "/ajax-api/2.0/mlflow-artifacts/artifacts/{path...}"};
}

}  // namespace galley::mlflow
