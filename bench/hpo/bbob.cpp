// The 24 noiseless functions of BBOB after their definitions (Hansen, Finck, Ros and Auger 2009,
// INRIA RR-6829), with random shifts and rotations of our own seeds and an optimal value of 0.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "hpo/problems.h"
#include "hpo/random.h"

namespace galley::bench {
namespace {

using std::numbers::pi;
using Vector = std::vector<double>;
using Matrix = std::vector<Vector>;

double square(double value) { return value * value; }
double sign(double value) { return value > 0 ? 1 : value < 0 ? -1 : 0; }

double oscillate(double x) {
  if (x == 0) return 0;
  const double hat = std::log(std::abs(x));
  const double c1 = x > 0 ? 10 : 5.5;
  const double c2 = x > 0 ? 7.9 : 3.1;
  return sign(x) * std::exp(hat + 0.049 * (std::sin(c1 * hat) + std::sin(c2 * hat)));
}

Vector oscillate(Vector x) {
  for (double& value : x) value = oscillate(value);
  return x;
}

/// i / (d - 1): how far along the axes an axis is.
double along(std::size_t i, std::size_t dims) {
  return static_cast<double>(i) / static_cast<double>(dims - 1);
}

Vector skew(Vector x, double beta) {
  for (std::size_t i = 0; i < x.size(); ++i)
    if (x[i] > 0) x[i] = std::pow(x[i], 1 + beta * along(i, x.size()) * std::sqrt(x[i]));
  return x;
}

Vector stretch(Vector x, double alpha) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] *= std::pow(alpha, along(i, x.size()) / 2);
  return x;
}

double outside(const Vector& x) {
  double sum = 0;
  for (const double value : x) sum += square(std::max(0.0, std::abs(value) - 5));
  return sum;
}

Vector times(const Matrix& matrix, const Vector& x) {
  Vector result(x.size(), 0);
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < x.size(); ++j) result[i] += matrix[i][j] * x[j];
  return result;
}

/// Uniform over the orthogonal matrices: Gram and Schmidt on normal rows.
Matrix random_rotation(std::size_t dims, hpo::Rng& rng) {
  Matrix rows(dims, Vector(dims));
  for (std::size_t i = 0; i < dims; ++i) {
    for (double& value : rows[i]) value = rng.normal();
    for (std::size_t k = 0; k < i; ++k) {
      double dot = 0;
      for (std::size_t j = 0; j < dims; ++j) dot += rows[i][j] * rows[k][j];
      for (std::size_t j = 0; j < dims; ++j) rows[i][j] -= dot * rows[k][j];
    }
    double norm = 0;
    for (const double value : rows[i]) norm += value * value;
    for (double& value : rows[i]) value /= std::sqrt(norm);
  }
  return rows;
}

constexpr double kSchwefelTwiceOptimum = 4.2096874633;
constexpr double kLunacekFirst = 2.5;

struct Peak {
  Vector at;
  Vector stretch;
  double height = 0;
};

class Bbob : public BoxFunction {
 public:
  Bbob(std::size_t number, std::uint64_t seed) : number_(number) {
    constexpr std::array<std::size_t, 3> kDims{2, 5, 10};
    dims_ = kDims[seed % kDims.size()];
    low.assign(dims_, -5);
    high.assign(dims_, 5);
    hpo::Rng rng(seed, 0xBB0B00 + number);
    for (std::size_t i = 0; i < dims_; ++i) {
      optimum_.push_back(8 * rng.uniform() - 4);
      signs_.push_back(rng.uniform() < 0.5 ? -1.0 : 1.0);
    }
    r_ = random_rotation(dims_, rng);
    q_ = random_rotation(dims_, rng);
    if (number == 4)
      for (std::size_t i = 0; i < dims_; i += 2) optimum_[i] = std::abs(optimum_[i]);
    if (number == 8)
      for (double& value : optimum_) value *= 0.75;
    if (number == 21) make_peaks(101, 1000, 5, 4, rng);
    if (number == 22) make_peaks(21, 1e6, 4.9, 3.92, rng);
    optimum = optimum_;
    for (std::size_t i = 0; i < dims_; ++i) {
      if (number == 5) optimum[i] = 5 * signs_[i];
      if (number == 20) optimum[i] = kSchwefelTwiceOptimum / 2 * signs_[i];
      if (number == 24) optimum[i] = kLunacekFirst / 2 * signs_[i];
      if (number == 21 || number == 22) optimum[i] = first_peak_[i];
    }
    if (number == 9 || number == 19) {
      const double half = 0.5 / std::max(1.0, std::sqrt(n()) / 8);
      for (std::size_t i = 0; i < dims_; ++i) {
        optimum[i] = 0;
        for (std::size_t j = 0; j < dims_; ++j) optimum[i] += half * r_[j][i];
      }
    }
  }

  double operator()(const Vector& x) const override {
    switch (number_) {
      case 1:
        return norm(centred(x));
      case 2:
        return ellipsoid(oscillate(centred(x)));
      case 3:
        return waves(stretch(skew(oscillate(centred(x)), 0.2), 10));
      case 4:
        return bueche(x);
      case 5:
        return slope(x);
      case 6:
        return attractive_sector(x);
      case 7:
        return steps(x);
      case 8:
        return rosenbrock(scaled(centred(x), 1));
      case 9:
        return rosenbrock(scaled(times(r_, x), 0.5));
      case 10:
        return ellipsoid(oscillate(turned(x)));
      case 11:
        return discus(oscillate(turned(x)));
      case 12:
        return cigar(times(r_, skew(turned(x), 0.5)));
      case 13:
        return ridge(times(q_, stretch(turned(x), 10)));
      case 14:
        return powers(turned(x));
      case 15:
        return waves(times(r_, stretch(times(q_, skew(oscillate(turned(x)), 0.2)), 10)));
      case 16:
        return weierstrass(x);
      case 17:
        return schaffer(x, 10);
      case 18:
        return schaffer(x, 1000);
      case 19:
        return griewank_rosenbrock(scaled(times(r_, x), 0.5));
      case 20:
        return schwefel(x);
      case 21:
      case 22:
        return gallagher(x);
      case 23:
        return katsuura(x);
      default:
        return lunacek(x);
    }
  }

 private:
  Vector centred(const Vector& x) const {
    Vector z(x);
    for (std::size_t i = 0; i < dims_; ++i) z[i] -= optimum_[i];
    return z;
  }
  Vector turned(const Vector& x) const { return times(r_, centred(x)); }
  Vector scaled(Vector x, double move) const {
    const double scale = std::max(1.0, std::sqrt(static_cast<double>(dims_)) / 8);
    for (double& value : x) value = scale * value + move;
    return x;
  }
  double n() const { return static_cast<double>(dims_); }

  static double norm(const Vector& z) {
    double sum = 0;
    for (const double value : z) sum += value * value;
    return sum;
  }
  double ellipsoid(const Vector& z) const {
    double sum = 0;
    for (std::size_t i = 0; i < dims_; ++i) sum += std::pow(10, 6 * along(i, dims_)) * square(z[i]);
    return sum;
  }
  double waves(const Vector& z) const {
    double sum = n();
    for (const double value : z) sum -= std::cos(2 * pi * value);
    return 10 * sum + norm(z);
  }
  double bueche(const Vector& x) const {
    Vector z = oscillate(centred(x));
    for (std::size_t i = 0; i < dims_; ++i)
      z[i] *= std::pow(10, along(i, dims_) / 2) * (z[i] > 0 && i % 2 == 0 ? 10 : 1);
    return waves(z) + 100 * outside(x);
  }
  double slope(const Vector& x) const {
    double sum = 0;
    for (std::size_t i = 0; i < dims_; ++i) {
      const double steep = signs_[i] * std::pow(10, along(i, dims_));
      const double z = 5 * signs_[i] * x[i] < 25 ? x[i] : 5 * signs_[i];
      sum += 5 * std::abs(steep) - steep * z;
    }
    return sum;
  }
  double attractive_sector(const Vector& x) const {
    const Vector z = times(q_, stretch(turned(x), 10));
    double sum = 0;
    for (std::size_t i = 0; i < dims_; ++i)
      sum += square((z[i] * optimum_[i] > 0 ? 100 : 1) * z[i]);
    return std::pow(oscillate(sum), 0.9);
  }
  double steps(const Vector& x) const {
    Vector z = stretch(turned(x), 10);
    const double first = std::abs(z[0]) / 1e4;
    for (double& value : z)
      value = std::abs(value) > 0.5 ? std::floor(0.5 + value) : std::floor(0.5 + 10 * value) / 10;
    z = times(q_, z);
    double sum = 0;
    for (std::size_t i = 0; i < dims_; ++i) sum += std::pow(10, 2 * along(i, dims_)) * square(z[i]);
    return 0.1 * std::max(first, sum) + outside(x);
  }
  double rosenbrock(const Vector& z) const {
    double sum = 0;
    for (std::size_t i = 0; i + 1 < dims_; ++i)
      sum += 100 * square(square(z[i]) - z[i + 1]) + square(z[i] - 1);
    return sum;
  }
  double discus(const Vector& z) const { return norm(z) + (1e6 - 1) * square(z[0]); }
  double cigar(const Vector& z) const { return 1e6 * norm(z) - (1e6 - 1) * square(z[0]); }
  double ridge(const Vector& z) const {
    return square(z[0]) + 100 * std::sqrt(std::max(0.0, norm(z) - square(z[0])));
  }
  double powers(const Vector& z) const {
    double sum = 0;
    for (std::size_t i = 0; i < dims_; ++i)
      sum += std::pow(std::abs(z[i]), 2 + 4 * along(i, dims_));
    return std::sqrt(sum);
  }
  double weierstrass(const Vector& x) const {
    const Vector z = times(r_, stretch(times(q_, oscillate(turned(x))), 0.01));
    double sum = 0;
    double zero = 0;
    for (int k = 0; k < 12; ++k) {
      const double half = std::pow(0.5, k);
      const double three = std::pow(3, k);
      zero += half * std::cos(pi * three);
      for (const double value : z) sum += half * std::cos(2 * pi * three * (value + 0.5));
    }
    return 10 * std::pow(sum / n() - zero, 3) + 10 / n() * outside(x);
  }
  double schaffer(const Vector& x, double alpha) const {
    const Vector z = stretch(times(q_, skew(turned(x), 0.5)), alpha);
    double sum = 0;
    for (std::size_t i = 0; i + 1 < dims_; ++i) {
      const double s = std::sqrt(square(z[i]) + square(z[i + 1]));
      sum += std::sqrt(s) * (1 + square(std::sin(50 * std::pow(s, 0.2))));
    }
    return square(sum / (n() - 1)) + 10 * outside(x);
  }
  double griewank_rosenbrock(const Vector& z) const {
    double sum = 0;
    for (std::size_t i = 0; i + 1 < dims_; ++i) {
      const double s = 100 * square(square(z[i]) - z[i + 1]) + square(z[i] - 1);
      sum += s / 4000 - std::cos(s);
    }
    return 10 / (n() - 1) * sum + 10;
  }
  double schwefel(const Vector& x) const {
    Vector hat(dims_);
    for (std::size_t i = 0; i < dims_; ++i) hat[i] = 2 * signs_[i] * x[i];
    Vector z(hat);
    for (std::size_t i = 0; i + 1 < dims_; ++i) z[i + 1] += 0.25 * (hat[i] - kSchwefelTwiceOptimum);
    for (double& value : z) value -= kSchwefelTwiceOptimum;
    z = stretch(z, 10);
    double sum = 0;
    double far = 0;
    for (double& value : z) {
      value = 100 * (value + kSchwefelTwiceOptimum);
      sum += value * std::sin(std::sqrt(std::abs(value)));
      far += square(std::max(0.0, std::abs(value / 100) - 5));
    }
    return -sum / (100 * n()) + 4.189828872724339 + 100 * far;
  }
  void make_peaks(std::size_t count, double first_condition, double width, double first_width,
                  hpo::Rng& rng) {
    std::vector<std::size_t> conditions(count - 1);
    for (std::size_t i = 0; i < conditions.size(); ++i) conditions[i] = i;
    for (std::size_t i = conditions.size(); i > 1; --i)
      std::swap(conditions[i - 1], conditions[rng.below(i)]);
    for (std::size_t i = 0; i < count; ++i) {
      Peak peak;
      const double alpha = i == 0 ? first_condition
                                  : std::pow(1000, 2 * static_cast<double>(conditions[i - 1]) /
                                                       static_cast<double>(count - 2));
      for (std::size_t j = 0; j < dims_; ++j) {
        peak.at.push_back((i == 0 ? first_width : width) * (2 * rng.uniform() - 1));
        peak.stretch.push_back(std::pow(alpha, along(j, dims_) / 2) / std::pow(alpha, 0.25));
      }
      for (std::size_t j = dims_; j > 1; --j)
        std::swap(peak.stretch[j - 1], peak.stretch[rng.below(j)]);
      peak.height =
          i == 0 ? 10 : 1.1 + 8 * static_cast<double>(i - 1) / static_cast<double>(count - 2);
      peaks_.push_back(std::move(peak));
    }
    first_peak_ = peaks_.front().at;
    for (Peak& peak : peaks_) peak.at = times(r_, peak.at);
  }
  double gallagher(const Vector& x) const {
    const Vector turned_x = times(r_, x);
    double highest = 0;
    for (const Peak& peak : peaks_) {
      double distance = 0;
      for (std::size_t j = 0; j < dims_; ++j)
        distance += peak.stretch[j] * square(turned_x[j] - peak.at[j]);
      highest = std::max(highest, peak.height * std::exp(-distance / (2 * n())));
    }
    return square(oscillate(10 - highest)) + outside(x);
  }
  double katsuura(const Vector& x) const {
    const Vector z = times(q_, stretch(turned(x), 100));
    double product = 1;
    for (std::size_t i = 0; i < dims_; ++i) {
      double sum = 0;
      for (int j = 1; j <= 32; ++j) {
        const double power = std::pow(2, j);
        sum += std::abs(power * z[i] - std::round(power * z[i])) / power;
      }
      product *= std::pow(1 + static_cast<double>(i + 1) * sum, 10 / std::pow(n(), 1.2));
    }
    return 10 / square(n()) * (product - 1) + outside(x);
  }
  double lunacek(const Vector& x) const {
    const double s = 1 - 1 / (2 * std::sqrt(n() + 20) - 8.2);
    const double second = -std::sqrt((kLunacekFirst * kLunacekFirst - 1) / s);
    double near = 0;
    double far = 0;
    Vector z(dims_);
    for (std::size_t i = 0; i < dims_; ++i) {
      const double hat = 2 * signs_[i] * x[i];
      near += square(hat - kLunacekFirst);
      far += square(hat - second);
      z[i] = hat - kLunacekFirst;
    }
    z = times(q_, stretch(times(r_, z), 100));
    double sum = n();
    for (const double value : z) sum -= std::cos(2 * pi * value);
    return std::min(near, n() + s * far) + 10 * sum + 1e4 * outside(x);
  }

  std::size_t number_;
  std::size_t dims_ = 0;
  Vector optimum_;
  Vector signs_;
  Matrix r_;
  Matrix q_;
  std::vector<Peak> peaks_;
  Vector first_peak_;
};

}  // namespace

const std::vector<std::string>& bbob_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (int i = 1; i <= 24; ++i) names.push_back("bbob-f" + std::to_string(i));
    return names;
  }();
  return kNames;
}

std::unique_ptr<BoxFunction> make_bbob(std::size_t index, std::uint64_t seed) {
  return std::make_unique<Bbob>(index + 1, seed);
}

}  // namespace galley::bench
