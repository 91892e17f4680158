#include "inference/model_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "model_parts.h"

namespace galley::inference {
namespace fs = std::filesystem;
namespace {

/// The one model file of a folder without config.json: a frozen snapshot of a GGUF file, say.
Result<fs::path> only_gguf(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().extension() == ".gguf") files.push_back(entry.path());
  if (error) return system_error("cannot read " + folder.string(), error.value());
  if (files.empty())
    return Error{
        Errc::not_found,
        fmt::format("{} is no model: it has neither config.json nor a GGUF file", folder.string())};
  std::ranges::sort(files);
  GALLEY_TRY(const auto parts, gguf_parts(files.front()));
  if (files.size() != parts.size() && files.size() > 1)
    return Error{
        Errc::invalid_argument,
        fmt::format("{} holds {} GGUF files that are not one model", folder.string(), files.size()),
        {},
        "the path of one of them"};
  return files.front();
}

Status check_tokenizer(const ModelParts& parts) {
  const std::size_t tokens = parts.tokenizer.tokens.size();
  if (tokens <= parts.config.vocabulary) return ok();
  return Error{Errc::invalid_argument,
               fmt::format("the tokenizer has {} tokens and the model {} rows for them", tokens,
                           parts.config.vocabulary)};
}

Result<ModelParts> read_either(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status))
    return Error{Errc::not_found, fmt::format("there is no file or folder '{}'", path.string())};
  if (!fs::is_directory(status)) {
    if (path.extension() == ".safetensors" || path.extension() == ".json")
      return Error{Errc::invalid_argument,
                   fmt::format("'{}' is a part of a model", path.string()),
                   {},
                   "its folder, or a GGUF file"};
    return read_gguf_model(path);
  }
  if (fs::exists(path / "config.json", error)) return read_folder_model(path);
  GALLEY_TRY(const fs::path file, only_gguf(path));
  return read_gguf_model(file);
}

}  // namespace

Result<ModelParts> read_model(const fs::path& path) {
  GALLEY_TRY(ModelParts parts, read_either(path));
  GALLEY_TRY_STATUS(check_tensors(parts.tensors, parts.config));
  GALLEY_TRY_STATUS(check_tokenizer(parts));
  return parts;
}

struct ModelFile::Impl {
  ModelParts parts;
};

ModelFile::ModelFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ModelFile::~ModelFile() = default;
ModelFile::ModelFile(ModelFile&&) noexcept = default;
ModelFile& ModelFile::operator=(ModelFile&&) noexcept = default;

Result<ModelFile> ModelFile::open(const fs::path& path) {
  GALLEY_TRY(ModelParts parts, read_model(path));
  return ModelFile(std::make_unique<Impl>(Impl{std::move(parts)}));
}

const ModelConfig& ModelFile::config() const { return impl_->parts.config; }
const text::TokenizerSpec& ModelFile::tokenizer() const { return impl_->parts.tokenizer; }
const TensorMap& ModelFile::tensors() const { return impl_->parts.tensors; }
std::uint64_t ModelFile::file_bytes() const { return impl_->parts.file_bytes; }
const std::vector<fs::path>& ModelFile::paths() const { return impl_->parts.paths; }
std::string_view ModelFile::kind() const { return impl_->parts.kind; }

const StoredTensor* ModelFile::find(std::string_view name) const {
  const auto found = impl_->parts.tensors.find(name);
  return found == impl_->parts.tensors.end() ? nullptr : &found->second;
}

void ModelFile::release(const StoredTensor& tensor) const {
  for (const MappedFile& file : impl_->parts.files)
    if (file.contains(tensor.bytes)) file.release(tensor.bytes, tensor.size_bytes);
}

}  // namespace galley::inference
