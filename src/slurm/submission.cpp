#include "submission.h"

#include <limits>

#include "base/file.h"
#include "base/json.h"

namespace galley::slurm {
namespace {

constexpr std::int64_t kMostBytes = 64 * 1024;
// Year 9999: what lies beyond is no time that a clock of ours has shown.
constexpr std::int64_t kMostMillis = 253'402'300'799'000;
constexpr std::int64_t kMostIndex = 4'000'000;
constexpr std::size_t kMostName = 200;

// A Galley that knows no arrays reads this as the time of submission. The year 2200: it waits for
// the job's comment until then instead of submitting the attempt once more, and learns its end from
// the supervisor's files.
constexpr std::int64_t kNeverMillis = 7'258'118'400'000;

std::optional<std::int64_t> number_of(const Json& object, const char* key, std::int64_t least,
                                      std::int64_t most) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer()) return std::nullopt;
  // An unsigned one past 2^63 would turn negative.
  if (found->is_number_unsigned() && found->get<std::uint64_t>() > static_cast<std::uint64_t>(most))
    return std::nullopt;
  const auto value = found->get<std::int64_t>();
  return value < least || value > most ? std::nullopt : std::optional(value);
}

/// The number of a job or array, where the object has one.
Result<std::optional<std::int64_t>> job_of(const Json& object, const Error& corrupt) {
  if (!object.contains("job")) return std::optional<std::int64_t>{};
  const auto job = number_of(object, "job", 1, std::numeric_limits<std::int64_t>::max());
  if (!job) return corrupt;
  return job;
}

}  // namespace

std::string print_submission(const SubmissionRecord& record) {
  Json json{{"since_ms", record.array ? kNeverMillis : to_ms(record.since)}};
  Json* place = &json;
  if (record.array) {
    place = &json["array"];
    *place = {{"name", record.array->name},
              {"index", record.array->index},
              {"since_ms", to_ms(record.since)}};
  }
  if (record.job) (*place)["job"] = record.job->job;
  return dump_json(json) + "\n";
}

Status write_submission(const std::filesystem::path& folder, const SubmissionRecord& record) {
  return write_file_atomic(folder / kSubmissionFile, print_submission(record), Durability::disk,
                           0600);
}

Result<SubmissionRecord> parse_submission(std::string_view text) {
  const Error corrupt{Errc::corrupt, std::string(kSubmissionFile) + " cannot be read"};
  const auto json = parse_json(text);
  if (!json || !json->is_object()) return corrupt;
  SubmissionRecord record;
  const auto array = json->find("array");
  const Json& place = array == json->end() ? *json : *array;
  if (!place.is_object()) return corrupt;
  const auto since = number_of(place, "since_ms", 0, kMostMillis);
  if (!since) return corrupt;
  record.since = from_ms(*since);
  GALLEY_TRY(const auto job, job_of(place, corrupt));
  if (job) record.job = JobNumber{*job};
  if (array == json->end()) return record;
  const auto index = number_of(place, "index", 0, kMostIndex);
  const auto name = place.find("name");
  if (!index || name == place.end() || !name->is_string()) return corrupt;
  record.array = ArrayPlace{name->get<std::string>(), *index};
  if (record.array->name.empty() || record.array->name.size() > kMostName) return corrupt;
  if (record.job) record.job->task = *index;
  return record;
}

Result<std::optional<SubmissionRecord>> read_submission(const std::filesystem::path& folder) {
  const auto text = read_file(folder / kSubmissionFile, kMostBytes);
  if (!text && text.error().code == Errc::not_found) return std::optional<SubmissionRecord>{};
  if (!text) return text.error();
  GALLEY_TRY(auto record, parse_submission(*text));
  return std::optional(record);
}

}  // namespace galley::slurm
