#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "estimator/features.h"
#include "protocol/job_spec.h"

namespace galley::estimates {

/// What a job says of itself: settings by their names in lower case, without dashes and
/// underscores. Of its environment, of `--name value` and `--name=value` on its command line, and
/// of the parameters that its run logged; later ones win.
using Words = std::map<std::string, std::string, std::less<>>;

Words words_of(const protocol::JobSpec& spec,
               std::span<const std::pair<std::string, std::string>> params = {});

/// A training as far as words tell it; zeros and empty mean that they do not.
struct JobWork {
  std::string network;      // as it was written
  double parameters_m = 0;  // millions
  double batch_per_gpu = 0;
  double global_batch = 0;
  double epochs = 0;
  double steps = 0;
  double items = 0;  // of an epoch
  std::string precision;
  double loader_threads = 0;
};

/// Understands the names that people's programs use: model, arch, network, batch_size, epochs,
/// max_steps, dtype, amp, num_workers, … (docs/estimates.md has the list).
JobWork work_of_words(const Words& words);

/// Adds what a file of kind `estimate` does not say itself.
void fill_work(const JobWork& work, Json& file);

/// What decides the time of a step, where the job says enough; without a device.
std::optional<estimator::JobFeatures> features_of(const JobWork& work);

/// Steps from start to end, on so many GPUs; 0 when the job does not say.
double steps_of(const JobWork& work, double gpus);

/// Jobs with equal texts do the same: team, image, command and what they ask for, where numbers
/// that only name an output or a seed do not count.
std::string kind_of_job(const protocol::JobSpec& spec);

}  // namespace galley::estimates
