#include "response_head.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "problem.h"
#include "text_util.h"

namespace galley::http {
namespace {

constexpr std::array<std::string_view, 6> kOurFields{
    "Content-Length", "Transfer-Encoding", "Connection", "Date", "X-Request-Id", "Keep-Alive"};

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

void append_number(std::string& out, std::size_t number) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_value(std::string& out, std::string_view value) {
  if (std::ranges::none_of(value, is_control)) {
    out += value;
    return;
  }
  for (const char c : value)
    if (!is_control(c)) out += c;
}

bool is_token(std::string_view name) {
  return !name.empty() && std::ranges::none_of(name, [](char c) {
    return is_control(c) || static_cast<unsigned char>(c) >= 0x80 ||
           std::string_view("()<>@,;:\\\"/[]?={} \t").find(c) != std::string_view::npos;
  });
}

}  // namespace

bool status_has_body(int status) { return status >= 200 && status != 204 && status != 304; }

void HeadWriter::append(std::string& out, const Response& response, const HeadOptions& options) {
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::size_t>(std::clamp(response.status, 100, 999)));
  out += ' ';
  out += reason_of(response.status);
  out += "\r\n";
  for (const auto& [name, value] : response.headers.all()) {
    if (!is_token(name) ||
        std::ranges::any_of(kOurFields, [&](auto ours) { return iequals(ours, name); }))
      continue;
    out += name;
    out += ": ";
    append_value(out, value);
    out += "\r\n";
  }
  if (status_has_body(response.status)) {
    if (options.framing == Framing::chunked) {
      out += "Transfer-Encoding: chunked\r\n";
    } else if (options.framing == Framing::length) {
      out += "Content-Length: ";
      append_number(out, options.body_bytes);
      out += "\r\n";
    }
  }
  if (!options.keep_alive)
    out += "Connection: close\r\n";
  else if (options.http10)
    out += "Connection: keep-alive\r\n";
  out += date_line();
  if (!options.request_id.empty()) {
    out += "X-Request-Id: ";
    out += options.request_id;
    out += "\r\n";
  }
  out += "\r\n";
}

std::string_view HeadWriter::date_line() {
  const std::time_t now = std::time(nullptr);
  if (now == date_second_) return date_line_;
  constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  gmtime_r(&now, &utc);
  const auto two = [](int number) {
    return std::string{static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10)};
  };
  // strftime would name days and months in the locale's language.
  date_line_ = "Date: ";
  date_line_ += kDays.at(static_cast<std::size_t>(utc.tm_wday));
  date_line_ += ", " + two(utc.tm_mday) + " ";
  date_line_ += kMonths.at(static_cast<std::size_t>(utc.tm_mon));
  date_line_ += " " + std::to_string(utc.tm_year + 1900) + " " + two(utc.tm_hour) + ":" +
                two(utc.tm_min) + ":" + two(utc.tm_sec) + " GMT\r\n";
  date_second_ = now;
  return date_line_;
}

}  // namespace galley::http
