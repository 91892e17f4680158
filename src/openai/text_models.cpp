#include "openai/text_models.h"

#include <algorithm>

#include "base/processors.h"
#include "base/text.h"
#include "inference/model_file.h"
#include "weights_mark.h"

namespace galley::openai {
namespace {

constexpr char kAdapterMark = ':';
constexpr std::size_t kMaxName = 128;

/// Names stand in paths, in labels of metrics, and before a colon.
Status check_name(std::string_view name) {
  constexpr std::string_view kOthers = "._-/+@";
  const bool fits =
      !name.empty() && name.size() <= kMaxName && std::ranges::all_of(name, [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               kOthers.find(c) != std::string_view::npos;
      });
  if (fits) return ok();
  return Error{Errc::invalid_argument,
               "'" + to_valid_utf8(std::string(name.substr(0, kMaxName))) +
                   "' cannot be the name of a model or adapter",
               {},
               "1 to 128 letters, digits, '.', '_', '-', '/', '+' and '@'"};
}

/// A model that is loaded keeps its devices.
struct Devices {
  std::unique_ptr<tensor::DeviceGroup> group;
  std::unique_ptr<tensor::DeviceGroup> draft;
};

Result<text::ChatTemplate> compile_template(const std::string& source) {
  return text::ChatTemplate::compile(source.empty() ? text::default_chat_template()
                                                    : std::string_view(source));
}

Result<std::unique_ptr<inference::LanguageModel>> load_draft(const TextModelOptions& options,
                                                             std::size_t vocabulary,
                                                             Devices& devices) {
  GALLEY_TRY(const auto file, inference::ModelFile::open(options.draft));
  if (file.config().vocabulary != vocabulary)
    return Error{Errc::invalid_argument,
                 "the draft model " + options.draft.string() + " has another vocabulary: " +
                     std::to_string(file.config().vocabulary) + " tokens",
                 {},
                 std::to_string(vocabulary) + " tokens"};
  GALLEY_TRY(devices.draft, tensor::make_cpu_group({.threads = options.threads}));
  return inference::LanguageModel::load(file, *devices.draft, options.load);
}

}  // namespace

TextModel::TextModel(TextModelParts parts)
    : parts_(std::move(parts)), chat_(compile_template(parts_.chat_template)) {}

Result<const text::ChatTemplate*> TextModel::chat() const {
  if (chat_) return &*chat_;
  return Error{
      Errc::unsupported,
      "the chat template of '" + parts_.name + "' cannot be read: " + chat_.error().message,
      {},
      {},
      "/v1/completions takes a prompt that is written out"};
}

Result<std::unique_ptr<TextModel>> TextModel::start(TextModelParts parts, const Clock& clock) {
  std::unique_ptr<TextModel> model(new TextModel(std::move(parts)));
  TextModelParts& of = model->parts_;
  model->created_s_ = to_ms(clock.wall()) / 1000;
  of.engine.draft = of.draft.get();
  GALLEY_TRY(model->engine_, serving::TextEngine::start(*of.model, of.tokenizer, clock, of.engine));
  return model;
}

inference::ConstraintCache& TextModel::constraints() const {
  std::call_once(constraints_once_, [this] {
    constraints_ =
        std::make_unique<inference::ConstraintCache>(inference::TokenTrie::create(tokenizer()));
  });
  return *constraints_;
}

std::size_t TextModel::context() const {
  return std::min(parts_.model->context(), parts_.model->page_count() * tensor::kPageTokens);
}

std::string TextModel::snapshot(std::string_view adapter) const {
  const auto& marks = parts_.facts.adapter_snapshots;
  const auto found = marks.find(adapter);
  return parts_.facts.snapshot + (found == marks.end() ? "" : "+" + found->second);
}

void TextModels::expect(std::string name) {
  const std::lock_guard lock(mutex_);
  expected_.push_back(std::move(name));
}

void TextModels::give_up(const std::string& name, Error why) {
  const std::lock_guard lock(mutex_);
  failed_.insert_or_assign(name, std::move(why));
}

Status TextModels::add(TextModelParts parts) {
  const std::string name = parts.name;
  GALLEY_TRY_STATUS(check_name(name));
  for (const auto& [adapter, index] : parts.adapters) GALLEY_TRY_STATUS(check_name(adapter));
  GALLEY_TRY(auto model, TextModel::start(std::move(parts), clock_));
  const std::lock_guard lock(mutex_);
  if (std::ranges::any_of(models_, [&](const auto& one) { return one->name() == name; }))
    return Error{Errc::conflict, "two models are named '" + name + "'"};
  if (std::ranges::find(expected_, name) == expected_.end()) expected_.push_back(name);
  models_.push_back(std::move(model));
  return ok();
}

Status TextModels::load(const std::string& name, const std::filesystem::path& path,
                        TextModelOptions options, const std::function<void(double)>& progress) {
  GALLEY_TRY(const auto file, inference::ModelFile::open(path));
  GALLEY_TRY(auto tokenizer, text::Tokenizer::create(file.tokenizer()));
  auto devices = std::make_shared<Devices>();
  GALLEY_TRY(devices->group,
             tensor::make_cpu_group({.devices = options.devices, .threads = options.threads}));
  GALLEY_TRY(auto model,
             inference::LanguageModel::load(file, *devices->group, options.load, progress));
  TextModelParts parts{.name = name,
                       .holds = devices,
                       .draft = nullptr,
                       .model = nullptr,
                       .tokenizer = std::move(tokenizer),
                       .chat_template = file.tokenizer().chat_template,
                       .adapters = {},
                       .engine = options.engine};
  std::map<std::string, std::string, std::less<>> adapter_snapshots;
  for (const auto& [adapter, folder] : options.adapters) {
    GALLEY_TRY(const auto index, model->load_adapter(folder));
    parts.adapters.emplace_back(adapter, index);
    GALLEY_TRY(adapter_snapshots[adapter], folder_mark(folder));
  }
  GALLEY_TRY(auto snapshot, weights_mark(file.paths()));
  if (!options.draft.empty()) {
    GALLEY_TRY(parts.draft, load_draft(options, file.config().vocabulary, *devices));
    if (parts.engine.speculation == serving::Speculation::none)
      parts.engine.speculation = serving::Speculation::draft_model;
  }
  parts.engine.sampling_threads = options.threads > 0 ? options.threads : usable_processors();
  parts.facts = {.architecture = file.config().architecture,
                 .parameters = file.config().parameters,
                 .file_bytes = file.file_bytes(),
                 .snapshot = std::move(snapshot),
                 .adapter_snapshots = std::move(adapter_snapshots),
                 .memory = model->memory(),
                 .kernels = model->kernels()};
  parts.model = std::move(model);
  return add(std::move(parts));
}

std::vector<std::string> TextModels::names_locked() const {
  std::vector<std::string> names = expected_;
  for (const auto& model : models_)
    for (const auto& [adapter, index] : model->adapters())
      names.push_back(model->name() + kAdapterMark + adapter);
  return names;
}

Result<TextModels::Found> TextModels::find(std::string_view name, std::string_view adapter) const {
  const std::lock_guard lock(mutex_);
  const auto mark = name.find(kAdapterMark);
  const std::string_view named =
      mark == std::string_view::npos ? std::string_view{} : name.substr(mark + 1);
  const std::string base(mark == std::string_view::npos ? name : name.substr(0, mark));
  if (!named.empty() && !adapter.empty() && named != adapter)
    return Error{Errc::invalid_argument,
                 "the model names the adapter '" + std::string(named) + "' too", "adapter",
                 "one of the two"};
  const std::string_view wanted = named.empty() ? adapter : named;
  const std::string full = base.empty() && !expected_.empty() ? expected_.front() : base;
  const auto model = std::ranges::find(models_, full, [](const auto& one) { return one->name(); });
  if (model == models_.end()) {
    if (const auto failed = failed_.find(full); failed != failed_.end())
      return Error{Errc::unavailable,
                   "the model '" + full + "' could not be loaded: " + failed->second.message};
    if (std::ranges::find(expected_, full) != expected_.end())
      return Error{Errc::unavailable,
                   "the model '" + full + "' is being loaded",
                   {},
                   {},
                   "ask again in a second"};
    const std::string close = nearest(name, names_locked());
    return Error{
        Errc::not_found,
        "no model '" + to_valid_utf8(std::string(name).substr(0, 100)) + "' is served here",
        "model",
        {},
        close.empty() ? "GET /v1/models lists them" : "did you mean " + close + "?"};
  }
  if (wanted.empty()) return Found{model->get(), 0, full};
  for (const auto& [known, index] : (*model)->adapters())
    if (known == wanted) return Found{model->get(), index, full + kAdapterMark + known};
  std::vector<std::string> adapters;
  for (const auto& [known, index] : (*model)->adapters()) adapters.push_back(known);
  const std::string close = nearest(wanted, adapters);
  return Error{Errc::not_found,
               "the model '" + full + "' has no adapter '" +
                   to_valid_utf8(std::string(wanted).substr(0, 100)) + "'",
               named.empty() ? "adapter" : "model",
               {},
               close.empty() ? "GET /v1/models lists them" : "did you mean " + close + "?"};
}

std::vector<const TextModel*> TextModels::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<const TextModel*> all;
  for (const auto& model : models_) all.push_back(model.get());
  return all;
}

bool TextModels::ready() const {
  const std::lock_guard lock(mutex_);
  return models_.size() >= expected_.size() &&
         std::ranges::all_of(models_, [](const auto& model) { return model->engine().ready(); });
}

void TextModels::cancel_all() const {
  for (const TextModel* model : all()) model->engine().cancel_all();
}

}  // namespace galley::openai
