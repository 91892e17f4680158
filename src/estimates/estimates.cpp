#include "estimates/estimates.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <iterator>
#include <mutex>
#include <thread>

#include "accuracy_metrics.h"
#include "asked.h"
#include "base/log.h"
#include "estimator/shipped.h"
#include "forecast_rows.h"
#include "job_forecast.h"
#include "job_words.h"
#include "learner.h"
#include "model_in_use.h"
#include "options.h"
#include "refit.h"

namespace galley::estimates {
namespace {

constexpr std::int64_t kMostWaiting = 500;      // jobs of people that are counted
constexpr std::size_t kMostClusterOffers = 32;  // each asks the scheduler
constexpr double kMostNodes = 64;

constexpr std::chrono::seconds kLookAgain{1};
constexpr int kLooksOfARefit = 10;  // a fit is thought of less often
constexpr std::int64_t kKnownEnded = 10'000;
constexpr std::int64_t kShownFits = 20;

Json print_in_use(const InUse& in_use) {
  return {{"source", in_use.source},
          {"records", in_use.model.records},
          {"site_rows", in_use.site_rows}};
}

Json print_fits(const std::vector<FitRow>& fits) {
  const auto number = [](const std::optional<double>& value) {
    return value ? Json(*value) : Json();
  };
  Json items = Json::array();
  for (const auto& fit : fits)
    items.push_back({{"job_id", fit.job_id},
                     {"at", to_rfc3339(fit.at)},
                     {"state", fit.state},
                     {"rows", fit.rows},
                     {"mdape_pct", number(fit.mdape_pct)},
                     {"before_mdape_pct", number(fit.before_mdape_pct)},
                     {"reason", fit.reason}});
  return items;
}

}  // namespace

struct Estimates::Impl {
  Impl(const Parts& of, const Options& options, InUse first)
      : parts(of),
        database(of.database),
        controller(of.controller),
        clock(of.clock),
        model(std::move(first)),
        learner(of, model, metrics),
        refit(of, model, options.rows_of_a_fit) {}

  void run(const std::stop_token& stop);
  std::vector<protocol::JobSpec> waiting() const;
  ClusterPrices costs() const {
    return {.rent_usd_per_h = [this](const estimator::GpuSpec& gpu) {
      return prices.usd_per_gpu_h(gpu);
    }};
  }
  void add_cluster(const Asked& asked, const controller::Caller& caller,
                   estimator::EstimateRequest& request) const;
  /// What runs of the same job took; where they had GPUs, these are a configuration whose runtime
  /// is known. Null without any. Errors: the store's.
  Result<Json> add_history(const Asked& asked, const controller::Caller& caller,
                           estimator::EstimateRequest& request) const;
  /// Configurations of the question that are the site's own and say nothing of their wait.
  void add_waits(const std::vector<ClusterGpu>& gpus, const protocol::JobSpec& like,
                 const controller::Caller& caller, estimator::EstimateRequest& request) const;

  const Parts parts;
  store::Database& database;
  controller::Controller& controller;
  const Clock& clock;
  GpuPrices prices;
  ModelInUse model;
  AccuracyMetrics metrics;
  Learner learner;
  Refit refit;

  std::mutex waiting_mutex;  // for waiting only
  std::condition_variable_any wake;
  std::jthread thread;  // the last, so that it ends first
};

std::vector<protocol::JobSpec> Estimates::Impl::waiting() const {
  std::vector<protocol::JobSpec> specs;
  const auto page = controller.jobs(
      {.where_sql = "state = 'queued' and priority_class <> 'idle'", .limit = kMostWaiting});
  if (page)
    for (const auto& job : page->jobs) specs.push_back(job.spec);
  return specs;
}

void Estimates::Impl::add_waits(const std::vector<ClusterGpu>& gpus, const protocol::JobSpec& like,
                                const controller::Caller& caller,
                                estimator::EstimateRequest& request) const {
  std::size_t asked_guides = 0;
  for (auto& offer : request.offers) {
    if (!offer.owned || offer.wait_s_p50 > 0 || offer.wait_s_p90 > 0) continue;
    const auto own = std::ranges::find(gpus, offer.gpu.name,
                                       [](const ClusterGpu& gpu) { return gpu.spec.name; });
    if (own == gpus.end() || ++asked_guides > kMostClusterOffers) continue;
    const auto guide = controller.guide(spec_of_offer(*own, offer, like), caller);
    if (guide) add_wait(*guide, clock.wall(), offer);
  }
}

void Estimates::Impl::add_cluster(const Asked& asked, const controller::Caller& caller,
                                  estimator::EstimateRequest& request) const {
  const auto gpus = cluster_gpus(controller.nodes());
  if (gpus.empty()) return;
  const protocol::JobSpec like = asked.job.value_or(protocol::JobSpec{});
  add_waits(gpus, like, caller, request);
  if (!asked.cluster || !can_estimate(request)) return;
  const auto queue = waiting();
  const ClusterPrices own_costs = costs();
  std::size_t added = 0;
  for (const auto& gpu : gpus) {
    auto counts = cluster_counts(gpu, request.gpu_counts);
    if (asked.job && asked.job->resources.gpus > 0) {
      const auto own = asked.job->resources.gpus * asked.job->resources.nodes;
      if (own <= gpu.total && std::ranges::find(counts, own) == counts.end()) counts.push_back(own);
    }
    for (const auto count : counts) {
      const bool is_known = std::ranges::any_of(request.offers, [&](const auto& offer) {
        return offer.owned && offer.known_runtime_s > 0 && offer.gpu.name == gpu.spec.name &&
               offer.gpus == static_cast<double>(count);
      });
      if (is_known) continue;
      if (++added > kMostClusterOffers) return;
      auto offer = cluster_offer(gpu, count, gpus_waited_for(queue, gpu), own_costs);
      if (offer.nodes > kMostNodes ||
          std::fmod(offer.gpus, offer.nodes) != 0)  // uneven shares are no job's resources
        continue;
      const auto guide = controller.guide(spec_of_offer(gpu, offer, like), caller);
      if (guide && !add_wait(*guide, clock.wall(), offer)) continue;
      request.offers.push_back(std::move(offer));
    }
  }
}

Result<Json> Estimates::Impl::add_history(const Asked& asked, const controller::Caller& caller,
                                          estimator::EstimateRequest& request) const {
  if (!asked.job) return Json();
  std::vector<double> before;
  GALLEY_TRY_STATUS(database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(before, read_similar(transaction, kind_of_job(*asked.job), kSimilarRuns));
    return ok();
  }));
  const auto took = forecast_from_runs(before);
  if (!took) return Json();
  Json history{{"runs", before.size()},
               {"runtime_s", {{"p10", took->p10}, {"p50", took->p50}, {"p90", took->p90}}}};
  const auto& wants = asked.job->resources;
  const auto gpus = wants.gpus * wants.nodes;
  if (gpus < 1 || wants.gpu_milli.value_or(1000) < 1000) return history;
  for (const auto& gpu : cluster_gpus(controller.nodes())) {
    if (!is_of_type(gpu.model, wants.gpu_type)) continue;
    auto offer = cluster_offer(gpu, gpus, gpus_waited_for(waiting(), gpu), costs());
    offer.nodes = static_cast<double>(wants.nodes);
    offer.name +=
        fmt::format(", as in {} earlier run{}", before.size(), before.size() > 1 ? "s" : "");
    offer.known_runtime_s = took->p50;
    if (const auto guide = controller.guide(*asked.job, caller))
      add_wait(*guide, clock.wall(), offer);
    history["cost_usd"] = estimator::cost_usd(offer, took->p50);
    request.offers.push_back(std::move(offer));
    break;
  }
  return history;
}

Estimates::Estimates(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Estimates::~Estimates() { stop(); }
void Estimates::stop() {
  impl_->thread.request_stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

Status Estimates::look() {
  GALLEY_TRY_STATUS(impl_->learner.look());
  return impl_->refit.look();
}

void Estimates::Impl::run(const std::stop_token& stop) {
  for (int looks = 1; !stop.stop_requested(); ++looks) {
    auto looked = learner.look();
    if (looked && looks % kLooksOfARefit == 0) looked = refit.look();
    if (!looked)
      log::warn("estimates", "jobs cannot be followed; trying again",
                {{"reason", describe(looked.error())}});
    std::unique_lock lock(waiting_mutex);
    wake.wait_for(lock, stop, kLookAgain, [] { return false; });
  }
}

Result<std::unique_ptr<Estimates>> Estimates::open(const Parts& parts, Options options) {
  InUse shipped;
  GALLEY_TRY(shipped.model, estimator::parse_model(estimator::shipped_model()));
  auto impl = std::make_unique<Impl>(parts, options, std::move(shipped));
  if (options.prices) {
    impl->prices = *std::move(options.prices);
  } else {
    GALLEY_TRY(impl->prices, GpuPrices::open({}));
  }
  impl->refit.restore();
  GALLEY_TRY_STATUS(parts.database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(const auto ended, read_ended(transaction, kKnownEnded));
    for (const auto& one : ended) impl->metrics.add(one);
    return ok();
  }));
  GALLEY_TRY_STATUS(impl->learner.say_again());
  if (options.learns)
    impl->thread = std::jthread([at = impl.get()](const std::stop_token& stop) { at->run(stop); });
  return std::unique_ptr<Estimates>(new Estimates(std::move(impl)));
}

Result<Json> Estimates::answer(const Json& question, const controller::Caller& caller) const {
  GALLEY_TRY(auto asked, read_asked(question));
  auto& request = asked.request;
  GALLEY_TRY(auto history, impl_->add_history(asked, caller, request));
  if (asked.unsaid && !history.is_object()) return *asked.unsaid;
  impl_->add_cluster(asked, caller, request);
  if (asked.prices && can_estimate(request)) {
    std::size_t skipped = 0;
    auto rented = estimator::offers_from_prices(impl_->prices.rows(), asked.spot,
                                                request.gpu_counts, skipped);
    std::move(rented.begin(), rented.end(), std::back_inserter(request.offers));
  }
  const auto in_use = impl_->model.get();
  if (history.is_object() && request.offers.empty())  // no GPUs to choose from
    return Json{{"items", Json::array()},
                {"reason", "what runs of the same job took is all that is known"},
                {"history", std::move(history)},
                {"model", print_in_use(*in_use)}};
  estimator::EstimatorModel calibrated;
  if (!request.probes.empty()) {
    GALLEY_TRY(calibrated, estimator::calibrate(in_use->model, request.probes));
  }
  GALLEY_TRY(const auto advice,
             estimator::advise(request.probes.empty() ? in_use->model : calibrated, request.work,
                               request.offers, request.limits));
  Json printed = estimator::print_advice(advice, request.offers);
  printed["name"] = request.name;
  printed["model"] = print_in_use(*in_use);
  if (history.is_object()) printed["history"] = std::move(history);
  return printed;
}

Result<Json> Estimates::of_job(const protocol::JobSpec& spec) const {
  GALLEY_TRY(const auto expected, expect_job(impl_->parts, impl_->model.get()->model, spec,
                                             work_of_words(words_of(spec))));
  if (!expected.runtime) return Json();
  Json printed{{"runtime_s",
                {{"p10", expected.runtime->p10},
                 {"p50", expected.runtime->p50},
                 {"p90", expected.runtime->p90}}},
               {"source", expected.source}};
  if (!expected.gpu) return printed;
  const auto offer =
      cluster_offer(*expected.gpu, spec.resources.gpus * spec.resources.nodes,
                    gpus_waited_for(impl_->waiting(), *expected.gpu), impl_->costs());
  printed["gpu"] = expected.gpu->spec.name;
  printed["cost_usd"] = estimator::cost_usd(offer, expected.runtime->p50);
  return printed;
}

LivePrior Estimates::prior_of(const protocol::JobRecord& job) const {
  LivePrior prior;
  if (auto known = impl_->learner.prior_of(job)) prior = *std::move(known);
  prior.usd_per_hour = impl_->prices.usd_per_h_of(impl_->controller, job);
  return prior;
}

Json Estimates::options() const {
  return print_options(cluster_gpus(impl_->controller.nodes()), impl_->prices.rows());
}

Result<Json> Estimates::accuracy(std::int64_t limit) const {
  std::vector<Forecast> ended;
  std::vector<FitRow> fits;
  GALLEY_TRY_STATUS(impl_->database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(ended, read_ended(transaction, limit));
    GALLEY_TRY(fits, read_fits(transaction, kShownFits));
    return ok();
  }));
  Json items = Json::array();
  for (const auto& one : ended)
    items.push_back(
        {{"job_id", one.job.str()},
         {"name", one.name},
         {"gpu_type", one.gpu_type},
         {"gpus", one.gpus},
         {"at", to_rfc3339(one.ended.value_or(one.at))},
         {"estimated_s",
          {{"p10", one.expected->p10}, {"p50", one.expected->p50}, {"p90", one.expected->p90}}},
         {"actual_s", *one.actual_s},
         {"made", one.made},
         {"source", one.source}});
  const Accuracy accuracy = accuracy_of(ended);
  return Json{{"items", std::move(items)},
              {"mdape_pct", accuracy.count > 0 ? Json(accuracy.mdape_pct) : Json()},
              {"coverage90_pct", accuracy.count > 0 ? Json(accuracy.coverage90_pct) : Json()},
              {"count", accuracy.count},
              {"model", print_in_use(*impl_->model.get())},
              {"fits", print_fits(fits)}};
}

std::string Estimates::metrics() const {
  std::string out = impl_->metrics.text();
  const auto in_use = impl_->model.get();
  const auto print = [&out](std::string_view name, std::string_view help, double value) {
    fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} gauge\n{0} {2}\n", name,
                   help, value);
  };
  print("galley_estimator_site_jobs", "Measured jobs of this site that the estimator learnt from.",
        static_cast<double>(in_use->site_rows));
  if (in_use->mdape_pct)
    print("galley_estimator_fit_error_ratio",
          "Median error of the estimator in use on this site's jobs, by cross-validation.",
          *in_use->mdape_pct / 100);
  return out;
}

}  // namespace galley::estimates
