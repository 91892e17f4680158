#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"
#include "estimator/gpu_specs.h"
#include "estimator/prices.h"
#include "protocol/records.h"

namespace galley::controller {
class Controller;
}

namespace galley::estimates {

/// What an hour of a GPU costs: from the site's own price list where it names that GPU, else from
/// the one that comes with the program. A value; const members are thread-safe.
class GpuPrices {
 public:
  /// `own`: a price list as estimator::parse_prices reads it; empty: none. Errors: those of reading
  /// it, invalid_argument with its name.
  static Result<GpuPrices> open(const std::filesystem::path& own);

  /// The least price of one GPU of the kind, on demand; 0: not known. O(rows).
  double usd_per_gpu_h(const estimator::GpuSpec& gpu) const;
  /// An hour of all that the job's last attempt holds; of a part of a GPU that part. 0: it has no
  /// GPUs, or one whose price is not known. Reads the store.
  double usd_per_h_of(const controller::Controller& controller,
                      const protocol::JobRecord& job) const;
  /// The site's own rows first.
  const std::vector<estimator::PriceRow>& rows() const { return rows_; }

 private:
  std::vector<estimator::PriceRow> rows_;
  std::size_t own_ = 0;  // so many of them are the site's
};

}  // namespace galley::estimates
