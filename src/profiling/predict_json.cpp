#include <nlohmann/json.hpp>

#include "profiling/prediction.h"

namespace galley::profiling {
namespace {

nlohmann::json interval_json(const Interval& interval) {
  return {{"value", interval.value}, {"low", interval.low}, {"high", interval.high}};
}

}  // namespace

nlohmann::json held_out_json(const HeldOut& held) {
  return {{"model", held.model},
          {"rows", held.rows},
          {"latency_error_ratio", held.latency_error_ratio},
          {"latency_worst_ratio", held.latency_worst_ratio},
          {"memory_error_ratio", held.memory_error_ratio},
          {"inside_ratio", held.inside_ratio}};
}

nlohmann::json prediction_json(const Prediction& prediction) {
  const ModelShape& model = prediction.model;
  nlohmann::json json{
      {"model",
       {{"name", model.name},
        {"format", model.format},
        {"parameters", model.parameters},
        {"weight_bytes", model.weight_bytes},
        {"blocks", model.blocks},
        {"hidden", model.hidden},
        {"heads", model.heads},
        {"kv_heads", model.kv_heads},
        {"vocabulary", model.vocabulary},
        {"kv_bytes_per_token", model.kv_bytes_per_token}}},
      {"devices", {{"device", prediction.devices.device}, {"count", prediction.devices.count}}},
      {"load",
       {{"batch", prediction.load.batch},
        {"prompt_tokens", prediction.load.prompt_tokens},
        {"output_tokens", prediction.load.output_tokens}}},
      {"basis", prediction.basis},
      {"studies", prediction.studies},
      {"notes", prediction.notes},
      {"latency_ms", interval_json(prediction.latency_ms)},
      {"first_token_ms", interval_json(prediction.first_token_ms)},
      {"ms_per_token", interval_json(prediction.ms_per_token)},
      {"memory_bytes", interval_json(prediction.memory_bytes)}};
  // Absent is absent: what is unknown has no member.
  if (prediction.device_memory_bytes > 0) {
    json["device_memory_bytes"] = prediction.device_memory_bytes;
    json["fits"] = prediction.fits;
    json["largest_batch"] = interval_json(prediction.largest_batch);
  }
  if (prediction.devices_needed > 0) json["devices_needed"] = prediction.devices_needed;
  if (prediction.price_per_hour_usd > 0) json["price_per_hour_usd"] = prediction.price_per_hour_usd;
  if (prediction.latency_error_ratio) json["latency_error_ratio"] = *prediction.latency_error_ratio;
  if (prediction.memory_error_ratio) json["memory_error_ratio"] = *prediction.memory_error_ratio;
  return json;
}

}  // namespace galley::profiling
