#include "estimator_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/file.h"
#include "base/json.h"
#include "estimator/shipped.h"
#include "estimator_fit/site_fit.h"
#include "job_lines.h"

using galley::Errc;
using galley::Error;
using galley::Result;
using galley::Status;

namespace {

constexpr std::int64_t kMostFileBytes = 64 << 20;

constexpr const char* kEstimatorHelp = R"(Examples:
  galley-train estimator --rows rows.json --out model
  galley estimate job.yaml --model model/model.json

ROWS is a file of measured step times (docs/estimates.md), or a folder with rows.json. The model
learns from them and from the public measurements that come with the program, and is measured by
cross-validation on the rows: kinds of jobs are left out whole. --before is the model that it would
replace; both are measured on the rows after the first --seen, which that one has learnt from.)";

Result<std::string> read_input(const std::filesystem::path& path, const char* name) {
  std::error_code error;
  const bool folder = std::filesystem::is_directory(path, error);
  return galley::read_file(folder ? path / name : path, kMostFileBytes);
}

Error in_rows(const std::filesystem::path& path, Error error) {
  error.message = path.string() + ": " + error.message;
  return error;
}

}  // namespace

void describe_estimator(CLI::App& command, EstimatorCommand& into) {
  command.footer(kEstimatorHelp);
  command.add_option("--rows", into.rows, "Measured step times, or a folder with rows.json")
      ->required();
  command.add_option("--out", into.out, "Folder to write model.json to")->required();
  command.add_option("--before", into.before,
                     "The model in use (default: before.json of the folder, else the shipped one)");
  command.add_option("--seen", into.seen, "So many rows the model in use has learnt from")
      ->capture_default_str();
  command.add_flag("--alone", into.alone, "Learn from the rows only, not from public measurements");
}

Status run_estimator_command(const EstimatorCommand& command) {
  GALLEY_TRY(const auto text, read_input(command.rows, "rows.json"));
  const auto site = galley::estimator::parse_rows(text);
  if (!site) return in_rows(command.rows, site.error());
  std::string before_text(galley::estimator::shipped_model());
  const auto beside = command.rows / "before.json";
  if (!command.before.empty() || std::filesystem::exists(beside)) {
    GALLEY_TRY(before_text,
               read_input(command.before.empty() ? beside : command.before, "model.json"));
  }
  GALLEY_TRY(const auto before, galley::estimator::parse_model(before_text));
  galley::estimator::RowsFile open;
  if (!command.alone) {
    GALLEY_TRY(open, galley::estimator::parse_rows(galley::estimator::shipped_rows()));
  }
  GALLEY_TRY(const auto fit, galley::estimator::fit_site(*site, open, before, command.seen));
  GALLEY_TRY(auto document, galley::parse_json(galley::estimator::print_model(fit.model)));
  document["site"] = {{"rows", fit.rows},
                      {"compared", fit.compared},
                      {"mdape_pct", fit.mdape_pct},
                      {"before_mdape_pct", fit.before_mdape_pct},
                      {"coverage90_pct", fit.coverage90_pct}};
  GALLEY_TRY_STATUS(galley::make_folders(command.out));
  GALLEY_TRY_STATUS(galley::write_file_atomic(
      command.out / "model.json", galley::dump_json(document) + "\n", galley::Durability::memory));
  print_key("mdape_pct", fmt::format("{:.3f}", fit.mdape_pct));
  print_key("before_mdape_pct", fmt::format("{:.3f}", fit.before_mdape_pct));
  print_key("artifact", command.out.string());
  print_note(fmt::format(
      "fitted on {} jobs; on {} of them the median error is {:.1f} %, of the model before {:.1f} %",
      fit.rows, fit.compared, fit.mdape_pct, fit.before_mdape_pct));
  return galley::ok();
}
