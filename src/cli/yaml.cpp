#include "yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>
#include <vector>

#include "base/text.h"

namespace galley::cli {
namespace {

/// Ends the parse from inside a callback; caught in parse_yaml.
struct Refused {
  int line;
  std::string why;
};

bool all_of_digits(std::string_view text, std::string_view digits) {
  return !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
}

bool read_whole(std::string_view text, Json& out) {
  int base = 10;
  std::string_view digits = text;
  bool negative = false;
  if (text.starts_with("0x")) {
    base = 16;
    digits.remove_prefix(2);
    if (!all_of_digits(digits, "0123456789abcdefABCDEF")) return false;
  } else if (text.starts_with("0o")) {
    base = 8;
    digits.remove_prefix(2);
    if (!all_of_digits(digits, "01234567")) return false;
  } else {
    negative = text.starts_with('-');
    if (negative || text.starts_with('+')) digits.remove_prefix(1);
    if (!all_of_digits(digits, "0123456789")) return false;
  }
  std::uint64_t value = 0;
  const auto [end, errc] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (errc != std::errc{} || end != digits.data() + digits.size()) return false;
  if (!negative) {
    out = value;
    return true;
  }
  if (value > std::uint64_t{1} << 63U) return false;
  out = static_cast<std::int64_t>(0 - value);
  return true;
}

/// [-+]? ( . digits | digits ( . digits? )? ) ( [eE] [-+]? digits )?
bool read_real(std::string_view text, Json& out) {
  std::string_view rest = text;
  if (rest.starts_with('+') || rest.starts_with('-')) rest.remove_prefix(1);
  const auto digits = [&rest] {
    const std::size_t count = std::min(rest.find_first_not_of("0123456789"), rest.size());
    rest.remove_prefix(count);
    return count;
  };
  std::size_t count = digits();
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    count += digits();
  }
  if (count == 0) return false;
  if (rest.starts_with('e') || rest.starts_with('E')) {
    rest.remove_prefix(1);
    if (rest.starts_with('+') || rest.starts_with('-')) rest.remove_prefix(1);
    if (digits() == 0) return false;
  }
  if (!rest.empty()) return false;
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (errc != std::errc{} || end != text.data() + text.size()) return false;
  out = value;
  return true;
}

bool is_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

Json read_plain(std::string_view text, int line) {
  if (is_any(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
  if (is_any(text, {"true", "True", "TRUE"})) return true;
  if (is_any(text, {"false", "False", "FALSE"})) return false;
  std::string_view unsigned_text = text;
  if (text.starts_with('-') || text.starts_with('+')) unsigned_text.remove_prefix(1);
  if (is_any(unsigned_text, {".inf", ".Inf", ".INF"}) || is_any(text, {".nan", ".NaN", ".NAN"}))
    throw Refused{line, fmt::format("{} is not a number that JSON can hold", text)};
  Json number;
  if (read_whole(text, number) || read_real(text, number)) return number;
  return text;
}

Json read_scalar(const std::string& tag, const std::string& text, int line) {
  constexpr std::string_view kCore = "tag:yaml.org,2002:";
  if (tag == "!" || tag == std::string(kCore) + "str") return text;
  if (tag.empty() || tag == "?") return read_plain(text, line);
  if (tag.starts_with(kCore) &&
      is_any(std::string_view(tag).substr(kCore.size()), {"int", "float", "bool", "null"}))
    return read_plain(text, line);
  throw Refused{line, fmt::format("the tag '{}' is not supported", tag.substr(0, 64))};
}

/// Builds the document as the parser reports it, so that limits hold before memory is used.
class Builder final : public YAML::EventHandler {
 public:
  Json root;
  LineMap lines;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(mark, anchor, nullptr);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (expects_key()) {
      take_key(mark, value, anchor);
      return;
    }
    add(mark, anchor, read_scalar(tag, value, line_of(mark)));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (expects_key()) throw Refused{line_of(mark), "an alias cannot be a key"};
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      throw Refused{line_of(mark), "an alias stands inside what it names"};
    count_values(mark, found->second.values);
    add(mark, 0, found->second.json);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, anchor, Json::array());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, anchor, Json::object());
  }
  void OnMapEnd() override { close(); }

 private:
  static constexpr std::size_t kMaxPathBytes = 256;
  static constexpr std::string_view kNoPath = "\n";

  struct Open {
    Json json;
    std::string path;
    YAML::anchor_t anchor = 0;
    std::size_t values_before = 0;
    std::string key{};
    int key_line = 0;
    bool has_key = false;
  };
  struct Anchored {
    Json json;
    std::size_t values = 1;
  };

  static int line_of(const YAML::Mark& mark) { return mark.line + 1; }
  bool expects_key() const {
    return !open_.empty() && open_.back().json.is_object() && !open_.back().has_key;
  }

  /// Long texts count as several values: aliases repeat them too.
  static std::size_t weight_of(const std::string& text) { return 1 + text.size() / 256; }

  void count_values(const YAML::Mark& mark, std::size_t more) {
    values_ += more;
    if (values_ > kMaxYamlValues)
      throw Refused{line_of(mark), fmt::format("more than {} values", kMaxYamlValues)};
  }

  void take_key(const YAML::Mark& mark, const std::string& key, YAML::anchor_t anchor) {
    Open& map = open_.back();
    count_values(mark, weight_of(key) - 1);
    if (map.json.contains(key))
      throw Refused{line_of(mark), fmt::format("the key '{}' appears twice", key.substr(0, 64))};
    if (anchor != 0) anchors_[anchor] = {key, weight_of(key)};
    map.key = key;
    map.key_line = line_of(mark);
    map.has_key = true;
  }

  /// Of the value that comes next; paths that no field of ours can have are all one, since each of
  /// many values below a very long key would otherwise hold a copy of it.
  std::string path_of_next() const {
    if (open_.empty()) return {};
    const Open& parent = open_.back();
    if (parent.path == kNoPath || parent.key.size() > kMaxPathBytes) return std::string(kNoPath);
    std::string path = parent.json.is_array()
                           ? fmt::format("{}[{}]", parent.path, parent.json.size())
                       : parent.path.empty() ? parent.key
                                             : fmt::format("{}.{}", parent.path, parent.key);
    return path.size() > kMaxPathBytes ? std::string(kNoPath) : path;
  }
  void note_line(const std::string& path, int line) {
    if (path != kNoPath) lines.emplace(path, line);
  }
  int line_of_next(const YAML::Mark& mark) const {
    return !open_.empty() && open_.back().json.is_object() ? open_.back().key_line : line_of(mark);
  }

  void place(Json value) {
    if (open_.empty()) {
      root = std::move(value);
      return;
    }
    Open& parent = open_.back();
    if (parent.json.is_array()) {
      parent.json.push_back(std::move(value));
    } else {
      parent.json[parent.key] = std::move(value);
      parent.has_key = false;
    }
  }

  void add(const YAML::Mark& mark, YAML::anchor_t anchor, Json value) {
    if (expects_key()) throw Refused{line_of(mark), "a key must be a text"};
    const std::size_t weight =
        value.is_string() ? weight_of(value.get_ref<const std::string&>()) : 1;
    count_values(mark, weight);
    // The bound is on the whole path: aliases nest what they name ever deeper.
    if (open_.size() + depth_of(value) > static_cast<std::size_t>(kMaxJsonDepth))
      throw Refused{line_of(mark), fmt::format("nested deeper than {} levels", kMaxJsonDepth)};
    note_line(path_of_next(), line_of_next(mark));
    if (anchor != 0) anchors_[anchor] = {value, weight};
    place(std::move(value));
  }

  /// Its size is bounded by what count_values() has let through.
  static std::size_t depth_of(const Json& value) {
    std::size_t depth = 0;
    if (!value.is_structured()) return depth;
    for (const Json& child : value) depth = std::max(depth, depth_of(child));
    return depth + 1;
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, Json empty) {
    if (expects_key()) throw Refused{line_of(mark), "a key must be a text"};
    if (open_.size() >= static_cast<std::size_t>(kMaxJsonDepth))
      throw Refused{line_of(mark), fmt::format("nested deeper than {} levels", kMaxJsonDepth)};
    count_values(mark, 1);
    const std::string path = path_of_next();
    note_line(path, line_of_next(mark));
    open_.push_back({std::move(empty), path, anchor, values_});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (done.anchor != 0) {
      // What an anchor names is copied now and again by each alias, so it counts here too.
      const std::size_t values = values_ - done.values_before + 1;
      anchored_values_ += values;
      if (anchored_values_ > kMaxYamlValues)
        throw Refused{1, fmt::format("anchors name more than {} values", kMaxYamlValues)};
      anchors_[done.anchor] = {done.json, values};
    }
    place(std::move(done.json));
  }

  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::size_t values_ = 0;
  std::size_t anchored_values_ = 0;
};

Error at_line(int line, std::string why) {
  return Error{Errc::invalid_argument, fmt::format("line {}: {}", line, why), std::to_string(line)};
}

}  // namespace

Result<YamlDocument> parse_yaml(std::string_view text) {
  if (static_cast<std::int64_t>(text.size()) > kMaxYamlBytes)
    return Error{Errc::too_large,
                 fmt::format("{} bytes are more than a file of this kind may have", text.size()),
                 {},
                 fmt::format("at most {} bytes", kMaxYamlBytes)};
  if (!is_valid_utf8(text) || text.find('\0') != std::string_view::npos)
    return Error{Errc::invalid_argument, "not a text file in UTF-8"};
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder;
    if (!parser.HandleNextDocument(builder)) return at_line(1, "the file is empty");
    Builder further;
    if (parser.HandleNextDocument(further))
      return at_line(1, "more than one document in a file; remove what follows '---'");
    return YamlDocument{std::move(builder.root), std::move(builder.lines)};
  } catch (const Refused& refused) {
    return at_line(refused.line, refused.why);
  } catch (const YAML::Exception& error) {
    return at_line(std::max(error.mark.line, 0) + 1, "not valid YAML: " + error.msg);
  }
}

}  // namespace galley::cli
