#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/database.h"
#include "tracking/point_batch.h"
#include "tracking/records.h"

namespace galley::tracking {

/// Of a sealed chunk: the least and greatest of eight stretches, and its ends.
inline constexpr std::size_t kPreviewPoints = 18;

/// A null stands for a NaN, which the store cannot hold.
double nan_if_null(const store::Row& row, std::size_t column);
store::Value number_or_null(double value);

/// By step, then time, then value, a NaN being less than all others: what MLflow's servers call the
/// latest.
bool is_newer(const Point& point, const Point& than);

/// Puts a batch behind those that wait, and settles the run's where they have become many.
/// Errors: not_found (run), too_large (kMaxSeries), those of settle_points().
Status add_waiting(store::Transaction& transaction, const RunId& run, const PointBatch& batch,
                   const std::string& packed);

/// The batches that wait, in the order of report. Errors: corrupt.
Result<std::vector<PointBatch>> read_waiting(store::Transaction& transaction, const RunId& run);

}  // namespace galley::tracking
