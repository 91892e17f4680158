#include "estimator/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/text.h"
#include "base/units.h"

namespace galley::estimator {
namespace {

constexpr std::size_t kMostOffers = 10'000;
constexpr std::size_t kMostProbes = 200;

/// Reads the members of one object, remembers which were asked for, and refuses the others.
class Fields {
 public:
  Fields(const Json& json, std::string path) : json_(json), path_(std::move(path)) {
    if (!json.is_object()) fail("", "is no mapping", "a mapping of fields");
  }

  const Json* find(const char* key) {
    known_.emplace_back(key);
    if (!json_.is_object()) return nullptr;
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }
  double number(const char* key, double otherwise, double least, double most) {
    const Json* found = find(key);
    if (found == nullptr) return otherwise;
    if (found->is_number()) {
      const double value = found->get<double>();
      if (std::isfinite(value) && value >= least && value <= most) return value;
    }
    fail(key, "is " + dump_json(*found).substr(0, 60),
         fmt::format("a number from {:g} to {:g}", least, most));
    return otherwise;
  }
  std::string text(const char* key) {
    const Json* found = find(key);
    if (found == nullptr) return {};
    if (found->is_string() && found->get_ref<const std::string&>().size() <= 200)
      return found->get<std::string>();
    fail(key, "is no short text", "a text");
    return {};
  }
  bool flag(const char* key) {
    const Json* found = find(key);
    if (found == nullptr) return false;
    if (!found->is_boolean()) fail(key, "is " + dump_json(*found).substr(0, 60), "true or false");
    return found->is_boolean() && found->get<bool>();
  }
  /// "90m" or seconds.
  double seconds(const char* key, double otherwise) {
    const Json* found = find(key);
    if (found == nullptr) return otherwise;
    if (found->is_number()) {
      const double value = found->get<double>();
      if (std::isfinite(value) && value >= 0 && value < 1e10) return value;
    } else if (found->is_string()) {
      if (const auto parsed = parse_duration(found->get<std::string>()))
        return static_cast<double>(parsed->count()) / 1e3;
    }
    fail(key, "is " + dump_json(*found).substr(0, 60), "a duration such as 90m or 2d");
    return otherwise;
  }
  void fail(const std::string& key, const std::string& what, std::string expected,
            std::string hint = {}) {
    if (!fault_.message.empty()) return;
    fault_ = {.code = Errc::invalid_argument,
              .message = key.empty() && path_.empty() ? "the document " + what : what,
              .field = key.empty() ? path_ : at(key),
              .expected = std::move(expected),
              .hint = std::move(hint)};
  }
  std::string at(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }
  /// After all fields were asked for: the first fault, or the first field nobody knows.
  Status end() {
    if (json_.is_object())
      for (const auto& [key, value] : json_.items()) {
        if (std::ranges::find(known_, key) != known_.end()) continue;
        const auto near = nearest(key, known_);
        fail(key, "is no field here", "",
             near.empty() ? std::string() : "did you mean '" + near + "'?");
      }
    if (fault_.message.empty()) return ok();
    return fault_;
  }

 private:
  const Json& json_;
  std::string path_;
  std::vector<std::string> known_;
  Error fault_{};
};

Error under(Error error, const std::string& path) {
  error.field = path;
  return error;
}

Result<NetworkSpec> read_network(const Json& json) {
  if (json.is_string()) {
    auto found = find_network(json.get<std::string>());
    if (!found) return under(std::move(found).error(), "network");
    return found;
  }
  Fields fields(json, "network");
  NetworkSpec spec;
  const auto name = fields.text("name");
  if (const auto known = find_network(name)) spec = *known;
  spec.name = name;
  spec.forward_gflops = fields.number("forward_gflops", spec.forward_gflops, 0, 1e9);
  spec.parameters_m = fields.number("parameters_m", spec.parameters_m, 0, 1e8);
  spec.activation_mb = fields.number("activation_mb", spec.activation_mb, 0, 1e9);
  spec.layers = fields.number("layers", spec.layers, 0, 1e6);
  if (name.empty()) fields.fail("name", "is missing", "what the network is called");
  GALLEY_TRY_STATUS(fields.end());
  return spec;
}

/// A device by name, or typed in.
Result<GpuSpec> read_gpu(const Json* json, const std::string& path) {
  if (json == nullptr)
    return Error{.code = Errc::invalid_argument,
                 .message = "is missing",
                 .field = path,
                 .expected = "the name of a device, or its data sheet"};
  if (json->is_string()) {
    auto found = find_gpu(json->get<std::string>());
    if (!found) return under(std::move(found).error(), path);
    return found;
  }
  Fields fields(*json, path);
  GpuSpec gpu;
  gpu.name = fields.text("name");
  gpu.fp32_tflops = fields.number("fp32_tflops", 0, 0, 1e6);
  gpu.tf32_tflops = fields.number("tf32_tflops", 0, 0, 1e6);
  gpu.fp16_tflops = fields.number("fp16_tflops", 0, 0, 1e6);
  gpu.memory_gb = fields.number("memory_gb", 0, 0, 1e6);
  gpu.bandwidth_gbps = fields.number("bandwidth_gbps", 0, 0, 1e6);
  gpu.link_gbps = fields.number("link_gbps", 0, 0, 1e6);
  gpu.pcie_gbps = fields.number("pcie_gbps", 32, 0.1, 1e5);
  gpu.watts = fields.number("watts", 0, 0, 1e5);
  gpu.bf16 = fields.flag("bf16");
  gpu.fp8 = fields.flag("fp8");
  if (gpu.name.empty()) fields.fail("name", "is missing", "what the device is called");
  GALLEY_TRY_STATUS(fields.end());
  auto complete = complete_gpu(std::move(gpu));
  if (!complete) complete.error().field = path + "." + complete.error().field;
  return complete;
}

std::string offer_name(const Offer& offer, const std::string& where) {
  std::string name = fmt::format("{:g}× {}", offer.gpus, offer.gpu.name);
  if (!where.empty()) name += " (" + where + ")";
  if (offer.spot) name += " spot";
  return name;
}

Result<Offer> read_offer(const Json& json, const std::string& path) {
  Fields fields(json, path);
  Offer offer;
  const Json* device = fields.find("gpu");
  auto gpu = read_gpu(device, path + ".gpu");
  offer.guessed_gpu = !gpu && gpu.error().code == Errc::not_found;
  if (!gpu && !offer.guessed_gpu) return std::move(gpu).error();
  offer.gpu = gpu ? *std::move(gpu) : typical_gpu(device->get<std::string>().substr(0, 80));
  offer.gpus = fields.number("gpus", 1, 1, 1e6);
  offer.nodes = fields.number("nodes", std::ceil(offer.gpus / 8), 1, offer.gpus);
  offer.usd_per_h = fields.number("usd_per_hour", 0, 0, 1e7);
  offer.owned = fields.flag("owned");
  offer.spot = fields.flag("spot");
  offer.interruptions_per_h = fields.number("interruptions_per_hour", 0.05, 0, 100);
  offer.wait_s_p50 = fields.seconds("wait", 0);
  offer.wait_s_p90 = fields.seconds("wait_p90", offer.wait_s_p50);
  offer.idle_ratio = fields.number("idle_ratio", 1, 0, 1);
  offer.value_usd_per_h = fields.number("value_usd_per_hour", 0, 0, 1e7);
  offer.known_runtime_s = fields.seconds("runtime", 0);
  const double known_cost = fields.number("cost_usd", 0, 0, 1e12);
  if (known_cost > 0 && (offer.known_runtime_s <= 0 || offer.usd_per_h > 0))
    fields.fail("cost_usd", "is given", "a cost only beside runtime, and instead of usd_per_hour");
  else if (known_cost > 0)
    offer.usd_per_h = known_cost / (offer.known_runtime_s / 3600);
  const auto name = fields.text("name");
  offer.name = name.empty() ? offer_name(offer, offer.owned ? "own" : "") : name;
  GALLEY_TRY_STATUS(fields.end());
  return offer;
}

Result<Observation> read_probe(const Json& json, const std::string& path, const JobFeatures& job) {
  Fields fields(json, path);
  Observation probe{job, 0};
  GALLEY_TRY(probe.job.gpu, read_gpu(fields.find("gpu"), path + ".gpu"));
  probe.job.gpus = fields.number("gpus", 1, 1, 1e6);
  probe.job.nodes = fields.number("nodes", std::ceil(probe.job.gpus / 8), 1, probe.job.gpus);
  probe.job.batch_per_gpu = fields.number("batch_per_gpu", job.batch_per_gpu, 1e-3, 1e9);
  probe.step_s = fields.number("step_s", 0, 1e-7, 1e6);
  if (!(probe.step_s > 0)) fields.fail("step_s", "is missing", "the measured seconds of a step");
  GALLEY_TRY_STATUS(fields.end());
  return probe;
}

Result<Purchase> read_purchase(const Json& json, const std::string& path) {
  Fields fields(json, path);
  Purchase purchase;
  auto& machine = purchase.machine;
  purchase.name = fields.text("name");
  machine.purchase_usd = fields.number("usd", 0, 0, 1e9);
  machine.years = fields.number("years", machine.years, 0.1, 50);
  machine.watts = fields.number("watts", 0, 0, 1e6);
  machine.usd_per_kwh = fields.number("usd_per_kwh", machine.usd_per_kwh, 0, 10);
  machine.overhead_ratio = fields.number("power_overhead", machine.overhead_ratio, 1, 5);
  machine.usage_ratio = fields.number("usage_ratio", machine.usage_ratio, 0.001, 1);
  machine.staff_usd_per_h = fields.number("other_usd_per_hour", 0, 0, 1e5);
  purchase.rent_usd_per_h = fields.number("rent_usd_per_hour", 0, 0, 1e6);
  for (const auto& [key, value] : {std::pair{"usd", machine.purchase_usd},
                                   std::pair{"rent_usd_per_hour", purchase.rent_usd_per_h}})
    if (!(value > 0)) fields.fail(key, "is missing", "a price above 0");
  GALLEY_TRY_STATUS(fields.end());
  return purchase;
}

/// The items of a list, each read by `read`; absent lists are empty.
template <class Item, class Read>
Status read_list(Fields& fields, const char* key, std::size_t most, std::vector<Item>& out,
                 const Read& read) {
  const Json* list = fields.find(key);
  if (list == nullptr) return ok();
  if (!list->is_array() || list->size() > most)
    return Error{.code = Errc::invalid_argument,
                 .message = "is no list of at most " + std::to_string(most),
                 .field = key,
                 .expected = "a list"};
  for (std::size_t i = 0; i < list->size(); ++i) {
    GALLEY_TRY(auto item, read((*list)[i], fmt::format("{}[{}]", key, i)));
    out.push_back(std::move(item));
  }
  return ok();
}

Status read_work(Fields& fields, Workload& work) {
  if (const Json* network = fields.find("network")) {
    GALLEY_TRY(work.job.network, read_network(*network));
  }
  const auto precision = fields.text("precision");
  if (!precision.empty()) {
    GALLEY_TRY(work.job.precision, parse_precision(precision));
  }
  work.job.loader_threads = fields.number("loader_threads", 0, 0, 1e4);
  work.job.network_gbps = fields.number("network_gbps", 0, 0, 1e5);
  work.global_batch = fields.number("batch", 0, 1e-3, 1e9);
  work.job.batch_per_gpu = fields.number("batch_per_gpu", 32, 1e-3, 1e9);
  work.items = fields.number("items", 0, 1, 1e15);
  work.epochs = fields.number("epochs", 0, 1e-6, 1e9);
  work.epochs_predicted = fields.flag("epochs_predicted");
  work.startup_s = fields.seconds("startup", work.startup_s);
  work.overhead_ratio = fields.number("overhead_ratio", work.overhead_ratio, 0, 10);
  return ok();
}

Result<double> read_count(const Json& json, const std::string& path) {
  if (json.is_number() && json.get<double>() >= 1 && json.get<double>() <= 1e5)
    return json.get<double>();
  return Error{.code = Errc::invalid_argument,
               .message = "is no number of devices",
               .field = path,
               .expected = "at least 1"};
}

Json print_interval(const Interval& interval) {
  return {{"p10", interval.p10}, {"p50", interval.p50}, {"p90", interval.p90}};
}

std::string_view word_of(Fit fit) {
  switch (fit) {
    case Fit::yes:
      return "fits";
    case Fit::tight:
      return "tight";
    case Fit::no:
      return "too_large";
    case Fit::unknown:
      break;
  }
  return "unknown";
}

}  // namespace

Result<EstimateRequest> parse_request(const Json& document) {
  Fields fields(document, "");
  EstimateRequest request;
  if (fields.text("kind") != "estimate") fields.fail("kind", "is not 'estimate'", "estimate");
  if (fields.number("version", 0, 0, 1e6) != 1) fields.fail("version", "is not 1", "1");
  request.name = fields.text("name");
  GALLEY_TRY_STATUS(read_work(fields, request.work));
  GALLEY_TRY_STATUS(read_list(fields, "configurations", kMostOffers, request.offers, read_offer));
  GALLEY_TRY_STATUS(read_list(fields, "probes", kMostProbes, request.probes,
                              [&](const Json& json, const std::string& path) {
                                return read_probe(json, path, request.work.job);
                              }));
  GALLEY_TRY_STATUS(read_list(fields, "buy", kMostProbes, request.purchases, read_purchase));
  GALLEY_TRY_STATUS(read_list(fields, "gpu_counts", 64, request.gpu_counts, read_count));
  const bool all_told =
      !request.offers.empty() &&
      std::ranges::all_of(request.offers, [](auto& one) { return one.known_runtime_s > 0; });
  if (!all_told && request.work.job.network.name.empty() && request.purchases.empty())
    fields.fail("network", "is missing", "a name such as resnet50, or its size");
  request.limits.budget_usd = fields.number("budget_usd", 0, 0, 1e12);
  request.limits.deadline_s = fields.seconds("deadline", 0);
  GALLEY_TRY_STATUS(fields.end());
  return request;
}

std::vector<Offer> offers_from_prices(const std::vector<PriceRow>& prices, bool spot,
                                      const std::vector<double>& gpu_counts, std::size_t& skipped) {
  std::vector<Offer> offers;
  skipped = 0;
  for (const PriceRow& row : prices) {
    const auto gpu = find_gpu(row.gpu);
    if (!gpu) {
      ++skipped;
      continue;
    }
    const std::string where = row.cloud + (row.cloud.empty() || row.instance.empty() ? "" : " ") +
                              row.instance + (row.region.empty() ? "" : ", " + row.region);
    // Larger counts than one instance has are several instances.
    std::vector<double> counts = gpu_counts.empty() ? std::vector<double>{row.gpus} : gpu_counts;
    for (const double count : counts) {
      const double instances = count / row.gpus;
      if (instances < 1 || instances != std::floor(instances)) continue;
      for (const bool as_spot : {false, true}) {
        const double price = as_spot ? row.spot_usd_per_h : row.usd_per_h;
        if (price <= 0 || (as_spot && !spot) || offers.size() >= kMostOffers) continue;
        Offer offer{.name = {},
                    .gpu = *gpu,
                    .gpus = count,
                    .nodes = std::max(instances, std::ceil(count / 16)),
                    .usd_per_h = price * instances,
                    .spot = as_spot};
        offer.name = offer_name(offer, where);
        offers.push_back(std::move(offer));
      }
    }
  }
  return offers;
}

Json print_advice(const Advice& advice, const std::vector<Offer>& offers) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < advice.rows.size(); ++i) {
    const AdviceRow& row = advice.rows[i];
    const Offer& offer = offers[row.offer];
    Json json{{"name", offer.name},
              {"gpu", offer.gpu.name},
              {"gpus", offer.gpus},
              {"nodes", offer.nodes},
              {"usd_per_hour", offer.usd_per_h},
              {"spot", offer.spot},
              {"owned", offer.owned},
              {"guessed_gpu", offer.guessed_gpu},
              {"verdict", to_string(row.verdict)},
              {"memory", word_of(row.memory)},
              {"pareto", row.pareto},
              {"recommended", i == advice.recommended},
              {"wait_s", row.wait_s},
              {"note", row.note}};
    if (row.runtime_s.p50 > 0) {
      json["runtime_s"] = print_interval(row.runtime_s);
      json["step_s"] = row.step_s;
      json["cost_usd"] = row.cost_usd;
      json["cost_usd_p90"] = row.cost_usd_p90;
      json["finish_s"] = row.finish_s;
      json["finish_s_p90"] = row.finish_s_p90;
      json["similarity_ratio"] = row.similarity;
      json["familiarity"] = to_string(row.familiarity);
      json["nearest"] = row.nearest;
    }
    rows.push_back(std::move(json));
  }
  return {{"items", std::move(rows)}, {"reason", advice.reason}};
}

}  // namespace galley::estimator
