#include "protocol/job_spec.h"

#include <algorithm>
#include <cctype>

namespace galley::protocol {
namespace {

bool is_variable_name(std::string_view name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::ranges::all_of(name,
                             [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

Status check_dataset(std::string_view name, std::size_t index) {
  const std::size_t at = name.find('@');
  const bool good = at != std::string_view::npos && at > 0 && at + 1 < name.size() &&
                    std::all_of(name.begin() + static_cast<std::ptrdiff_t>(at) + 1, name.end(),
                                [](unsigned char c) { return std::isdigit(c) != 0; });
  if (good) return ok();
  return Error{Errc::invalid_argument, "found '" + std::string(name.substr(0, 64)) + "'",
               detail::join("datasets", index), "NAME@VERSION, such as nsmc@1",
               "`galley datasets` lists what there is"};
}

std::string name_of_command(const std::vector<std::string>& command) {
  const std::string& program = command.front();
  std::string name = program.substr(program.find_last_of('/') + 1);
  // Cut between characters: half of one would be stored as another, longer text.
  constexpr std::size_t kLongestName = 128;
  if (name.size() > kLongestName) {
    std::size_t end = kLongestName;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0U) == 0x80U) --end;
    name.resize(end);
  }
  return name.empty() ? "job" : name;
}

/// What only our own scheduler and agents can promise.
Status check_executor(const JobSpec& spec) {
  if (spec.executor == Executor::native) return ok();
  const auto refuse = [](std::string found, std::string field, std::string expected) {
    return Error{Errc::unsupported, std::move(found), std::move(field), std::move(expected),
                 "leave executor out to run on Galley's own nodes"};
  };
  if (spec.resources.gpu_milli.value_or(1000) < 1000)
    return refuse("Slurm gives whole GPUs only", "resources.gpu_milli", "no gpu_milli");
  if (spec.resources.gpu_memory)
    return refuse("Slurm does not choose GPUs by their memory", "resources.gpu_memory",
                  "gpu_type instead");
  if (spec.reservation)
    return refuse("bookings are of Galley's own nodes", "reservation", "no reservation");
  if (spec.image) return refuse("jobs in Slurm run without a container image", "image", "no image");
  return ok();
}

}  // namespace

Status check_resources(const Resources& resources, std::string_view path) {
  const auto wrong = [&](std::string found, std::string_view field, std::string expected) {
    return Error{Errc::invalid_argument, std::move(found), detail::join(path, field),
                 std::move(expected)};
  };
  const std::string gpus = std::to_string(resources.gpus);
  if (resources.gpu_milli && resources.gpus == 0)
    return wrong("found it beside gpus: 0", "gpu_milli", "gpus: 1 beside it");
  if (resources.gpu_milli.value_or(1000) < 1000) {
    if (resources.gpus != 1)
      return wrong("found part of a GPU beside gpus: " + gpus, "gpu_milli", "gpus: 1 beside it");
    if (resources.nodes != 1)
      return wrong("found part of a GPU on " + std::to_string(resources.nodes) + " nodes",
                   "gpu_milli", "nodes: 1 beside it");
  }
  if (resources.gpu_memory && resources.gpus == 0)
    return wrong("found it beside gpus: 0", "gpu_memory", "at least one GPU");
  return ok();
}

bool is_about_amounts(const Json& spec, const Error& error) {
  constexpr std::string_view kPrefix = "resources.";
  if (error.code != Errc::invalid_argument || !error.field.starts_with(kPrefix)) return false;
  const std::string name = error.field.substr(kPrefix.size());
  const auto known = detail::names_of<Resources>();
  if (std::ranges::find(known, name) == known.end()) return false;
  const auto resources = spec.find("resources");
  if (resources == spec.end() || !resources->is_object()) return false;
  const auto value = resources->find(name);
  return value != resources->end() && value->is_number();
}

Result<JobSpec> parse_job_spec(const Json& json) {
  GALLEY_TRY(JobSpec spec, parse_struct<JobSpec>(json));
  if (spec.kind && *spec.kind != "job")
    return Error{Errc::invalid_argument, "found '" + *spec.kind + "'", "kind", "job"};
  if (spec.command.front().empty())
    return Error{Errc::invalid_argument, "the program's name is empty", "command[0]",
                 "a program, such as python3"};
  if (spec.build)
    return Error{Errc::unsupported, "images are not built by this version", "build",
                 "no build field", "name a finished image, or leave image out to run natively"};
  for (const auto& [name, value] : spec.env)
    if (!is_variable_name(name))
      return Error{Errc::invalid_argument, "'" + name.substr(0, 64) + "' cannot name a variable",
                   "env", "letters, digits and underscores, not starting with a digit"};
  for (std::size_t i = 0; i < spec.datasets.size(); ++i)
    GALLEY_TRY_STATUS(check_dataset(spec.datasets[i], i));
  GALLEY_TRY_STATUS(check_resources(spec.resources, "resources"));
  GALLEY_TRY_STATUS(check_executor(spec));
  if (spec.reservation && !ReservationId::parse(*spec.reservation))
    return Error{Errc::invalid_argument, "found '" + *spec.reservation + "'", "reservation",
                 "the id of a booking, rsv_ and 26 characters",
                 "`galley reservations` lists what there is"};
  if (spec.workdir && !spec.workdir->starts_with('/'))
    return Error{Errc::invalid_argument, "found '" + *spec.workdir + "'", "workdir",
                 "an absolute path"};
  if (spec.log_limit.count < 4096)
    return Error{Errc::invalid_argument, "found " + std::to_string(spec.log_limit.count) + " bytes",
                 "log_limit", "at least 4KiB"};
  if (spec.name.empty()) spec.name = name_of_command(spec.command);
  return spec;
}

}  // namespace galley::protocol
