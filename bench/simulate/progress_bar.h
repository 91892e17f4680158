#pragma once

#include <string>

namespace galley::bench {

/// One line on stderr that redraws itself; silent where stderr is no terminal, and gone at the end.
class ProgressBar {
 public:
  explicit ProgressBar(std::string title);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar();
  void show(double ratio);

 private:
  std::string title_;
  bool visible_;
};

}  // namespace galley::bench
