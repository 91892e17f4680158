#include "allocation_table.h"

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "protocol/field_table.h"

namespace galley::agent {
namespace {

constexpr std::int64_t kLargestFile = 64 << 20;
constexpr std::int64_t kWhole = 1000;

struct TableFile {
  std::int64_t version = 1;
  std::vector<Allocation> allocations;
};

}  // namespace
}  // namespace galley::agent

template <>
struct galley::protocol::Fields<galley::agent::Allocation> {
  static constexpr std::string_view kind = "allocation";
  using S = galley::agent::Allocation;
  static constexpr std::tuple table{
      Field<S, AttemptId>{"attempt_id", &S::attempt, "The attempt.", true},
      Field<S, JobId>{"job_id", &S::job, "Its job."},
      Field<S, std::int64_t>{"rank", &S::rank, "Its member here."},
      Field<S, std::vector<std::string>>{"devices", &S::devices, "GPUs that it has."},
      Field<S, std::int64_t>{"milli", &S::milli, "Thousandths of each.", false, 0, 1000},
      Field<S, bool>{"live", &S::live, "Whether it may still run."}};
};
template <>
struct galley::protocol::Fields<galley::agent::TableFile> {
  static constexpr std::string_view kind = "allocations";
  using S = galley::agent::TableFile;
  static constexpr std::tuple table{
      Field<S, std::int64_t>{"version", &S::version, "Form of the file.", true, 1, 1},
      Field<S, std::vector<galley::agent::Allocation>>{"allocations", &S::allocations,
                                                       "All of them.", true}};
};

namespace galley::agent {

std::string print_allocations(const std::vector<Allocation>& table) {
  return dump_json(protocol::print_struct(TableFile{1, table})) + "\n";
}

Result<std::vector<Allocation>> parse_allocations(std::string_view text) {
  const auto json = parse_json(text);
  auto file = json ? protocol::parse_struct<TableFile>(*json, protocol::Unknown::ignore)
                   : Result<TableFile>(json.error());
  if (!file)
    return Error{Errc::corrupt, "this is no table of allocations: " + describe(file.error())};
  return std::move(file->allocations);
}

Status check_free(const std::vector<Allocation>& table, const Allocation& wanted) {
  for (const std::string& device : wanted.devices) {
    std::int64_t given = 0;
    const Allocation* holder = nullptr;
    for (const Allocation& other : table) {
      if (!other.live || other.attempt == wanted.attempt ||
          std::ranges::find(other.devices, device) == other.devices.end())
        continue;
      given += other.milli;
      holder = &other;
    }
    if (holder != nullptr && given + wanted.milli > kWhole)
      return Error{Errc::conflict, "GPU " + device + " is held here by attempt " +
                                       holder->attempt.str() + " of job " + holder->job.str() +
                                       ", so " + wanted.attempt.str() + " cannot have it"};
  }
  return ok();
}

Result<std::unique_ptr<AllocationTable>> AllocationTable::open(std::filesystem::path file) {
  std::unique_ptr<AllocationTable> table(new AllocationTable(std::move(file)));
  auto text = read_file(table->file_, kLargestFile);
  if (!text && text.error().code == Errc::not_found) return table;
  if (!text) return std::move(text).error();
  auto known = parse_allocations(*text);
  if (!known) {
    known.error().message = table->file_.string() + ": " + known.error().message;
    return std::move(known).error();
  }
  table->table_ = *std::move(known);
  return table;
}

Status AllocationTable::take(Allocation allocation) {
  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find(table_, allocation.attempt, &Allocation::attempt);
  if (known != table_.end() && known->live) return ok();
  GALLEY_TRY_STATUS(check_free(table_, allocation));
  auto changed = table_;
  std::erase_if(changed, [&](const auto& one) { return one.attempt == allocation.attempt; });
  changed.push_back(std::move(allocation));
  GALLEY_TRY_STATUS(write_file_atomic(file_, print_allocations(changed), Durability::disk, 0600));
  table_ = std::move(changed);
  return ok();
}

void AllocationTable::end(const AttemptId& attempt) {
  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find(table_, attempt, &Allocation::attempt);
  if (known == table_.end() || !known->live) return;
  known->live = false;
  save_locked();
}

void AllocationTable::forget(const AttemptId& attempt) {
  const std::lock_guard lock(mutex_);
  if (std::erase_if(table_, [&](const auto& one) { return one.attempt == attempt; }) > 0)
    save_locked();
}

/// What is given back too late is found out when the agent next begins, so this may fail, and it
/// need not wait for the disk.
void AllocationTable::save_locked() {
  if (auto saved = write_file_atomic(file_, print_allocations(table_), Durability::memory, 0600);
      !saved)
    log::warn("agent", "the table of allocations could not be written",
              {{"reason", describe(saved.error())}});
}

std::vector<Allocation> AllocationTable::all() const {
  const std::lock_guard lock(mutex_);
  return table_;
}

bool AllocationTable::holds(const AttemptId& attempt) const {
  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find(table_, attempt, &Allocation::attempt);
  return known != table_.end() && known->live;
}

}  // namespace galley::agent
