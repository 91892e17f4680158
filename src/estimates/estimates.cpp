#include "estimates/estimates.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "asked.h"
#include "estimator/shipped.h"
#include "forecast_rows.h"
#include "options.h"

namespace galley::estimates {
namespace {

constexpr std::int64_t kMostWaiting = 500;      // jobs of people that are counted
constexpr std::size_t kMostClusterOffers = 32;  // each asks the scheduler
constexpr double kMostNodes = 64;

/// An estimator and where it comes from.
struct InUse {
  estimator::EstimatorModel model;
  std::string source = "shipped";  // or site
  std::int64_t site_rows = 0;
};

}  // namespace

struct Estimates::Impl {
  explicit Impl(const Parts& of)
      : parts(of), database(of.database), controller(of.controller), clock(of.clock) {}

  std::shared_ptr<const InUse> in_use() const {
    const std::lock_guard lock(mutex);
    return model;
  }
  std::vector<protocol::JobSpec> waiting() const;
  void add_cluster(const Asked& asked, const controller::Caller& caller,
                   estimator::EstimateRequest& request) const;
  /// Configurations of the question that are the site's own and say nothing of their wait.
  void add_waits(const std::vector<ClusterGpu>& gpus, const protocol::JobSpec& like,
                 const controller::Caller& caller, estimator::EstimateRequest& request) const;

  const Parts parts;
  store::Database& database;
  controller::Controller& controller;
  const Clock& clock;
  std::vector<estimator::PriceRow> prices;
  mutable std::mutex mutex;  // guards model
  std::shared_ptr<const InUse> model;
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
  const ClusterPrices costs{
      .rent_usd_per_h = [&](const estimator::GpuSpec& gpu) { return rent_of(gpu, prices); }};
  std::size_t added = 0;
  for (const auto& gpu : gpus) {
    auto counts = cluster_counts(gpu, request.gpu_counts);
    if (asked.job && asked.job->resources.gpus > 0) {
      const auto own = asked.job->resources.gpus * asked.job->resources.nodes;
      if (own <= gpu.total && std::ranges::find(counts, own) == counts.end()) counts.push_back(own);
    }
    for (const auto count : counts) {
      if (++added > kMostClusterOffers) return;
      auto offer = cluster_offer(gpu, count, gpus_waited_for(queue, gpu), costs);
      if (offer.nodes > kMostNodes ||
          std::fmod(offer.gpus, offer.nodes) != 0)  // uneven shares are no job's resources
        continue;
      const auto guide = controller.guide(spec_of_offer(gpu, offer, like), caller);
      if (guide && !add_wait(*guide, clock.wall(), offer)) continue;
      request.offers.push_back(std::move(offer));
    }
  }
}

Estimates::Estimates(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Estimates::~Estimates() { stop(); }
void Estimates::stop() {}
void Estimates::look() {}

Result<std::unique_ptr<Estimates>> Estimates::open(const Parts& parts, Options) {
  auto impl = std::make_unique<Impl>(parts);
  GALLEY_TRY(impl->prices, estimator::parse_prices(estimator::shipped_prices()));
  auto in_use = std::make_shared<InUse>();
  GALLEY_TRY(in_use->model, estimator::parse_model(estimator::shipped_model()));
  impl->model = std::move(in_use);
  return std::unique_ptr<Estimates>(new Estimates(std::move(impl)));
}

Result<Json> Estimates::answer(const Json& question, const controller::Caller& caller) const {
  GALLEY_TRY(auto asked, read_asked(question));
  auto& request = asked.request;
  impl_->add_cluster(asked, caller, request);
  if (asked.prices && can_estimate(request)) {
    std::size_t skipped = 0;
    auto rented =
        estimator::offers_from_prices(impl_->prices, asked.spot, request.gpu_counts, skipped);
    std::move(rented.begin(), rented.end(), std::back_inserter(request.offers));
  }
  const auto in_use = impl_->in_use();
  estimator::EstimatorModel calibrated;
  if (!request.probes.empty()) {
    GALLEY_TRY(calibrated, estimator::calibrate(in_use->model, request.probes));
  }
  GALLEY_TRY(const auto advice,
             estimator::advise(request.probes.empty() ? in_use->model : calibrated, request.work,
                               request.offers, request.limits));
  Json printed = estimator::print_advice(advice, request.offers);
  printed["name"] = request.name;
  printed["model"] = {{"source", in_use->source},
                      {"records", in_use->model.records},
                      {"site_rows", in_use->site_rows}};
  return printed;
}

Json Estimates::options() const {
  return print_options(cluster_gpus(impl_->controller.nodes()), impl_->prices);
}

Result<Json> Estimates::accuracy(std::int64_t limit) const {
  std::vector<Forecast> ended;
  GALLEY_TRY_STATUS(impl_->database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(ended, read_ended(transaction, limit));
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
              {"count", accuracy.count}};
}

}  // namespace galley::estimates
