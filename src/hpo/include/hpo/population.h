#pragma once

#include <memory>

#include "hpo/early_stopping.h"

namespace galley::hpo {

/// A point near this one: numbers go up or down by the factor (linear ranges that hold 0: by as
/// much of their width), ordered values move by one, and with probability resample_ratio a value
/// is drawn anew. Stays within the hard bounds (p_range), the conditions and the rules; the point
/// itself where no such neighbour is found.
Point perturb(const Space& space, const Point& point, const PopulationSpec& spec, Rng& rng);

/// Population based training (arXiv:1711.09846): every `step` of the resource a member compares
/// itself with the others; a bad one goes on from a good one's checkpoint with changed settings.
/// Explore by perturb, by resample, or by PB2 (arXiv:2002.02518): a Gaussian process over what
/// settings gained in an interval, with the upper confidence bound. All members' weights live in
/// checkpoints, so a population larger than the GPUs takes turns.
///
/// `size` members are alive at once; a lost one is replaced by a new draw.
std::unique_ptr<EarlyStopping> make_population(const PopulationSpec& spec, Space space, double step,
                                               std::int64_t size, std::uint64_t seed);

}  // namespace galley::hpo
