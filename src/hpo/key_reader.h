#pragma once

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace galley::hpo {

/// What was found at a path of a study file, and what would be right.
Error spec_error(const std::string& path, const Json& found, std::string expected,
                 std::string hint = {});
/// A key that nothing has, with the nearest one.
Error unknown_key(const std::string& path, const std::string& key,
                  const std::vector<std::string>& known);

/// Of a number, and how people are told.
struct Range {
  double low;
  double high;
  const char* words;
};

/// Reads the members of one JSON object by name; whatever is not named is an error.
class KeyReader {
 public:
  KeyReader(const Json& json, std::string path, std::vector<std::string> known)
      : json_(json), path_(std::move(path)), known_(std::move(known)) {}

  Status check() const;
  const Json* find(const std::string& key) const {
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }
  std::string path_of(const std::string& key) const {
    return path_.empty() ? key : path_ + "." + key;
  }
  Status number(const std::string& key, const Range& range, double& out) const;
  Status number(const std::string& key, const Range& range, std::optional<double>& out) const;
  template <class Whole>
  Status whole(const std::string& key, std::int64_t low, std::int64_t high, Whole& out) const {
    const Json* value = find(key);
    if (!value) return ok();
    const double number = value->is_number() ? value->get<double>() : std::nan("");
    if (number != std::floor(number) || number < static_cast<double>(low) ||
        number > static_cast<double>(high))
      return spec_error(path_of(key), *value,
                        fmt::format("a whole number from {} to {}", low, high));
    out = static_cast<
        typename std::conditional_t<std::is_same_v<Whole, std::optional<std::int64_t>>,
                                    std::optional<std::int64_t>, std::optional<Whole>>::value_type>(
        number);
    return ok();
  }
  Status truth(const std::string& key, bool& out) const;
  Status text(const std::string& key, std::string& out) const;
  /// One of the words, as its index.
  Status word(const std::string& key, const std::vector<std::string>& words,
              std::size_t& out) const;

 private:
  const Json& json_;
  std::string path_;
  std::vector<std::string> known_;
};

}  // namespace galley::hpo
