#include "job_example.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "protocol/job_spec.h"

namespace galley::cli {
namespace {

struct Example {
  std::string_view path;
  std::string_view value;  // YAML
  bool active = false;     // not commented out
};

/// Values that say more than a default would. A path that is no field is refused by a test.
constexpr std::array<Example, 24> kExamples{
    {{"kind", "job", true},
     {"version", "1", true},
     {"name", "train-reviews", true},
     {"command", "[python3, train.py, --epochs, \"3\"]", true},
     {"resources.cpus", "2", true},
     {"resources.memory", "4GiB", true},
     {"resources.gpus", "1"},
     {"resources.gpu_type", "H100"},
     {"resources.gpu_milli", "250"},
     {"resources.gpu_memory", "16GiB"},
     {"image", "docker.io/library/python:3.12"},
     {"datasets", "[reviews@1]"},
     {"checkpoint", "run_01hzzzzzzzzzzzzzzzzzzzzzzz/model.pt"},
     {"env", "{PYTHONUNBUFFERED: \"1\"}"},
     {"max_runtime", "90m"},
     {"start_at", "2026-12-01T09:00+09:00"},
     {"deadline", "2026-12-02T09:00+09:00"},
     {"reservation", "rsv_01hzzzzzzzzzzzzzzzzzzzzzzz"},
     {"workdir", "/home/me/project"},
     {"metrics", R"({pattern: 'iter (?<step>\d+).* loss (?<loss>[\d.]+)', tensorboard: runs})"},
     {"code", "{commit: 4c52df0, branch: main}"},
     {"parent", "run_01hzzzzzzzzzzzzzzzzzzzzzzz"},
     {"log_limit", "1GiB"},
     {"grace", "10s"}}};

const Example* example_of(const std::string& path) {
  const auto found = std::ranges::find(kExamples, path, &Example::path);
  return found == kExamples.end() ? nullptr : &*found;
}

/// One line for the field's sentence and one for its value.
void print_field(const std::string& path, const std::string& indent, std::string_view name,
                 std::string_view doc, const Json& standard, std::string& out) {
  const Example* example = example_of(path);
  const std::string value = example != nullptr ? std::string(example->value) : dump_json(standard);
  const bool active = example != nullptr && example->active;
  out += fmt::format("{}# {}\n{}{}{}: {}\n", indent, doc, indent, active ? "" : "#", name, value);
}

template <class Struct>
void print_fields_of(const std::string& prefix, const std::string& indent, std::string& out) {
  const Json standard = protocol::print_struct(Struct{});
  const auto print_one = [&](const auto& field) {
    using Member = std::remove_cvref_t<decltype(std::declval<Struct>().*field.member)>;
    const std::string name(field.name);
    const std::string path = prefix.empty() ? name : prefix + "." + name;
    if (name == "build") {
      // Beside image it would make the file one that is refused.
      out += indent + "# Or an image that is made from a folder, instead of one that is named:\n" +
             indent + "# build: {context: ., requirements: requirements.txt}\n";
      return;
    }
    if constexpr (protocol::HasFields<Member>) {
      out += fmt::format("{}# {}\n{}{}:\n", indent, field.doc, indent, name);
      print_fields_of<Member>(path, indent + "  ", out);
    } else {
      print_field(path, indent, name, field.doc, standard.value(name, Json()), out);
    }
  };
  std::apply([&](const auto&... field) { (print_one(field), ...); },
             protocol::Fields<Struct>::table);
}

}  // namespace

std::string job_schema() {
  Json schema = protocol::schema_of<protocol::JobSpec>();
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = "job";
  return dump_json(schema, 2) + "\n";
}

std::string job_example() {
  std::string out = "# A job of Galley: `galley submit FILE` queues it.\n";
  print_fields_of<protocol::JobSpec>({}, {}, out);
  return out;
}

}  // namespace galley::cli
