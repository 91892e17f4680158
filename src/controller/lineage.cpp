#include "lineage.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

#include "tracking/records.h"

namespace galley::controller {
namespace {

using scheduler::NodeShare;
using store::Transaction;
using LineageTags = std::map<std::string, std::string>;

void note_code(const protocol::JobSpec& spec, LineageTags& tags) {
  if (!spec.code) return;
  const protocol::CodeSpec& code = *spec.code;
  if (code.commit) tags["galley.git.commit"] = tags["mlflow.source.git.commit"] = *code.commit;
  if (code.branch) tags["galley.git.branch"] = tags["mlflow.source.git.branch"] = *code.branch;
  if (code.repository)
    tags["galley.git.repository"] = tags["mlflow.source.git.repoURL"] = *code.repository;
  if (code.dirty) tags["galley.git.dirty"] = *code.dirty ? "true" : "false";
}

void note_origin(const protocol::JobRecord& job, LineageTags& tags) {
  const protocol::JobSpec& spec = job.spec;
  if (!job.principal.empty()) tags["galley.user"] = tags["mlflow.user"] = job.principal;
  tags["mlflow.source.type"] = "JOB";
  tags["mlflow.source.name"] = spec.command.front();
  if (spec.image) tags["galley.image"] = *spec.image;
  if (!spec.parent) return;
  tags["galley.parent"] = *spec.parent;
  if (spec.parent->starts_with("run_")) tags["mlflow.parentRunId"] = *spec.parent;
}

Status note_data_sets(Transaction& transaction, const protocol::JobSpec& spec, LineageTags& tags) {
  for (const std::string& reference : spec.datasets) {
    const std::size_t at = reference.find('@');
    GALLEY_TRY(const auto row,
               transaction.query_one(
                   "select manifest_sha256 from snapshots where kind = 'dataset' and name = :1 and "
                   "version = :2",
                   {reference.substr(0, at), std::int64_t{std::stoll(reference.substr(at + 1))}}));
    tags["galley.dataset." + reference] = row ? row->text(0) : std::string();
  }
  return ok();
}

Status note_place(Transaction& transaction, const StartAttempt& attempt, LineageTags& tags) {
  const NodeShare& first = attempt.placement.shares[0];
  GALLEY_TRY(const auto node,
             transaction.query_one("select name from nodes where id = :1", {first.node.str()}));
  if (node) tags["galley.node"] = node->text(0);
  std::size_t gpus = 0;
  for (const NodeShare& share : attempt.placement.shares) gpus += share.device_ids.size();
  tags["galley.gpus"] = std::to_string(gpus);
  tags["galley.nodes"] = std::to_string(attempt.placement.shares.size());
  if (first.device_ids.empty()) return ok();
  GALLEY_TRY(const auto model, transaction.query_one("select model from devices where id = :1",
                                                     {first.device_ids[0]}));
  if (model) tags["galley.gpu.type"] = model->text(0);
  return ok();
}

}  // namespace

Status record_lineage(Transaction& transaction, const protocol::JobRecord& job,
                      const StartAttempt& attempt, std::int64_t number) {
  LineageTags tags;
  if (number == 1) {
    note_code(job.spec, tags);
    note_origin(job, tags);
    GALLEY_TRY_STATUS(note_data_sets(transaction, job.spec, tags));
  }
  GALLEY_TRY_STATUS(note_place(transaction, attempt, tags));
  tags["galley.attempts"] = std::to_string(number);
  std::string sql = "insert into run_tags (run_id, tag_key, value) values ";
  std::vector<store::Value> values{job.run_id.str()};
  for (const auto& [key, value] : tags) {
    const std::size_t next = values.size() + 1;
    sql += fmt::format("{}(:1, :{}, :{})", values.size() > 1 ? ", " : "", next, next + 1);
    values.emplace_back(key.substr(0, tracking::kMaxKeyBytes));
    values.emplace_back(value.substr(0, tracking::kMaxValueBytes));
  }
  sql += " on conflict (run_id, tag_key) do update set value = excluded.value";
  return transaction.enqueue(sql, std::move(values));
}

}  // namespace galley::controller
