#include "job_words.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <initializer_list>

#include "base/text.h"

namespace galley::estimates {
namespace {

constexpr std::size_t kMostWordBytes = 200;

std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char letter : name)
    if (std::isalnum(static_cast<unsigned char>(letter)) != 0)
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return plain;
}

void put(Words& words, std::string_view name, std::string_view value) {
  if (name.size() > kMostWordBytes || value.size() > kMostWordBytes) return;
  if (std::string key = plain_name(name); !key.empty()) words[std::move(key)] = value;
}

void put_command(Words& words, const std::vector<std::string>& command) {
  for (std::size_t i = 1; i < command.size(); ++i) {
    const std::string_view word = command[i];
    if (!word.starts_with('-') || word.size() < 2) {
      // "name=value" without dashes is how Hydra takes settings.
      if (const auto at = word.find('='); at != word.npos && at > 0) {
        const auto dot = word.find_last_of('.', at) + 1;  // of "model.parameters=…" the last part
        put(words, word.substr(dot, at - dot), word.substr(at + 1));
      }
      continue;
    }
    if (const auto at = word.find('='); at != word.npos) {
      put(words, word.substr(0, at), word.substr(at + 1));
      continue;
    }
    const bool has_value = i + 1 < command.size() && !command[i + 1].starts_with('-');
    put(words, word, has_value ? std::string_view(command[i + 1]) : std::string_view("true"));
  }
}

const std::string* find_word(const Words& words, std::initializer_list<std::string_view> names) {
  for (const auto name : names)
    if (const auto found = words.find(name); found != words.end() && !found->second.empty())
      return &found->second;
  return nullptr;
}

std::string text_word(const Words& words, std::initializer_list<std::string_view> names) {
  const std::string* found = find_word(words, names);
  return found == nullptr ? std::string() : *found;
}

/// "256", "1e6", "350M", "7B", "1_000".
double number_word(const Words& words, std::initializer_list<std::string_view> names) {
  std::string text = text_word(words, names);
  std::erase(text, '_');
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str()) return 0;
  switch (std::toupper(static_cast<unsigned char>(*end))) {
    case 'K':
      value *= 1e3;
      break;
    case 'M':
      value *= 1e6;
      break;
    case 'B':
    case 'G':
      value *= 1e9;
      break;
    case '\0':
      break;
    default:
      return 0;
  }
  return std::isfinite(value) && value > 0 && value < 1e15 ? value : 0;
}

bool is_yes(const std::string& word) {
  return word == "true" || word == "1" || word == "yes" || word == "True" || word == "on";
}

std::string precision_word(const Words& words) {
  for (const auto* name : {"precision", "dtype", "mixedprecision", "torchdtype"})
    if (const auto found = words.find(std::string_view(name)); found != words.end()) {
      std::string text = plain_name(found->second);
      // Lightning writes "16-mixed" and "bf16-true".
      for (const auto& [part, meaning] :
           std::array<std::pair<std::string_view, const char*>, 6>{{{"bf16", "bf16"},
                                                                    {"bfloat16", "bf16"},
                                                                    {"fp8", "fp8"},
                                                                    {"tf32", "tf32"},
                                                                    {"16", "fp16"},
                                                                    {"half", "fp16"}}})
        if (text.find(part) != text.npos) return meaning;
      if (text.find("32") != text.npos) return "fp32";
    }
  for (const auto& [name, meaning] : std::array<std::pair<std::string_view, const char*>, 5>{
           {{"bf16", "bf16"}, {"fp8", "fp8"}, {"amp", "fp16"}, {"fp16", "fp16"}, {"tf32", "tf32"}}})
    if (const auto found = words.find(name); found != words.end() && is_yes(found->second))
      return meaning;
  return {};
}

bool names_an_outcome(std::string_view word) {
  const std::string name = plain_name(word.substr(0, word.find('=')));
  return name == "seed" || name == "out" || name == "output" || name == "outputdir" ||
         name == "name" || name == "runname" || name == "logdir" || name == "resume" ||
         name == "lr" || name == "learningrate";
}

}  // namespace

Words words_of(const protocol::JobSpec& spec,
               std::span<const std::pair<std::string, std::string>> params) {
  Words words;
  for (const auto& [name, value] : spec.env) {
    std::string_view short_name = name;
    if (short_name.starts_with("GALLEY_")) short_name.remove_prefix(7);
    put(words, short_name, value);
  }
  put_command(words, spec.command);
  for (const auto& [name, value] : params) put(words, name, value);
  return words;
}

JobWork work_of_words(const Words& words) {
  JobWork work;
  work.network = text_word(words, {"network", "arch", "architecture", "model", "modelname",
                                   "modelnameorpath", "backbone", "net"});
  // A path's last part is the name: "meta/llama-7b", "models/resnet50.py".
  if (const auto at = work.network.find_last_of('/'); at != std::string::npos)
    work.network.erase(0, at + 1);
  work.parameters_m = number_word(words, {"parameters", "nparams", "numparams", "params",
                                          "numparameters", "modelparameters", "totalparams"}) /
                      1e6;
  work.global_batch =
      number_word(words, {"globalbatch", "globalbatchsize", "totalbatch", "totalbatchsize", "gbs"});
  work.batch_per_gpu =
      number_word(words, {"batchpergpu", "batchsizepergpu", "perdevicetrainbatchsize",
                          "microbatchsize", "batchsize", "trainbatchsize", "batch", "bs", "b"});
  work.epochs =
      number_word(words, {"epochs", "numepochs", "maxepochs", "numtrainepochs", "nepochs"});
  work.steps = number_word(words, {"maxsteps", "steps", "numsteps", "trainsteps", "maxiters",
                                   "iterations", "numiterations", "totalsteps", "trainiters"});
  work.items = number_word(words, {"items", "datasetsize", "numsamples", "trainsamples",
                                   "samplesperepoch", "trainsize", "numexamples"});
  work.precision = precision_word(words);
  work.loader_threads =
      number_word(words, {"loaderthreads", "numworkers", "workers", "dataloadernumworkers", "j"});
  return work;
}

void fill_work(const JobWork& work, Json& file) {
  const auto put_number = [&](const char* name, double value) {
    if (value > 0 && !file.contains(name)) file[name] = value;
  };
  if (!file.contains("network") && !work.network.empty()) {
    if (estimator::find_network(work.network))
      file["network"] = work.network;
    else if (work.parameters_m > 0)
      file["network"] = {{"name", work.network}, {"parameters_m", work.parameters_m}};
  }
  if (!file.contains("precision") && !work.precision.empty()) file["precision"] = work.precision;
  put_number("batch", work.global_batch);
  if (!file.contains("batch")) put_number("batch_per_gpu", work.batch_per_gpu);
  put_number("loader_threads", work.loader_threads);
  put_number("epochs", work.epochs);
  put_number("items", work.items);
}

std::optional<estimator::JobFeatures> features_of(const JobWork& work) {
  estimator::JobFeatures job;
  if (auto known = estimator::find_network(work.network))
    job.network = *std::move(known);
  else if (work.parameters_m > 0)
    job.network = {.name = work.network.empty() ? "unnamed" : work.network,
                   .parameters_m = work.parameters_m};
  else
    return std::nullopt;
  if (!(work.batch_per_gpu > 0 || work.global_batch > 0)) return std::nullopt;
  job.batch_per_gpu = work.batch_per_gpu;
  job.loader_threads = work.loader_threads;
  if (!work.precision.empty())
    if (const auto precision = estimator::parse_precision(work.precision))
      job.precision = *precision;
  return job;
}

double steps_of(const JobWork& work, double gpus) {
  if (work.steps > 0) return work.steps;
  const double batch = work.global_batch > 0 ? work.global_batch : work.batch_per_gpu * gpus;
  if (!(batch > 0) || !(work.items > 0) || !(work.epochs > 0)) return 0;
  return std::ceil(work.items / batch) * work.epochs;
}

std::string kind_of_job(const protocol::JobSpec& spec) {
  std::string text = spec.team + "\n" + spec.image.value_or("") + "\n";
  bool skip = false;
  for (const std::string& word : spec.command) {
    if (skip && !word.starts_with('-')) {
      skip = false;
      continue;
    }
    skip = word.starts_with('-') && names_an_outcome(word) && word.find('=') == word.npos;
    if (word.find('=') != word.npos && names_an_outcome(word)) continue;
    text += word + "\n";
  }
  const auto& wants = spec.resources;
  text += wants.gpu_type.value_or("") + "\n" + std::to_string(wants.gpus) + "\n" +
          std::to_string(wants.nodes) + "\n" + std::to_string(wants.gpu_milli.value_or(1000));
  return sha256_hex(text);
}

}  // namespace galley::estimates
