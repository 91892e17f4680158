#pragma once

#include <string_view>

namespace galley::app {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace galley::app
