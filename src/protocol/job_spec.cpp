#include "protocol/job_spec.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "protocol/checkpoint.h"

namespace galley::protocol {
namespace {

bool is_variable_name(std::string_view name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::ranges::all_of(name,
                             [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

bool is_reference(std::string_view text) {
  const std::size_t at = text.find('@');
  return at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
         std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at) + 1, text.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

Status check_dataset(std::string_view name, std::size_t index) {
  if (is_reference(name)) return ok();
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

/// A name that an engine cannot take for an option or for two words.
Status check_image_name(const std::string& image, std::string_view field) {
  const bool plain =
      std::isalnum(static_cast<unsigned char>(image.front())) != 0 &&
      std::ranges::all_of(image, [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("._-/:@+").find(static_cast<char>(c)) != std::string_view::npos;
      });
  if (plain) return ok();
  return Error{Errc::invalid_argument, "'" + image.substr(0, 64) + "' names no image",
               std::string(field), "NAME, NAME:TAG or NAME@DIGEST"};
}

/// A file inside the context, which it may not leave.
Status check_inside(const std::optional<std::string>& path, std::string_view field) {
  if (!path) return ok();
  const auto leaves = [](std::string_view text) {
    return text.starts_with('/') || text.starts_with('-') || text == ".." ||
           text.starts_with("../") || text.ends_with("/..") ||
           text.find("/../") != std::string_view::npos ||
           std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  };
  if (!leaves(*path)) return ok();
  return Error{Errc::invalid_argument, "'" + path->substr(0, 64) + "' is not inside the context",
               std::string(field), "a path below the context's folder"};
}

Status check_image(const JobSpec& spec) {
  if (spec.image && spec.build)
    return Error{Errc::invalid_argument, "an image is named beside it", "build",
                 "either image or build"};
  if (spec.image) GALLEY_TRY_STATUS(check_image_name(*spec.image, "image"));
  if (!spec.build) return ok();
  const BuildSpec& build = *spec.build;
  if (!is_reference(build.context))
    return Error{Errc::invalid_argument, "found '" + build.context.substr(0, 64) + "'",
                 "build.context", "a frozen data set, such as my-code@1",
                 "`galley submit` freezes a folder; `galley datasets push` does it beforehand"};
  if (build.file && build.requirements)
    return Error{Errc::invalid_argument, "a build file is named beside it", "build.requirements",
                 "either file or requirements"};
  if (build.base && !build.requirements)
    return Error{Errc::invalid_argument, "a build file names its own base", "build.base",
                 "no base, or requirements beside it"};
  GALLEY_TRY_STATUS(check_inside(build.file, "build.file"));
  GALLEY_TRY_STATUS(check_inside(build.requirements, "build.requirements"));
  if (build.requirements && build.requirements->find_first_of(" \t\"\\$") != std::string::npos)
    return Error{Errc::invalid_argument, "found '" + build.requirements->substr(0, 64) + "'",
                 "build.requirements", "a path without blanks, quotes and '$'"};
  if (build.base) GALLEY_TRY_STATUS(check_image_name(*build.base, "build.base"));
  if (build.max_runtime < std::chrono::seconds(1) || build.max_runtime > std::chrono::hours(24))
    return Error{Errc::invalid_argument,
                 "found " + std::to_string(build.max_runtime.count()) + " ms", "build.max_runtime",
                 "1s to 24h"};
  return ok();
}

/// The names are those of variables, and those of a job's own are taken.
Status check_secrets(const JobSpec& spec) {
  for (std::size_t i = 0; i < spec.secrets.size(); ++i) {
    const std::string& name = spec.secrets[i];
    const std::string field = "secrets[" + std::to_string(i) + "]";
    const auto wrong = [&](std::string found, std::string expected) {
      return Error{Errc::invalid_argument, std::move(found), field, std::move(expected)};
    };
    if (!is_secret_name(name))
      return wrong("'" + name.substr(0, 64) + "' cannot name a secret", std::string(kSecretNames));
    if (spec.env.contains(name))
      return wrong(name + " is a variable under env, too", "a name that is not under env");
    if (std::find(spec.secrets.begin(), spec.secrets.begin() + static_cast<std::ptrdiff_t>(i),
                  name) != spec.secrets.begin() + static_cast<std::ptrdiff_t>(i))
      return wrong(name + " is named twice", "each secret once");
  }
  return ok();
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
  if (!spec.secrets.empty())
    return refuse("secrets are given to Galley's own agents only", "secrets", "no secrets");
  if (spec.image) return refuse("jobs in Slurm run without a container image", "image", "no image");
  if (spec.build) return refuse("jobs in Slurm run without a container image", "build", "no build");
  return ok();
}

}  // namespace

bool is_secret_name(std::string_view name) {
  return name.size() <= 64 && is_variable_name(name) && name != "PATH" &&
         !name.starts_with("GALLEY_") && !name.starts_with("LD_") &&
         !name.ends_with("_VISIBLE_DEVICES");
}

std::string image_content(std::string_view image) { return "image:" + std::string(image); }

std::string build_inputs(const BuildSpec& build, std::string_view context_sha256) {
  const std::string base = build.requirements ? build.base.value_or(std::string(kBuildBase)) : "";
  return dump_json({{"form", 1},
                    {"context", context_sha256},
                    {"file", build.file.value_or("")},
                    {"requirements", build.requirements.value_or("")},
                    {"base", base}});
}

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
  GALLEY_TRY_STATUS(check_image(spec));
  for (const auto& [name, value] : spec.env)
    if (!is_variable_name(name))
      return Error{Errc::invalid_argument, "'" + name.substr(0, 64) + "' cannot name a variable",
                   "env", "letters, digits and underscores, not starting with a digit"};
  GALLEY_TRY_STATUS(check_secrets(spec));
  for (std::size_t i = 0; i < spec.datasets.size(); ++i)
    GALLEY_TRY_STATUS(check_dataset(spec.datasets[i], i));
  if (spec.checkpoint) GALLEY_TRY_STATUS(parse_checkpoint(*spec.checkpoint));
  GALLEY_TRY_STATUS(check_resources(spec.resources, "resources"));
  GALLEY_TRY_STATUS(check_executor(spec));
  if (spec.reservation && !ReservationId::parse(*spec.reservation))
    return Error{Errc::invalid_argument, "found '" + *spec.reservation + "'", "reservation",
                 "the id of a booking, rsv_ and 26 characters",
                 "`galley reservations` lists what there is"};
  if (spec.workdir && !spec.workdir->starts_with('/'))
    return Error{Errc::invalid_argument, "found '" + *spec.workdir + "'", "workdir",
                 "an absolute path"};
  if (spec.metrics) GALLEY_TRY_STATUS(check_metrics(*spec.metrics));
  if (spec.log_limit.count < 4096)
    return Error{Errc::invalid_argument, "found " + std::to_string(spec.log_limit.count) + " bytes",
                 "log_limit", "at least 4KiB"};
  if (spec.name.empty()) spec.name = name_of_command(spec.command);
  return spec;
}

}  // namespace galley::protocol
