#include "faults/fault_case.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"

namespace galley::bench {
namespace {

constexpr std::int64_t kMostCaseBytes = 64 * 1024;

FaultCase case_of(const Json& json) {
  FaultCase made;
  made.name = json.at("name").get<std::string>();
  made.expect = json.at("expect").get<std::string>();
  const Json& effect = json.at("effect");
  made.effect = effect.at("kind").get<std::string>();
  made.text = effect.value("text", effect.value("rows", std::string()));
  made.number = effect.value("number", effect.value("ms", effect.value("inactive", 0)));
  made.code = effect.value("code", 0);
  made.by = effect.value("by", 0);
  made.every_s = effect.value("every_s", 0);
  made.answers = effect.value("answers", 0);
  made.field = effect.value("field", std::string());
  made.set = effect.value("set", GpuFields());
  made.flag = effect.value("but_list", false) || effect.value("renumber", false);
  made.always = json.value("always", GpuFields());
  made.unknown_fields = json.value("unknown_fields", std::vector<std::string>());
  made.noise = json.value("noise", std::vector<std::string>());
  made.nvlinks = json.value("nvlinks", made.nvlinks);
  made.until_s = json.value("until_s", made.until_s);
  made.persist_s = json.value("persist_s", 0);
  made.run_s = json.value("run_s", made.run_s);
  return made;
}

}  // namespace

Result<std::vector<FaultCase>> read_fault_cases(const std::filesystem::path& folder) {
  std::vector<FaultCase> cases;
  std::error_code error;
  for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end;
       file.increment(error)) {
    if (file->path().extension() != ".json") continue;
    GALLEY_TRY(const std::string text, read_file(file->path(), kMostCaseBytes));
    GALLEY_TRY(const Json json, parse_json(text));
    try {
      cases.push_back(case_of(json));
    } catch (const Json::exception& fault) {
      return Error{Errc::invalid_argument,
                   file->path().string() + " is no fault case: " + fault.what()};
    }
  }
  if (cases.empty())
    return Error{Errc::not_found, folder.string() + " holds no fault cases", "data"};
  std::ranges::sort(cases, {}, &FaultCase::name);
  return cases;
}

}  // namespace galley::bench
