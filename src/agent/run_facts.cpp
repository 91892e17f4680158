#include "run_facts.h"

#include <algorithm>
#include <cctype>
#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "process/child.h"

namespace galley::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostInterpreterBytes = 64 << 20;
constexpr std::size_t kMostWords = 64;

/// "python", "python3", "python3.11".
bool names_python(std::string_view name) {
  if (!name.starts_with("python")) return false;
  return name.substr(6).find_first_not_of("0123456789.") == name.npos;
}

std::vector<std::string> words_of_command(const std::vector<std::string>& command) {
  std::vector<std::string> words;
  for (const std::string& argument : command) {
    std::string word;
    // What a shell is given is a command again.
    for (const char c : argument + " ") {
      if (std::isspace(static_cast<unsigned char>(c)) == 0 && c != ';' && c != '&' && c != '|') {
        word += c;
      } else if (!word.empty()) {
        words.push_back(std::exchange(word, {}));
        if (words.size() >= kMostWords) return words;
      }
    }
  }
  return words;
}

std::optional<fs::path> find_program(const std::string& name, const RunSoftware& job) {
  const auto usable = [](const fs::path& path) {
    std::error_code error;
    return fs::is_regular_file(path, error);
  };
  if (name.find('/') != name.npos) {
    fs::path path = fs::path(job.workdir) / name;
    return usable(path) ? std::optional(std::move(path)) : std::nullopt;
  }
  for (const std::string_view folder : split(job.path, ':'))
    if (fs::path path = fs::path(job.workdir) / folder / name; usable(path)) return path;
  return std::nullopt;
}

/// Of "#!/usr/bin/env python3" the last word, of "#!/opt/venv/bin/python3 -u" the first.
std::string interpreter_of_script(const fs::path& script) {
  std::ifstream file(script, std::ios::binary);
  std::string line(256, '\0');
  file.read(line.data(), static_cast<std::streamsize>(line.size()));
  line.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  line = line.substr(0, line.find('\n'));
  if (!line.starts_with("#!")) return {};
  for (const std::string& word : words_of_command({line.substr(2)}))
    if (names_python(fs::path(word).filename().string())) return word;
  return {};
}

/// The text of the version stands in the interpreter between zero bytes: "3.11.2", "3.13.0rc1".
std::optional<std::string> version_in(const fs::path& file, const std::string& minor) {
  const auto bytes = read_file(file, kMostInterpreterBytes);
  if (!bytes) return std::nullopt;
  const std::string begin = std::string(1, '\0') + minor + ".";
  for (auto at = bytes->find(begin); at != bytes->npos; at = bytes->find(begin, at + 1)) {
    const auto end = bytes->find('\0', at + 1);
    if (end == bytes->npos) return std::nullopt;
    const std::string text = bytes->substr(at + 1, end - at - 1);
    const auto rest = std::string_view(text).substr(minor.size() + 1);
    if (!rest.empty() && rest.size() < 12 &&
        std::isdigit(static_cast<unsigned char>(rest[0])) != 0 &&
        std::ranges::all_of(rest, [](unsigned char c) { return std::isalnum(c) != 0 || c == '+'; }))
      return text;
  }
  return std::nullopt;
}

/// pyenv puts scripts before the interpreters, which choose one by the folder, else by a file.
fs::path behind_shim(const fs::path& program, const std::string& workdir) {
  const fs::path root = program.parent_path().parent_path();
  if (program.parent_path().filename() != "shims") return program;
  constexpr std::int64_t kMostBytes = 1'000;
  auto chosen = read_file(fs::path(workdir) / ".python-version", kMostBytes);
  if (!chosen) chosen = read_file(root / "version", kMostBytes);
  if (!chosen) return program;
  const std::string version(trim(chosen->substr(0, chosen->find('\n'))));
  if (version.empty() || version.find('/') != version.npos) return program;
  return root / "versions" / version / "bin" / program.filename();
}

std::optional<std::string> version_of(const fs::path& found, const RunSoftware& job) {
  std::error_code error;
  // Of a virtual environment: whose it is.
  const fs::path program = fs::canonical(behind_shim(found, job.workdir), error);
  if (error) return std::nullopt;
  const std::string name = program.filename().string();
  const std::string minor = names_python(name) ? name.substr(6) : std::string();
  if (minor.find('.') == minor.npos) return std::nullopt;
  if (auto version = version_in(program, minor)) return version;
  const fs::path library =
      program.parent_path().parent_path() / "lib" / ("libpython" + minor + ".so.1.0");
  if (auto version = version_in(library, minor)) return version;
  return minor;
}

std::string value_after(std::string_view text, std::string_view label) {
  const auto at = text.find(label);
  if (at == text.npos) return {};
  text.remove_prefix(at + label.size());
  text.remove_prefix(std::min(text.find_first_not_of(" :"), text.size()));
  const auto end =
      std::ranges::find_if(text, [](unsigned char c) { return std::isdigit(c) == 0 && c != '.'; });
  const std::string value(text.begin(), end);
  return value.size() < 32 ? value : std::string();
}

std::string name_of_system() {
  std::ifstream file("/etc/os-release");
  constexpr std::string_view kName = "PRETTY_NAME=";
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(kName)) continue;
    line.erase(0, kName.size());
    std::erase(line, '"');
    return line.substr(0, 100);
  }
  return {};
}

}  // namespace

std::optional<std::string> python_of(const RunSoftware& job) {
  std::string before;
  for (const std::string& word : words_of_command(job.command)) {
    const bool first = before.empty();
    const bool is_value = before.starts_with("--");  // of an option
    before = word;
    if (is_value) continue;
    if (names_python(fs::path(word).filename().string())) {
      if (const auto program = find_program(word, job)) return version_of(*program, job);
      continue;
    }
    // A launcher (torchrun, accelerate) is a script; what other words name is its input.
    if (!first && word.find('/') == word.npos && !word.starts_with("torchrun")) continue;
    const auto script = find_program(word, job);
    const std::string interpreter = script ? interpreter_of_script(*script) : std::string();
    if (interpreter.empty()) continue;
    if (const auto program = find_program(interpreter, job)) return version_of(*program, job);
  }
  return std::nullopt;
}

std::pair<std::string, std::string> read_driver_head(std::string_view printed) {
  return {value_after(printed, "Driver Version"), value_after(printed, "CUDA Version")};
}

RunTexts read_image_facts(std::string_view printed) {
  RunTexts texts;
  const auto lines = split(printed, '\n');
  if (lines.size() < 2) return texts;
  const auto digests = parse_json(std::string(lines[0]));
  std::string digest(trim(lines[1]));
  if (digests && digests->is_array() && !digests->empty() && digests->front().is_string())
    digest = digests->front().get<std::string>();
  if (const auto at = digest.find("sha256:"); at != digest.npos) digest.erase(0, at);
  if (!digest.empty() && digest.size() < 100) texts.emplace_back("galley.image.digest", digest);
  const auto env = lines.size() > 2 ? parse_json(std::string(lines[2])) : Result<Json>(Json());
  if (!env || !env->is_array()) return texts;
  for (const Json& one : *env) {
    if (!one.is_string()) continue;
    const std::string pair = one.get<std::string>();
    for (const auto& [name, tag] :
         {std::pair("PYTHON_VERSION=", "galley.python"), std::pair("CUDA_VERSION=", "galley.cuda")})
      if (pair.starts_with(name) && pair.size() < 64)
        texts.emplace_back(tag, pair.substr(std::string_view(name).size()));
  }
  return texts;
}

void RunFacts::add_driver(RunTexts& texts) {
  const std::lock_guard lock(mutex_);
  if (!driver_) {
    const auto answer = process::run_child({smi_}, {.timeout = kAnswer});
    if (!answer || answer->exit_code != 0) return;
    driver_ = read_driver_head(std::string_view(answer->stdout_bytes).substr(0, 2'000));
  }
  if (!driver_->first.empty()) texts.emplace_back("galley.gpu.driver", driver_->first);
  const bool known =
      std::ranges::any_of(texts, [](const auto& text) { return text.first == "galley.cuda"; });
  if (!known && !driver_->second.empty()) texts.emplace_back("galley.cuda", driver_->second);
}

RunTexts RunFacts::find(const RunSoftware& job) {
  RunTexts texts;
  if (!job.image.empty()) {
    if (job.engine && job.engine->program.kind != EngineKind::apptainer) {
      const auto answer =
          process::run_child({job.engine->program.path.string(), "image", "inspect", "--format",
                              "{{json .RepoDigests}}\n{{.Id}}\n{{json .Config.Env}}", job.image},
                             {.timeout = kAnswer});
      if (answer && answer->exit_code == 0) texts = read_image_facts(answer->stdout_bytes);
    }
  } else {
    // Most jobs of other kinds are short: they are not worth a record of the system.
    auto version = python_of(job);
    if (version) texts.emplace_back("galley.python", *std::move(version));
    if (version || job.has_gpus)
      if (auto system = name_of_system(); !system.empty())
        texts.emplace_back("galley.os", std::move(system));
  }
  if (job.has_gpus) add_driver(texts);
  return texts;
}

}  // namespace galley::agent
