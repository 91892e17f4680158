#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "profiling/answers.h"
#include "profiling/profile.h"

/// What a model that was not measured would take, fitted to studies of models that were.
namespace galley::profiling {

/// What costs depend on. Every figure is of the whole model.
struct ModelShape {
  std::string name;
  std::string format;  // of the weights: "f16", "q8_0", "q4_0", …
  double parameters = 0;
  double weight_bytes = 0;
  double blocks = 0, hidden = 0, heads = 0, kv_heads = 0, vocabulary = 0;
  double kv_bytes_per_token = 0;
};

/// The shape of a measured model; what its profile leaves out (a target's) is filled in as for a
/// size given in words. Errors: invalid_argument (neither parameters nor blocks × hidden).
Result<ModelShape> shape_of(const ProfiledModel& model);

/// "39b", "350m", or "hidden=1024,blocks=24[,heads=][,kv_heads=][,feed_forward=][,vocabulary=]
/// [,parameters=][,format=q8_0]"; "39b,format=q4_0" too. A size alone gets the usual shape of a
/// transformer of that size. Formats as `galley models quantize` names them; default f16.
/// A path of a model file is the caller's to open: it goes through shape_of.
/// Errors: invalid_argument naming the key and its range.
Result<ModelShape> parse_model_shape(std::string_view spec);

/// What to predict for.
struct PredictedLoad {
  double batch = 1;
  double prompt_tokens = 512;
  double output_tokens = 32;
};

/// A kind of device. Rates are effective ones, as engines reach them, not a data sheet's.
struct Device {
  std::string name;  // "V100"
  double memory_bytes = 0;
  double bytes_per_s = 0;           // reading weights, keys and values
  double flops_per_s = 0;           // multiplying many rows
  double block_step_s = 0;          // of a step, for each block, whatever its size
  double exchange_s = 0;            // of a step, for each block and each doubling of the devices
  double exchange_bytes_per_s = 0;  // between two devices
  double price_per_hour_usd = 0;    // an assumption about rented ones; 0: unknown
};

/// Devices whose relative speeds are calibrated to published measurements; see docs/profiling.md.
std::span<const Device> device_catalogue();

/// "A100x4", "V100×8", "T4", "A100-80GB*2", or the name of a studied machine ("host×1").
struct DeviceGroupSpec {
  std::string device;
  std::uint32_t count = 1;
};
/// Errors: invalid_argument (no name, a count outside 1 to 1,024).
Result<DeviceGroupSpec> parse_devices(std::string_view text);

/// Latency of one load on devices of the catalogue, ms, without any study: pure arithmetic.
double catalogue_latency_ms(const ModelShape& model, const Device& device, std::uint32_t count,
                            const PredictedLoad& load);

struct Prediction {
  ModelShape model;
  DeviceGroupSpec devices;
  PredictedLoad load;
  std::string basis;                 // "3 studies on host", "the device catalogue"
  std::vector<std::string> studies;  // the models that were fitted, with their sizes
  std::vector<std::string> notes;    // what a reader must know: extrapolation, missing terms
  Interval latency_ms, first_token_ms, ms_per_token;
  Interval memory_bytes;           // resident, all devices
  double device_memory_bytes = 0;  // of one device; 0 when unknown
  bool fits = false;
  Interval largest_batch;  // of such requests on these devices; 0 when not even the model fits
  std::uint32_t devices_needed = 0;  // the fewest that hold it; 0: unknown memory
  double price_per_hour_usd = 0;     // of all devices; 0 when unknown
  /// Leave-one-out check on the studies themselves: the largest left out, error as a share.
  std::optional<double> latency_error_ratio, memory_error_ratio;
};

struct PredictRequest {
  ModelShape model;
  std::optional<DeviceGroupSpec> devices;  // none: the machine of the studies
  PredictedLoad load;
  std::uint64_t device_memory_bytes = 0;  // overrides what is known; 0: what is known
};

/// Fits terms of size, input, output, batch and devices to the studies and predicts.
///
/// Studies of another machine than the one asked for are left out; without any of the right one,
/// the catalogue answers (and says so), else it is an error. Each time is a sum of terms with
/// non-negative rates: weights read once a step, arithmetic for each token, attention for each
/// token and its context, a share for each block and step, and exchange between devices.
/// Pure; some milliseconds for each study.
/// Errors: not_found (neither a study nor the catalogue knows the device, with what is known),
/// invalid_argument (studies without rows to fit, a load of 0).
Result<Prediction> predict(std::span<const Profile> studies, const PredictRequest& request);

/// Leaves out the studies of the largest size and predicts every row of them from the others.
struct HeldOut {
  std::string model;  // the first of that size
  std::size_t rows = 0;
  double latency_error_ratio = 0;  // |predicted ÷ measured − 1|, mean over the rows
  double latency_worst_ratio = 0;
  double memory_error_ratio = 0;  // of the resident memory, mean over the rows
  double inside_ratio = 0;        // rows whose latency lies in the stated interval
};
/// Errors: invalid_argument (fewer than three sizes on one machine).
Result<HeldOut> leave_out_largest(std::span<const Profile> studies);

/// {model, rows, latency_error_ratio, latency_worst_ratio, memory_error_ratio, inside_ratio}
nlohmann::json held_out_json(const HeldOut& held);
/// {model, devices, load, basis, latency_ms: {value, low, high}, …}
nlohmann::json prediction_json(const Prediction& prediction);

}  // namespace galley::profiling
