#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "accounts/records.h"
#include "protocol/field_table.h"

// The bodies of requests about users and tokens.
namespace galley::api {

struct UserBody {
  std::string name;
  std::string role = "member";
  std::vector<std::string> teams;
  std::optional<std::int64_t> max_queued_jobs;
  std::optional<std::int64_t> max_job_gpus;
  std::optional<std::int64_t> max_gpus;
};

struct SecretBody {
  std::string value;
  std::string team;
};

struct TokenBody {
  std::string name;
  std::string scope = "all";
  std::string team;
  Millis lifetime = accounts::kDefaultTokenLifetime;
};

}  // namespace galley::api

namespace galley::protocol {

template <>
struct Fields<api::UserBody> {
  static constexpr std::string_view kind = "user";
  using S = api::UserBody;
  static constexpr std::tuple table{
      Field<S, std::string>{"name", &S::name, "Name of the user.", false, 0, 63},
      Field<S, std::string>{"role", &S::role, "viewer, member or admin."},
      Field<S, std::vector<std::string>>{
          "teams", &S::teams, "Whose jobs the user may submit; default when empty.", false, 0, 64},
      Field<S, std::optional<std::int64_t>>{"max_queued_jobs", &S::max_queued_jobs,
                                            "Jobs that may wait at once; no bound when absent."},
      Field<S, std::optional<std::int64_t>>{
          "max_job_gpus", &S::max_job_gpus,
          "GPUs of one job over all of its nodes; no bound when absent."},
      Field<S, std::optional<std::int64_t>>{
          "max_gpus", &S::max_gpus,
          "GPUs that running jobs hold at once, the others wait; no bound when absent."}};
};

template <>
struct Fields<api::SecretBody> {
  static constexpr std::string_view kind = "secret";
  using S = api::SecretBody;
  static constexpr std::tuple table{
      Field<S, std::string>{"value", &S::value, "What jobs get; nobody is shown it again.", true},
      Field<S, std::string>{"team", &S::team, "Whose jobs get it; your only team when absent.",
                            false, 0, 64}};
};

template <>
struct Fields<api::TokenBody> {
  static constexpr std::string_view kind = "token";
  using S = api::TokenBody;
  static constexpr std::tuple table{
      Field<S, std::string>{"name", &S::name, "What it is for, such as laptop or ci.", true, 1, 63},
      Field<S, std::string>{"scope", &S::scope,
                            "read, submit, deploy, or all that the user's role allows."},
      Field<S, std::string>{"team", &S::team, "The only team that it may submit to.", false, 0, 64},
      Field<S, Millis>{"lifetime", &S::lifetime, "How long it is good for, such as 90d."}};
};

}  // namespace galley::protocol
