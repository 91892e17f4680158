#pragma once

#include <cstddef>
#include <string_view>

#include "estimator/rows.h"
#include "estimator_fit/estimator_fit.h"

namespace galley::estimator {

/// Public measurements that every site's fit begins with (data/estimator/rows.json), for
/// parse_rows.
std::string_view shipped_rows();

/// A model of a site's own jobs and public ones together, beside the one in use.
struct SiteFit {
  EstimatorModel model;
  std::size_t rows = 0;         // of the site
  std::size_t compared = 0;     // of those, that both were measured on
  double mdape_pct = 0;         // of the new model on them, each estimated without its kind of job
  double before_mdape_pct = 0;  // of the model in use
  double coverage90_pct = 0;    // of the new one's intervals
};

/// Fits, and measures by grouped cross-validation on the site's rows. The model in use is measured
/// on the rows that it has not learnt from, those from `seen` on, where there are enough; so is the
/// new one. From 30 rows on, intervals of known kinds of jobs are the site's own. Some seconds.
/// Errors: those of fit_estimator; invalid_argument for fewer than 8 rows.
Result<SiteFit> fit_site(const RowsFile& site, const RowsFile& open, const EstimatorModel& before,
                         std::size_t seen);

}  // namespace galley::estimator
