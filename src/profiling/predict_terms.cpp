#include "predict_terms.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "answer_figures.h"
#include "plot/axis.h"

namespace galley::profiling {
namespace {

constexpr std::string_view kTimed[] = {"narrow",   "wide-greedy", "wide-sampled",
                                       "one-shot", "few-shot",    "length"};

void read_rows(const Experiment& experiment, StudyRows& out) {
  const Figures figures(experiment);
  const std::size_t first_row = out.rows.size();
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto prompt = figures.number(row, "prompt_tokens"),
               output = figures.number(row, "output_tokens"),
               latency = figures.number(row, "latency_ms");
    if (figures.refused(row) || !prompt || !output || !latency) continue;
    if (*prompt < 1 || *output < 1 || *latency <= 0) continue;
    const PredictedLoad load{.batch = figures.number(row, "batch").value_or(1),
                             .prompt_tokens = *prompt,
                             .output_tokens = *output};
    if (load.batch < 1) continue;
    out.rows.push_back({load, *latency / 1e3});
    if (const auto resident = figures.number(row, "resident_bytes"); resident && *resident > 0)
      out.memory.push_back(
          {figures.number(row, "kv_bytes")
               .value_or(load.batch * (*prompt + *output) * out.model.kv_bytes_per_token),
           *resident});
    const auto first = figures.number(row, "first_token_ms");
    if (load.batch == 1 && *output > 1 && first && *first > 0)
      out.rows.push_back(
          {{.batch = 1, .prompt_tokens = *prompt, .output_tokens = 1}, *first / 1e3});
  }
  // A workload of two thousand requests must not outvote a batch that was measured three times.
  const double count = static_cast<double>(out.rows.size() - first_row);
  for (std::size_t i = first_row; i < out.rows.size(); ++i) out.rows[i].weight = 1 / count;
}

}  // namespace

Terms terms_of(const ModelShape& model, const PredictedLoad& load, double devices) {
  const StepParameters parameters = step_parameters(model);
  const double batch = load.batch, prompt = load.prompt_tokens, output = load.output_tokens;
  const double bytes_a_parameter = model.weight_bytes / model.parameters;
  const double prompt_steps = std::ceil(batch * prompt / kRowsAStep);
  const double steps = prompt_steps + output - 1;
  const double decoded = batch * (output - 1);
  const double width = model.blocks * model.hidden;
  Terms terms{};
  const auto set = [&terms](Term term, double value) {
    terms[static_cast<std::size_t>(term)] = value;
  };
  set(Term::weight_bytes, steps * parameters.read * bytes_a_parameter / devices);
  set(Term::prompt_products, batch * prompt * parameters.blocks / devices);
  set(Term::decode_products, decoded * parameters.read / devices);
  set(Term::prompt_attention, batch * prompt * prompt / 2 * width / devices);
  set(Term::decode_attention, decoded * (prompt + output / 2) * width / devices);
  set(Term::block_steps, steps * model.blocks);
  set(Term::row_width, batch * (prompt + output - 1) * width / devices);
  set(Term::vocabulary, batch * output * model.vocabulary);
  set(Term::requests, batch);
  set(Term::exchange, devices > 1 ? steps * model.blocks * std::log2(devices) : 0);
  return terms;
}

Result<StudyRows> rows_of(const Profile& study) {
  GALLEY_TRY(ModelShape model, shape_of(study.model));
  StudyRows rows{.model = std::move(model),
                 .devices = std::max<double>(1, study.machine.devices),
                 .rows = {},
                 .memory = {}};
  for (const std::string_view id : kTimed)
    if (const Experiment* experiment = study.find(id)) read_rows(*experiment, rows);
  // Memory only ever grows, whichever order the rows were measured in: what is resident at a row
  // holds the keys and values of every row with no more.
  std::ranges::sort(rows.memory, {}, &StudyRows::MemoryRow::resident_bytes);
  double most = 0;
  for (StudyRows::MemoryRow& row : rows.memory) row.kv_bytes = most = std::max(most, row.kv_bytes);
  if (rows.rows.empty())
    return Error{Errc::invalid_argument,
                 fmt::format("the study of {} holds no measured time to fit", study.model.name)};
  return rows;
}

}  // namespace galley::profiling
