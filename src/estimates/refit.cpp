#include "refit.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "blobs/blob_store.h"
#include "blobs/freeze.h"
#include "learner.h"
#include "registry/registry.h"
#include "tracking/tracking.h"

namespace galley::estimates {
namespace {

using store::Row;
using store::Transaction;
using store::Value;

constexpr std::string_view kFitColumns =
    "number, job_id, state, at_ms, row_count, mdape_pct, before_mdape_pct, file_sha256, reason";
constexpr const char* kRowsName = "galley-estimator-rows";
constexpr std::size_t kChunkBytes = std::size_t{4} << 20;
constexpr std::int64_t kMostModelBytes = 64 << 20;
constexpr double kNoWorse = 1.02;  // of the error before: differences below are chance
constexpr auto kLongestFit = std::chrono::minutes(30);

Result<Json> stored_file(blobs::BlobStore& store, const char* path, std::string_view bytes) {
  Json chunks = Json::array();
  for (std::size_t at = 0; at < bytes.size(); at += kChunkBytes) {
    GALLEY_TRY(auto chunk, store.put(bytes.substr(at, kChunkBytes)));
    chunks.push_back(std::move(chunk));
  }
  return Json{{"path", path},
              {"size_bytes", bytes.size()},
              {"mode_executable", false},
              {"sha256", sha256_hex(bytes)},
              {"chunks", std::move(chunks)}};
}

double number_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<double>() : 0;
}

}  // namespace

Result<std::vector<FitRow>> read_fits(Transaction& transaction, std::int64_t limit) {
  GALLEY_TRY(const auto rows,
             transaction.query(fmt::format("select {} from estimator_models order by number desc"
                                           " limit :1",
                                           kFitColumns),
                               {limit}));
  std::vector<FitRow> fits;
  for (const Row& row : rows) {
    FitRow fit{.number = row.integer(0),
               .job_id = row.text(1),
               .state = row.text(2),
               .at = from_ms(row.integer(3)),
               .rows = row.integer(4),
               .manifest_sha256 = row.text(7),
               .reason = row.text(8)};
    if (!row.is_null(5)) fit.mdape_pct = row.real(5);
    if (!row.is_null(6)) fit.before_mdape_pct = row.real(6);
    fits.push_back(std::move(fit));
  }
  return fits;
}

Status Refit::save(const FitRow& fit) {
  const auto number = [](const std::optional<double>& value) {
    return value ? Value(*value) : Value(nullptr);
  };
  return parts_.database.write([&](Transaction& transaction) {
    return transaction.enqueue(
        fmt::format("insert into estimator_models ({}) values (:1, :2, :3, :4, :5, :6, :7, :8, :9)"
                    " on conflict (number) do update set state = excluded.state, mdape_pct ="
                    " excluded.mdape_pct, before_mdape_pct = excluded.before_mdape_pct,"
                    " file_sha256 = excluded.file_sha256, reason = excluded.reason",
                    kFitColumns),
        {fit.number, fit.job_id, fit.state, to_ms(fit.at), fit.rows, number(fit.mdape_pct),
         number(fit.before_mdape_pct), fit.manifest_sha256, fit.reason});
  });
}

Result<std::string> Refit::read_file_of(const std::string& manifest) const {
  GALLEY_TRY(const auto folder, blobs::get_manifest(parts_.blobs, manifest));
  for (const auto& file : folder.files) {
    if (file.path != "model.json" || file.size_bytes > kMostModelBytes) continue;
    std::string text;
    for (const auto& chunk : file.chunks) {
      GALLEY_TRY(const auto bytes, parts_.blobs.get(chunk));
      text += bytes;
    }
    return text;
  }
  return Error{Errc::not_found, "the fit left no model.json"};
}

void Refit::restore() {
  std::vector<FitRow> fits;
  const auto read = parts_.database.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(fits, read_fits(transaction, 1000));
    return ok();
  });
  if (!read) return;
  const auto used = std::ranges::find(fits, "used", &FitRow::state);
  if (used == fits.end()) return;
  const auto text = read_file_of(used->manifest_sha256);
  auto model =
      text ? estimator::parse_model(*text) : Result<estimator::EstimatorModel>(text.error());
  if (!model) {
    log::error("estimates", "the site's estimator cannot be read; the shipped one answers",
               {{"job", used->job_id}, {"reason", describe(model.error())}});
    return;
  }
  model_.set({*std::move(model), "site", used->rows, *text, used->mdape_pct});
}

bool Refit::is_quiet() const {
  const auto waiting = parts_.controller.jobs(
      {.where_sql = "state = 'queued' and priority_class <> 'idle'", .limit = 1});
  if (!waiting || !waiting->jobs.empty()) return false;
  return std::ranges::any_of(parts_.controller.nodes(), [](const auto& node) {
    return node.state == "up" && node.accepts_jobs && node.cpus_allocated < node.cpus;
  });
}

Status Refit::look() {
  std::vector<FitRow> fits;
  std::int64_t rows = 0;
  GALLEY_TRY_STATUS(parts_.database.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(fits, read_fits(transaction, 1000));
    GALLEY_TRY(rows, count_rows(transaction));
    return ok();
  }));
  if (!fits.empty() && fits.front().state == "fitting") {
    FitRow fit = fits.front();
    const auto job = parts_.controller.job(JobId::trusted(fit.job_id));
    if (!job && job.error().code != Errc::not_found) return job.error();
    if (job && !is_final(job->state)) return ok();
    if (job && job->state == protocol::JobState::succeeded)
      return take(std::move(fit), job->run_id.str());
    fit.state = "failed";
    fit.reason = job ? "its job " + std::string(word_of(job->state)) +
                           (job->reason.empty() ? "" : ": " + job->reason)
                     : "its job is gone";
    log::warn("estimates", "fitting the estimator failed; the one in use stays",
              {{"job", fit.job_id}, {"reason", fit.reason}});
    return save(fit);
  }
  const std::int64_t tried = fits.empty() ? 0 : fits.front().rows;
  if (rows < tried + rows_of_a_fit_ || !is_quiet()) return ok();
  const auto used = std::ranges::find(fits, "used", &FitRow::state);
  return begin(fits.empty() ? 1 : fits.front().number + 1, used == fits.end() ? 0 : used->rows);
}

Status Refit::begin(std::int64_t number, std::int64_t seen) {
  estimator::RowsFile rows;
  GALLEY_TRY_STATUS(parts_.database.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(rows, read_rows(transaction));
    return ok();
  }));
  Json files = Json::array();
  GALLEY_TRY(auto before,
             stored_file(parts_.blobs, "before.json", estimator::print_model(model_.get()->model)));
  GALLEY_TRY(auto measured, stored_file(parts_.blobs, "rows.json", estimator::print_rows(rows)));
  files.push_back(std::move(before));
  files.push_back(std::move(measured));
  GALLEY_TRY(
      const auto frozen,
      blobs::put_manifest(
          parts_.blobs,
          dump_json({{"format", "galley-manifest"}, {"version", 1}, {"files", std::move(files)}})));
  const std::string key = fmt::format("estimator-fit-{}", number);
  GALLEY_TRY(const auto set, parts_.registry.freeze_snapshot(
                                 {.kind = registry::Kind::dataset,
                                  .name = kRowsName,
                                  .manifest_sha256 = frozen.name,
                                  .sources = {},
                                  .run_id = {},
                                  .note = fmt::format("{} measured jobs", rows.rows.size()),
                                  .principal = "system",
                                  .request_id = key}));
  protocol::JobSpec job;
  job.name = "estimator-fit";
  job.command = {"/bin/sh", "-c",
                 fmt::format("exec galley-train estimator --rows \"$GALLEY_DATASET_GALLEY_ESTIMATOR"
                             "_ROWS\" --seen {} --out model",
                             seen)};
  job.datasets = {registry::reference(set.snapshot)};
  job.priority_class = protocol::PriorityClass::idle;
  job.max_runtime = kLongestFit;
  GALLEY_TRY(const auto accepted,
             parts_.controller.submit(std::move(job), {.principal = "system",
                                                       .request_id = key,
                                                       .idempotency_key = key,
                                                       .request_sha256 = sha256_hex(key)}));
  log::info("estimates", "fitting the estimator on the site's jobs",
            {{"job", accepted.job.id.str()}, {"rows", std::to_string(rows.rows.size())}});
  return save({.number = number,
               .job_id = accepted.job.id.str(),
               .at = parts_.clock.wall(),
               .rows = static_cast<std::int64_t>(rows.rows.size())});
}

Status Refit::take(FitRow fit, const std::string& run_id) {
  const auto artifacts = parts_.tracking.artifacts(RunId::trusted(run_id));
  if (!artifacts) return artifacts.error();
  fit.state = "failed";
  Result<std::string> text = Error{Errc::not_found, "the fit left no artifact"};
  if (!artifacts->empty()) {
    fit.manifest_sha256 = artifacts->back().manifest_sha256;
    text = read_file_of(fit.manifest_sha256);
  }
  auto model =
      text ? estimator::parse_model(*text) : Result<estimator::EstimatorModel>(text.error());
  if (!model) {
    fit.reason = describe(model.error());
    log::warn("estimates", "the fitted estimator cannot be used; the one in use stays",
              {{"job", fit.job_id}, {"reason", fit.reason}});
    return save(fit);
  }
  const auto document = parse_json(*text);
  const Json site = document ? document->value("site", Json::object()) : Json::object();
  fit.mdape_pct = number_at(site, "mdape_pct");
  fit.before_mdape_pct = number_at(site, "before_mdape_pct");
  const bool better = *fit.mdape_pct <= *fit.before_mdape_pct * kNoWorse;
  fit.state = better ? "used" : "kept_old";
  fit.reason = fmt::format(
      "by cross-validation off by {:.1f} % in the median, the one before by "
      "{:.1f} %, on {:.0f} of the site's jobs",
      *fit.mdape_pct, *fit.before_mdape_pct, number_at(site, "compared"));
  GALLEY_TRY_STATUS(save(fit));
  log::info("estimates",
            better ? "a newly fitted estimator is in use"
                   : "a newly fitted estimator is worse; the one in use stays",
            {{"job", fit.job_id}, {"reason", fit.reason}});
  if (better) model_.set({*std::move(model), "site", fit.rows, *text, fit.mdape_pct});
  return ok();
}

}  // namespace galley::estimates
