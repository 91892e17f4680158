#pragma once

#include <vector>

#include "openai/service.h"

namespace galley::app {

/// Puts the web page, of which `galley serve` has the playground alone, before the route that
/// answers whatever nothing else does. The page's files are open: who may ask the models is seen
/// when it asks them.
void add_page(std::vector<openai::Route>& routes);

}  // namespace galley::app
