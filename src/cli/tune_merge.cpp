// Several studies become one that knows what all of them found.
#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "fields.h"
#include "study_text.h"
#include "tune_file.h"

namespace galley::cli {
namespace {

struct MergeOptions {
  std::vector<std::string> studies;
  std::string name;
  std::string output;
};

/// A parameter that takes what either takes. Errors: conflict, when they are of different kinds.
Result<Json> widened(const std::string& name, Json one, const Json& other) {
  const auto differ = [&](const char* key) {
    return Error{Errc::conflict,
                 fmt::format("parameter {} has another {} in the studies", name, key),
                 std::string("h_params.") + name + "." + key, "studies that mean the same by it"};
  };
  for (const char* key : {"type", "distribution", "step"})
    if (child_of(one, key) != child_of(other, key)) return differ(key);
  Json& values = one["parameters"];
  const Json& more = child_of(other, "parameters");
  if (!values.is_array() || !more.is_array()) return differ("parameters");
  const std::string kind = text_of(one, "distribution");
  const bool is_range = values.size() == 2 && more.size() == 2 && values[0].is_number() &&
                        values[1].is_number() && more[0].is_number() && more[1].is_number() &&
                        kind != "categorical" && kind != "ordered";
  if (is_range) {
    if (more[0] < values[0]) values[0] = more[0];
    if (more[1] > values[1]) values[1] = more[1];
    return one;
  }
  for (const Json& value : more)
    if (std::ranges::find(values, value) == values.end()) values.push_back(value);
  return one;
}

/// The first one's file, with room for the settings of the others.
Result<Json> merged_file(Session& session, const std::vector<std::string>& names) {
  Json merged;
  Json ids = Json::array();
  Json older = Json::array();  // what these began with themselves
  std::int64_t seed = 1;
  for (const std::string& name : names) {
    GALLEY_TRY(const Json study, session.get("/api/v1/studies/" + encoded(name)));
    if (std::ranges::find(ids, study["id"]) != ids.end()) continue;
    ids.push_back(text_of(study, "id"));
    const Json& file = child_of(study, "file");
    seed = std::max(seed, count_of(file, "seed"));
    if (const Json& known = child_of(file, "warm_start"); known.is_array())
      older.insert(older.end(), known.begin(), known.end());
    if (merged.is_null()) {
      merged = file;
      continue;
    }
    if (child_of(merged, "measure") != child_of(file, "measure"))
      return Error{Errc::conflict, fmt::format("{} measured something else", name), "measure",
                   "as the first: " + dump_json(child_of(merged, "measure"))};
    Json& params = merged["h_params"];
    for (const auto& [param, spec] : child_of(file, "h_params").items()) {
      const auto known = params.find(param);
      if (known == params.end())
        return Error{
            Errc::conflict,
            fmt::format("{} has a parameter {} that {} does not have", name, param, names.front()),
            "h_params", "studies over the same parameters"};
      GALLEY_TRY(*known, widened(param, *known, spec));
    }
  }
  if (ids.size() < 2)
    return Error{Errc::invalid_argument, "these are one study", "STUDY",
                 "two studies or more; by its name the newest is found, by its id any"};
  for (Json& one : older)
    if (std::ranges::find(ids, one) == ids.end()) ids.push_back(std::move(one));
  merged["warm_start"] = std::move(ids);
  // Under an old seed what draws at random would propose an old study's settings again.
  merged["seed"] = seed + 1;
  merged.erase("name");
  return merged;
}

Result<int> merge_studies(Session& session, const MergeOptions& options) {
  if (options.studies.size() < 2)
    return Error{Errc::invalid_argument, "one study cannot be merged", "STUDY",
                 "two studies or more"};
  if (options.name.empty() && options.output.empty())
    return Error{Errc::invalid_argument, "what becomes of them is not said", "--name",
                 "--name NEW, which begins the study, or -o FILE, which writes its file"};
  GALLEY_TRY(Json file, merged_file(session, options.studies));
  if (!options.name.empty()) file["name"] = options.name;
  if (!options.output.empty()) {
    GALLEY_TRY_STATUS(write_file_atomic(options.output, file.dump(2) + "\n", Durability::memory));
    session.note(fmt::format("`galley tune {}` begins it", options.output));
    return 0;
  }
  GALLEY_TRY(const Json made, session.post("/api/v1/studies", file));
  if (session.flags.json)
    session.print_json(made);
  else
    print_out(text_of(made, "id") + "\n");
  session.note(text_of(made, "reason"));
  session.note(
      fmt::format("`galley tune top {}` shows their trials beside its own", text_of(made, "name")));
  return 0;
}

}  // namespace

Command study_merge_command(Session& session) {
  return {.name = "merge",
          .help = "One study that knows what several have found",
          .examples = {"galley tune merge monday tuesday --name both",
                       "galley tune merge monday tuesday -o both.json"},
          .define = [&session](Options& options) -> Action {
            auto wanted = std::make_shared<MergeOptions>();
            options.positionals("STUDY", wanted->studies, "Ids, or the newest of that name")
                .text("--name", wanted->name, "NEW", "Begin it under this name")
                .text("-o,--output", wanted->output, "FILE", "Write its file instead");
            return [&session, wanted] { return merge_studies(session, *wanted); };
          }};
}

}  // namespace galley::cli
