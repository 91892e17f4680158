#pragma once

#include <vector>

#include "api/static_pages.h"

namespace galley::app {

/// The web page that is part of this program.
std::vector<api::StaticFile> page_files();

}  // namespace galley::app
