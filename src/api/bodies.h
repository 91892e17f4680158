#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "protocol/field_table.h"
#include "protocol/ids.h"

// The bodies of requests that no other module has a struct for. Parser, errors and schema come from
// the field tables, as for the types of galley::protocol.
namespace galley::api {

struct LoginBody {
  std::string code;
};
struct NewRunBody {
  std::string name;
  std::string experiment = "default";
};
struct PointBody {
  std::string key;
  std::int64_t step = 0;
  double value = 0;
  std::optional<WallTime> at;
};
struct PointsBody {
  std::vector<PointBody> points;
};
struct ParamsBody {
  std::map<std::string, std::string> params;
};
struct TagsBody {
  std::map<std::string, std::string> tags;
};
struct FinishBody {
  std::string state;
};
struct MissingBody {
  std::vector<std::string> hashes;
};
struct FreezeBody {
  std::optional<Json> manifest;
  std::optional<RunId> run_id;
  std::optional<std::string> artifact;
  std::string note;
  std::vector<std::string> sources;
};
struct DeployBody {
  Json snapshot;
};

}  // namespace galley::api

namespace galley::protocol {

template <>
struct Fields<api::LoginBody> {
  static constexpr std::string_view kind = "login";
  using S = api::LoginBody;
  static constexpr std::tuple table{
      Field<S, std::string>{"code", &S::code, "The code in the address.", true, 1, 128}};
};
template <>
struct Fields<api::NewRunBody> {
  static constexpr std::string_view kind = "new_run";
  using S = api::NewRunBody;
  static constexpr std::tuple table{
      Field<S, std::string>{"name", &S::name, "Shown in lists.", true, 1, 250},
      Field<S, std::string>{"experiment", &S::experiment, "What it belongs to.", false, 1, 250}};
};
template <>
struct Fields<api::PointBody> {
  static constexpr std::string_view kind = "point";
  using S = api::PointBody;
  static constexpr std::tuple table{
      Field<S, std::string>{"key", &S::key, "Name of the metric.", true, 1, 250},
      Field<S, std::int64_t>{"step", &S::step, "Step of the run."},
      Field<S, double>{"value", &S::value, "A number; JSON has none that is not finite.", true},
      Field<S, std::optional<WallTime>>{"at", &S::at, "When it was measured; now when absent."}};
};
template <>
struct Fields<api::PointsBody> {
  static constexpr std::string_view kind = "points";
  using S = api::PointsBody;
  static constexpr std::tuple table{Field<S, std::vector<api::PointBody>>{
      "points", &S::points, "What was measured, in the order of reporting.", true, 1, 100'000}};
};
template <>
struct Fields<api::ParamsBody> {
  static constexpr std::string_view kind = "params";
  using S = api::ParamsBody;
  static constexpr std::tuple table{Field<S, std::map<std::string, std::string>>{
      "params", &S::params, "Values by key; a key is written once.", true, 0, 5000}};
};
template <>
struct Fields<api::TagsBody> {
  static constexpr std::string_view kind = "tags";
  using S = api::TagsBody;
  static constexpr std::tuple table{Field<S, std::map<std::string, std::string>>{
      "tags", &S::tags, "Values by key; they replace what was there.", true, 0, 5000}};
};
template <>
struct Fields<api::FinishBody> {
  static constexpr std::string_view kind = "finish";
  using S = api::FinishBody;
  static constexpr std::tuple table{
      Field<S, std::string>{"state", &S::state, "finished, failed or killed.", true, 1, 16}};
};
template <>
struct Fields<api::MissingBody> {
  static constexpr std::string_view kind = "missing";
  using S = api::MissingBody;
  static constexpr std::tuple table{Field<S, std::vector<std::string>>{
      "hashes", &S::hashes, "SHA-256 of chunks, in hexadecimal.", true, 0, 100'000}};
};
template <>
struct Fields<api::FreezeBody> {
  static constexpr std::string_view kind = "freeze";
  using S = api::FreezeBody;
  static constexpr std::tuple table{
      Field<S, std::optional<Json>>{"manifest", &S::manifest,
                                    "The frozen folder, a galley-manifest document."},
      Field<S, std::optional<RunId>>{"run_id", &S::run_id, "The run that made it."},
      Field<S, std::optional<std::string>>{
          "artifact", &S::artifact, "Instead of a manifest: an artifact of that run, by its path.",
          false, 1, 1024},
      Field<S, std::string>{"note", &S::note, "For people.", false, 0, 4096},
      Field<S, std::vector<std::string>>{
          "sources", &S::sources, "What it was made from: ids, or NAME@VERSION of data sets.",
          false, 0, 256}};
};
template <>
struct Fields<api::DeployBody> {
  static constexpr std::string_view kind = "deploy";
  using S = api::DeployBody;
  static constexpr std::tuple table{
      Field<S, Json>{"snapshot", &S::snapshot, "An id, NAME@VERSION or a version.", true}};
};

}  // namespace galley::protocol
