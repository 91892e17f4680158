#include "simulation/cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>

#include "base/file.h"
#include "base/text.h"
#include "text_match.h"

namespace galley::simulation {
namespace {

constexpr std::int64_t kMostFileBytes = 1 << 20;

Error wrong_form(std::string_view text, std::string_view what) {
  return Error{Errc::invalid_argument,
               fmt::format("cluster \"{}\": {}", to_valid_utf8(text.substr(0, 80)), what),
               "cluster",
               fmt::format("NODESxGPUS such as 64x8, or NODESxMODELxGPUS such as 4xH100x8, joined "
                           "by +; 1 to {} nodes of 1 to {} GPUs",
                           kMostNodes, kMostGpusOfANode)};
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<NodeType> parse_part(std::string_view all, std::string_view part) {
  const auto first = part.find('x');
  const auto last = part.rfind('x');
  if (first == std::string_view::npos) return wrong_form(all, "an x is missing");
  const auto count = whole_number(part.substr(0, first));
  const auto gpus = whole_number(part.substr(last + 1));
  if (!count) return wrong_form(all, "the number of nodes is no whole number");
  if (!gpus) return wrong_form(all, "the number of GPUs of a node is no whole number");
  if (*count < 1 || *count > kMostNodes) return wrong_form(all, fmt::format("{} nodes", *count));
  if (*gpus < 1 || *gpus > kMostGpusOfANode)
    return wrong_form(all, fmt::format("{} GPUs a node", *gpus));
  NodeType type{.count = *count, .gpus = *gpus, .zone = {}};
  if (first != last) type.gpu_model = std::string(part.substr(first + 1, last - first - 1));
  if (type.gpu_model.empty()) return wrong_form(all, "the GPU's model is empty");
  return type;
}

}  // namespace

std::int64_t Cluster::node_count() const {
  return std::accumulate(node_types.begin(), node_types.end(), std::int64_t{0},
                         [](std::int64_t sum, const NodeType& type) { return sum + type.count; });
}

std::int64_t Cluster::gpu_count() const {
  return std::accumulate(
      node_types.begin(), node_types.end(), std::int64_t{0},
      [](std::int64_t sum, const NodeType& type) { return sum + type.count * type.gpus; });
}

std::int64_t Cluster::largest_node(std::string_view gpu_type) const {
  std::int64_t largest = 0;
  for (const NodeType& type : node_types)
    if (type.count > 0 && contains_words(type.gpu_model, gpu_type))
      largest = std::max(largest, type.gpus);
  return largest;
}

Result<Cluster> parse_cluster(std::string_view text) {
  Cluster cluster;
  for (const std::string_view part : split(text, '+')) {
    GALLEY_TRY(auto type, parse_part(text, trim(part)));
    cluster.node_types.push_back(std::move(type));
  }
  if (cluster.node_count() > kMostNodes)
    return wrong_form(text, fmt::format("{} nodes in all", cluster.node_count()));
  return cluster;
}

Result<Cluster> read_cluster(const std::string& text) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(text, ignored)) {
    if (text.ends_with(".json"))
      return Error{Errc::not_found, fmt::format("there is no file {}", text), "cluster"};
    return parse_cluster(text);
  }
  GALLEY_TRY(const std::string bytes, read_file(text, kMostFileBytes));
  auto cluster = parse_cluster_json(bytes);
  if (cluster) return cluster;
  auto error = std::move(cluster).error();
  error.message = fmt::format("{}: {}", text, error.message);
  return error;
}

void guarantee_by_share(Cluster& cluster, const Trace& trace) {
  if (!cluster.teams.empty() || cluster.node_types.size() != 1) return;
  const NodeType& type = cluster.node_types.front();
  std::vector<double> demand(trace.teams.size());
  for (const Job& job : trace.jobs)
    demand[static_cast<std::size_t>(job.team)] +=
        static_cast<double>(job.duration.count()) * job.gpus * job.nodes;
  const double total = std::accumulate(demand.begin(), demand.end(), 0.0);
  if (total <= 0) return;

  std::vector<std::int64_t> nodes(demand.size());
  std::vector<std::pair<double, std::size_t>> rests;  // largest first, ties by name
  std::int64_t left = type.count;
  for (std::size_t i = 0; i < demand.size(); ++i) {
    const double share = demand[i] / total * static_cast<double>(type.count);
    nodes[i] = static_cast<std::int64_t>(share);
    left -= nodes[i];
    rests.emplace_back(static_cast<double>(nodes[i]) - share, i);
  }
  std::ranges::sort(rests);
  for (std::size_t i = 0; left > 0 && i < rests.size(); ++i, --left) ++nodes[rests[i].second];

  for (std::size_t i = 0; i < nodes.size(); ++i) {
    scheduler::Team team{.name = trace.teams[i], .weight = 1, .guarantees = {}};
    if (nodes[i] > 0)
      team.guarantees.push_back({.gpu_type = "", .gpus = type.gpus, .count = nodes[i]});
    cluster.teams.push_back(std::move(team));
  }
}

Status check_guarantees(const Cluster& cluster) {
  std::map<std::string, std::int64_t> promised;  // GPUs, by model; "" is all
  for (const scheduler::Team& team : cluster.teams)
    for (const scheduler::Guarantee& guarantee : team.guarantees) {
      if (guarantee.gpus > cluster.largest_node(guarantee.gpu_type))
        return Error{Errc::invalid_argument,
                     fmt::format("team {} is guaranteed cells of {} GPUs, and the largest {} node "
                                 "has {}",
                                 team.name, guarantee.gpus,
                                 guarantee.gpu_type.empty() ? "" : guarantee.gpu_type,
                                 cluster.largest_node(guarantee.gpu_type)),
                     "teams", "cells that a node can hold"};
      promised[guarantee.gpu_type] += guarantee.gpus * guarantee.count;
      if (!guarantee.gpu_type.empty()) promised[""] += guarantee.gpus * guarantee.count;
    }
  for (const auto& [model, gpus] : promised) {
    std::int64_t capacity = 0;
    for (const NodeType& type : cluster.node_types)
      if (contains_words(type.gpu_model, model)) capacity += type.count * type.gpus;
    if (gpus > capacity)
      return Error{Errc::invalid_argument,
                   fmt::format("the teams are guaranteed {} {}GPUs and the cluster has {}", gpus,
                               model.empty() ? "" : model + " ", capacity),
                   "teams", "guarantees of no more than there is"};
  }
  return ok();
}

Cluster private_cluster(const Cluster& cluster, std::string_view name) {
  Cluster own;
  const auto team = std::ranges::find(cluster.teams, name, &scheduler::Team::name);
  if (team == cluster.teams.end()) return own;
  for (const scheduler::Guarantee& guarantee : team->guarantees) {
    const auto type = std::ranges::find_if(cluster.node_types, [&](const NodeType& candidate) {
      return candidate.gpus >= guarantee.gpus &&
             contains_words(candidate.gpu_model, guarantee.gpu_type);
    });
    if (type == cluster.node_types.end() || guarantee.count == 0) continue;
    own.node_types.push_back({.count = guarantee.count,
                              .gpus = guarantee.gpus,
                              .gpu_model = type->gpu_model,
                              .gpu_memory_bytes = type->gpu_memory_bytes,
                              .zone = {}});
  }
  return own;
}

}  // namespace galley::simulation
