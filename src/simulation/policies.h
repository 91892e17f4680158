#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "machines.h"
#include "simulation/policy.h"

namespace galley::simulation {

// The reference policies and the adaptor of the real scheduler; make_policy picks one.

/// What is believed of each job's runtime: the truth times exp(N(0, sigma)); 0: exactly.
std::vector<Millis> believed_runtimes(const Workload& workload, double sigma, std::uint64_t seed);

/// Serves the lowest key first. `skip`: a job that does not fit lets those behind it pass.
struct OrderedOptions {
  bool skip = false;
  bool shortest_first = false;  // by the believed runtime; else by class and acceptance
  double error_sigma = 0;       // of that belief
  std::uint64_t seed = 1;
};
std::unique_ptr<Policy> make_ordered(const Workload& workload, const OrderedOptions& options);

/// FIFO in which later jobs pass only where they do not delay the first one that waits (EASY
/// backfill; Lifka, "The ANL/IBM SP scheduling system", 1995). `error_sigma`: runtimes are known
/// times exp(N(0, sigma)); 0: exactly.
struct EasyOptions {
  double error_sigma = 0;
  std::uint64_t seed = 1;
};
std::unique_ptr<Policy> make_easy(const Workload& workload, const EasyOptions& options);

/// Least attained service first, in queues by GPU time so far, with preemption that loses nothing
/// (2D-LAS of Tiresias; Gu et al., NSDI'19). The limits of the queues are ours: 1 and 10 GPU hours.
std::unique_ptr<Policy> make_las(const Workload& workload);

/// Each team in strict order within a quota that is a number of GPUs, wherever they are. Nothing is
/// borrowed. Jobs that the team's own cells could not hold are refused.
std::unique_ptr<Policy> make_quota(const Workload& workload, Fit fit);

/// The real scheduler. `error_sigma`: it is told runtimes times exp(N(0, sigma)), and how far such
/// estimates reach; 0: what a RuntimeModel learns of jobs that have ended.
std::unique_ptr<Policy> make_galley(const Workload& workload, const PolicyOptions& options,
                                    double error_sigma = 0);

}  // namespace galley::simulation
