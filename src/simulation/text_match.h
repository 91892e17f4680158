#pragma once

#include <string_view>

namespace galley::simulation {

/// Whether the GPU's name contains all words of the request, in any case: "H100" fits
/// "NVIDIA H100 80GB HBM3". No words: everything fits.
bool contains_words(std::string_view name, std::string_view words);

}  // namespace galley::simulation
