#include "controller/remote_agents.h"

#include "agent_outbox.h"
#include "base/text.h"
#include "fixture.h"

namespace galley::controller {
namespace {

using ::testing::HasSubstr;

TEST(AgentOutbox, SaysAgainWhatWasNotAcknowledged) {
  AgentOutbox outbox;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(outbox.push({.cancel = AttemptId::trusted("att_x")}));
  const auto first = outbox.print(7);
  EXPECT_THAT(first, HasSubstr(R"("epoch":7)"));
  EXPECT_EQ(outbox.print(7), first);
  outbox.acknowledge(2);
  EXPECT_EQ(outbox.size(), 1U);
  EXPECT_THAT(outbox.print(7), HasSubstr(R"("seq":3)"));
  outbox.acknowledge(1);
  EXPECT_EQ(outbox.size(), 1U) << "an older number takes nothing back";
  outbox.acknowledge(99);
  EXPECT_TRUE(outbox.empty());
}

TEST(AgentOutbox, IsBounded) {
  AgentOutbox outbox;
  for (std::size_t i = 0; i < AgentOutbox::kMostWaiting; ++i)
    ASSERT_TRUE(outbox.push({.forget = AttemptId::trusted("att_x")}));
  EXPECT_FALSE(outbox.push({.forget = AttemptId::trusted("att_x")}));
}

/// An agent's side of the conversation, without a network.
class RemoteAgentsTest : public ControllerFixture {
 protected:
  void SetUp() override {
    ControllerFixture::SetUp();
    start_agents();
  }
  void TearDown() override {
    agents_->stop();
    controller_->stop();
    agents_.reset();
  }
  void start_agents() {
    agents_ = *RemoteAgents::start(*controller_, *database_, clock_, {});
    registry_ = *AgentRegistry::open(*database_, clock_, *controller_);
  }

  AgentRegistry::Agent join(const std::string& name, const std::string& machine) {
    const auto token = registry_->new_join_token(std::chrono::hours(1), caller());
    const auto joined = registry_->join({token->token, name, machine}, "r");
    EXPECT_TRUE(joined) << describe(joined.error());
    return *registry_->find(joined->credential);
  }
  protocol::AttachRequest request(const std::string& machine, int gpus = 1) {
    protocol::AttachRequest made;
    made.machine = machine;
    made.node.cpus = 4;
    made.node.memory_bytes = std::int64_t{8} << 30;
    for (int i = 0; i < gpus; ++i)
      made.node.devices.push_back({.id = "GPU-" + std::to_string(i), .index = i, .model = "H100"});
    made.clock = clock_.wall();
    return made;
  }
  std::string attach(const AgentRegistry::Agent& agent, protocol::AttachRequest request) {
    const auto answer = agents_->attach(agent, std::move(request), "10.0.0.1");
    EXPECT_TRUE(answer) << describe(answer.error());
    return answer ? answer->session : std::string();
  }
  /// What the next poll answers, waiting for it.
  Result<protocol::AgentMessages> poll(const AgentRegistry::Agent& agent,
                                       const std::string& session, std::int64_t after,
                                       Millis wait = RemoteAgents::kLongestPoll) {
    std::promise<Result<std::string>> answered;
    agents_->poll(agent.node, session, after, wait,
                  [&](Result<std::string> body) { answered.set_value(std::move(body)); });
    auto body = answered.get_future().get();
    if (!body) return std::move(body).error();
    return protocol::read_message<protocol::AgentMessages>(*body);
  }
  Status report_from(const AgentRegistry::Agent& agent, protocol::AttemptReport report) {
    std::promise<Status> stored;
    agents_->report(agent.node, std::move(report),
                    [&](Status status) { stored.set_value(std::move(status)); });
    return stored.get_future().get();
  }
  protocol::NodeRecord listed(const std::string& name) {
    for (auto& node : controller_->nodes())
      if (node.name == name) return node;
    return {};
  }

  std::unique_ptr<RemoteAgents> agents_;
  std::unique_ptr<AgentRegistry> registry_;
};

TEST_F(RemoteAgentsTest, AnAssignmentIsSaidUntilItIsAcknowledged) {
  const auto agent = join("a", "m");
  agents_->set_job_token([](const RunId&) { return "secret"; });
  const auto session = attach(agent, request("m"));
  const auto job = submitted(spec());

  const auto first = poll(agent, session, 0);
  const auto again = poll(agent, session, 0);

  ASSERT_TRUE(first && again);
  ASSERT_EQ(first->messages.size(), 1U);
  ASSERT_TRUE(first->messages[0].assign);
  EXPECT_EQ(first->messages[0].assign->assignment.job_id, job.id);
  EXPECT_EQ(first->messages[0].assign->job_token, "secret");
  EXPECT_EQ(first->epoch, controller_->epoch());
  EXPECT_EQ(again->messages.size(), 1U);
  const auto nothing = poll(agent, session, 1, Millis{0});
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->messages.empty());
}

TEST_F(RemoteAgentsTest, APollWaitsForTheDecision) {
  const auto agent = join("a", "m");
  const auto session = attach(agent, request("m"));
  std::promise<Result<std::string>> answered;
  agents_->poll(agent.node, session, 0, RemoteAgents::kLongestPoll,
                [&](Result<std::string> body) { answered.set_value(std::move(body)); });

  submitted(spec());

  const auto body = answered.get_future().get();
  ASSERT_TRUE(body) << describe(body.error());
  EXPECT_THAT(*body, HasSubstr("assign"));
}

TEST_F(RemoteAgentsTest, ANewSessionEndsTheOneBefore) {
  const auto agent = join("a", "m");
  const auto before = attach(agent, request("m"));
  std::promise<Result<std::string>> answered;
  agents_->poll(agent.node, before, 0, RemoteAgents::kLongestPoll,
                [&](Result<std::string> body) { answered.set_value(std::move(body)); });

  const auto now = attach(agent, request("m"));

  EXPECT_EQ(answered.get_future().get().error().code, Errc::conflict);
  EXPECT_EQ(poll(agent, before, 0).error().code, Errc::conflict);
  EXPECT_EQ(agents_->heartbeat(agent.node, {.session = before}).error().code, Errc::conflict);
  EXPECT_TRUE(agents_->heartbeat(agent.node, {.session = now}));
}

TEST_F(RemoteAgentsTest, OneMayOnlySpeakOfWhatRunsOnOnesOwnNode) {
  const auto a = join("a", "m");
  const auto b = join("b", "n");
  const auto session = attach(a, request("m"));
  attach(b, request("n", 0));
  auto wanted = spec();
  wanted.resources.gpus = 1;
  submitted(wanted);
  const auto messages = poll(a, session, 0);
  ASSERT_TRUE(messages);
  const auto attempt = messages->messages.at(0).assign->assignment.attempt_id;
  const protocol::AttemptReport end{.attempt_id = attempt,
                                    .state = protocol::AttemptState::succeeded};

  EXPECT_EQ(report_from(b, end).error().code, Errc::not_found);
  EXPECT_TRUE(report_from(a, end));
  EXPECT_EQ(report_from(a, end).error().code, Errc::conflict) << "a lost answer: told again";
  const auto forget = poll(a, session, 1);
  ASSERT_TRUE(forget);
  EXPECT_EQ(forget->messages.at(0).forget, attempt);
}

TEST_F(RemoteAgentsTest, AGpuIsOfferedByOneNode) {
  const auto a = join("a", "m");
  const auto b = join("b", "n");
  attach(a, request("m"));
  const auto refused = agents_->attach(b, request("n"), "10.0.0.2");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("GPU-0 is offered by node 'a' already"));
}

TEST_F(RemoteAgentsTest, AWrongClockIsNotedAndHarmsNothing) {
  const auto agent = join("a", "m");
  auto late = request("m");
  late.clock = clock_.wall() - std::chrono::minutes(7);
  const auto session = attach(agent, std::move(late));
  EXPECT_THAT(listed("a").notes,
              ::testing::Contains(HasSubstr("7 min 0 s behind the controller's")));
  submitted(spec());
  const auto messages = poll(agent, session, 0);
  ASSERT_TRUE(messages);
  const auto attempt = messages->messages.at(0).assign->assignment.attempt_id;
  const auto there = clock_.wall() - std::chrono::minutes(7);
  EXPECT_TRUE(report_from(agent, {.attempt_id = attempt,
                                  .state = protocol::AttemptState::succeeded,
                                  .started_at = there,
                                  .finished_at = there}));
  const auto jobs = controller_->jobs({});
  ASSERT_TRUE(jobs);
  EXPECT_EQ(jobs->jobs.at(0).finished_at, clock_.wall());
}

TEST_F(RemoteAgentsTest, JoinTokensAreCheckedInASentence) {
  const auto token = registry_->new_join_token(std::chrono::minutes(1), caller());
  ASSERT_TRUE(token);
  EXPECT_EQ(registry_->new_join_token(Millis{0}, caller()).error().code, Errc::invalid_argument);
  const auto said = [&](const std::string& secret, const std::string& name,
                        const std::string& machine) {
    const auto joined = registry_->join({secret, name, machine}, "r");
    return joined ? std::string("joined") : joined.error().message;
  };
  EXPECT_THAT(said("galley-join-no", "a", "m"), HasSubstr("not known"));
  EXPECT_THAT(said(token->token, "a b", "m"), HasSubstr("names no node"));
  EXPECT_EQ(said(token->token, "a", "m"), "joined");
  EXPECT_THAT(said(token->token, "b", "n"), HasSubstr("was used by node 'a'"));
  const auto other = registry_->new_join_token(std::chrono::minutes(1), caller());
  EXPECT_THAT(said(other->token, "a", "n"), HasSubstr("another machine has joined as node 'a'"));
  EXPECT_EQ(said(other->token, "a", "m"), "joined") << "a refusal does not use the token up";
  const auto old = registry_->new_join_token(std::chrono::minutes(1), caller());
  clock_.advance(std::chrono::minutes(2));
  EXPECT_THAT(said(old->token, "c", "c"), HasSubstr("expired"));
}

TEST_F(RemoteAgentsTest, CredentialsOutliveARestartAndEndWithTheNode) {
  const auto token = registry_->new_join_token(std::chrono::minutes(1), caller());
  const auto joined = registry_->join({token->token, "a", "m"}, "r");
  ASSERT_TRUE(joined);
  registry_ = *AgentRegistry::open(*database_, clock_, *controller_);
  ASSERT_TRUE(registry_->find(joined->credential));
  EXPECT_FALSE(registry_->find(sha256_hex(joined->credential)));
  ASSERT_TRUE(registry_->remove("a", caller()));
  EXPECT_FALSE(registry_->find(joined->credential));
  EXPECT_EQ(registry_->remove("a", caller()).error().code, Errc::not_found);
}

TEST_F(RemoteAgentsTest, AnEarlierFailureThatIsHeardOfLaterIsTheReason) {
  const auto a = join("a", "m");
  const auto b = join("b", "n");
  const auto session_a = attach(a, request("m", 0));
  const auto session_b = attach(b, request("n", 0));
  auto gang = spec();
  gang.resources.nodes = 2;
  const auto job = submitted(gang);
  const auto to_a = poll(a, session_a, 0);
  const auto to_b = poll(b, session_b, 0);
  ASSERT_TRUE(to_a && to_b);
  const auto of_a = to_a->messages.at(0).assign->assignment;
  const auto of_b = to_b->messages.at(0).assign->assignment;
  EXPECT_EQ(of_a.master_address, "10.0.0.1");
  EXPECT_GT(of_a.master_port, 0);
  EXPECT_EQ(of_a.master_port, of_b.master_port);
  const auto failed = [&](const protocol::Assignment& of, std::int64_t code, Millis after) {
    return protocol::AttemptReport{.attempt_id = of.attempt_id,
                                   .rank = of.rank,
                                   .state = protocol::AttemptState::failed,
                                   .exit_code = code,
                                   .finished_at = clock_.wall() + after};
  };
  EXPECT_TRUE(report_from(b, failed(of_b, 9, Millis{500})));
  EXPECT_TRUE(report_from(a, failed(of_a, 3, Millis{100})));

  const auto record = controller_->job(job.id);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->exit_code, 3);
  EXPECT_THAT(record->reason, HasSubstr("rank " + std::to_string(of_a.rank) + ": exit code 3"));
}

}  // namespace
}  // namespace galley::controller
