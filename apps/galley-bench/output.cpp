#include "output.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

using galley::Json;
using galley::bench::BenchReport;

namespace {

/// Four significant digits where they matter, none after the point of large numbers.
std::string number(double value) {
  return std::abs(value) >= 1000 ? fmt::format("{:.0f}", value) : fmt::format("{:.4g}", value);
}

void print_figures(const std::string& heading, const std::map<std::string, double>& figures) {
  fmt::print("{}\n", heading);
  for (const auto& [name, value] : figures) fmt::print("  {:<36} {:>14}\n", name, number(value));
}

}  // namespace

Json to_json(const BenchReport& report, const Json& machine, double seconds) {
  Json peers = Json::object();
  for (const auto& [name, figures] : report.peers) peers[name] = figures;
  Json json{{"name", report.name}, {"figures", report.figures}, {"peers", peers},
            {"machine", machine},  {"commit", GALLEY_COMMIT},   {"seeds", report.seeds},
            {"seconds", seconds}};
  if (!report.details.empty()) json["details"] = report.details;
  return json;
}

Json with_machine(Json document, const Json& machine) {
  document["machine"] = machine;
  document["commit"] = GALLEY_COMMIT;
  return document;
}

void print_table(const BenchReport& report) {
  print_figures(report.name, report.figures);
  for (const auto& [name, figures] : report.peers) print_figures("peer " + name, figures);
}
