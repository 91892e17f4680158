#include <cstdint>

#include "job_states.h"
#include "listings.h"
#include "submission.h"

/// Whatever Slurm's programs print, each value lies within its bounds and has an end.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::slurm;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto check = [](const JobView& job) {
    GALLEY_CHECK(job.id >= 0 && !job.state.empty(), "a job has a number and a state");
    GALLEY_CHECK(!job.exit_code || (*job.exit_code >= 0 && *job.exit_code <= 255), "of one byte");
    if (phase_of(job.state) != Phase::ended) return;
    const auto end = end_of(galley::AttemptId::trusted("att_1"), std::nullopt, job, false);
    GALLEY_CHECK(galley::protocol::is_final(end.state), "an end is one");
  };
  for (const JobView& job : parse_queue(text)) check(job);
  if (const auto job = parse_scontrol_job(text)) check(*job);
  if (const auto job = parse_accounting(text, 12)) check(*job);
  if (const auto id = parse_submitted(text)) GALLEY_CHECK(*id > 0, "a number");
  const auto partition = parse_partition(text);
  GALLEY_CHECK(partition.usable_nodes <= partition.nodes && partition.cpus >= 0, "sums add up");
  (void)judge_refusal(text);
  (void)parse_submission(text).has_value();
  return 0;
}
