#include <algorithm>
#include <array>
#include <map>
#include <regex>
#include <set>

#include "checks.h"

namespace galley::tidy {
namespace {

/// Bottom to top. A module may use its own layer (one way) and all below.
const std::vector<std::vector<std::string>> kLayers{
    {"base"},
    {"protocol", "plot"},
    {"store", "http", "process"},
    {"cluster", "text", "tensor", "blobs"},
    {"accounts", "tracking", "registry", "telemetry", "alerts", "scheduler", "hpo", "estimator",
     "estimator_fit", "inference", "training"},
    {"controller", "estimates", "studies", "agent", "slurm", "serving"},
    {"openai", "mlflow", "profiling", "api", "cli", "simulation"},
};

/// A serving node must stay small: what it links may not reach the database.
constexpr std::array kWithoutStore{"openai", "serving", "inference", "tensor",
                                   "text",   "blobs",   "http"};

/// Includes that cost seconds a file.
constexpr std::array kHeavy{"boost/",    "simdjson", "CLI/",   "yaml-cpp/", "spdlog/",
                            "sqlite3.h", "openssl/", "zstd.h", "unicode/"};

struct Link {
  int line = 0;
  bool is_public = false;
};

struct Module {
  std::map<std::string, Link> links;
  std::map<std::string, Include> used;         // first include of each other module
  std::map<std::string, std::string> used_in;  // the file of that include
};

int rank_of(const std::string& module) {
  for (std::size_t i = 0; i < kLayers.size(); ++i)
    if (std::ranges::find(kLayers[i], module) != kLayers[i].end()) return static_cast<int>(i);
  return -1;
}

void read_links(const SourceFile& file, Module& module) {
  static const std::regex word(R"(PUBLIC|PRIVATE|INTERFACE|galley(::|_)([a-z_]+))");
  bool is_public = false;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const std::string line = file.lines[i].substr(0, file.lines[i].find('#'));
    for (auto match = std::sregex_iterator(line.begin(), line.end(), word);
         match != std::sregex_iterator(); ++match) {
      const std::string text = match->str();
      if (text == "PUBLIC" || text == "INTERFACE") is_public = true;
      if (text == "PRIVATE") is_public = false;
      if (text.starts_with("galley::"))
        module.links.insert({(*match)[2].str(), {static_cast<int>(i) + 1, is_public}});
    }
  }
}

std::map<std::string, Module> read_modules(const Tree& tree) {
  std::map<std::string, Module> modules;
  for (const SourceFile& file : tree)
    if (file.path == "src/" + module_of(file.path) + "/CMakeLists.txt")
      read_links(file, modules[module_of(file.path)]);
  for (const SourceFile& file : tree) {
    const auto found = modules.find(module_of(file.path));
    if (found == modules.end()) continue;
    for (const Include& include : includes_of(file)) {
      const std::string other = include.name.substr(0, include.name.find('/'));
      if (!include.quoted || other == include.name || other == found->first || rank_of(other) < 0)
        continue;
      if (found->second.used.insert({other, include}).second)
        found->second.used_in[other] = file.path;
    }
  }
  return modules;
}

/// What a module can reach through links; `through` is where the last step came from.
std::map<std::string, std::string> reachable(const std::map<std::string, Module>& modules,
                                             const std::string& start, bool public_only) {
  std::map<std::string, std::string> from;
  std::vector<std::string> open{start};
  while (!open.empty()) {
    const std::string current = open.back();
    open.pop_back();
    const auto module = modules.find(current);
    if (module == modules.end()) continue;
    for (const auto& [other, link] : module->second.links) {
      if (public_only && current != start && !link.is_public) continue;
      if (from.insert({other, current}).second) open.push_back(other);
    }
  }
  return from;
}

void check_module(const std::string& name, const std::map<std::string, Module>& modules,
                  std::vector<Finding>& findings) {
  const Module& module = modules.at(name);
  const std::string cmake = "src/" + name + "/CMakeLists.txt";
  if (rank_of(name) < 0) {
    findings.push_back({cmake, 1, "module '" + name + "' is in no layer",
                        "add it to kLayers in tests/tidy/layers.cpp and to docs/architecture.md"});
    return;
  }
  for (const auto& [other, include] : module.used)
    if (rank_of(other) > rank_of(name))
      findings.push_back({module.used_in.at(other), include.line,
                          "'" + name + "' includes '" + other + "', which lies above it",
                          "move what both need into a lower module, or invert it by an interface"});
  for (const auto& [other, link] : module.links)
    if (rank_of(other) > rank_of(name))
      findings.push_back({cmake, link.line,
                          "'" + name + "' links '" + other + "', which lies above it",
                          "arrows point down only"});

  const auto visible = reachable(modules, name, true);
  for (const auto& [other, include] : module.used)
    if (!visible.contains(other))
      findings.push_back({module.used_in.at(other), include.line,
                          "'" + name + "' includes '" + other + "' without linking it",
                          "add galley::" + other + " to " + cmake});
  for (const auto& [other, link] : module.links)
    if (rank_of(other) >= 0 && !module.used.contains(other))
      findings.push_back({cmake, link.line,
                          "'" + name + "' links '" + other + "' and includes nothing of it",
                          "remove the link"});

  const auto all = reachable(modules, name, false);
  if (all.contains(name))
    findings.push_back({cmake, 1, "'" + name + "' reaches itself through '" + all.at(name) + "'",
                        "break the cycle: a third, smaller module is missing below"});
  if (std::ranges::find(kWithoutStore, name) != kWithoutStore.end() && all.contains("store"))
    findings.push_back({cmake, 1,
                        "'" + name + "' reaches 'store' through '" + all.at("store") + "'",
                        "a serving node links no database; remove that link"});
}

}  // namespace

std::vector<Finding> check_layers(const Tree& tree) {
  std::vector<Finding> findings;
  const auto modules = read_modules(tree);
  for (const auto& entry : modules) check_module(entry.first, modules, findings);
  for (const SourceFile& file : tree) {
    if (!is_public_header(file.path)) continue;
    for (const Include& include : includes_of(file))
      for (const std::string_view heavy : kHeavy)
        if (include.name.starts_with(heavy))
          findings.push_back({file.path, include.line, "a public header includes " + include.name,
                              "hide the library behind a pimpl in a .cpp"});
  }
  return findings;
}

}  // namespace galley::tidy
