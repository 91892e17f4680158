#pragma once

#include <vector>

#include "answer_build.h"
#include "profiling/answers.h"

/// The answers of each family of experiments, appended in a fixed order.
namespace galley::profiling {

using Answers = std::vector<Drafted>;

/// narrow, wide-greedy, wide-sampled: rows are requests.
void answer_requests(const Profile& profile, const Experiment& experiment, Answers& out);
/// one-shot, few-shot: rows are batches.
void answer_batches(const Profile& profile, const Experiment& experiment, Answers& out);
void answer_length(const Experiment& experiment, Answers& out);
void answer_budget(const Experiment& experiment, Answers& out);
void answer_batching(const Experiment& experiment, Answers& out);
void answer_warm_up(const Experiment& experiment, Answers& out);
/// doubled, instruction-sets, threads, formats, cache, training-framework: rows are settings.
void answer_settings(const Experiment& experiment, Answers& out);
void answer_differences(const Experiment& experiment, Answers& out);
void answer_quality(const Experiment& experiment, Answers& out);
void answer_machine(const Experiment& experiment, Answers& out);
void answer_capacity(const Experiment& experiment, Answers& out);

}  // namespace galley::profiling
