#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace galley::profiling {

/// A figure, a word, or nothing (a cell that was refused or could not be measured).
using Cell = std::variant<std::monostate, double, std::string>;

struct Column {
  std::string name;  // prompt_tokens, latency_ms: the unit ends the name
  std::string help;  // one clause, for the table's head
};

/// One table of measurements. Which experiments there are, and their columns, says catalogue.h.
struct Experiment {
  std::string id;  // "wide-greedy"
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  // each as long as `columns`
  std::vector<std::string> notes;       // what the reader must know: shortened, skipped and why
};

struct ProfiledModel {
  std::string name;
  std::string file;      // as it was given; empty for a target
  std::string snapshot;  // hash of the weights' files, empty when unknown
  std::string format;    // "q8_0"; empty when unknown
  std::uint64_t parameters = 0;
  std::uint64_t weight_bytes = 0;
  std::uint32_t blocks = 0, hidden = 0, heads = 0, kv_heads = 0, vocabulary = 0, context = 0;
  double kv_bytes_per_token = 0;  // 0 when unknown
};

struct ProfiledMachine {
  std::string name;    // host name
  std::string device;  // "AMD EPYC, 2 threads, avx512"
  std::uint32_t threads = 0;
  std::uint32_t devices = 1;
  std::uint64_t memory_bytes = 0;
};

/// One study: what one model did on one machine, or behind one URL.
struct Profile {
  int version = 1;
  std::string started_at;  // RFC 3339
  std::string target;      // empty: the engine in this process
  std::string galley_version;
  std::uint64_t seed = 0;
  double scale = 1;    // of the workloads' sizes
  std::string effort;  // "quick", "full"
  double seconds = 0;
  ProfiledModel model;
  ProfiledMachine machine;
  std::vector<Experiment> experiments;

  const Experiment* find(std::string_view id) const;
};

/// The same profile as one JSON document, and back. Errors of the reader name the member.
std::string print_profile(const Profile& profile);
Result<Profile> parse_profile(std::string_view json);

}  // namespace galley::profiling
