#include "response_parser.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

// See request_parser.cpp: an assertion of Beast 1.74 can be reached by a peer.
#define BOOST_DISABLE_ASSERTS
#include <boost/beast/http/basic_parser.hpp>

namespace galley::http {
namespace {

namespace beast = boost::beast;
using Code = beast::http::error;
using beast::error_code;

constexpr std::uint32_t kHeaderBytes = 64 << 10;
/// Of what the answer says its length is. Memory that is not written costs nothing, while a body
/// that grows is copied as often as it doubles.
constexpr std::uint64_t kReserveAnswerBytes = 64 << 20;

class ResponseMessage final : public beast::http::basic_parser<false> {
 public:
  ResponseMessage(Response& response, const ResponseParser::Options& options)
      : response_(response), options_(options) {
    header_limit(kHeaderBytes);
    body_limit(std::numeric_limits<std::uint64_t>::max());
    eager(true);
    if (options.head_request) skip(true);
  }

  bool stopped = false;
  bool too_large = false;

 private:
  void on_request_impl(beast::http::verb, beast::string_view, beast::string_view, int,
                       error_code&) override {}
  void on_response_impl(int status, beast::string_view, int, error_code&) override {
    response_.status = status;
  }
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     error_code&) override {
    if (!is_header_done())
      response_.headers.add({name.data(), name.size()}, {value.data(), value.size()});
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code& error) override {
    if (!length || streams()) return;
    if (*length > options_.max_body_bytes) return refuse(error);
    response_.body.reserve(static_cast<std::size_t>(std::min(*length, kReserveAnswerBytes)));
  }
  std::size_t on_body_impl(beast::string_view body, error_code& error) override {
    return take({body.data(), body.size()}, error);
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body,
                                 error_code& error) override {
    return take({body.data(), body.size()}, error);
  }
  void on_finish_impl(error_code&) override {}

  bool streams() const { return options_.piece && response_.status < 400; }

  std::size_t take(std::string_view body, error_code& error) {
    if (streams()) {
      if (!body.empty() && !options_.piece(body)) {
        stopped = true;
        error = Code::end_of_stream;
      }
      return body.size();
    }
    if (body.size() > options_.max_body_bytes - response_.body.size()) {
      refuse(error);
      return 0;
    }
    response_.body.append(body);
    return body.size();
  }
  void refuse(error_code& error) {
    too_large = true;
    error = Code::body_limit;
  }

  Response& response_;
  const ResponseParser::Options& options_;
};

}  // namespace

struct ResponseParser::Impl {
  std::optional<ResponseMessage> message;
};

ResponseParser::ResponseParser(Options options)
    : options_(std::move(options)), impl_(std::make_unique<Impl>()) {
  impl_->message.emplace(response_, options_);
}
ResponseParser::~ResponseParser() = default;

Result<bool> ResponseParser::feed(std::string_view bytes, std::size_t& consumed) {
  consumed = 0;
  for (;;) {
    auto& message = *impl_->message;
    error_code error;
    while (!message.is_done() && consumed < bytes.size() && !error) {
      const auto rest = bytes.substr(consumed);
      consumed += message.put({rest.data(), rest.size()}, error);
    }
    if (message.stopped) return true;
    if (message.too_large)
      return Error{Errc::too_large, "the answer's body is larger than " +
                                        std::to_string(options_.max_body_bytes) + " bytes"};
    if (error && error != Code::need_more)
      return Error{Errc::corrupt, "the answer is not HTTP: " + error.message()};
    if (!message.is_done()) return false;
    if (response_.status / 100 != 1) return true;
    response_ = {};
    impl_->message.emplace(response_, options_);
  }
}

Result<bool> ResponseParser::end_of_input() {
  auto& message = *impl_->message;
  error_code error = Code::partial_message;
  if (message.got_some()) message.put_eof(error);
  if (!error) return true;
  return Error{Errc::unavailable, message.got_some()
                                      ? "the connection broke in the middle of the answer"
                                      : "the connection broke before an answer came"};
}

bool ResponseParser::stopped() const { return impl_->message->stopped; }
bool ResponseParser::keep_alive() const {
  return !stopped() && impl_->message->is_done() && !impl_->message->need_eof() &&
         impl_->message->keep_alive();
}
bool ResponseParser::any_byte() const { return impl_->message->got_some(); }

}  // namespace galley::http
