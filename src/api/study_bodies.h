#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/field_table.h"

namespace galley::api {

struct AskBody {
  std::int64_t count = 1;
  std::string worker;
};
struct TellBody {
  std::int64_t trial = -1;
  std::optional<std::int64_t> attempt;
  std::string state = "complete";
  std::optional<Json> value;
  std::optional<Json> values;
  std::optional<double> resource;
  std::string checkpoint;
  std::string reason;
};

struct PreviewBody {
  Json file;
  std::optional<std::int64_t> gpus;
  std::optional<double> seconds_per_resource;
};

}  // namespace galley::api

namespace galley::protocol {

template <>
struct Fields<api::PreviewBody> {
  static constexpr std::string_view kind = "study_preview";
  using S = api::PreviewBody;
  static constexpr std::tuple table{
      Field<S, Json>{"file", &S::file, "The study file.", true},
      Field<S, std::optional<std::int64_t>>{
          "gpus", &S::gpus,
          "GPUs that it can expect, or trials at once where they need none; "
          "what the nodes have when absent.",
          false, 1, 1'000'000},
      Field<S, std::optional<double>>{
          "seconds_per_resource", &S::seconds_per_resource,
          "Of one trial; as in the newest study of that name when absent."}};
};

template <>
struct Fields<api::AskBody> {
  static constexpr std::string_view kind = "ask";
  using S = api::AskBody;
  static constexpr std::tuple table{
      Field<S, std::int64_t>{"count", &S::count, "Trials wanted; fewer may come.", false, 1, 1000},
      Field<S, std::string>{"worker", &S::worker,
                            "Who asks. Asking again under the same name gives the trial that it "
                            "holds, so that a lost answer loses none.",
                            false, 0, 128}};
};
template <>
struct Fields<api::TellBody> {
  static constexpr std::string_view kind = "tell";
  using S = api::TellBody;
  static constexpr std::tuple table{
      Field<S, std::int64_t>{"trial", &S::trial, "Number of the trial.", true, 0},
      Field<S, std::optional<std::int64_t>>{
          "attempt", &S::attempt, "As it was given by ask; the newest when absent.", false, 1},
      Field<S, std::string>{"state", &S::state,
                            "running, complete, failed, infeasible or released; complete when "
                            "absent.",
                            false, 1, 16},
      Field<S, std::optional<Json>>{"value", &S::value,
                                    "What the only measure says: a number, or null for none."},
      Field<S, std::optional<Json>>{"values", &S::values, "Likewise, one for each measure."},
      Field<S, std::optional<double>>{
          "resource", &S::resource,
          "How far the trial was, in units of the study; complete: the whole budget when absent."},
      Field<S, std::string>{"checkpoint", &S::checkpoint,
                            "Name of what was saved; a later ask gives it back.", false, 0, 1024},
      Field<S, std::string>{"reason", &S::reason, "Why it failed, for people.", false, 0, 1024}};
};

}  // namespace galley::protocol
