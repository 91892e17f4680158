#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "named_model.h"

namespace galley::app {

/// What `galley up` and `galley controller` are told alike.
struct SiteOptions {
  std::filesystem::path data;
  std::string database;  // postgresql://… or sqlite:PATH; empty: galley.db in the data folder
  // Among the controllers of one PostgreSQL; empty: host and port.
  std::string name;
  bool warm = false;  // leads only when no other will
  std::vector<std::string> listen{"127.0.0.1:7420"};
  std::vector<std::string> hosts;  // further names by which browsers may reach us
  std::string tls_certificate;
  std::string tls_key;
  std::filesystem::path secrets_key;  // empty: secrets.key in the data folder
  Millis node_timeout{10'000};        // a node silent for so long is given up
  double user_requests_per_s = 200;
  std::filesystem::path prices;     // what GPUs cost; empty: the shipped list alone
  std::int64_t rows_of_a_fit = 40;  // new measured jobs after which the estimator is fitted again
  std::vector<NamedModel> language_models;
  std::size_t kv_memory_bytes = 0;  // of each of them; 0: a quarter of what is free
  bool verbose = false;
};

}  // namespace galley::app
