#include <fmt/format.h>

#include <filesystem>

#include "base/units.h"
#include "fields.h"
#include "inference/model_file.h"
#include "model_files.h"
#include "snapshot_freeze.h"
#include "text/tokenizer.h"
#include "upload.h"

namespace galley::cli {
namespace fs = std::filesystem;
namespace {

/// A model's name out of a file's: "TinyLlama 1.1B-Q8_0.gguf" is "tinyllama-1.1b-q8_0".
std::string name_from(const fs::path& path) {
  constexpr std::size_t kLongestName = 63;
  std::error_code error;
  fs::path file = fs::absolute(path, error).lexically_normal();
  if (!file.has_filename()) file = file.parent_path();
  std::string name = file.extension() == ".gguf" ? file.stem().string() : file.filename().string();
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    if (!fits) c = '-';
  }
  name.erase(0, name.find_first_not_of(".-_"));
  return name.substr(0, kLongestName);
}

struct ImportOptions {
  std::string path;
  std::string name;
  std::string note;
};

Result<int> import_model(Session& session, const ImportOptions& options) {
  const std::string name = options.name.empty() ? name_from(options.path) : options.name;
  // Everything that a server would refuse is refused here, before gigabytes travel.
  GALLEY_TRY(const inference::ModelFile file, inference::ModelFile::open(options.path));
  GALLEY_TRY_STATUS(text::Tokenizer::create(file.tokenizer()));
  session.note(fmt::format("{} model of {} parameters, {}", file.config().architecture,
                           file.config().parameters,
                           format_bytes(static_cast<std::int64_t>(file.file_bytes()))));
  GALLEY_TRY(Uploaded sent, upload_files(session, file.paths(), name));
  session.note(fmt::format("{}; {} sent, the rest was there", format_bytes(sent.size_bytes),
                           format_bytes(sent.sent_bytes)));
  Json body{{"manifest", std::move(sent.manifest)}};
  if (!options.note.empty()) body["note"] = options.note;
  return freeze_snapshot(session, name, body);
}

}  // namespace

Command model_import_command(Session& session) {
  return {.name = "import",
          .help = "Check a GGUF file or a Hugging Face folder and freeze it as a model's snapshot",
          .examples = {"galley models import tinyllama-q4_0.gguf",
                       "galley models import ./Qwen2-0.5B-Instruct qwen"},
          .define = [&session](Options& options) -> Action {
            auto wanted = std::make_shared<ImportOptions>();
            options.positional("PATH", wanted->path, "GGUF file or Hugging Face folder")
                .optional_positional("NAME", wanted->name,
                                     "Name of the model; the file's if absent")
                .text("--note", wanted->note, "TEXT", "What is new in it");
            return [&session, wanted] { return import_model(session, *wanted); };
          }};
}

}  // namespace galley::cli
