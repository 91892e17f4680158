#include "cli/upgrade.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/units.h"

namespace galley::cli {
namespace {

using Finding = UpgradeAnswer::Finding;
using UpgradeVerdict = UpgradeAnswer::Verdict;
using Step = ProgramFacts::Step;

/// A reader ignores fields that it does not know, for one version and no more.
constexpr std::int64_t kMostSkew = 1;

struct Pending {
  std::vector<std::int64_t> adding;
  std::vector<std::int64_t> changing;
};

Pending pending_of(const UpgradeFacts& facts) {
  Pending pending;
  for (const Step& step : facts.program.schema) {
    const bool done = std::ranges::find(facts.installation.counted, step.number) !=
                          facts.installation.counted.end() ||
                      std::ranges::find(facts.installation.additions, step.number) !=
                          facts.installation.additions.end();
    if (!done) (step.only_adds ? pending.adding : pending.changing).push_back(step.number);
  }
  return pending;
}

std::int64_t schema_of(const InstallationFacts& installation) {
  return installation.counted.empty() ? 0 : installation.counted.back();
}

std::vector<std::int64_t> unknown_additions(const UpgradeFacts& facts) {
  std::vector<std::int64_t> unknown;
  for (const std::int64_t number : facts.installation.additions)
    if (std::ranges::find(facts.program.schema, number, &Step::number) ==
        facts.program.schema.end())
      unknown.push_back(number);
  return unknown;
}

Finding check_schema(const UpgradeFacts& facts) {
  const std::string subject = "schema";
  const std::int64_t version = schema_of(facts.installation);
  if (facts.program.schema.empty()) {
    if (!facts.trial)
      return {subject, UpgradeVerdict::refused, "the program does not tell which schemas it knows"};
    if (!facts.trial->opened)
      return {subject, UpgradeVerdict::refused,
              "the program refuses records of this schema: " + facts.trial->said};
    return {subject, UpgradeVerdict::fine,
            "the program does not tell what it knows, and has opened an empty copy of this schema"};
  }
  const std::int64_t newest = facts.program.schema.back().number;
  if (newest < version)
    return {subject, UpgradeVerdict::refused,
            fmt::format("the records are at version {}, and the program knows versions up to {}: "
                        "it would not open them; restore a backup from before, or stay",
                        version, newest)};
  const auto more = unknown_additions(facts);
  if (!more.empty())
    return {subject, UpgradeVerdict::fine,
            fmt::format("step {} of the records is not known to the program and only adds, so it "
                        "goes on without",
                        fmt::join(more, ", "))};
  if (!facts.installation.additions.empty())
    return {subject, UpgradeVerdict::fine,
            fmt::format("version {} with the additions {} is known to the program", version,
                        fmt::join(facts.installation.additions, ", "))};
  return {subject, UpgradeVerdict::fine,
          fmt::format("version {} is known to the program", version)};
}

Finding check_migration(const UpgradeFacts& facts, const Pending& pending) {
  const std::string subject = "migration";
  if (pending.changing.empty() && pending.adding.empty())
    return {subject, UpgradeVerdict::fine, "none is needed"};
  if (pending.changing.empty())
    return {subject, UpgradeVerdict::fine,
            fmt::format("step {} only adds: programs of the version before go on beside it",
                        fmt::join(pending.adding, ", "))};
  const auto controllers = facts.installation.controllers.size();
  if (controllers > 1)
    return {subject, UpgradeVerdict::refused,
            fmt::format("step {} changes what the {} controllers that run rely on; stop all but "
                        "one first, which is a pause, and ask again",
                        fmt::join(pending.changing, ", "), controllers)};
  return {subject, UpgradeVerdict::note,
          fmt::format("step {} changes what programs before it rely on: the way back is the backup",
                      fmt::join(pending.changing, ", "))};
}

std::string names_of(const std::vector<InstallationFacts::Member>& members) {
  std::vector<std::string> names;
  for (const auto& one : members)
    names.push_back(fmt::format("{} (version {})", one.name, one.protocol));
  return fmt::format("{}", fmt::join(names, ", "));
}

Finding check_agents(const UpgradeFacts& facts) {
  const std::string subject = "agents";
  const auto& [oldest, newest] =
      std::pair(facts.program.oldest_protocol, facts.program.protocol + kMostSkew);
  std::vector<InstallationFacts::Member> too_old;
  std::vector<InstallationFacts::Member> too_new;
  for (const auto& agent : facts.installation.agents) {
    if (agent.protocol < oldest) too_old.push_back(agent);
    if (agent.protocol > newest) too_new.push_back(agent);
  }
  if (!too_old.empty())
    return {subject, UpgradeVerdict::refused,
            fmt::format("the program serves agents of protocol version {} and newer; upgrade these "
                        "to a version between first: {}",
                        oldest, names_of(too_old))};
  if (!too_new.empty())
    return {subject, UpgradeVerdict::refused,
            fmt::format("the program speaks protocol version {}, and these are more than one "
                        "version ahead of it; take them back first: {}",
                        facts.program.protocol, names_of(too_new))};
  if (facts.installation.agents.empty())
    return {subject, UpgradeVerdict::fine, "none has joined from another machine"};
  return {
      subject, UpgradeVerdict::fine,
      fmt::format("{} speak a protocol that the program serves", facts.installation.agents.size())};
}

Finding check_room(const InstallationFacts& installation) {
  const bool enough = installation.free_bytes > installation.backup_bytes;
  return {"backup", enough ? UpgradeVerdict::fine : UpgradeVerdict::refused,
          fmt::format("a backup takes {}, and {} has {} free{}",
                      format_bytes(installation.backup_bytes), installation.backup_folder,
                      format_bytes(installation.free_bytes),
                      enough ? "" : "; name another folder with --backup-to")};
}

bool goes_back(const UpgradeFacts& facts) {
  if (facts.program.schema.empty()) return true;  // older than this program
  if (!unknown_additions(facts).empty()) return true;
  return std::ranges::any_of(facts.installation.agents, [&](const auto& agent) {
    return agent.protocol > facts.program.protocol;
  });
}

std::vector<std::string> steps_of(const UpgradeFacts& facts) {
  std::vector<std::string> steps{"galley store backup, with the program that is installed"};
  const std::string controllers =
      facts.installation.controllers.size() > 1
          ? "each controller that stands by: stop it, replace the program, start it; then galley "
            "controllers handover, and the one that led likewise"
          : "stop galley up or galley controller, replace the program, start it: jobs go on";
  const std::string agents =
      "each agent: stop it, replace the program, start it; its jobs go on and are taken up again";
  const bool has_agents = !facts.installation.agents.empty();
  // Controllers serve older agents, so agents are never ahead of them.
  if (has_agents && goes_back(facts)) steps.push_back(agents);
  steps.push_back(controllers);
  if (has_agents && !goes_back(facts)) steps.push_back(agents);
  steps.emplace_back("galley controllers and galley nodes show all of them again");
  return steps;
}

}  // namespace

UpgradeAnswer check_upgrade(const UpgradeFacts& facts) {
  UpgradeAnswer answer;
  answer.findings.push_back(check_schema(facts));
  answer.findings.push_back(check_migration(facts, pending_of(facts)));
  answer.findings.push_back(check_agents(facts));
  answer.findings.push_back(check_room(facts.installation));
  answer.allowed = std::ranges::none_of(
      answer.findings, [](const Finding& one) { return one.verdict == UpgradeVerdict::refused; });
  if (answer.allowed) answer.steps = steps_of(facts);
  return answer;
}

}  // namespace galley::cli
