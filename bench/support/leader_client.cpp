#include "leader_client.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "protocol/controllers.h"

namespace galley::support {

Result<Json> LeaderClient::ask(http::Client::Call call) {
  const std::vector<std::string>& urls = options_.urls;
  if (!client_) {
    GALLEY_TRY(client_, http::Client::open({.server = urls[at_],
                                            .bearer_token = options_.token,
                                            .connect_timeout = options_.connect_timeout,
                                            .timeout = options_.answer_timeout,
                                            .retries = 0}));
  }
  auto raw = client_->send(std::move(call));
  std::string leader;
  if (raw && raw->status == 503) leader = raw->headers.get(protocol::kLeaderHeader);
  auto answer = http::expect_ok(std::move(raw));
  if (answer) return answer->body.empty() ? Json::object() : parse_json(answer->body);
  const Errc code = answer.error().code;
  if (code == Errc::unavailable || code == Errc::timeout) {
    client_.reset();
    const auto named = std::ranges::find(urls, leader);
    at_ = named != urls.end() ? static_cast<std::size_t>(named - urls.begin())
                              : (at_ + 1) % urls.size();
  }
  return std::move(answer).error();
}

}  // namespace galley::support
