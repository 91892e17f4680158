#include "request_parser.h"

#include <algorithm>
#include <limits>
#include <utility>

// Beast 1.74 asserts that a last chunk which arrives in pieces has at least five bytes; "0\r\n" and
// then "\r" has four. The code below the assertion is right, so a stranger must not reach the
// abort.
#define BOOST_DISABLE_ASSERTS
#include <boost/beast/http/basic_parser.hpp>

#include "text_util.h"

namespace galley::http {
namespace {

namespace beast = boost::beast;
using Code = beast::http::error;
using beast::error_code;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

/// A body is not reserved further ahead of its bytes than this, whatever length is announced.
constexpr std::uint64_t kReserveBytes = 256 << 10;

class RequestMessage final : public beast::http::basic_parser<true> {
 public:
  RequestMessage(Request& request, std::size_t header_bytes) : request_(request) {
    header_limit(static_cast<std::uint32_t>(
        std::min<std::size_t>(header_bytes, std::numeric_limits<std::uint32_t>::max())));
    // Lengths are judged by us once the route is known. Not boost::none: 1.74 takes that for zero.
    body_limit(std::numeric_limits<std::uint64_t>::max());
  }

  bool line_done = false;  // the request line has been read
  bool http10 = false;
  bool too_large = false;
  bool discard = false;
  Status spooled = ok();
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t received = 0;

 private:
  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target,
                       int version, error_code&) override {
    request_.method.assign(method.data(), method.size());
    request_.target.assign(target.data(), target.size());
    line_done = true;
    http10 = version < 11;
  }
  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     error_code&) override {
    // Trailers come after the head was judged (authentication, length), so they are dropped.
    if (!is_header_done()) request_.headers.add(view(name), std::string(view(value)));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    if (length && !discard && !request_.body_file)
      request_.body.reserve(static_cast<std::size_t>(std::min(*length, kReserveBytes)));
  }
  std::size_t on_body_impl(beast::string_view body, error_code& error) override {
    return take(body, error);
  }
  void on_chunk_header_impl(std::uint64_t size, beast::string_view, error_code& error) override {
    if (!discard && size > limit - received) refuse(error);
  }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body,
                                 error_code& error) override {
    return take(body, error);
  }
  void on_finish_impl(error_code&) override {}

  std::size_t take(beast::string_view body, error_code& error) {
    if (discard) return body.size();
    if (body.size() > limit - received) {
      refuse(error);
      return 0;
    }
    received += body.size();
    if (request_.body_file) {
      spooled = request_.body_file->append(view(body));
      if (!spooled) error = Code::body_limit;
      return spooled ? body.size() : 0;
    }
    request_.body.append(body.data(), body.size());
    return body.size();
  }
  void refuse(error_code& error) {
    too_large = true;
    error = Code::body_limit;
  }

  Request& request_;
};

/// True when the bytes begin with a request line whose version is HTTP's, though not one of ours.
bool names_http_version(std::string_view bytes) {
  const auto line = bytes.substr(0, bytes.find('\r'));
  const auto at = line.rfind(' ');
  return at != std::string_view::npos && line.substr(at + 1).starts_with("HTTP/");
}

/// What Beast lets through and RFC 9112 does not.
std::optional<RequestParser::Failure> fault_of(const Request& request,
                                               const RequestMessage& message) {
  std::size_t hosts = 0;
  bool encoded = false;
  for (const auto& [name, value] : request.headers.all()) {
    hosts += iequals(name, "Host") ? 1U : 0U;
    encoded |= iequals(name, "Transfer-Encoding");
    if (iequals(name, "Transfer-Encoding") && !iequals(value, "chunked"))
      return RequestParser::Failure{
          501, {Errc::unsupported, "the request uses a transfer coding other than chunked"}};
  }
  if (encoded && message.http10)
    return RequestParser::Failure{
        400, {Errc::invalid_argument, "an HTTP/1.0 request cannot have a transfer coding"}};
  if (hosts > 1 || (hosts == 0 && !message.http10))
    return RequestParser::Failure{400,
                                  {Errc::invalid_argument,
                                   "the request has " + std::to_string(hosts) + " Host fields",
                                   {},
                                   "exactly one"}};
  return std::nullopt;
}

}  // namespace

struct RequestParser::Impl {
  std::optional<RequestMessage>
      message;  // built anew for each request: Beast's parser cannot be reset
  Request* request = nullptr;
  bool head_announced = false;
};

RequestParser::RequestParser(std::size_t header_bytes)
    : header_bytes_(header_bytes), impl_(std::make_unique<Impl>()) {}
RequestParser::~RequestParser() = default;

void RequestParser::start(Request& request) {
  impl_->request = &request;
  impl_->message.emplace(request, header_bytes_);
  impl_->head_announced = false;
}

RequestParser::Event RequestParser::feed(std::string_view bytes, std::size_t& consumed) {
  auto& message = *impl_->message;
  consumed = 0;
  if (!message.got_some()) {  // empty lines before a request are to be ignored (RFC 9112, 2.2)
    while (bytes.substr(consumed).starts_with("\r\n")) consumed += 2;
    if (bytes.substr(consumed) == "\r") return Event::need_more;
  }
  // Without the eager flag Beast stops after the head, where the body's limit is chosen.
  message.eager(impl_->head_announced);
  error_code error;
  while (!message.is_done() && consumed < bytes.size() && !error) {
    const auto rest = bytes.substr(consumed);
    consumed += message.put({rest.data(), rest.size()}, error);
    if (!impl_->head_announced && message.is_header_done()) break;
  }
  if (error == Code::need_more) return Event::need_more;
  if (!message.spooled) return fail(507, message.spooled.error());
  if (error == Code::body_limit)
    return fail(413, {Errc::too_large,
                      "the body is larger than " + std::to_string(message.limit) + " bytes"});
  if (error == Code::header_limit) {
    const std::string_view part = message.line_done ? "header is" : "request line is";
    return fail(message.line_done ? 431 : 414,
                {Errc::too_large, "the " + std::string(part) + " larger than " +
                                      std::to_string(header_bytes_) + " bytes"});
  }
  if (error == Code::bad_version && names_http_version(bytes.substr(consumed)))
    return fail(505, {Errc::unsupported, "the request's HTTP version is not 1.0 or 1.1"});
  if (error)
    return fail(400, {Errc::invalid_argument, "the request is not HTTP: " + error.message()});
  if (message.is_header_done() && !impl_->head_announced) {
    impl_->head_announced = true;
    if (auto fault = fault_of(*impl_->request, message))
      return fail(fault->status, std::move(fault->error));
    return Event::header;
  }
  return message.is_done() ? Event::complete : Event::need_more;
}

RequestParser::Event RequestParser::fail(int status, Error error) {
  failure_ = {status, std::move(error)};
  return Event::failed;
}

void RequestParser::limit_body(std::size_t bytes) { impl_->message->limit = bytes; }
void RequestParser::discard_body() { impl_->message->discard = true; }
bool RequestParser::in_message() const { return impl_->message->got_some(); }
bool RequestParser::has_body() const { return !impl_->message->is_done(); }
bool RequestParser::keep_alive() const { return impl_->message->keep_alive(); }
bool RequestParser::is_http10() const { return impl_->message->http10; }
std::optional<std::uint64_t> RequestParser::content_length() const {
  const auto length = impl_->message->content_length();
  return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
}

}  // namespace galley::http
