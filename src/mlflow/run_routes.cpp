#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "error_reply.h"
#include "filter.h"
#include "names.h"
#include "print.h"
#include "service_impl.h"

namespace galley::mlflow {
namespace {

using store::Transaction;
using tracking::RunSearch;

constexpr std::int64_t kRunsShown = 1000;
constexpr std::int64_t kMaxRunsShown = 50'000;

/// Where a client gives a run no name: two words and a number, from the run's own id.
std::string made_up_name(const RunId& run) {
  constexpr std::array<std::string_view, 16> kHow{
      "amber", "bold",  "brisk", "calm",  "clever", "eager",  "gentle", "keen",
      "lucid", "merry", "quiet", "rapid", "silver", "steady", "vivid",  "wise"};
  constexpr std::array<std::string_view, 16> kWhat{
      "auk",  "crane", "finch",  "gull",  "heron", "ibis", "jay",  "kite",
      "lark", "owl",   "plover", "quail", "raven", "swan", "tern", "wren"};
  std::size_t digest = 1469598103U;
  for (const char c : run.str()) digest = (digest ^ static_cast<unsigned char>(c)) * 16777619U;
  digest ^= digest >> 15U;
  return fmt::format("{}-{}-{}", kHow[digest % 16], kWhat[(digest / 16) % 16],
                     (digest / 256) % 1000);
}

/// Takes a tag out of the list, where it is there.
std::string take_tag(std::vector<KeyValue>& tags, std::string_view key) {
  const auto found = std::ranges::find(tags, key, &KeyValue::first);
  if (found == tags.end()) return {};
  std::string value = std::move(found->second);
  tags.erase(found);
  return value;
}

Result<tracking::Experiment> experiment_for_run(Transaction& transaction, const Call& call) {
  GALLEY_TRY(const auto text, call.text_or("experiment_id", "0"));
  std::int64_t id = -1;
  std::from_chars(text.data(), text.data() + text.size(), id);
  auto found = tracking::experiment_by_id(transaction, id);
  if (!found && found.error().code == Errc::not_found)
    return missing(fmt::format("No Experiment with id={} exists", text.substr(0, 100)));
  if (!found) return found;
  if (found->deleted)
    return fault(fmt::format(
        "The experiment {} must be in the 'active' state. Current state is deleted.", id));
  return found;
}

/// What a job makes belongs to it, in its own experiment.
Status adopt(Transaction& transaction, const Call& call, tracking::NewRun& run,
             std::vector<KeyValue>& tags) {
  GALLEY_TRY(const auto own,
             transaction.query_one("select experiment from runs where id = :1", {call.own_run()}));
  if (!own) return Error{Errc::forbidden, "the run of this job is no more"};
  run.owner_run = call.own_run();
  run.experiment = own->text(0);
  const auto parent = std::ranges::find(tags, kParentTag, &KeyValue::first);
  if (parent == tags.end()) {
    tags.emplace_back(kParentTag, call.own_run());
    return ok();
  }
  const auto named = RunId::parse(parent->second);
  if (!named) return no_run(RunId::trusted(parent->second.substr(0, 80)));
  return check_run(transaction, call.own_run(), *named);
}

Result<Reply> create_run(Service::Impl& service, const Call& call) {
  GALLEY_TRY(auto name, call.text_or("run_name"));
  GALLEY_TRY(auto user, call.text_or("user_id"));
  GALLEY_TRY(const auto start_ms, call.integer_or("start_time", 0));
  GALLEY_TRY(auto tags, call.pairs("tags"));
  GALLEY_TRY_STATUS(check_tags(tags));
  const std::string named = take_tag(tags, kRunNameTag);
  if (!name.empty() && !named.empty() && name != named)
    return fault(
        fmt::format("Both 'run_name' argument and 'mlflow.runName' tag are specified, but"
                    " with different values (run_name='{}', mlflow.runName='{}').",
                    name.substr(0, 80), named.substr(0, 80)));
  const std::string tagged_user = take_tag(tags, kUserTag);
  const WallTime now = service.now();
  tracking::NewRun run{.id = service.services.ids.next<RunTag>(),
                       .name = name.empty() ? named : name,
                       .experiment = {},
                       .job_id = {},
                       .created = start_ms > 0 ? from_ms(start_ms) : now,
                       .user = user.empty() || user == "unknown" ? tagged_user : user};
  if (run.user.empty()) run.user = user;
  if (run.name.empty()) run.name = made_up_name(run.id);
  Reply reply{.subject = run.id.str()};
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    tracking::NewRun fresh = run;
    std::vector<KeyValue> own_tags = tags;
    if (call.is_job()) {
      GALLEY_TRY_STATUS(adopt(transaction, call, fresh, own_tags));
    } else {
      GALLEY_TRY(const auto experiment, experiment_for_run(transaction, call));
      fresh.experiment = experiment.name;
    }
    GALLEY_TRY_STATUS(tracking::create_run(transaction, fresh));
    if (!own_tags.empty())
      GALLEY_TRY_STATUS(tracking::set_tags(transaction, fresh.id, own_tags, now));
    GALLEY_TRY(const auto record, tracking::read_record(transaction, fresh.id));
    GALLEY_TRY(auto printed, print_runs(transaction, std::span(&record, 1)));
    reply.body = Json{{"run", std::move(printed.front())}};
    return ok();
  }));
  return reply;
}

Result<Reply> get_run(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto run, call.run());
  Reply reply;
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(check_run(transaction, call.own_run(), run));
    GALLEY_TRY(const auto record, tracking::read_record(transaction, run));
    GALLEY_TRY(auto printed, print_runs(transaction, std::span(&record, 1)));
    reply.body = Json{{"run", std::move(printed.front())}};
    return ok();
  }));
  return reply;
}

Result<Reply> update_run(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto run, call.run());
  tracking::RunChange change;
  GALLEY_TRY(const auto status, call.text_or("status"));
  if (!status.empty()) {
    GALLEY_TRY(change.state, parse_status(status));
  }
  GALLEY_TRY(const auto end_ms, call.integer_or("end_time", 0));
  if (end_ms > 0) change.ended = from_ms(end_ms);
  GALLEY_TRY(auto name, call.text_or("run_name"));
  if (!name.empty()) change.name = std::move(name);
  const WallTime now = service.now();
  Reply reply{.subject = run.str()};
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(check_active_run(transaction, call.own_run(), run));
    GALLEY_TRY_STATUS(tracking::change_run(transaction, run, change, now));
    GALLEY_TRY(const auto record, tracking::read_record(transaction, run));
    GALLEY_TRY(auto info, print_run_info(transaction, record.run));
    reply.body = Json{{"run_info", std::move(info)}};
    return ok();
  }));
  return reply;
}

Result<Reply> mark_run(Service::Impl& service, const Call& call, bool deleted) {
  GALLEY_TRY(const auto run, call.run());
  const WallTime now = service.now();
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(check_run(transaction, call.own_run(), run));
    return tracking::delete_run(transaction, run, deleted, now);
  }));
  return Reply{.subject = run.str()};
}
Result<Reply> delete_run(Service::Impl& service, const Call& call) {
  return mark_run(service, call, true);
}
Result<Reply> restore_run(Service::Impl& service, const Call& call) {
  return mark_run(service, call, false);
}

Result<RunSearch::View> run_view(const Call& call) {
  GALLEY_TRY(const auto view, call.text_or("run_view_type", "ACTIVE_ONLY"));
  if (view == "ACTIVE_ONLY" || view == "1") return RunSearch::View::active;
  if (view == "DELETED_ONLY" || view == "2") return RunSearch::View::deleted;
  if (view == "ALL" || view == "3") return RunSearch::View::all;
  return fault(fmt::format("Invalid run_view_type '{}'", view.substr(0, 40)));
}

/// The names of experiments by their numbers; unknown ones have no runs.
Result<std::vector<std::string>> names_of(Service::Impl& service,
                                          const std::vector<std::string>& ids) {
  std::vector<std::string> names;
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    for (const std::string& text : ids) {
      std::int64_t id = -1;
      std::from_chars(text.data(), text.data() + text.size(), id);
      const auto found = tracking::experiment_by_id(transaction, id);
      if (!found && found.error().code != Errc::not_found) return found.error();
      if (!found) continue;
      for (auto& name : tracking::run_experiments(*found)) names.push_back(std::move(name));
    }
    return ok();
  }));
  return names;
}

Result<Reply> search_runs(Service::Impl& service, const Call& call) {
  RunSearch search;
  GALLEY_TRY(const auto ids, call.texts("experiment_ids"));
  GALLEY_TRY(search.experiments, names_of(service, ids));
  GALLEY_TRY(const auto filter, call.text_or("filter"));
  GALLEY_TRY_STATUS(add_run_filter(filter, search));
  GALLEY_TRY(const auto orders, call.texts("order_by"));
  GALLEY_TRY_STATUS(add_run_orders(orders, search));
  GALLEY_TRY(search.limit, call.max_results(kRunsShown, kMaxRunsShown));
  GALLEY_TRY(search.cursor, call.text_or("page_token"));
  GALLEY_TRY(search.view, run_view(call));
  search.owner = call.own_run();
  Reply reply;
  if (search.experiments.empty()) return reply;  // none is not all
  GALLEY_TRY(const auto page, service.services.tracking.search(search));
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto records, tracking::read_records(transaction, page.runs, true));
    GALLEY_TRY(auto printed, print_runs(transaction, records));
    if (!printed.empty()) reply.body["runs"] = std::move(printed);
    return ok();
  }));
  if (!page.next_cursor.empty()) reply.body["next_page_token"] = page.next_cursor;
  return reply;
}

}  // namespace

std::vector<Line> run_lines() {
  using enum Effect;
  return {
      {"POST", "/runs/create", "MLflow: begins a run.", create_run, change, "run.create", true},
      {"GET", "/runs/get", "MLflow: a run with its newest metrics.", get_run, look, {}, true},
      {"POST",
       "/runs/update",
       "MLflow: ends, resumes or renames a run.",
       update_run,
       stream,
       {},
       true},
      {"POST", "/runs/delete", "MLflow: hides a run.", delete_run, change, "run.delete"},
      {"POST", "/runs/restore", "MLflow: brings a deleted run back.", restore_run, change,
       "run.restore"},
      {"POST", "/runs/search", "MLflow: runs by filter and order.", search_runs, look, {}, true}};
}

}  // namespace galley::mlflow
