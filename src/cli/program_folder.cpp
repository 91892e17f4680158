#include "program_folder.h"

#include <unistd.h>

#include <cerrno>

#include "base/result.h"
#include "terminal.h"

namespace galley::cli {

std::filesystem::path program_folder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
}

int become_program(const std::string& name, const std::vector<std::string>& arguments) {
  const std::string path = (program_folder() / name).string();
  std::vector<std::string> words{path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execv(path.c_str(), pointers.data());
  Error error = system_error("cannot start " + path, errno);
  error.hint = "it belongs beside this executable";
  print_note(describe(error) + "\n");
  return 1;
}

}  // namespace galley::cli
