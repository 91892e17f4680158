#include <fmt/format.h>

#include "base/units.h"
#include "commands.h"
#include "fields.h"
#include "references.h"
#include "snapshot_tables.h"
#include "table.h"
#include "upload.h"
#include "when.h"

namespace galley::cli {
namespace {

struct PushOptions {
  std::string name;
  std::string path;
  std::string note;
};

struct DiffOptions {
  std::string from;
  std::string to;
};

Result<int> list_datasets(Session& session) {
  GALLEY_TRY(const Json datasets, session.list("/api/v1/datasets", 10'000));
  if (session.flags.json) {
    session.print_json(datasets);
    return 0;
  }
  Table table({{.title = "NAME", .min_width = 8},
               {.title = "LATEST", .min_width = 8},
               {.title = "VERSIONS", .right = true},
               {.title = "SIZE", .right = true},
               {.title = "FILES", .right = true, .drop_rank = 1},
               {.title = "CREATED"},
               {.title = "NOTE", .min_width = 10, .drop_rank = 2}});
  for (const Json& one : items_of(datasets)) {
    const Json& latest = child_of(one, "latest");
    table.add({{text_of(one, "name")},
               {text_of(latest, "ref")},
               {std::to_string(count_of(one, "versions"))},
               {format_bytes(count_of(latest, "size_bytes"))},
               {std::to_string(count_of(latest, "file_count"))},
               {relative_time(text_of(latest, "created_at"), session.now())},
               {text_of(latest, "note"), Style::dim}});
  }
  if (table.empty())
    session.note("no data sets yet; `galley datasets push NAME PATH` freezes one");
  else
    print_out(table.print(session.terminal.width, session.terminal.color));
  return 0;
}

Result<int> push(Session& session, const PushOptions& options) {
  GALLEY_TRY(const Uploaded sent, upload(session, options.path));
  Json body{{"manifest", sent.manifest}};
  if (!options.note.empty()) body["note"] = options.note;
  GALLEY_TRY(const Json snapshot,
             session.post_once("/api/v1/datasets/" + encoded(options.name) + "/versions", body));
  if (session.flags.json) {
    session.print_json(snapshot);
    return 0;
  }
  print_out(text_of(snapshot, "ref") + "\n");
  session.note(fmt::format("{} in {} files; {} sent, the rest was there",
                           format_bytes(sent.size_bytes), count_of(snapshot, "file_count"),
                           format_bytes(sent.sent_bytes)));
  return 0;
}

Result<int> show_dataset(Session& session, const std::string& text) {
  const VersionedName name = split_reference(text);
  if (name.version.empty()) {
    GALLEY_TRY(const Json dataset, session.get("/api/v1/datasets/" + encoded(name.name)));
    if (session.flags.json) {
      session.print_json(dataset);
    } else {
      print_out(snapshots_table(session, child_of(dataset, "versions")));
    }
    return 0;
  }
  // A model may have the same name, so the version is looked up among the data set's own.
  GALLEY_TRY(const Json dataset, session.get("/api/v1/datasets/" + encoded(name.name)));
  std::string id;
  const Json& versions = child_of(dataset, "versions");
  if (versions.is_array())
    for (const Json& one : versions)
      if (std::to_string(count_of(one, "version")) == name.version ||
          text_of(one, "id") == name.version)
        id = text_of(one, "id");
  if (id.empty())
    return Error{Errc::not_found,
                 fmt::format("data set {} has no version {}", name.name, name.version),
                 {},
                 {},
                 fmt::format("`galley datasets show {}` lists them", name.name)};
  GALLEY_TRY(const Json snapshot, session.get("/api/v1/snapshots/" + id));
  if (session.flags.json) {
    session.print_json(snapshot);
  } else {
    print_out(snapshot_text(session, snapshot));
  }
  return 0;
}

std::string diff_lines(const Session& session, const Json& files, char sign, Style style) {
  std::string out;
  if (!files.is_array()) return out;
  for (const Json& file : files) {
    std::string line = fmt::format("{} {}  ", sign, plain_line(text_of(file, "path")));
    if (child_of(file, "previous_size_bytes").is_number())
      line += format_bytes(count_of(file, "previous_size_bytes")) + " -> ";
    line += format_bytes(count_of(file, "size_bytes"));
    out += paint(line, style, session.terminal.color) + "\n";
  }
  return out;
}

Result<int> diff(Session& session, const DiffOptions& options) {
  GALLEY_TRY(const VersionedName from, require_reference(options.from, "nsmc@1"));
  GALLEY_TRY(const VersionedName to, require_reference(options.to, "nsmc@2"));
  if (from.name != to.name)
    return Error{Errc::invalid_argument,
                 fmt::format("{} and {} are different data sets", from.name, to.name),
                 {},
                 "two versions of one data set"};
  GALLEY_TRY(const Json changes,
             session.get(fmt::format("/api/v1/datasets/{}/diff?from={}&to={}", encoded(from.name),
                                     encoded(from.version), encoded(to.version))));
  if (session.flags.json) {
    session.print_json(changes);
    return 0;
  }
  print_out(diff_lines(session, child_of(changes, "removed"), '-', Style::bad) +
            diff_lines(session, child_of(changes, "added"), '+', Style::good) +
            diff_lines(session, child_of(changes, "changed"), '~', Style::busy));
  session.note(fmt::format("{} files are the same", count_of(changes, "unchanged_count")));
  return 0;
}

}  // namespace

void add_dataset_commands(std::vector<Command>& commands, Session& session) {
  const auto list = [&session](Options&) -> Action {
    return [&session] { return list_datasets(session); };
  };
  commands.push_back(
      {.name = "datasets",
       .help = "Frozen data: push, list, show, compare",
       .group = kRecordGroup,
       .aliases = {"dataset"},
       .examples = {"galley datasets", "galley datasets push reviews data/reviews",
                    "galley datasets show reviews@1", "galley datasets diff reviews@1 reviews@2"},
       .define = list,
       .children = {
           {.name = "list", .help = "All data sets", .define = list},
           {.name = "push",
            .help = "Freeze a folder or file as the next version",
            .examples = {"galley datasets push reviews data/reviews --note 'without duplicates'"},
            .define = [&session](Options& options) -> Action {
              auto wanted = std::make_shared<PushOptions>();
              options.positional("NAME", wanted->name, "Name of the data set")
                  .positional("PATH", wanted->path, "Folder or file")
                  .text("--note", wanted->note, "TEXT", "What is new in it");
              return [&session, wanted] { return push(session, *wanted); };
            }},
           {.name = "show",
            .help = "The versions of a data set, or the files of one",
            .define = [&session](Options& options) -> Action {
              auto name = std::make_shared<std::string>();
              options.positional("NAME", *name, "Data set, or one version of it as NAME@VERSION");
              return [&session, name] { return show_dataset(session, *name); };
            }},
           {.name = "diff",
            .help = "What changed between two versions",
            .define = [&session](Options& options) -> Action {
              auto wanted = std::make_shared<DiffOptions>();
              options.positional("FROM", wanted->from, "The older version, NAME@VERSION")
                  .positional("TO", wanted->to, "The newer version, NAME@VERSION");
              return [&session, wanted] { return diff(session, *wanted); };
            }}}});
}

}  // namespace galley::cli
