#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "estimates/estimates.h"
#include "model_in_use.h"

namespace galley::estimates {

/// One fit of the site's own estimator.
struct FitRow {
  std::int64_t number = 0;
  std::string job_id;
  std::string state = "fitting";  // used, kept_old or failed
  WallTime at{};
  std::int64_t rows = 0;
  std::optional<double> mdape_pct{};
  std::optional<double> before_mdape_pct{};
  std::string manifest_sha256{};  // of the folder with the model
  std::string reason{};
};

/// Newest first. Errors: the store's.
Result<std::vector<FitRow>> read_fits(store::Transaction& transaction, std::int64_t limit);

/// Has the estimator fitted again by an idle-class job when enough new jobs were measured, and
/// takes the result into use unless it is worse. One thread at a time.
class Refit {
 public:
  Refit(const Parts& parts, ModelInUse& model, std::int64_t rows_of_a_fit)
      : parts_(parts), model_(model), rows_of_a_fit_(rows_of_a_fit) {}

  /// Puts the newest model that was taken into use back, after a restart; what cannot be read is
  /// logged and left.
  void restore();
  /// Looks at the fit that runs, or begins one. Errors: the store's, the controller's.
  Status look();

 private:
  Status begin(std::int64_t number, std::int64_t seen);
  Status take(FitRow fit, const std::string& run_id);
  Status save(const FitRow& fit);
  /// Nobody waits, and a processor is free.
  bool is_quiet() const;
  /// The text of model.json in the frozen folder.
  Result<std::string> read_file_of(const std::string& manifest) const;

  const Parts parts_;
  ModelInUse& model_;
  const std::int64_t rows_of_a_fit_;
};

}  // namespace galley::estimates
