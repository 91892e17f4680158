#include "asio_transport.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

namespace galley::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

asio::const_buffer buffer_of(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(Socket socket) : socket_(std::move(socket)) {
    error_code ignored;
    socket_.non_blocking(true, ignored);
  }

  bool open(Owner) override { return true; }

  void start_read(Owner owner, char* data, std::size_t capacity) override {
    socket_.async_read_some(asio::mutable_buffer(data, capacity),
                            [owner = std::move(owner)](const error_code& error, std::size_t bytes) {
                              owner->on_read(bytes, !error                      ? ReadEnd::open
                                                    : error == asio::error::eof ? ReadEnd::closed
                                                                                : ReadEnd::broken);
                            });
  }

  std::size_t write_now(std::string_view first, std::string_view second) override {
    error_code blocked;
    if (second.empty()) return socket_.write_some(buffer_of(first), blocked);
    return socket_.write_some(std::array{buffer_of(first), buffer_of(second)}, blocked);
  }

  void start_write(Owner owner, std::string_view first, std::string_view second) override {
    socket_.async_write_some(
        std::array{buffer_of(first), buffer_of(second)},
        [owner = std::move(owner)](const error_code& error, std::size_t bytes) {
          owner->on_written(bytes, static_cast<bool>(error));
        });
  }

  void end_sending(Owner) override {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
  }

  void close() override {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  Socket socket_;
};

}  // namespace

std::unique_ptr<Transport> make_plain_transport(Socket socket) {
  return std::make_unique<PlainTransport>(std::move(socket));
}

}  // namespace galley::http
