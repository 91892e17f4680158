#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "base/text.h"
#include "bodies.h"
#include "reply.h"
#include "serving/model_host.h"
#include "snapshot_views.h"

namespace galley::api {
namespace {

using registry::Kind;
using registry::Move;
using registry::Snapshot;

// Pages are cut from the whole history: each item tells what its channel pointed at before.
constexpr std::int64_t kWholeHistory = 1'000'000;

serving::Placement placement_of(const Snapshot& snapshot, std::string channel,
                                std::int64_t generation) {
  return {.model = snapshot.name,
          .channel = std::move(channel),
          .snapshot_id = snapshot.id.str(),
          .snapshot_ref = registry::reference(snapshot),
          .manifest_sha256 = snapshot.manifest_sha256,
          .generation = generation};
}

/// Loads what a channel is about to point at. What cannot be loaded is the caller's choice of
/// snapshot, not a fault of the server: 422 and the reason.
Status prepare(Context& context, const Snapshot& snapshot, const std::string& channel) {
  auto loaded = context.services.models.prepare(placement_of(snapshot, channel, 0));
  if (loaded || loaded.error().code == Errc::exhausted) return loaded;
  Error error = std::move(loaded).error();
  error.code = Errc::unsupported;
  error.message = registry::reference(snapshot) + " cannot be loaded: " + error.message +
                  "; the channel was not moved";
  return error;
}

/// A version of the model of this route, as an id, NAME@VERSION, a number or its digits.
Result<Snapshot> chosen(Context& context, const std::string& model, const Json& snapshot) {
  const auto wrong = [&](std::string found) {
    return Error{Errc::invalid_argument, "found " + std::move(found), "snapshot",
                 "an id, NAME@VERSION or a version of model " + model};
  };
  std::string reference;
  if (snapshot.is_number_integer()) {
    reference = model + "@" + dump_json(snapshot);
  } else if (snapshot.is_string()) {
    reference = snapshot.get<std::string>();
    const bool digits = !reference.empty() &&
                        std::ranges::all_of(reference, [](char c) { return c >= '0' && c <= '9'; });
    if (digits) reference = model + "@" + reference;
  } else {
    return wrong(dump_json(snapshot).substr(0, 40));
  }
  GALLEY_TRY(auto found, context.services.registry.get(Kind::model, reference));
  if (found.name != model) return wrong(registry::reference(found));
  return found;
}

/// If-Match: 3 or "3". Errors: invalid_argument.
Result<std::optional<std::int64_t>> expected_generation(const http::Request& request) {
  auto text = trim(request.headers.get("If-Match"));
  if (text.empty()) return std::optional<std::int64_t>();
  if (text.size() > 1 && text.front() == '"' && text.back() == '"')
    text = text.substr(1, text.size() - 2);
  std::int64_t generation = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), generation);
  if (error != std::errc{} || end != text.data() + text.size() || generation < 0)
    return Error{Errc::invalid_argument, "found '" + std::string(text.substr(0, 40)) + "'",
                 "If-Match", "the generation of the channel"};
  return std::optional(generation);
}

http::Response reply_channel(Json body, std::int64_t generation) {
  auto response = reply(body);
  response.headers.set("ETag", '"' + std::to_string(generation) + '"');
  return response;
}

/// Shows what the registry already says. When that fails the registry stays right, and the host
/// takes it up at its next start: the caller is told both.
Status show_placement(Context& context, const Snapshot& snapshot,
                      const registry::Channel& channel) {
  auto shown =
      context.services.models.apply(placement_of(snapshot, channel.channel, channel.generation));
  if (shown) return shown;
  Error error = std::move(shown).error();
  error.message = "the channel points at " + registry::reference(snapshot) +
                  ", but serving it failed: " + error.message;
  return error;
}

Result<http::Response> deploy_version(Context& context, const http::Request& request) {
  const std::string model(request.param("name"));
  const std::string channel(request.param("channel"));
  GALLEY_TRY_STATUS(registry::check_name("model", model));
  GALLEY_TRY_STATUS(registry::check_name("channel", channel));
  GALLEY_TRY(const auto body, body_as<DeployBody>(request));
  GALLEY_TRY(const auto expected, expected_generation(request));
  GALLEY_TRY(const auto snapshot, chosen(context, model, body.snapshot));
  GALLEY_TRY_STATUS(prepare(context, snapshot, channel));
  GALLEY_TRY(const auto moved,
             context.services.registry.move_channel({.model = model,
                                                     .channel = channel,
                                                     .snapshot_id = snapshot.id,
                                                     .expected_generation = expected,
                                                     .principal = request.principal,
                                                     .request_id = request.id,
                                                     .address = request.peer.address}));
  GALLEY_TRY_STATUS(show_placement(context, snapshot, moved.channel));
  return reply_channel(print_channel(moved.channel), moved.channel.generation);
}

Result<http::Response> rollback(Context& context, const http::Request& request) {
  const std::string model(request.param("name"));
  const std::string channel(request.param("channel"));
  auto& registry = context.services.registry;
  GALLEY_TRY(const auto given, expected_generation(request));
  GALLEY_TRY(const auto current, registry.channel(model, channel));
  GALLEY_TRY(const auto target, registry.rollback_target(model, channel));
  if (target) {
    GALLEY_TRY(const auto snapshot, registry.get(Kind::model, target->str()));
    GALLEY_TRY_STATUS(prepare(context, snapshot, channel));
  }
  // The generation that was looked at, so that what was prepared is what is returned to.
  GALLEY_TRY(const auto moved,
             registry.rollback({.model = model,
                                .channel = channel,
                                .expected_generation = given ? given : current.generation,
                                .principal = request.principal,
                                .request_id = request.id,
                                .address = request.peer.address}));
  GALLEY_TRY(const auto snapshot, registry.get(Kind::model, moved.channel.snapshot_id.str()));
  GALLEY_TRY_STATUS(show_placement(context, snapshot, moved.channel));
  Json body = print_channel(moved.channel);
  body["previous_snapshot_ref"] = model + "@" + std::to_string(current.version);
  return reply_channel(std::move(body), moved.channel.generation);
}

Result<http::Response> history(Context& context, const http::Request& request) {
  const std::string model(request.param("name"));
  GALLEY_TRY(const auto limit, query_limit(request));
  GALLEY_TRY(const auto moves, context.services.registry.history(
                                   model, query_text(request, "channel"), kWholeHistory));
  // The cursor is the seq of the last item shown: a move's place in the history, from 1.
  const std::string cursor = query_text(request, "cursor");
  std::int64_t before_seq = std::ssize(moves) + 1;
  const auto [end, fault] =
      std::from_chars(cursor.data(), cursor.data() + cursor.size(), before_seq);
  if (!cursor.empty() && (fault != std::errc{} || end != cursor.data() + cursor.size()))
    return Error{Errc::invalid_argument, "found '" + cursor.substr(0, 64) + "'", "cursor",
                 "the next_cursor of an earlier answer"};
  Json items = Json::array();
  const auto skipped =
      std::clamp<std::int64_t>(std::ssize(moves) - before_seq + 1, 0, std::ssize(moves));
  auto move = moves.begin() + skipped;
  for (; move != moves.end() && std::ssize(items) < limit; ++move) {
    Json item{{"seq", moves.end() - move},
              {"model", model},
              {"channel", move->channel},
              {"generation", move->generation},
              {"snapshot_id", move->snapshot_id.str()},
              {"snapshot_ref", model + "@" + std::to_string(move->version)},
              {"action", move->action},
              {"principal", move->principal},
              {"at", to_rfc3339(move->at)}};
    const auto before = std::find_if(
        move + 1, moves.end(), [&](const Move& older) { return older.channel == move->channel; });
    if (before != moves.end())
      item["previous_snapshot_ref"] = model + "@" + std::to_string(before->version);
    items.push_back(std::move(item));
  }
  if (move == moves.end()) return reply_list(std::move(items));
  return reply_list(std::move(items), std::to_string(moves.end() - move + 1));
}

Json history_schema() {
  Json schema = channel_schema();
  schema["properties"].erase("changed_at");
  schema["properties"]["seq"] = type_schema("integer");
  for (const char* name : {"previous_snapshot_ref", "action", "principal", "at"})
    schema["properties"][name] = type_schema("string");
  return schema;
}

}  // namespace

void add_channel_routes(Endpoints& endpoints, Context& context) {
  const std::string base = "/api/v1/models/{name}/channels";
  endpoints.add(
      "GET", base, http::Run::pool,
      {.summary = "Lists the channels of a model.", .response = list_schema(channel_schema())},
      [&context](const http::Request& request) -> Result<http::Response> {
        GALLEY_TRY(const auto channels, context.services.registry.channels(request.param("name")));
        Json items = Json::array();
        for (const auto& channel : channels) items.push_back(print_channel(channel));
        return reply_list(std::move(items));
      });
  endpoints.add(
      "PUT", base + "/{channel}", http::Run::pool,
      {.summary = "Deploys a snapshot: loads it, then moves the channel to it. If-Match "
                  "with a generation refuses to overwrite somebody else's move.",
       .request = protocol::schema_of<DeployBody>(),
       .response = channel_schema()},
      [&context](const http::Request& request) { return deploy_version(context, request); });
  Json rollback_schema = channel_schema();
  rollback_schema["properties"]["previous_snapshot_ref"] = type_schema("string");
  endpoints.add("POST", base + "/{channel}/rollback", http::Run::pool,
                {.summary = "Returns a channel to what was deployed before.",
                 .response = std::move(rollback_schema)},
                [&context](const http::Request& request) { return rollback(context, request); });
  std::vector<Parameter> parameters{
      {"channel", "Of one channel; of all when absent."},
      {"limit", "At most this many items; 50 when absent.", "integer"},
      {"cursor", "next_cursor of the answer before."}};
  endpoints.add("GET", "/api/v1/models/{name}/history", http::Run::pool,
                {.summary = "Lists the moves of a model's channels, newest first.",
                 .response = list_schema(history_schema()),
                 .query = std::move(parameters)},
                [&context](const http::Request& request) { return history(context, request); });
}

}  // namespace galley::api
