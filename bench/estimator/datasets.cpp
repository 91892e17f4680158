#include "estimator/datasets.h"

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "estimator/csv.h"

namespace galley::bench {
namespace {

using estimator::CsvTable;
using estimator::JobFeatures;
using estimator::Precision;

constexpr std::int64_t kMostBytes = 256 << 20;

/// A table with its columns by name, for rows that are read as text or numbers.
struct NamedTable {
  CsvTable table;

  const std::string& text(std::size_t row, std::string_view name) const {
    static const std::string kNone;
    const auto column = table.column({name});
    return column == CsvTable::kAbsent ? kNone : table.rows[row][column];
  }
  double number(std::size_t row, std::string_view name, double otherwise = 0) const {
    return estimator::csv_number(text(row, name)).value_or(otherwise);
  }
};

Result<NamedTable> read_table(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return NamedTable{};
  GALLEY_TRY(const auto text, read_file(path, kMostBytes));
  auto table = estimator::parse_csv(text);
  if (!table) {
    table.error().message = path.string() + ": " + table.error().message;
    return std::move(table).error();
  }
  return NamedTable{*std::move(table)};
}

estimator::NetworkSpec network_called(const std::string& name) {
  auto found = estimator::find_network(name);
  estimator::NetworkSpec spec = found ? *found : estimator::NetworkSpec{};
  spec.name = name;  // rows keep the table's name: two tables may run one network differently
  return spec;
}

void add_record(std::vector<Record>& records, JobFeatures job, double step_s,
                std::string configuration, bool counted = true) {
  if (!(step_s > 0) || !std::isfinite(step_s)) return;  // the tables write 0 for out of memory
  records.push_back({{std::move(job), step_s}, std::move(configuration), 0, counted});
}

Status read_gavel(const std::filesystem::path& data, std::vector<Record>& records) {
  GALLEY_TRY(const auto rows, read_table(data / "gavel/throughput.csv"));
  for (std::size_t i = 0; i < rows.table.rows.size(); ++i) {
    JobFeatures job;
    job.network = network_called(rows.text(i, "network"));
    GALLEY_TRY(job.gpu, estimator::find_gpu(rows.text(i, "gpu")));
    job.gpus = rows.number(i, "num_gpus", 1);
    const bool together = rows.text(i, "consolidated") == "1" || job.gpus == 1;
    job.nodes = together ? 1 : job.gpus;
    job.batch_per_gpu = rows.number(i, "batch_size", 1);
    job.context = rows.text(i, "source");
    // Its second table measured single GPUs anew and copies the rest of the first; workers of a
    // single GPU are listed twice as well.
    if (job.gpus == 1 ? rows.text(i, "consolidated") == "0" : job.context != "simulation") continue;
    const bool simulation = job.context == "simulation";
    const double rate = rows.number(i, "steps_per_s");
    auto key = rows.text(i, "gpu") + "/" + rows.text(i, "network") + "/" +
               rows.text(i, "batch_size") + "/" + rows.text(i, "num_gpus") +
               (together ? "" : "/spread");
    const double gpus = job.gpus;
    add_record(records, std::move(job), rate > 0 ? gpus / rate : 0, std::move(key),
               simulation && rows.text(i, "consolidated") == "1");
  }
  return ok();
}

Status read_lambda(const std::filesystem::path& data, std::vector<Record>& records) {
  GALLEY_TRY(const auto rows, read_table(data / "lambda/throughput.csv"));
  for (std::size_t i = 0; i < rows.table.rows.size(); ++i) {
    JobFeatures job;
    job.network = network_called(rows.text(i, "network"));
    GALLEY_TRY(job.gpu, estimator::find_gpu(rows.text(i, "gpu")));
    job.gpus = rows.number(i, "num_gpus", 1);
    const double batch = rows.number(i, "global_batch_size", 1);
    job.batch_per_gpu = batch / job.gpus;
    // PyTorch's convolutions and these containers' products use tf32 where the device has it.
    job.precision = rows.text(i, "precision") == "fp16" ? Precision::fp16 : Precision::tf32;
    const double rate = rows.number(i, "throughput");
    auto key =
        rows.text(i, "gpu") + "/" + rows.text(i, "network") + "/" + rows.text(i, "precision");
    add_record(records, std::move(job), rate > 0 ? batch / rate : 0, std::move(key));
    // Three years of use pay for the purchase.
    if (rate > 0) records.back().price_per_h = rows.number(i, "price_usd_total") / (3 * 365 * 24);
  }
  return ok();
}

/// "44" is two nodes of four GPUs, "13" one GPU here and three there.
void place(JobFeatures& job, const std::string& placement) {
  job.gpus = 0;
  for (const char digit : placement) {
    if (digit < '1' || digit > '9') continue;
    job.gpus += digit - '0';
    job.fullest_node = std::max(job.fullest_node, static_cast<double>(digit - '0'));
  }
  job.nodes = static_cast<double>(placement.size());
}

Status read_pollux(const std::filesystem::path& data, std::vector<Record>& records) {
  GALLEY_TRY(const auto rows, read_table(data / "pollux/placements.csv"));
  for (std::size_t i = 0; i < rows.table.rows.size(); ++i) {
    JobFeatures job;
    job.network = network_called(rows.text(i, "network"));
    GALLEY_TRY(job.gpu, estimator::find_gpu("T4"));
    place(job, rows.text(i, "placement"));
    if (job.gpus < 1) continue;
    job.batch_per_gpu = rows.number(i, "local_bsz", 1);
    job.network_gbps = 6.25;                  // 50 Gbit/s instances
    job.context = rows.text(i, "placement");  // all batches of one ring were measured in one go
    // "13" and "31" are the same nodes in another order: two measurements of one thing.
    std::string nodes = rows.text(i, "placement");
    std::ranges::sort(nodes);
    auto key = rows.text(i, "network") + "/" + nodes + "/" + rows.text(i, "local_bsz");
    add_record(records, std::move(job), rows.number(i, "step_time"), std::move(key));
  }
  return ok();
}

Status read_elasticflow(const std::filesystem::path& data, std::vector<Record>& records) {
  GALLEY_TRY(const auto rows, read_table(data / "elasticflow/throughput.csv"));
  for (std::size_t i = 0; i < rows.table.rows.size(); ++i) {
    JobFeatures job;
    job.network = network_called(rows.text(i, "network"));
    GALLEY_TRY(job.gpu, estimator::find_gpu(rows.text(i, "gpu")));
    job.gpus = rows.number(i, "num_gpus", 1);
    job.nodes = std::ceil(job.gpus / 8);
    job.batch_per_gpu = rows.number(i, "global_batch_size", 1) / job.gpus;
    job.network_gbps = 25;
    job.precision = Precision::tf32;  // what PyTorch of that time did on this device
    const double rate = rows.number(i, "steps_per_s");
    auto key = rows.text(i, "network") + "/" + rows.text(i, "global_batch_size") + "/" +
               rows.text(i, "num_gpus");
    add_record(records, std::move(job), rate > 0 ? 1 / rate : 0, std::move(key));
  }
  return ok();
}

/// "dp4", "tp4" and "pp4_1" name four devices and how they share the work; the last number is that
/// of micro-batches.
void spread_over_four(JobFeatures& job) {
  const std::string how = job.variant.substr(0, 3);
  if (how != "dp4" && how != "tp4" && how != "pp4") return;
  job.gpus = 4;
  if (how == "dp4") job.batch_per_gpu /= 4;
  if (how == "tp4") job.tensor_parallel = 4;
  if (how == "pp4") {
    job.pipeline_parallel = 4;
    const auto dash = job.variant.find('_');
    if (dash != std::string::npos)
      job.micro_batches = estimator::csv_number(job.variant.substr(dash + 1)).value_or(1);
  }
  job.variant.clear();
}

Status read_neusight(const std::filesystem::path& data, std::vector<Record>& records) {
  GALLEY_TRY(const auto rows, read_table(data / "neusight/e2e_latency.csv"));
  for (std::size_t i = 0; i < rows.table.rows.size(); ++i) {
    const auto& name = rows.text(i, "network");
    JobFeatures job;
    job.network = network_called(name);
    if (const auto config = read_file(data / "neusight/models" / (name + ".json"), 1 << 20)) {
      auto counted = estimator::network_from_config(name, *config, rows.number(i, "seqlen", 512));
      if (counted) job.network = *std::move(counted);
    }
    GALLEY_TRY(job.gpu, estimator::find_gpu(rows.text(i, "gpu")));
    job.training = rows.text(i, "mode") == "train";
    job.variant = rows.text(i, "option");
    job.batch_per_gpu = rows.number(i, "batch", 1);
    const std::string option = job.variant;
    spread_over_four(job);
    auto key = name + "/" + rows.text(i, "gpu") + "/" + rows.text(i, "batch") + "/" +
               rows.text(i, "mode") + "/" + option;
    add_record(records, std::move(job), rows.number(i, "measured_e2e_ms") / 1e3, std::move(key));
  }
  return ok();
}

}  // namespace

Result<Datasets> read_datasets(const std::filesystem::path& folder) {
  // Of one table's own folder: the others are then beside it, and not wanted.
  const auto own = (folder / "").parent_path().filename();
  const bool is_table = std::ranges::any_of(
      kDatasetTables, [&](const DatasetTable& table) { return own == table.name; });
  const auto data = is_table ? (folder / "").parent_path().parent_path() : folder;
  using Read = Status (*)(const std::filesystem::path&, std::vector<Record>&);
  constexpr std::array<Read, kDatasetTables.size()> kReaders{read_gavel, read_lambda, read_pollux,
                                                             read_elasticflow, read_neusight};
  Datasets sets;
  for (std::size_t i = 0; i < kDatasetTables.size(); ++i)
    if (!is_table || own == kDatasetTables[i].name)
      GALLEY_TRY_STATUS(kReaders[i](data, sets.*kDatasetTables[i].records));
  return sets;
}

}  // namespace galley::bench
