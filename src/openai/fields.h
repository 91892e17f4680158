#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace galley::openai {

/// Reads the fields of a request's object one by one, keeps the first fault, and at the end knows
/// which fields nobody asked for. `null` is as good as absent: clients send it for what was not
/// set. The object must outlive the reader.
///
///   Fields in(body);
///   in.number("temperature", request.temperature, {0, 2});
///   in.ignore({"store"});
///   return in.finish();
class Fields {
 public:
  /// `path` stands before the names in errors: "messages[2]".
  explicit Fields(const Json& object, std::string path = {});

  struct Range {
    double low;
    double high;
    bool above_low = false;  // low itself is outside
  };
  struct Bounds {
    std::int64_t low;
    std::int64_t high;
  };

  /// Each leaves `out` as it is where the field is absent, and answers whether it was there.
  bool flag(std::string_view name, bool& out);
  bool number(std::string_view name, float& out, Range range);
  bool integer(std::string_view name, std::int64_t& out, Bounds bounds);
  bool text(std::string_view name, std::string& out);
  /// One of these words.
  bool word(std::string_view name, std::string& out, const std::vector<std::string>& words);
  /// The value, whatever it is, or null where it is absent.
  const Json* any(std::string_view name);
  /// Likewise; a fault where it is no object.
  const Json* object(std::string_view name);

  /// Known fields that change nothing here.
  void ignore(const std::vector<std::string>& names);
  /// A known field that we do not have: a fault unless it is absent, false or empty.
  void refuse(std::string_view name, std::string why);
  void require(std::string_view name, std::string expected);
  void fault(std::string_view name, std::string message, std::string expected,
             std::string hint = {});
  void fault(Error error);

  std::string path_of(std::string_view name) const;
  bool failed() const { return !error_.message.empty(); }
  /// The first fault, or an unknown field with the nearest known name.
  Status finish();

 private:
  const Json* find(std::string_view name);

  const Json& object_;
  std::string path_;
  std::vector<std::string> known_;
  Error error_{};
};

/// What a value is, for "found …": "a text", "-3", "an object".
std::string name_of_value(const Json& value);

/// The body as an object. Errors: invalid_argument with line and column.
Result<Json> parse_body(std::string_view body);

}  // namespace galley::openai
