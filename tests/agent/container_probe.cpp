// What runs inside the images of real_container_test.cpp: says what it sees, as its arguments ask.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

void print_file(const char* path) {
  std::FILE* file = std::fopen(path, "r");
  if (file == nullptr) {
    std::printf("no %s\n", path);
    return;
  }
  char buffer[4096];
  const std::size_t count = std::fread(buffer, 1, sizeof buffer, file);
  std::fwrite(buffer, 1, count, stdout);
  std::fclose(file);
}

void write_file(const char* path) {
  std::FILE* file = std::fopen(path, "w");
  std::printf("%s %s\n", file != nullptr ? "wrote" : "cannot write", path);
  if (file == nullptr) return;
  std::fputs("from inside\n", file);
  std::fclose(file);
}

/// Pages that are really used.
void fill_memory(std::size_t bytes) {
  char* memory = static_cast<char*>(std::malloc(bytes));
  if (memory == nullptr) return;
  std::memset(memory, 1, bytes);
  std::printf("filled %d\n", memory[bytes / 2]);
}

void end(int) {
  constexpr char kText[] = "asked to end\n";
  if (::write(STDOUT_FILENO, kText, sizeof kText - 1) > 0) ::_exit(75);
}

}  // namespace

/// $NAME prints a variable, @PATH a file, +PATH writes one, -BYTES uses memory, here says where it
/// is, wait waits for SIGTERM, stay ignores it, and a number is the exit code.
int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const char* word = argv[i];
    char folder[4096];
    if (*word == '$') {
      const char* value = std::getenv(word + 1);
      std::printf("%s=%s\n", word + 1, value != nullptr ? value : "(absent)");
    } else if (*word == '@') {
      print_file(word + 1);
    } else if (*word == '+') {
      write_file(word + 1);
    } else if (*word == '-') {
      fill_memory(std::strtoull(word + 1, nullptr, 10));
    } else if (std::strcmp(word, "here") == 0) {
      std::printf("in %s\n", ::getcwd(folder, sizeof folder));
    } else if (std::strcmp(word, "stay") == 0) {
      // Nothing but a kill ends what is first in its container and ignores the rest.
      ::signal(SIGTERM, SIG_IGN);
      std::printf("staying\n");
      std::fflush(stdout);
      for (;;) ::pause();
    } else if (std::strcmp(word, "wait") == 0) {
      ::signal(SIGTERM, end);
      std::printf("waiting\n");
      std::fflush(stdout);
      for (;;) ::pause();
    } else {
      std::fflush(stdout);
      return std::atoi(word);
    }
    std::fflush(stdout);
  }
  return 0;
}
