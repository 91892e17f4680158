#include "submission.h"

#include "base/file.h"
#include "base/json.h"

namespace galley::slurm {
namespace {

constexpr std::int64_t kMostBytes = 64 * 1024;
// Year 9999: what lies beyond is no time that a clock of ours has shown.
constexpr std::int64_t kMostMillis = 253'402'300'799'000;

}  // namespace

Status write_submission(const std::filesystem::path& folder, const SubmissionRecord& record) {
  Json json{{"since_ms", to_ms(record.since)}};
  if (record.job) json["job"] = *record.job;
  GALLEY_TRY_STATUS(
      write_file_atomic(folder / kSubmissionFile, dump_json(json) + "\n", Durability::disk, 0600));
  return sync_folder(folder.parent_path());
}

Result<SubmissionRecord> parse_submission(std::string_view text) {
  const Error corrupt{Errc::corrupt, std::string(kSubmissionFile) + " cannot be read"};
  const auto json = parse_json(text);
  if (!json || !json->is_object()) return corrupt;
  const auto since = json->find("since_ms");
  if (since == json->end() || !since->is_number_integer()) return corrupt;
  const auto ms = since->get<std::int64_t>();
  if (ms < 0 || ms > kMostMillis) return corrupt;
  SubmissionRecord record{.since = from_ms(ms), .job = std::nullopt};
  const auto job = json->find("job");
  if (job == json->end()) return record;
  if (!job->is_number_integer() || job->get<std::int64_t>() < 1) return corrupt;
  record.job = job->get<std::int64_t>();
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
