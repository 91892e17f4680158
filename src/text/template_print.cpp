#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "template_parser.h"
#include "template_runtime.h"
#include "template_strings.h"

namespace galley::text::templates {
namespace {

void quote(std::string_view text, std::string& out) {
  const bool apostrophe = text.find('\'') != std::string_view::npos;
  const char mark = apostrophe && text.find('"') == std::string_view::npos ? '"' : '\'';
  out.push_back(mark);
  for (const char c : text) {
    if (c == '\\' || c == mark) {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back(mark);
}

void quote_json(std::string_view text, std::string& out) {
  constexpr std::string_view kPlain = "\"\\\b\f\n\r\t";
  constexpr std::string_view kLetters = "\"\\bfnrt";
  out.push_back('"');
  for (const char c : text) {
    if (const auto known = kPlain.find(c); known != std::string_view::npos) {
      out.push_back('\\');
      out.push_back(kLetters[known]);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

void new_line(int indent, int depth, std::string& out) {
  out.push_back('\n');
  out.append(static_cast<std::size_t>(indent) * static_cast<std::size_t>(depth), ' ');
}

}  // namespace

void Runtime::print(const Value& value, std::string& out, bool quoted, int depth) {
  if (failed() || !charge(1)) return;
  if (depth > kMaxNesting) return (void)fail("a value is nested too deeply to be printed");
  switch (value.kind) {
    case Kind::undefined:
      if (quoted) out += "Undefined";
      return;
    case Kind::none:
      out += "None";
      return;
    case Kind::boolean:
      out += value.boolean ? "True" : "False";
      return;
    case Kind::integer:
      out += std::to_string(value.integer);
      return;
    case Kind::real:
      out += print_real(value.real);
      return;
    case Kind::string:
      if (!charge(value.string->size() / 16)) return;
      if (quoted)
        quote(*value.string, out);
      else
        out += *value.string;
      return;
    case Kind::list:
      out.push_back('[');
      for (std::size_t i = 0; i < value.list->size() && !failed(); ++i) {
        if (i > 0) out += ", ";
        print((*value.list)[i], out, true, depth + 1);
      }
      out.push_back(']');
      return;
    case Kind::dict:
    case Kind::space:
      out.push_back('{');
      for (std::size_t i = 0; i < value.dict->size() && !failed(); ++i) {
        if (i > 0) out += ", ";
        quote(*(*value.dict)[i].first, out);
        out += ": ";
        print((*value.dict)[i].second, out, true, depth + 1);
      }
      out.push_back('}');
      return;
    default:
      fail("cannot print " + std::string(type_name(value)));
  }
}

void Runtime::print_json(const Value& value, int indent, int depth, std::string& out) {
  if (failed() || !charge(1)) return;
  if (depth > kMaxNesting) return (void)fail("a value is nested too deeply for tojson");
  const auto separate = [&](bool first) {
    if (!first) out += indent < 0 ? ", " : ",";
    if (indent >= 0) new_line(indent, depth + 1, out);
    charge(1 + static_cast<std::size_t>(std::max(indent, 0) * depth) / 16);
  };
  switch (value.kind) {
    case Kind::none:
      out += "null";
      return;
    case Kind::boolean:
      out += value.boolean ? "true" : "false";
      return;
    case Kind::integer:
      out += std::to_string(value.integer);
      return;
    case Kind::real:
      out += std::isfinite(value.real) ? print_real(value.real)
             : std::isnan(value.real)  ? "NaN"
             : value.real > 0          ? "Infinity"
                                       : "-Infinity";
      return;
    case Kind::string:
      if (charge(value.string->size() / 16)) quote_json(*value.string, out);
      return;
    case Kind::list:
      out.push_back('[');
      for (std::size_t i = 0; i < value.list->size() && !failed(); ++i) {
        separate(i == 0);
        print_json((*value.list)[i], indent, depth + 1, out);
      }
      if (indent >= 0 && !value.list->empty()) new_line(indent, depth, out);
      out.push_back(']');
      return;
    case Kind::dict:
      out.push_back('{');
      for (std::size_t i = 0; i < value.dict->size() && !failed(); ++i) {
        separate(i == 0);
        quote_json(*(*value.dict)[i].first, out);
        out += ": ";
        print_json((*value.dict)[i].second, indent, depth + 1, out);
      }
      if (indent >= 0 && !value.dict->empty()) new_line(indent, depth, out);
      out.push_back('}');
      return;
    default:
      fail("tojson cannot write " + std::string(type_name(value)));
  }
}

std::string Runtime::text(const Value& value) {
  std::string out;
  print(value, out, false, 0);
  return out;
}

std::string Runtime::json(const Value& value, int indent) {
  std::string out;
  print_json(value, indent, 0, out);
  return out;
}

}  // namespace galley::text::templates
