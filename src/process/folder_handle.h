#pragma once

#include <dirent.h>

#include <memory>

namespace galley::process {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using FolderHandle = std::unique_ptr<DIR, CloseFolder>;

}  // namespace galley::process
