#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "estimator/model.h"

namespace galley::estimates {

/// An estimator and where it comes from.
struct InUse {
  estimator::EstimatorModel model;
  std::string source = "shipped";     // or site
  std::int64_t site_rows = 0;         // measured jobs of this site that it learnt from
  std::string file{};                 // as it was read
  std::optional<double> mdape_pct{};  // of it on this site's jobs, by cross-validation
};

/// The estimator that answers now. Thread-safe.
class ModelInUse {
 public:
  explicit ModelInUse(InUse first) : now_(std::make_shared<const InUse>(std::move(first))) {}
  std::shared_ptr<const InUse> get() const {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  void set(InUse next) {
    auto made = std::make_shared<const InUse>(std::move(next));
    const std::lock_guard lock(mutex_);
    now_ = std::move(made);
  }

 private:
  mutable std::mutex mutex_;  // guards now_
  std::shared_ptr<const InUse> now_;
};

}  // namespace galley::estimates
