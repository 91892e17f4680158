#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/agent.h"
#include "api/api.h"
#include "controller/controller.h"
#include "registry/registry.h"

namespace galley::app {

/// How the agent reaches a controller in the same process.
class LocalControllerLink final : public agent::ControllerLink {
 public:
  LocalControllerLink(controller::Controller& controller, registry::Registry& registry,
                      blobs::BlobStore& blobs, api::Api& api)
      : controller_(controller), registry_(registry), blobs_(blobs), api_(api) {}

  void report(protocol::AttemptReport report, Done done) override;
  void progress(protocol::ProgressReport report, std::vector<agent::FrozenFile> files,
                Done done) override;
  void heartbeat(protocol::NodeRecord node) override;
  void samples(protocol::NodeSample sample) override;
  Result<blobs::Manifest> dataset(std::string_view reference) override;
  Result<std::vector<std::string>> secrets(const AttemptId& attempt, std::int64_t rank) override;

 private:
  controller::Controller& controller_;
  registry::Registry& registry_;
  blobs::BlobStore& blobs_;
  api::Api& api_;
};

/// How the controller reaches that agent.
class LocalAgentPort final : public controller::AgentPort {
 public:
  explicit LocalAgentPort(agent::Agent& agent) : agent_(agent) {}
  void assign(Assign assign) override;
  void cancel(const AttemptId& attempt) override { agent_.cancel(attempt); }
  bool self_test(const protocol::SelfTestRequest& request) override {
    agent_.self_test(request);
    return true;
  }

 private:
  agent::Agent& agent_;
};

}  // namespace galley::app
