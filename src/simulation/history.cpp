#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "protocol/records.h"
#include "simulation/trace.h"
#include "trace_builder.h"

namespace galley::simulation {
namespace {

Error locate(std::string_view where, Error error) {
  error.code = Errc::invalid_argument;
  error.message = fmt::format("{}: {}", where, error.message);
  return error;
}

/// A job that never ran, or has not ended, teaches nothing about durations and is passed by.
Status add_job(std::string_view where, const Json& json, TraceBuilder& builder) {
  const auto record = protocol::parse_struct<protocol::JobRecord>(json, protocol::Unknown::ignore);
  if (!record) return locate(where, record.error());
  if (!protocol::is_final(record->state) || !record->started_at || !record->finished_at)
    return ok();
  if (*record->finished_at < *record->started_at || *record->started_at < record->created_at)
    return Error{Errc::invalid_argument,
                 fmt::format("{}: the job was created {}, started {}, finished {}", where,
                             to_rfc3339(record->created_at), to_rfc3339(*record->started_at),
                             to_rfc3339(*record->finished_at)),
                 "started_at", "times in this order"};
  const protocol::Resources& asked = record->spec.resources;
  Job job{.submit = record->created_at,
          .duration = *record->finished_at - *record->started_at,
          .priority_class = record->priority_class,
          .gpus = static_cast<std::int32_t>(asked.gpus),
          .nodes = static_cast<std::int32_t>(asked.nodes),
          .cpus = static_cast<std::int32_t>(asked.cpus),
          .memory_bytes = asked.memory.count,
          .gpu_type = asked.gpu_type.value_or(""),
          .started = record->started_at};
  return builder.add(std::move(job), record->team.empty() ? "default" : record->team);
}

Status add_list(std::string_view file, const Json& list, TraceBuilder& builder) {
  for (std::size_t i = 0; i < list.size(); ++i)
    GALLEY_TRY_STATUS(add_job(fmt::format("{}: items[{}]", file, i), list[i], builder));
  return ok();
}

Status add_lines(std::string_view file, std::string_view bytes, TraceBuilder& builder) {
  std::int64_t number = 0;
  for (const std::string_view line : split(bytes, '\n')) {
    ++number;
    if (trim(line).empty()) continue;
    const std::string where = fmt::format("{}:{}", file, number);
    const auto json = parse_json(line);
    if (!json) return locate(where, json.error());
    GALLEY_TRY_STATUS(add_job(where, *json, builder));
  }
  return ok();
}

}  // namespace

Result<Trace> parse_history(std::string_view file, std::string_view bytes) {
  TraceBuilder builder(file);
  // One document that may span lines, else a job a line. A single line that is a job is the latter.
  const auto document = parse_json(bytes);
  if (document && document->is_array()) {
    GALLEY_TRY_STATUS(add_list(file, *document, builder));
  } else if (document && document->is_object() && document->contains("items") &&
             (*document)["items"].is_array()) {
    GALLEY_TRY_STATUS(add_list(file, (*document)["items"], builder));
  } else {
    GALLEY_TRY_STATUS(add_lines(file, bytes, builder));
  }
  if (builder.empty())
    return Error{Errc::invalid_argument, fmt::format("{} holds no job that ran and ended", file),
                 "jobs", "what `galley jobs --json` prints once jobs have ended"};
  return builder.finish();
}

}  // namespace galley::simulation
