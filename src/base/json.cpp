#include "base/json.h"

#include <set>
#include <vector>

#include "base/text.h"

namespace galley {
namespace {

/// Line and column (from 1) of a byte offset.
std::string place(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  std::size_t line = 1;
  std::size_t start = 0;
  for (std::size_t i = 0; i < offset; ++i) {
    if (text[i] != '\n') continue;
    ++line;
    start = i + 1;
  }
  return "line " + std::to_string(line) + ", column " + std::to_string(offset - start + 1);
}

/// Builds the document and refuses what a plain parser lets through: repeated keys, deep nesting.
class StrictSax final : public nlohmann::detail::json_sax_dom_parser<Json> {
  using Base = nlohmann::detail::json_sax_dom_parser<Json>;

 public:
  StrictSax(Json& document, std::string_view text) : Base(document, false), text_(text) {}

  bool start_object(std::size_t count) {
    keys_.emplace_back();
    return deeper() && Base::start_object(count);
  }
  bool end_object() {
    keys_.pop_back();
    --depth_;
    return Base::end_object();
  }
  bool start_array(std::size_t count) { return deeper() && Base::start_array(count); }
  bool end_array() {
    --depth_;
    return Base::end_array();
  }
  bool key(std::string& name) {
    if (!keys_.back().insert(name).second) {
      fault = "key '" + to_valid_utf8(name.substr(0, 64)) + "' appears twice in one object";
      return false;
    }
    return Base::key(name);
  }
  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception&) {
    const std::size_t at = position == 0 ? 0 : position - 1;
    fault = "not valid JSON at " + place(text_, at);
    if (at >= text_.size())
      fault += ": the text ends too early";
    else
      fault +=
          " near '" + to_valid_utf8(token.substr(token.size() > 24 ? token.size() - 24 : 0)) + "'";
    return false;
  }

  std::string fault;

 private:
  bool deeper() {
    if (++depth_ <= kMaxJsonDepth) return true;
    fault = "nested deeper than " + std::to_string(kMaxJsonDepth) + " levels";
    return false;
  }

  std::string_view text_;
  std::vector<std::set<std::string>> keys_;
  int depth_ = 0;
};

}  // namespace

Result<Json> parse_json(std::string_view text) {
  Json root;
  StrictSax sax(root, text);
  if (Json::sax_parse(text.begin(), text.end(), &sax)) return root;
  return Error{Errc::invalid_argument, sax.fault, {}, "one JSON document"};
}

std::string dump_json(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace galley
