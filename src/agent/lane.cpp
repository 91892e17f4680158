#include "lane.h"

namespace galley::agent {

Result<http::Response> Lane::send_raw(const std::string& address, http::Client::Call call) {
  if (!client_ || address_ != address) {
    // Repetitions are the callers' own: they know what may be sent twice, and when to stop.
    GALLEY_TRY(client_, http::Client::open({.server = address,
                                            .bearer_token = access_.credential,
                                            .connect_timeout = Millis{1'000},
                                            .timeout = timeout_,
                                            .retries = 0,
                                            .ca_file = access_.ca_file,
                                            .pinned_sha256 = access_.pinned_sha256,
                                            .interrupt_fd = interrupt_fd_}));
    address_ = address;
  }
  return client_->send(std::move(call));
}

Result<http::Response> Lane::send(const std::string& address, http::Client::Call call) {
  return http::expect_ok(send_raw(address, std::move(call)));
}

}  // namespace galley::agent
