#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::cli {

/// The options of one command, bound to variables that must live until its action has run. Hides
/// CLI11, whose header costs seconds in every file that includes it.
class Options {
 public:
  struct Impl;
  explicit Options(Impl& impl) : impl_(impl) {}

  /// Names are "--limit" or "-f,--follow"; `value` is what help shows for the value.
  Options& flag(std::string_view names, bool& out, std::string_view help);
  Options& text(std::string_view names, std::string& out, std::string_view value,
                std::string_view help);
  Options& number(std::string_view names, std::int64_t& out, std::string_view value,
                  std::string_view help);
  /// May be repeated; each takes one value.
  Options& texts(std::string_view names, std::vector<std::string>& out, std::string_view value,
                 std::string_view help);
  Options& positional(std::string_view name, std::string& out, std::string_view help);
  Options& optional_positional(std::string_view name, std::string& out, std::string_view help);
  Options& positionals(std::string_view name, std::vector<std::string>& out, std::string_view help);
  Options& optional_positionals(std::string_view name, std::vector<std::string>& out,
                                std::string_view help);

 private:
  Impl& impl_;
};

/// What a command does once its options are read; answers the exit code.
using Action = std::function<Result<int>()>;

/// A node of the tree of commands. Only the chosen one's options are ever built, which keeps the
/// start fast, and a positional that is spelled like some other command stays a positional.
struct Command {
  std::string name;
  std::string help;
  std::string group{};                  // heading in the root's help; "" = not listed
  std::vector<std::string> aliases{};   // singular forms
  std::vector<std::string> examples{};  // shown first by --help
  std::function<Action(Options&)> define{};
  std::vector<Command> children{};
  /// Takes its arguments as they are, --help included.
  std::function<int(const std::vector<std::string>&)> verbatim{};
  /// A first word that names none of the children is an argument.
  bool takes_words = false;
  /// What follows "--" is kept here, untouched: the program that a job runs.
  std::vector<std::string>* after_dashes = nullptr;
};

/// Adds the options that every command takes.
using DefineGlobals = std::function<void(Options&)>;

/// Finds the command of these arguments (without the program's name), reads its options and runs
/// it. Help goes to stdout and answers 0. Errors: invalid_argument for wrong usage, with the
/// nearest name; those of the action.
Result<int> run_command(const Command& root, std::vector<std::string> arguments,
                        const DefineGlobals& globals);

}  // namespace galley::cli
