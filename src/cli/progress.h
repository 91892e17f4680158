#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"

namespace galley::cli {

/// "reviews  [#####     ]  52 %  8.1 MiB": one line of progress. Pure.
std::string progress_line(const std::string& title, double ratio, const std::string& detail,
                          std::size_t width);

/// A bar on stderr that redraws itself at most ten times a second, and is silent when stderr is not
/// a terminal. Its line is gone when it is: what remains is for the command to say.
class Progress {
 public:
  Progress(std::string title, bool visible) : title_(std::move(title)), visible_(visible) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  void show(double ratio, const std::string& detail);

 private:
  std::string title_;
  bool visible_;
  bool drawn_ = false;
  Instant last_{};
};

}  // namespace galley::cli
