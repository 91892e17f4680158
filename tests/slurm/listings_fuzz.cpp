#include <cstdint>

#include "job_states.h"
#include "listings.h"
#include "submission.h"

/// Whatever Slurm's programs print, each value lies within its bounds and has an end.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::slurm;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto check = [](const JobView& job) {
    GALLEY_CHECK(job.id.job > 0 && job.id.task.value_or(0) >= 0 && !job.state.empty(),
                 "a job has a number and a state");
    GALLEY_CHECK(!job.exit_code || (*job.exit_code >= 0 && *job.exit_code <= 255), "of one byte");
    if (phase_of(job.state) != Phase::ended) return;
    const auto end = end_of(galley::AttemptId::trusted("att_1"), std::nullopt, job, false);
    GALLEY_CHECK(galley::protocol::is_final(end.state), "an end is one");
  };
  for (const JobView& job : parse_queue(text)) check(job);
  if (const auto job = parse_scontrol_job(text)) check(*job);
  for (const JobNumber id : {JobNumber{12}, JobNumber{12, 4}})
    if (const auto job = parse_accounting(text, id)) check(*job);
  if (const auto most = parse_max_array_size(text)) GALLEY_CHECK(*most >= 0, "a size");
  if (const auto id = parse_submitted(text)) GALLEY_CHECK(*id > 0, "a number");
  const auto partition = parse_partition(text);
  GALLEY_CHECK(partition.usable_nodes <= partition.nodes && partition.cpus >= 0, "sums add up");
  (void)judge_refusal(text);
  if (const auto record = parse_submission(text)) {
    const auto again = parse_submission(print_submission(*record));
    GALLEY_CHECK(again && again->array == record->array && again->job == record->job &&
                     again->since == record->since,
                 "a note comes back as it was written");
  }
  return 0;
}
