#include "profiling/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/clock.h"
#include "base/text.h"
#include "machine_facts.h"
#include "profiling/catalogue.h"
#include "run.h"
#include "run_quality.h"
#include "target_subject.h"

namespace galley::profiling {
namespace {

/// Measured beside whatever else is.
constexpr std::string_view kAlways = "machine";
/// The short request that tells how fast a target is.
constexpr std::uint32_t kBeatPrompt = 16, kBeatTokens = 4;
constexpr std::uint64_t kUsualBudget = std::uint64_t{16} << 30;

/// Shares of the time. What comes first is also what the others' affordability is judged by.
constexpr TimePlan::Item kWeights[] = {{"narrow", 5},
                                       {"wide-greedy", 8},
                                       {"wide-sampled", 5},
                                       {"one-shot", 8},
                                       {"few-shot", 8},
                                       {"length", 8},
                                       {"budget", 6},
                                       {"batching", 9},
                                       {"capacity", 8},
                                       {"quality", 8},
                                       {"warm-up", 3},
                                       {"doubled", 5},
                                       {"instruction-sets", 4},
                                       {"threads", 3},
                                       {"formats", 6},
                                       {"cache", 3},
                                       {"training-framework", 6},
                                       {"differences", 7}};

/// What only a model in a file can be asked for.
constexpr std::string_view kOfFiles[] = {"budget",  "warm-up", "doubled", "instruction-sets",
                                         "threads", "formats", "cache",   "training-framework"};

/// Removed with all that it holds.
class Scratch {
 public:
  static Result<Scratch> make() {
    std::error_code error;
    const auto base = std::filesystem::temp_directory_path(error);
    std::string pattern = (base / "galley-profile-XXXXXX").string();
    if (error || ::mkdtemp(pattern.data()) == nullptr)
      return system_error("cannot make a folder for models that are measured", errno);
    return Scratch(pattern);
  }
  Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit Scratch(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

Status check(const MeasureOptions& options) {
  std::vector<std::string> ids;
  for (const ExperimentKind& kind : kExperiments)
    if (kind.id != kAlways) ids.emplace_back(kind.id);
  for (const std::string& id : options.only)
    if (std::ranges::find(ids, id) == ids.end()) {
      const std::string close = nearest(id, ids);
      std::string all;
      for (const std::string& one : ids) all += (all.empty() ? "" : ", ") + one;
      return Error{Errc::invalid_argument, "there is no experiment '" + id + "'", "--only", all,
                   close.empty() ? "" : "did you mean " + close + "?"};
    }
  if (options.scale < 0 || options.scale > 1)
    return Error{Errc::invalid_argument,
                 fmt::format("a scale of {} makes workloads longer than they are", options.scale),
                 "--scale", "above 0, to 1"};
  return ok();
}

/// Everything that a study needs while it runs.
class Study {
 public:
  Study(const MeasureOptions& options, const MeasureProgress& progress, std::stop_token stop)
      : options_(options), progress_(progress), stop_(std::move(stop)) {}

  Result<Profile> run() {
    const Instant began = system_clock().steady();
    profile_.started_at = to_rfc3339(system_clock().wall());
    profile_.target = options_.target;
    profile_.galley_version = options_.galley_version;
    profile_.seed = options_.seed;
    profile_.effort = options_.quick ? "quick" : "full";
    GALLEY_TRY_STATUS(options_.target.empty() ? run_engine() : run_target());
    profile_.experiments.push_back(yardstick_->take());
    in_order_of_catalogue();
    profile_.seconds = std::chrono::duration<double>(system_clock().steady() - began).count();
    return std::move(profile_);
  }

 private:
  static bool is_of_files(std::string_view id) {
    return std::ranges::find(kOfFiles, id) != std::end(kOfFiles);
  }
  bool wanted(std::string_view id) const {
    if (id == "quality" && options_.evaluation.empty()) return false;
    return options_.only.empty() || std::ranges::find(options_.only, id) != options_.only.end();
  }

  /// Of a target, a short request: how fast its machine computes cannot be seen otherwise.
  Yardstick::Beat beat_of(Subject& subject) {
    if (!subject.is_target()) return [] { return std::optional(beat_ms()); };
    return [this, &subject, index = std::uint64_t{1} << 40]() mutable -> std::optional<double> {
      if (is_gone_) return std::nullopt;
      Ask ask;
      ask.prompt = subject.make_prompt(frame_.seed, index++, kBeatPrompt, PromptShape::prose);
      ask.max_tokens = kBeatTokens;
      const auto replies = subject.answer(std::span(&ask, 1), {});
      if (replies.empty() || !replies.front().fault.empty()) return std::nullopt;
      return replies.front().latency_ms;
    };
  }

  Status begin(Subject& subject) {
    profile_.model = subject.model();
    profile_.machine = subject.machine();
    frame_.context = subject.model().context;
    const double most = scale_for_context(frame_.context);
    if (most <= 0)
      return Error{
          Errc::invalid_argument,
          fmt::format("a context of {} tokens is too small for any workload", frame_.context)};
    if (options_.scale > most)
      return Error{Errc::invalid_argument,
                   fmt::format("at scale {} the workloads do not fit into the context of {} tokens",
                               options_.scale, frame_.context),
                   "--scale", fmt::format("at most {}", most)};
    frame_.seed = options_.seed;
    frame_.scale = options_.scale > 0 ? options_.scale : most;
    frame_.quick = options_.quick;
    if (options_.rounds > 0) frame_.rounds = options_.rounds;
    frame_.memory_budgets = options_.memory_budgets;
    if (frame_.memory_budgets.empty()) frame_.memory_budgets = {kUsualBudget};
    profile_.scale = frame_.scale;

    std::vector<TimePlan::Item> items;
    for (const TimePlan::Item& item : kWeights)
      if (wanted(item.id) && (options_.target.empty() || !is_of_files(item.id)))
        items.push_back(item);
    const double seconds = options_.seconds > 0 ? options_.seconds
                           : options_.quick     ? kQuickSeconds
                                                : kFullSeconds;
    beat_ = beat_of(subject);
    yardstick_.emplace(system_clock(), seconds, options_.target.empty(), beat_);
    frame_.yardstick = &*yardstick_;
    plan_.emplace(system_clock(), seconds, std::move(items), stop_, [this](double ratio) {
      if (progress_) progress_(ratio, what_);
    });
    return ok();
  }

  template <class Measure>
  void one(std::string_view id, Measure&& measure) {
    if (!wanted(id) || stop_.stop_requested()) return;
    what_ = id;
    const Budget budget = plan_->begin(id);
    if (budget.left_s() <= 0) return skip(id, "Left out: the time was used up before its turn.");
    profile_.experiments.push_back(measure(budget));
    if (stop_.stop_requested())
      profile_.experiments.back().notes.emplace_back("Interrupted before its end.");
  }
  void skip(std::string_view id, std::string why) {
    if (!wanted(id)) return;
    Table table(id);
    table.note(std::move(why));
    profile_.experiments.push_back(table.take());
  }

  template <class Measure>
  void ask(std::string_view id, Measure&& measure) {
    if (is_gone_) return skip(id, "Left out: the target no longer answered.");
    one(id, [&](const Budget& budget) {
      yardstick_->mark(id);
      Experiment experiment = measure(budget);
      is_gone_ = !profile_.target.empty() && experiment.rows.empty() && !beat_();
      return experiment;
    });
  }

  /// What a server behind a URL can be asked for as well.
  void run_common(Subject& subject) {
    for (const char* id : {"narrow", "wide-greedy", "wide-sampled"})
      ask(id, [&](const Budget& budget) { return run_requests(subject, frame_, id, budget); });
    for (const char* id : {"one-shot", "few-shot"})
      ask(id, [&](const Budget& budget) { return run_batches(subject, frame_, id, budget); });
    ask("length", [&](const Budget& budget) { return run_length(subject, frame_, budget); });
    ask("batching", [&](const Budget& budget) { return run_batching(subject, frame_, budget); });
    ask("capacity", [&](const Budget& budget) { return run_capacity(subject, frame_, budget); });
    ask("quality",
        [&](const Budget& budget) { return run_quality(subject, options_.evaluation, budget); });
  }

  Status run_target() {
    GALLEY_TRY(const auto subject, TargetSubject::open({.url = options_.target,
                                                        .model = options_.target_model,
                                                        .api_key = options_.api_key,
                                                        .ca_file = options_.ca_file,
                                                        .timeout = options_.target_timeout},
                                                       stop_));
    GALLEY_TRY_STATUS(begin(*subject));
    run_common(*subject);
    ask("differences",
        [&](const Budget& budget) { return run_target_differences(*subject, frame_, budget); });
    for (const std::string_view id : kOfFiles)
      skip(id, "Left out: a server behind a URL cannot be asked for it.");
    yardstick_->mark({});  // while there is a subject to look at
    return ok();
  }

  Status run_engine() {
    ModelSource source;
    {
      if (progress_) progress_(0, "loading the model");
      // Room for as many of the longest requests as a study ever runs at once.
      const Workload wide = workload("wide-greedy");
      GALLEY_TRY(const auto subject,
                 EngineSubject::open(options_.model,
                                     {.threads = options_.threads,
                                      .kv_tokens = std::size_t{kMostAtOnce} *
                                                   (wide.prompt_most + wide.output_tokens + 16)},
                                     stop_));
      GALLEY_TRY_STATUS(begin(*subject));
      GALLEY_TRY(profile_.model.snapshot, snapshot_of(options_.model));
      source.model = profile_.model;
      run_common(*subject);
      one("budget", [&](const Budget& budget) {
        yardstick_->mark("budget");
        return run_budget(*subject, frame_, budget);
      });
    }
    GALLEY_TRY(const auto scratch, Scratch::make());
    source.path = options_.model;
    source.scratch = scratch.path();
    source.programs = options_.programs;
    source.threads = options_.threads;
    const auto alone = [&](std::string_view id, auto* experiment) {
      one(id, [&](const Budget& budget) {
        yardstick_->mark(id);
        return experiment(source, frame_, budget);
      });
    };
    alone("warm-up", &run_warm_up);
    alone("threads", &run_threads);
    alone("instruction-sets", &run_instruction_sets);
    alone("cache", &run_cache);
    alone("formats", &run_formats);
    alone("doubled", &run_doubled);
    alone("differences", &run_differences);
    alone("training-framework", &run_training_framework);
    yardstick_->mark({});
    return ok();
  }

  static Result<std::string> snapshot_of(const std::filesystem::path& path) {
    GALLEY_TRY(const auto file, inference::ModelFile::open(path));
    return hash_of_files(file.paths());
  }

  void in_order_of_catalogue() {
    std::ranges::stable_sort(profile_.experiments, {}, [](const Experiment& experiment) {
      return std::ranges::find(kExperiments, experiment.id, &ExperimentKind::id) -
             std::begin(kExperiments);
    });
  }

  const MeasureOptions& options_;
  const MeasureProgress& progress_;
  std::stop_token stop_;
  Profile profile_;
  StudyFrame frame_;
  std::optional<TimePlan> plan_;
  Yardstick::Beat beat_;
  std::optional<Yardstick> yardstick_;
  std::string what_;
  /// A target that answered nothing of an experiment: each further one would wait for it.
  bool is_gone_ = false;
};

}  // namespace

Result<Profile> measure(const MeasureOptions& options, const MeasureProgress& progress,
                        std::stop_token stop) {
  GALLEY_TRY_STATUS(check(options));
  return Study(options, progress, std::move(stop)).run();
}

}  // namespace galley::profiling
