#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>

#include "base/units.h"
#include "plot/axis.h"
#include "predict_spread.h"
#include "profiling/prediction.h"

namespace galley::profiling {
namespace {

// The catalogue's rates are ratios that were published, hung on one assumed speed.
constexpr double kCatalogueTimeHalf = 0.5;
constexpr double kCatalogueMemoryHalf = 0.1;
constexpr double kDeviceOwnBytes = 1.0 * 1024 * 1024 * 1024;  // context and work space of a GPU

Interval around(double value, double half) {
  return {value, value / (1 + half), value * (1 + half)};
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// Times and memory of one way to know them, before the devices' limits are applied.
struct Rates {
  std::function<double(const PredictedLoad&)> milliseconds;
  double base_bytes = 0;  // of each device, beside weights, keys and values
  double time_half = 0, memory_half = 0;
};

double kv_of_request(const ModelShape& model, const PredictedLoad& load) {
  return (load.prompt_tokens + load.output_tokens) * model.kv_bytes_per_token;
}

double memory_on(const Rates& rates, const ModelShape& model, const PredictedLoad& load,
                 double devices) {
  return rates.base_bytes * devices + model.weight_bytes + load.batch * kv_of_request(model, load);
}

void fill_times(Prediction& out, const Rates& rates) {
  const double whole = rates.milliseconds(out.load);
  PredictedLoad first = out.load;
  first.output_tokens = 1;
  const double head = rates.milliseconds(first);
  out.latency_ms = around(whole, rates.time_half);
  out.first_token_ms = around(head, rates.time_half);
  const double more = out.load.output_tokens - 1;
  out.ms_per_token = around(more > 0 ? (whole - head) / more : whole, rates.time_half);
}

void fill_memory(Prediction& out, const Rates& rates) {
  const double count = out.devices.count;
  out.memory_bytes = around(memory_on(rates, out.model, out.load, count), rates.memory_half);
  if (out.device_memory_bytes <= 0) {
    out.notes.push_back(
        "the memory of a device is not known, so that nothing is said of what fits");
    return;
  }
  const double room = out.device_memory_bytes * count;
  out.fits = out.memory_bytes.high <= room;
  const auto largest_with = [&](double factor) {
    const double left = room - factor * (rates.base_bytes * count + out.model.weight_bytes);
    const double each = factor * kv_of_request(out.model, out.load);
    return left > 0 && each > 0 ? std::floor(left / each) : 0;
  };
  out.largest_batch = {largest_with(1), largest_with(1 + rates.memory_half),
                       largest_with(1 / (1 + rates.memory_half))};
  const double of_one = out.device_memory_bytes - rates.base_bytes * (1 + rates.memory_half);
  const double shared = (memory_on(rates, out.model, out.load, 0)) * (1 + rates.memory_half);
  if (of_one > 0) out.devices_needed = static_cast<std::uint32_t>(std::ceil(shared / of_one));
  if (!out.fits)
    out.notes.push_back(fmt::format(
        "{} are needed and {} are there{}", format_bytes(std::llround(out.memory_bytes.high)),
        format_bytes(std::llround(room)),
        out.devices_needed > 0 ? fmt::format("; {} such devices hold it", out.devices_needed)
                               : ""));
}

/// The studies of one machine: of the named one, or of the first study's.
std::vector<const Profile*> studies_of(std::span<const Profile> studies,
                                       const std::optional<DeviceGroupSpec>& devices) {
  std::vector<const Profile*> found;
  for (const Profile& study : studies) {
    const ProfiledMachine& machine = study.machine;
    const bool wanted = devices ? same_word(machine.name, devices->device) ||
                                      same_word(machine.device, devices->device)
                                : machine.name == studies.front().machine.name &&
                                      machine.device == studies.front().machine.device &&
                                      machine.threads == studies.front().machine.threads;
    if (wanted) found.push_back(&study);
  }
  return found;
}

std::string known_devices(std::span<const Profile> studies) {
  std::string text;
  for (const Device& device : device_catalogue()) text += (text.empty() ? "" : ", ") + device.name;
  for (const Profile& study : studies)
    if (text.find(study.machine.name) == std::string::npos) text += ", " + study.machine.name;
  return text;
}

Status from_studies(const std::vector<const Profile*>& chosen, const PredictRequest& request,
                    std::size_t offered, Prediction& out, Rates& rates) {
  std::vector<StudyRows> studies;
  double most_devices = 1, fewest_devices = 1e9;
  double smallest = 1e300, largest = 0;
  for (const Profile* profile : chosen) {
    GALLEY_TRY(StudyRows rows, rows_of(*profile));
    most_devices = std::max(most_devices, rows.devices);
    fewest_devices = std::min(fewest_devices, rows.devices);
    smallest = std::min(smallest, rows.model.parameters);
    largest = std::max(largest, rows.model.parameters);
    out.studies.push_back(fmt::format("{} ({} parameters, {} times)", profile->model.name,
                                      plot::short_number(rows.model.parameters), rows.rows.size()));
    studies.push_back(std::move(rows));
  }
  const ProfiledMachine& machine = chosen.front()->machine;
  out.basis = fmt::format("{} {} on {}", chosen.size(), chosen.size() == 1 ? "study" : "studies",
                          machine.name);
  if (chosen.size() < offered)
    out.notes.push_back(
        fmt::format("{} studies of other machines are left out", offered - chosen.size()));
  if (!request.devices) out.devices = {machine.name, std::max<std::uint32_t>(1, machine.devices)};
  if (out.device_memory_bytes <= 0)
    out.device_memory_bytes =
        static_cast<double>(machine.memory_bytes) / std::max<double>(1, machine.devices);
  const Spread spread = spread_for(studies, out.model);
  if (spread.left_out) {
    out.latency_error_ratio = spread.left_out->time;
    out.memory_error_ratio = spread.left_out->memory;
  } else {
    out.notes.push_back("models of one size were studied: how rates change with size is a guess");
  }
  if (out.model.parameters > largest * 1.05 || out.model.parameters < smallest / 1.05)
    out.notes.push_back(fmt::format("the model lies outside the sizes that were studied, {} to {}",
                                    plot::short_number(smallest), plot::short_number(largest)));
  rates.milliseconds =
      [fit = spread.fit, model = out.model, devices = static_cast<double>(out.devices.count)](
          const PredictedLoad& load) { return 1e3 * fit.seconds(model, load, devices); };
  rates.time_half = spread.time_half;
  rates.memory_half = spread.memory_half;
  if (spread.fit.has_memory) {
    rates.base_bytes =
        spread.fit.memory_base_bytes + spread.fit.memory_per_width * out.model.hidden;
  } else {
    rates.memory_half = kCatalogueMemoryHalf;
    out.notes.push_back("the studies tell no memory: weights, keys and values alone are counted");
  }
  if (out.devices.count > most_devices && most_devices == fewest_devices) {
    // Weights and arithmetic divide; what devices tell one another was never seen.
    const double alone = 1e3 * spread.fit.seconds(out.model, out.load, most_devices);
    const double divided = rates.milliseconds(out.load);
    if (divided > 0) rates.time_half = std::max(rates.time_half, alone / divided - 1);
    out.notes.push_back(fmt::format(
        "no study ran on several numbers of devices: the interval reaches from {} that share the "
        "work perfectly to none that helps",
        out.devices.count));
  }
  return ok();
}

void from_catalogue(const Device& device, Prediction& out, Rates& rates) {
  out.basis = "the device catalogue";
  out.devices.device = device.name;
  out.notes.push_back(
      "no study of this device: ratios between devices are calibrated, absolute times are rough, "
      "and the engine that would run there is not this one");
  if (out.device_memory_bytes <= 0) out.device_memory_bytes = device.memory_bytes;
  out.price_per_hour_usd = device.price_per_hour_usd * out.devices.count;
  rates.milliseconds = [model = out.model, &device,
                        count = out.devices.count](const PredictedLoad& load) {
    return catalogue_latency_ms(model, device, count, load);
  };
  rates.base_bytes = kDeviceOwnBytes;
  rates.time_half = kCatalogueTimeHalf;
  rates.memory_half = kCatalogueMemoryHalf;
}

}  // namespace

Result<Prediction> predict(std::span<const Profile> studies, const PredictRequest& request) {
  const PredictedLoad& load = request.load;
  if (!(load.batch >= 1) || !(load.prompt_tokens >= 1) || !(load.output_tokens >= 1))
    return Error{.code = Errc::invalid_argument,
                 .message = fmt::format("a load of batch {}, {} tokens in and {} out cannot be "
                                        "predicted: each must be at least 1",
                                        load.batch, load.prompt_tokens, load.output_tokens),
                 .field = "load"};
  if (studies.empty() && !request.devices)
    return Error{.code = Errc::invalid_argument,
                 .message = "there is neither a study nor a device to predict from",
                 .field = "device",
                 .hint = "give studies, or a device of " + known_devices(studies)};
  Prediction out;
  out.model = request.model;
  out.load = load;
  out.devices = request.devices.value_or(DeviceGroupSpec{});
  out.device_memory_bytes = static_cast<double>(request.device_memory_bytes);
  Rates rates;
  const auto chosen = studies_of(studies, request.devices);
  if (!chosen.empty()) {
    GALLEY_TRY_STATUS(from_studies(chosen, request, studies.size(), out, rates));
  } else {
    const auto devices = device_catalogue();
    const auto device = std::ranges::find_if(
        devices, [&](const Device& one) { return same_word(one.name, request.devices->device); });
    if (device == devices.end())
      return Error{.code = Errc::not_found,
                   .message = fmt::format("no study and no entry of the catalogue is of a device "
                                          "\"{}\"",
                                          request.devices->device),
                   .field = "device",
                   .expected = known_devices(studies)};
    from_catalogue(*device, out, rates);
  }
  fill_times(out, rates);
  fill_memory(out, rates);
  return out;
}

Result<HeldOut> leave_out_largest(std::span<const Profile> studies) {
  constexpr std::size_t kFewestSizes = 3;
  constexpr double kSameSize = 1.1;  // models this near in parameters are one size
  std::vector<StudyRows> rows;
  for (const Profile* study :
       studies.empty() ? std::vector<const Profile*>{} : studies_of(studies, std::nullopt)) {
    GALLEY_TRY(StudyRows one, rows_of(*study));
    rows.push_back(std::move(one));
  }
  std::ranges::sort(rows, {}, [](const StudyRows& one) { return one.model.parameters; });
  // Several studies of one size are left out together: the others must not know it.
  const auto first_largest = std::ranges::find_if(rows, [&](const StudyRows& one) {
    return one.model.parameters * kSameSize >= rows.back().model.parameters;
  });
  const std::vector<StudyRows> largest(first_largest, rows.end());
  rows.erase(first_largest, rows.end());
  std::size_t sizes = largest.empty() ? 0 : 1;
  for (std::size_t i = 0; i < rows.size(); ++i)
    sizes += i == 0 || rows[i].model.parameters > kSameSize * rows[i - 1].model.parameters;
  if (sizes < kFewestSizes)
    return Error{Errc::invalid_argument,
                 fmt::format("leaving out the largest of {} sizes on one machine leaves too few "
                             "to fit: three are needed",
                             sizes)};
  const Spread spread = spread_for(rows, largest.front().model);
  HeldOut held{.model = largest.front().model.name};
  const double share = 1.0 / static_cast<double>(largest.size());
  for (const StudyRows& study : largest) {
    const SeenWrong wrong = errors_on(spread.fit, study);
    held.rows += study.rows.size();
    held.latency_error_ratio += share * wrong.time;
    held.latency_worst_ratio = std::max(held.latency_worst_ratio, wrong.worst_time);
    held.memory_error_ratio += share * wrong.memory.value_or(0);
    for (const TimedRow& row : study.rows) {
      const auto interval =
          around(spread.fit.seconds(study.model, row.load, study.devices), spread.time_half);
      held.inside_ratio += row.seconds >= interval.low && row.seconds <= interval.high;
    }
  }
  held.inside_ratio /= static_cast<double>(held.rows);
  return held;
}

}  // namespace galley::profiling
