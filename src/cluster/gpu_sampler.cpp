#include "cluster/gpu_sampler.h"

#include <algorithm>

#include "base/text.h"
#include "process/child.h"

namespace galley::cluster {
namespace {

using protocol::DriverState;
using protocol::GpuSample;

constexpr std::int64_t kMostSampleBytes = 256 * 1024;
constexpr int kExitNoneSampled = 6;  // nvidia-smi's own code for "no devices were found"
constexpr std::size_t kMostSampleQuotedBytes = 200;
constexpr std::size_t kDurationsKept = 8;
constexpr std::size_t kMostStuck = 3;
constexpr Millis kKillPatience{100};
constexpr int kLinksShare = 10;
constexpr Millis kLinksRest{60'000};
constexpr const char* kFormat = "--format=csv,noheader,nounits";

std::vector<std::string> environment() {
  std::vector<std::string> env;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!text.starts_with("LC_") && !text.starts_with("LANG")) env.emplace_back(text);
  }
  env.emplace_back("LC_ALL=C");
  return env;
}

std::string said(const SmiAnswer& answer) {
  const std::string_view err = trim(answer.err);
  const std::string_view text = err.empty() ? trim(answer.out) : err;
  return "nvidia-smi ended with code " + std::to_string(answer.exit_code) + ": " +
         to_valid_utf8(text.substr(0, kMostSampleQuotedBytes));
}

GpuSample unreachable_gpu(const GpuSample& known) {
  GpuSample gpu;
  gpu.uuid = known.uuid;
  gpu.index = known.index;
  gpu.model = known.model;
  gpu.pci_bus_id = known.pci_bus_id;
  return gpu;
}

}  // namespace

RunSmi run_smi_program(std::string program) {
  return [program = std::move(program)](const std::vector<std::string>& arguments,
                                        Millis limit) -> Result<SmiAnswer> {
    // A driver that hangs keeps even killed callers: it is not given ever more of them.
    if (process::reap_abandoned() >= kMostStuck)
      return Error{Errc::timeout, "earlier calls of nvidia-smi cannot be killed"};
    std::vector<std::string> argv{program};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    GALLEY_TRY(auto answer, process::run_child(argv, {.timeout = limit,
                                                      .max_output_bytes = kMostSampleBytes,
                                                      .env = environment(),
                                                      .stdin_bytes = {},
                                                      .workdir = {},
                                                      .kill_patience = kKillPatience}));
    return SmiAnswer{answer.exit_code, std::move(answer.stdout_bytes),
                     std::move(answer.stderr_bytes)};
  };
}

Millis GpuSampler::limit() const {
  if (durations_.empty()) return options_.first_limit;
  constexpr int kPatience = 4;
  return std::clamp(*std::ranges::max_element(durations_) * kPatience, options_.least_limit,
                    options_.longest_limit);
}

void GpuSampler::note_duration(Millis took) {
  durations_.push_back(took);
  if (durations_.size() > kDurationsKept) durations_.pop_front();
}

/// One query, of all GPUs or only some.
GpuSampler::Asked GpuSampler::ask_once(const std::vector<std::string>& only, Millis within) {
  // Each drop takes a field away, so this ends.
  for (;;) {
    std::vector<std::string> arguments{"--query-gpu=" + query_.text(), kFormat};
    std::string ids;
    for (const std::string& uuid : only) ids += (ids.empty() ? "" : ",") + uuid;
    if (!ids.empty()) arguments.push_back("--id=" + ids);
    const Instant begin = clock_.steady();
    const auto answer = run_(arguments, within);
    if (!answer && answer.error().code == Errc::timeout)
      return {DriverState::hang, "nvidia-smi gave no answer within its time", {}};
    if (!answer && answer.error().code == Errc::not_found && known_.empty())
      return {DriverState::absent, "", {}};
    if (!answer) return {DriverState::failed, answer.error().message, {}};
    if (answer->exit_code != 0 && query_.drop(answer->out + answer->err)) continue;
    if (answer->exit_code == kExitNoneSampled) return {DriverState::ok, "", {}};
    Asked asked{DriverState::ok, "", parse_gpu_rows(answer->out, query_)};
    if (answer->exit_code != 0) {
      const auto unreachable = parse_unreachable(answer->out + "\n" + answer->err);
      asked.text = said(*answer);
      if (!unreachable.empty() && only.empty()) return ask_around(unreachable, asked);
      asked.driver = DriverState::failed;
      return asked;
    }
    note_duration(std::chrono::duration_cast<Millis>(clock_.steady() - begin));
    if (asked.rows.gpus.empty() && asked.rows.garbled > 0)
      return {DriverState::failed, "nvidia-smi's answer cannot be read", asked.rows};
    return asked;
  }
}

/// Some GPUs cannot be reached, which ends nvidia-smi: the others are asked for by name.
GpuSampler::Asked GpuSampler::ask_around(const std::vector<std::string>& unreachable,
                                         const Asked& first) {
  std::vector<std::string> rest;
  Asked asked{DriverState::ok, first.text, {}};
  for (const GpuSample& known : known_) {
    if (std::ranges::find(unreachable, known.pci_bus_id) == unreachable.end()) {
      rest.push_back(known.uuid);
      continue;
    }
    GpuSample gpu = unreachable_gpu(known);
    gpu.lost = true;
    asked.rows.gpus.push_back(std::move(gpu));
  }
  if (asked.rows.gpus.empty()) return {DriverState::failed, first.text, {}};
  if (rest.empty()) return asked;
  Asked others = ask_once(rest, limit());
  if (others.driver != DriverState::ok) return others;
  std::ranges::move(others.rows.gpus, std::back_inserter(asked.rows.gpus));
  asked.rows.garbled = others.rows.garbled;
  return asked;
}

/// A look was killed. The driver that does not even list its GPUs hangs; one that does was busy.
GpuSampler::Asked GpuSampler::confirm_hang() {
  const Millis third = limit() / 3;
  const auto list = run_({"-L"}, third);
  if (!list && list.error().code == Errc::timeout)
    return {DriverState::hang, "nvidia-smi was killed at its time limit twice in a row", {}};
  Asked again = ask_once({}, third);
  if (again.driver == DriverState::hang)
    again.text = "nvidia-smi lists the GPUs but does not answer for them";
  return again;
}

bool GpuSampler::lacks_a_known_gpu(const GpuRows& rows) const {
  return std::ranges::any_of(known_, [&](const GpuSample& known) {
    return std::ranges::find(rows.gpus, known.uuid, &GpuSample::uuid) == rows.gpus.end();
  });
}

GpuSampler::Asked GpuSampler::ask() {
  Asked asked = ask_once({}, limit());
  if (asked.driver == DriverState::hang) return confirm_hang();
  if (asked.driver == DriverState::absent) return asked;
  const bool doubtful = asked.driver == DriverState::failed || asked.rows.garbled > 0 ||
                        lacks_a_known_gpu(asked.rows);
  if (!doubtful) return asked;
  Asked again = ask_once({}, limit());
  return again.driver == DriverState::hang ? confirm_hang() : again;
}

/// Lines that cannot be read stand for the known GPUs that have no line.
void GpuSampler::add_garbled(Asked& asked) const {
  if (asked.rows.garbled == 0) return;
  for (const GpuSample& known : known_) {
    if (std::ranges::find(asked.rows.gpus, known.uuid, &GpuSample::uuid) != asked.rows.gpus.end())
      continue;
    GpuSample gpu = unreachable_gpu(known);
    gpu.unreadable_fields = static_cast<std::int64_t>(query_.fields().size());
    asked.rows.gpus.push_back(std::move(gpu));
  }
}

void GpuSampler::remember(const std::vector<GpuSample>& gpus) {
  for (const GpuSample& gpu : gpus) {
    const auto known = std::ranges::find(known_, gpu.uuid, &GpuSample::uuid);
    if (known == known_.end())
      known_.push_back(gpu);
    else if (!gpu.pci_bus_id.empty() && !gpu.model.empty())
      *known = gpu;
  }
}

Result<std::string> GpuSampler::ask_more(const std::vector<std::string>& arguments) const {
  auto answer = run_(arguments, limit());
  if (!answer && answer.error().code == Errc::timeout) return std::move(answer).error();
  if (!answer || answer->exit_code != 0) return std::string();
  return std::move(answer->out);
}

Status GpuSampler::add_processes(std::vector<GpuSample>& gpus) {
  GALLEY_TRY(const auto text,
             ask_more({"--query-compute-apps=" + std::string(kAppsQuery), kFormat}));
  for (GpuApp& app : parse_gpu_apps(text)) {
    const auto gpu = std::ranges::find(gpus, app.gpu, &GpuSample::uuid);
    if (gpu != gpus.end()) gpu->processes.push_back(std::move(app.process));
  }
  return ok();
}

Status GpuSampler::ask_links(const std::vector<GpuSample>& gpus) {
  const Instant begin = clock_.steady();
  if (begin < links_at_) return ok();
  GALLEY_TRY(const auto rows,
             ask_more({"--query-remapped-rows=" + std::string(kRemappedQuery), kFormat}));
  GALLEY_TRY(const auto states, ask_more({"nvlink", "-s"}));
  GALLEY_TRY(const auto errors, ask_more({"nvlink", "-e"}));
  links_seen_.clear();
  for (const GpuSample& gpu : gpus) links_seen_.push_back(unreachable_gpu(gpu));
  read_remapped_rows(rows, links_seen_);
  read_nvlinks(states + "\n" + errors, links_seen_);
  const bool any = std::ranges::any_of(links_seen_, [](const GpuSample& gpu) {
    return gpu.remapped_rows_failure || gpu.remapped_rows_pending || gpu.nvlinks_total;
  });
  links_at_ = begin + (any ? (clock_.steady() - begin) * kLinksShare : kLinksRest);
  return ok();
}

void GpuSampler::add_links(std::vector<GpuSample>& gpus) const {
  for (GpuSample& gpu : gpus) {
    const auto seen = std::ranges::find(links_seen_, gpu.uuid, &GpuSample::uuid);
    if (seen == links_seen_.end()) continue;
    gpu.remapped_rows_correctable = seen->remapped_rows_correctable;
    gpu.remapped_rows_uncorrectable = seen->remapped_rows_uncorrectable;
    gpu.remapped_rows_pending = seen->remapped_rows_pending;
    gpu.remapped_rows_failure = seen->remapped_rows_failure;
    gpu.nvlinks_active = seen->nvlinks_active;
    gpu.nvlinks_total = seen->nvlinks_total;
    gpu.nvlink_errors = seen->nvlink_errors;
  }
}

GpuSampler::Look GpuSampler::look() {
  Asked asked = ask();
  Look look{asked.driver, std::move(asked.text), {}};
  if (look.driver != DriverState::ok) return look;
  add_garbled(asked);
  look.gpus = std::move(asked.rows.gpus);
  std::ranges::sort(look.gpus, {}, &GpuSample::index);
  remember(look.gpus);
  if (look.gpus.empty()) return look;
  Status more = add_processes(look.gpus);
  if (more) more = ask_links(look.gpus);
  add_links(look.gpus);
  if (more) return look;
  // The driver stopped answering within this look: the next one would tell so too late.
  Asked again = confirm_hang();
  if (again.driver == DriverState::hang) return {again.driver, std::move(again.text), {}};
  return look;
}

}  // namespace galley::cluster
