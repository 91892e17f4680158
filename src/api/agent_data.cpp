// What flows between agents and the controller: progress, frozen files, data sets, logs.
#include <array>
#include <set>

#include "agent_routes.h"
#include "auth_headers.h"
#include "blobs/blob_store.h"
#include "blobs/freeze.h"
#include "bodies.h"
#include "context.h"
#include "controller/remote_agents.h"
#include "log_follower.h"
#include "process/log_mirror.h"
#include "protocol/checkpoint.h"
#include "protocol/fleet_messages.h"
#include "registry/registry.h"
#include "reply.h"
#include "run_views.h"

namespace galley::api {
namespace {

using protocol::ProgressMessage;

constexpr std::int64_t kMostBytes = std::int64_t{1} << 60;

/// A file whose content never came would be a dead link in the record of a run.
Result<std::vector<controller::RegisteredFile>> registered_files(const Context& context,
                                                                 const ProgressMessage& message) {
  std::vector<controller::RegisteredFile> files;
  for (const protocol::ProgressFile& file : message.files) {
    if (!context.services.blobs.has(file.manifest_sha256))
      return Error{Errc::invalid_argument,
                   "the content of '" + file.path + "' has not been uploaded", "files"};
    files.push_back({file.path, file.file_kind, file.manifest_sha256, file.size_bytes, file.step});
  }
  return files;
}

void take_progress(const Context& context, const http::Exchange& exchange) {
  const auto responder = exchange.responder();
  const std::string request_id = exchange.request().id;
  const auto answer = [responder, request_id](const Status& status) {
    responder(status ? no_content() : http::problem(status.error(), request_id));
  };
  const auto agent = agent_of(context, exchange.request());
  if (!agent) return answer(agent.error());
  const auto message = protocol::read_message<ProgressMessage>(exchange.request().body);
  if (!message) return answer(message.error());
  auto report = protocol::from_message(*message);
  if (!report) return answer(report.error());
  auto files = registered_files(context, *message);
  if (!files) return answer(files.error());
  std::set<std::string> keys;
  for (const auto& point : report->points) keys.insert(point.key);
  context.services.agents->progress(
      agent->node, *std::move(report), *std::move(files),
      [&context, answer, run = message->run_id,
       keys = std::vector<std::string>(keys.begin(), keys.end())](const Status& status) {
        if (status && !keys.empty()) announce_metrics(*context.feed, run, keys);
        answer(status);
      });
}

/// Appends what came and answers where the next piece belongs. A piece that does not fit there is
/// not taken, so that a lost answer, or a log that we lost ourselves, only costs a repetition.
Result<http::Response> take_log(const Context& context, const http::Request& request) {
  GALLEY_TRY(const auto agent, agent_of(context, request));
  GALLEY_TRY(const auto attempt, AttemptId::parse(request.param("id")));
  GALLEY_TRY(const auto rank, query_integer(request, "rank", 0, 0, 1'000'000));
  GALLEY_TRY(const auto segment, query_integer(request, "segment", -1, 0, kMostBytes));
  GALLEY_TRY(const auto offset, query_integer(request, "offset", 0, 0, kMostBytes));
  GALLEY_TRY(const auto oldest, query_integer(request, "oldest", 0, 0, kMostBytes));
  GALLEY_TRY_STATUS(context.services.agents->check_member(agent.node, attempt, rank));
  process::LogMirror log(member_folder(context.services.attempts_folder, attempt, rank));
  if (segment >= 0) {
    const auto appended = log.append(segment, offset, request.body);
    if (!appended && appended.error().code != Errc::conflict) return appended.error();
    if (oldest > 0) GALLEY_TRY_STATUS(log.drop_before(oldest));
  }
  GALLEY_TRY(const auto last, log.last());
  return http::Response::json(protocol::print_message(protocol::LogPlace{last.start, last.size}));
}

http::Response bytes_reply(std::string bytes) {
  http::Response response{200, {}, std::move(bytes)};
  response.headers.set("Content-Type", "application/octet-stream");
  return response;
}

void add_blob_routes_of_agents(Endpoints& endpoints, Context& context) {
  endpoints.add_internal("POST", "/internal/v1/blobs/missing", http::Run::pool,
                         [&context](const http::Request& request) -> Result<http::Response> {
                           GALLEY_TRY(const auto body, body_as<MissingBody>(request));
                           GALLEY_TRY(const auto missing,
                                      context.services.blobs.missing(body.hashes));
                           return reply({{"missing", missing}});
                         });
  endpoints.add_internal(
      "PUT", "/internal/v1/blobs/{sha256}", http::Run::pool,
      [&context](const http::Request& request) -> Result<http::Response> {
        GALLEY_TRY_STATUS(context.services.blobs.put(request.param("sha256"), request.body));
        return no_content();
      });
  endpoints.add_internal("GET", "/internal/v1/blobs/{sha256}", http::Run::pool,
                         [&context](const http::Request& request) -> Result<http::Response> {
                           GALLEY_TRY(auto bytes,
                                      context.services.blobs.get(request.param("sha256")));
                           return bytes_reply(std::move(bytes));
                         });
  endpoints.add_internal(
      "PUT", kManifestPattern, http::Run::pool,
      [&context](const http::Request& request) -> Result<http::Response> {
        GALLEY_TRY(const auto frozen, blobs::put_manifest(context.services.blobs, request.body));
        if (frozen.name != request.param("sha256"))
          return Error{Errc::invalid_argument, "the manifest is another one than its name says"};
        return no_content();
      });
  endpoints.add_internal(
      "GET", "/internal/v1/datasets/{reference}", http::Run::pool,
      [&context](const http::Request& request) -> Result<http::Response> {
        std::string manifest(protocol::manifest_of_content(request.param("reference")));
        if (manifest.empty()) {
          GALLEY_TRY(auto snapshot, context.services.registry.get(registry::Kind::dataset,
                                                                  request.param("reference")));
          manifest = std::move(snapshot.manifest_sha256);
        }
        GALLEY_TRY(auto bytes, context.services.blobs.get(manifest));
        return bytes_reply(std::move(bytes));
      });
}

}  // namespace

void add_agent_data_routes(Endpoints& endpoints, Context& context) {
  endpoints.add_internal_deferred(
      "POST", "/internal/v1/progress", http::Run::pool,
      [&context](const http::Exchange& exchange) { take_progress(context, exchange); });
  endpoints.add_internal(
      "POST", "/internal/v1/attempts/{id}/log", http::Run::pool,
      [&context](const http::Request& request) { return take_log(context, request); });
  add_blob_routes_of_agents(endpoints, context);
}

}  // namespace galley::api
