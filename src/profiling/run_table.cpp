#include "run_table.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "profiling/catalogue.h"

namespace galley::profiling {
namespace {

constexpr std::pair<std::string_view, std::string_view> kHelp[] = {
    {"request", "its number, in the order of sending"},
    {"prompt_tokens", "tokens that were read"},
    {"output_tokens", "tokens that were written"},
    {"first_token_ms", "from sending to the first token; of a batch, the mean"},
    {"latency_ms", "from sending to the last token; of a batch, until all have ended"},
    {"finish", "what ended the answer: stop, eos or length"},
    {"kv_bytes", "keys and values in use at the end, in whole pages"},
    {"resident_bytes", "memory of the process, with all that is reserved and touched"},
    {"batch", "requests at once"},
    {"repetition", "round of the measurement"},
    {"refused", "what was needed and what would fit"},
    {"words", "tokens that were asked for"},
    {"ignore_eos", "1: the answer goes on behind its natural end"},
    {"budget_bytes", "memory that may be used"},
    {"needed_bytes", "weights, work space, keys and values"},
    {"policy", "how requests are put together"},
    {"requests", "that were answered"},
    {"seconds", "from the first request to the last token"},
    {"tokens_per_s", "useful tokens of all answers"},
    {"wasted_tokens", "computed behind the end of their own answer"},
    {"p50_latency_ms", "the median request"},
    {"p99_latency_ms", "the slowest of a hundred"},
    {"warm_up", "1: the engine ran once before the first request"},
    {"setting", "what was changed"},
    {"parameters", "of the model"},
    {"weight_bytes", "of the weights in memory"},
    {"prompt_tok_s", "prompt tokens by the time to the first token"},
    {"decode_tok_s", "tokens behind the first by the time behind it"},
    {"nats_per_token", "mean surprise of a fixed text; smaller is better"},
    {"what", "what was changed"},
    {"reference", "what it is compared with"},
    {"outputs", "answers that were compared"},
    {"different", "of them, with another text"},
    {"reference_nats_per_token", "the same under the reference"},
    {"nats_error", "standard error of the mean difference, token by token"},
    {"model", "who answered"},
    {"question", "its number in the set"},
    {"correct", "1: the answer is the set's"},
    {"peak_bytes", "memory of the process when it had answered"},
    {"users", "that ask again as soon as they are answered"},
    {"during", "the experiment that ran"},
    {"at_s", "seconds since the study began"},
    {"beat_ms", "a fixed piece of work, the same every time; of a target, a short request"},
    {"waited_share", "of the time since the look before: others had the processors"},
    {"any_waited_share", "the same, if no two threads waited at once"},
};

std::string help_of(std::string_view column) {
  const auto* found =
      std::ranges::find(kHelp, column, &std::pair<std::string_view, std::string_view>::first);
  return found == std::end(kHelp) ? std::string() : std::string(found->second);
}

}  // namespace

Table::Table(std::string_view id) {
  const auto* kind = std::ranges::find(kExperiments, id, &ExperimentKind::id);
  GALLEY_CHECK(kind != std::end(kExperiments), "an experiment of the catalogue");
  experiment_.id = id;
  for (const std::string_view column : kind->columns)
    experiment_.columns.push_back({std::string(column), help_of(column)});
}

void Table::add(std::vector<Cell> row) {
  GALLEY_CHECK(row.size() == experiment_.columns.size(), "a cell for each column");
  experiment_.rows.push_back(std::move(row));
}

void Table::note(std::string note) {
  if (std::ranges::find(experiment_.notes, note) == experiment_.notes.end())
    experiment_.notes.push_back(std::move(note));
}

void Table::notes(std::vector<std::string> notes) {
  for (std::string& one : notes) note(std::move(one));
}

double percentile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::min(std::max<std::size_t>(rank, 1), values.size()) - 1];
}

}  // namespace galley::profiling
