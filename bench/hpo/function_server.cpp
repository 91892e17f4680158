#include "hpo/function_server.h"

#include <fmt/format.h>

#include <cmath>
#include <iostream>
#include <sstream>
#include <string>

#include "hpo/problems.h"

namespace galley::bench {
namespace {

Result<std::unique_ptr<HpoProblem>> open_problem(const std::string& name, std::uint64_t seed) {
  return name.ends_with(".f32") ? open_table(name, seed) : make_function(name, seed);
}

std::string describe_problem(const std::string& name, HpoProblem& problem) {
  std::string parameters;
  for (const hpo::Parameter& p : problem.space().parameters()) {
    const char* kind = p.kind == hpo::ParameterKind::ordered       ? "ordered"
                       : p.kind == hpo::ParameterKind::categorical ? "categorical"
                                                                   : "real";
    parameters += fmt::format(R"({}{{"kind": "{}", "low": {:.17g}, "high": {:.17g}}})",
                              parameters.empty() ? "" : ", ", kind, p.low, p.high);
  }
  return fmt::format(R"({{"name": "{}", "best": {:.17g}, "median": {:.17g}, "parameters": [{}]}})",
                     name, problem.best(), problem.median(), parameters);
}

}  // namespace

Status serve_functions() {
  std::unique_ptr<HpoProblem> problem;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    std::string answer = "error not understood";
    if (verb == "open") {
      std::string name;
      std::uint64_t seed = 0;
      if (words >> name >> seed) {
        auto opened = open_problem(name, seed);
        answer = opened ? describe_problem(name, **opened) : "error " + describe(opened.error());
        if (opened) problem = std::move(*opened);
      }
    } else if (verb == "eval" && problem) {
      std::uint64_t query = 0;
      words >> query;
      hpo::Point point;
      // A stream's >> may round differently from the writer's shortest form; strtod may not.
      for (std::string word; words >> word;) point.push_back(std::strtod(word.c_str(), nullptr));
      if (problem->space().contains(point))
        answer =
            fmt::format("{:.17g} {:.17g}", problem->observe(point, query), problem->truth(point));
    }
    std::cout << answer << '\n' << std::flush;
  }
  return ok();
}

}  // namespace galley::bench
