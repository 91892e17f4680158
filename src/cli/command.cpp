#include "command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.h"

namespace galley::cli {

struct Options::Impl {
  CLI::App app;
};

namespace {

constexpr std::array<std::string_view, 4> kGlobalsWithValue{"--server", "--token", "--data",
                                                            "--ca"};
constexpr std::array<std::string_view, 1> kGlobalFlags{"--json"};

Error usage(std::string message, std::string hint) {
  return Error{Errc::invalid_argument, std::move(message), {}, {}, std::move(hint)};
}

const Command* find_child(const Command& node, std::string_view name) {
  for (const Command& child : node.children)
    if (child.name == name || std::ranges::find(child.aliases, name) != child.aliases.end())
      return &child;
  return nullptr;
}

Error unknown_command(const Command& node, const std::string& path, const std::string& word) {
  std::vector<std::string> names;
  for (const Command& child : node.children) names.push_back(child.name);
  const std::string close = nearest(word, names);
  return usage(fmt::format("{}: there is no command '{}'", path, word),
               close.empty() ? fmt::format("see {} --help", path)
                             : fmt::format("did you mean {} {}?", path, close));
}

struct Choice {
  const Command* command = nullptr;
  std::string path;                    // "galley datasets push"
  std::vector<std::string> arguments;  // all but the words of the path
};

/// Walks down the tree by the words that are names of commands; options before them are kept.
Result<Choice> choose(const Command& root, const std::vector<std::string>& words) {
  Choice choice{&root, root.name, {}};
  std::size_t i = 0;
  for (; i < words.size() && !choice.command->children.empty(); ++i) {
    const std::string& word = words[i];
    if (std::ranges::find(kGlobalsWithValue, word) != kGlobalsWithValue.end()) {
      choice.arguments.push_back(word);
      if (++i < words.size()) choice.arguments.push_back(words[i]);
      continue;
    }
    if (word.starts_with('-')) {
      const auto name = std::string_view(word).substr(0, word.find('='));
      choice.arguments.push_back(word);
      const bool global = std::ranges::find(kGlobalsWithValue, name) != kGlobalsWithValue.end() ||
                          std::ranges::find(kGlobalFlags, name) != kGlobalFlags.end();
      if (global) continue;
      ++i;
      break;  // an option of this command: what follows may be its value, not a command
    }
    const Command* child = find_child(*choice.command, word);
    if (child == nullptr && choice.command->takes_words) break;
    if (child == nullptr) return unknown_command(*choice.command, choice.path, word);
    choice.command = child;
    choice.path += " " + child->name;
  }
  choice.arguments.insert(choice.arguments.end(), words.begin() + static_cast<std::ptrdiff_t>(i),
                          words.end());
  return choice;
}

void print_commands(const Command& node, std::string_view heading, std::string_view group,
                    std::string& out) {
  std::string lines;
  for (const Command& child : node.children)
    if (child.group == group) lines += fmt::format("  {:<12} {}\n", child.name, child.help);
  if (!lines.empty()) out += fmt::format("\n{}:\n{}", heading, lines);
}

std::string help_of(const Choice& choice, CLI::App& app) {
  const Command& command = *choice.command;
  std::string out;
  if (!command.examples.empty()) {
    out += "Examples:\n";
    for (const std::string& example : command.examples) out += "  " + example + "\n";
    out += "\n";
  }
  out += command.help + "\n";
  if (command.define) {
    out += app.help();
  } else {
    out += fmt::format("Usage: {} COMMAND [OPTIONS]\n", choice.path);
  }
  while (out.ends_with("\n\n")) out.pop_back();
  std::vector<std::string> groups;
  for (const Command& child : command.children)
    if (std::ranges::find(groups, child.group) == groups.end()) groups.push_back(child.group);
  for (const std::string& group : groups)
    print_commands(command, group.empty() ? "Commands" : group, group, out);
  if (!command.children.empty())
    out += fmt::format("\n{} COMMAND --help says more.\n", choice.path);
  return out;
}

Status parse(CLI::App& app, const Choice& choice, std::vector<std::string> arguments,
             bool& wants_help) {
  try {
    std::ranges::reverse(arguments);  // CLI11 takes them from the back
    app.parse(std::move(arguments));
    return ok();
  } catch (const CLI::CallForHelp&) {
    wants_help = true;
    return ok();
  } catch (const CLI::ParseError& error) {
    std::string message = error.what();
    while (message.ends_with('\n') || message.ends_with('.')) message.pop_back();
    std::ranges::replace(message, '\n', ' ');
    const bool needs_dashes = choice.command->after_dashes != nullptr;
    return usage(fmt::format("{}: {}", choice.path, message),
                 needs_dashes ? fmt::format("{} [OPTIONS] -- PROGRAM ARGUMENTS", choice.path)
                              : fmt::format("see {} --help", choice.path));
  }
}

}  // namespace

Options& Options::flag(std::string_view names, bool& out, std::string_view help) {
  impl_.app.add_flag(std::string(names), out, std::string(help));
  return *this;
}
Options& Options::text(std::string_view names, std::string& out, std::string_view value,
                       std::string_view help) {
  impl_.app.add_option(std::string(names), out, std::string(help))
      ->take_last()
      ->option_text(std::string(value));
  return *this;
}
Options& Options::number(std::string_view names, std::int64_t& out, std::string_view value,
                         std::string_view help) {
  impl_.app.add_option(std::string(names), out, std::string(help))
      ->take_last()
      ->option_text(std::string(value));
  return *this;
}
Options& Options::texts(std::string_view names, std::vector<std::string>& out,
                        std::string_view value, std::string_view help) {
  // Without this, one --env would also take the words that follow its value.
  impl_.app.add_option(std::string(names), out, std::string(help))
      ->allow_extra_args(false)
      ->option_text(std::string(value));
  return *this;
}
Options& Options::positional(std::string_view name, std::string& out, std::string_view help) {
  impl_.app.add_option(std::string(name), out, std::string(help))->required()->option_text(" ");
  return *this;
}
Options& Options::optional_positional(std::string_view name, std::string& out,
                                      std::string_view help) {
  impl_.app.add_option(std::string(name), out, std::string(help))->option_text(" ");
  return *this;
}
Options& Options::positionals(std::string_view name, std::vector<std::string>& out,
                              std::string_view help) {
  impl_.app.add_option(std::string(name), out, std::string(help))->required()->option_text("...");
  return *this;
}
Options& Options::optional_positionals(std::string_view name, std::vector<std::string>& out,
                                       std::string_view help) {
  impl_.app.add_option(std::string(name), out, std::string(help))->option_text("...");
  return *this;
}

Result<int> run_command(const Command& root, std::vector<std::string> arguments,
                        const DefineGlobals& globals) {
  GALLEY_TRY(Choice choice, choose(root, arguments));
  const Command& command = *choice.command;
  if (command.verbatim) return command.verbatim(choice.arguments);
  if (command.after_dashes != nullptr) {
    const auto dashes = std::ranges::find(choice.arguments, "--");
    if (dashes != choice.arguments.end()) {
      command.after_dashes->assign(dashes + 1, choice.arguments.end());
      choice.arguments.erase(dashes, choice.arguments.end());
    }
  }

  Options::Impl impl;
  impl.app.name(choice.path);
  Options options(impl);
  Action action;
  if (command.define) action = command.define(options);
  globals(options);
  bool wants_help = !command.define && choice.arguments.empty();
  GALLEY_TRY_STATUS(parse(impl.app, choice, choice.arguments, wants_help));
  if (!wants_help && !command.define)
    return usage(fmt::format("{}: which command?", choice.path),
                 fmt::format("see {} --help", choice.path));
  if (!wants_help) return action();
  const std::string help = help_of(choice, impl.app);
  std::fwrite(help.data(), 1, help.size(), stdout);
  return 0;
}

}  // namespace galley::cli
