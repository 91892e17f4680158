#include <algorithm>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "profiling/profile.h"

namespace galley::profiling {
namespace {

// A study has tens of experiments and thousands of rows; more is no profile, and would only cost
// memory.
constexpr std::size_t kMaxExperiments = 256;
constexpr std::size_t kMaxColumns = 64;
constexpr std::size_t kMaxRows = 1U << 20;
constexpr int kVersion = 1;

Error fault(const std::string& path, std::string expected) {
  return {.code = Errc::invalid_argument,
          .message = "the profile's " + path + " is missing or of another kind",
          .field = path,
          .expected = std::move(expected)};
}

/// An object's members by name; remembers the first fault, so that a reader is a list of lines.
class Members {
 public:
  Members(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
    if (!object_.is_object()) fail("", "an object");
  }

  void read(const char* name, std::string& out) {
    const Json* value = find(name);
    if (value == nullptr || !value->is_string()) return fail(name, "a text");
    out = value->get<std::string>();
  }
  void read(const char* name, double& out) {
    const Json* value = find(name);
    if (value == nullptr || !value->is_number() || !std::isfinite(value->get<double>()) ||
        value->get<double>() < 0)
      return fail(name, "a number from 0");
    out = value->get<double>();
  }
  template <class Integer>
  void read_count(const char* name, Integer& out) {
    const Json* value = find(name);
    if (value == nullptr || !value->is_number_unsigned() ||
        value->get<std::uint64_t>() > std::uint64_t{std::numeric_limits<Integer>::max()})
      return fail(name, "a whole number from 0");
    out = static_cast<Integer>(value->get<std::uint64_t>());
  }
  const Json* array(const char* name, std::size_t most) {
    const Json* value = find(name);
    if (value == nullptr || !value->is_array() || value->size() > most) {
      fail(name, "a list of at most " + std::to_string(most));
      return nullptr;
    }
    return value;
  }
  const Json* object(const char* name) {
    const Json* value = find(name);
    if (value == nullptr || !value->is_object()) {
      fail(name, "an object");
      return nullptr;
    }
    return value;
  }

  const std::string& path() const { return path_; }
  Status status() const { return failed_ ? Status(fault_) : ok(); }

 private:
  const Json* find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto member = object_.find(name);
    return member == object_.end() ? nullptr : &*member;
  }
  void fail(const std::string& name, std::string expected) {
    if (failed_) return;
    failed_ = true;
    fault_ = fault(name.empty()    ? path_
                   : path_.empty() ? name
                                   : path_ + "." + name,
                   std::move(expected));
  }

  const Json& object_;
  std::string path_;
  Error fault_;
  bool failed_ = false;
};

Result<Cell> cell_of(const Json& json, const std::string& path) {
  if (json.is_null()) return Cell{};
  if (json.is_string()) return Cell{json.get<std::string>()};
  if (json.is_number() && std::isfinite(json.get<double>())) return Cell{json.get<double>()};
  return fault(path, "a number, a text or null");
}

Result<Experiment> experiment_of(const Json& json, const std::string& path) {
  Experiment experiment;
  Members members(json, path);
  members.read("id", experiment.id);
  const Json* columns = members.array("columns", kMaxColumns);
  const Json* rows = members.array("rows", kMaxRows);
  const Json* notes = members.array("notes", kMaxRows);
  GALLEY_TRY_STATUS(members.status());

  for (std::size_t i = 0; i < columns->size(); ++i) {
    Members column((*columns)[i], path + ".columns[" + std::to_string(i) + "]");
    column.read("name", experiment.columns.emplace_back().name);
    column.read("help", experiment.columns.back().help);
    GALLEY_TRY_STATUS(column.status());
  }
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const Json& row = (*rows)[i];
    const std::string row_path = path + ".rows[" + std::to_string(i) + "]";
    if (!row.is_array() || row.size() != experiment.columns.size())
      return fault(row_path, "a list of " + std::to_string(experiment.columns.size()) + " cells");
    auto& cells = experiment.rows.emplace_back();
    for (std::size_t c = 0; c < row.size(); ++c) {
      GALLEY_TRY(Cell cell, cell_of(row[c], row_path + "[" + std::to_string(c) + "]"));
      cells.push_back(std::move(cell));
    }
  }
  for (std::size_t i = 0; i < notes->size(); ++i) {
    if (!(*notes)[i].is_string())
      return fault(path + ".notes[" + std::to_string(i) + "]", "a text");
    experiment.notes.push_back((*notes)[i].get<std::string>());
  }
  return experiment;
}

Result<ProfiledModel> model_of(const Json& json) {
  ProfiledModel model;
  Members members(json, "model");
  members.read("name", model.name);
  members.read("file", model.file);
  members.read("snapshot", model.snapshot);
  members.read("format", model.format);
  members.read_count("parameters", model.parameters);
  members.read_count("weight_bytes", model.weight_bytes);
  members.read_count("blocks", model.blocks);
  members.read_count("hidden", model.hidden);
  members.read_count("heads", model.heads);
  members.read_count("kv_heads", model.kv_heads);
  members.read_count("vocabulary", model.vocabulary);
  members.read_count("context", model.context);
  members.read("kv_bytes_per_token", model.kv_bytes_per_token);
  GALLEY_TRY_STATUS(members.status());
  return model;
}

Result<ProfiledMachine> machine_of(const Json& json) {
  ProfiledMachine machine;
  Members members(json, "machine");
  members.read("name", machine.name);
  members.read("device", machine.device);
  members.read_count("threads", machine.threads);
  members.read_count("devices", machine.devices);
  members.read_count("memory_bytes", machine.memory_bytes);
  GALLEY_TRY_STATUS(members.status());
  return machine;
}

}  // namespace

const Experiment* Profile::find(std::string_view id) const {
  const auto found = std::ranges::find(experiments, id, &Experiment::id);
  return found == experiments.end() ? nullptr : &*found;
}

Result<Profile> parse_profile(std::string_view json) {
  GALLEY_TRY(const Json document, parse_json(json));
  Profile profile;
  Members members(document, "");
  std::string kind;
  members.read("kind", kind);
  members.read_count("version", profile.version);
  GALLEY_TRY_STATUS(members.status());
  if (kind != "profile") return fault("kind", "\"profile\"");
  if (profile.version != kVersion)
    return Error{.code = Errc::unsupported,
                 .message = "a profile of version " + std::to_string(profile.version) +
                            " cannot be read by this program",
                 .field = "version",
                 .expected = std::to_string(kVersion)};

  members.read("started_at", profile.started_at);
  members.read("target", profile.target);
  members.read("galley_version", profile.galley_version);
  members.read_count("seed", profile.seed);
  members.read("scale", profile.scale);
  members.read("effort", profile.effort);
  members.read("seconds", profile.seconds);
  const Json* model = members.object("model");
  const Json* machine = members.object("machine");
  const Json* experiments = members.array("experiments", kMaxExperiments);
  GALLEY_TRY_STATUS(members.status());

  GALLEY_TRY(profile.model, model_of(*model));
  GALLEY_TRY(profile.machine, machine_of(*machine));
  for (std::size_t i = 0; i < experiments->size(); ++i) {
    GALLEY_TRY(Experiment experiment,
               experiment_of((*experiments)[i], "experiments[" + std::to_string(i) + "]"));
    profile.experiments.push_back(std::move(experiment));
  }
  return profile;
}

}  // namespace galley::profiling
