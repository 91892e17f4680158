#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace galley::log {

enum class Level { debug, info, warn, error };

/// One extra `key=value` of a line; values are quoted when they need it.
struct Field {
  std::string_view key;
  std::string value;
};

/// Lines below the level are dropped. Default: info. Thread-safe.
void set_level(Level level);

/// Writes `ts=… level=… component=… msg="…" key=value …` (logfmt) to stderr. Thread-safe.
void write(Level level, std::string_view component, std::string_view message,
           std::initializer_list<Field> fields = {});

inline void debug(std::string_view component, std::string_view message,
                  std::initializer_list<Field> fields = {}) {
  write(Level::debug, component, message, fields);
}
inline void info(std::string_view component, std::string_view message,
                 std::initializer_list<Field> fields = {}) {
  write(Level::info, component, message, fields);
}
inline void warn(std::string_view component, std::string_view message,
                 std::initializer_list<Field> fields = {}) {
  write(Level::warn, component, message, fields);
}
inline void error(std::string_view component, std::string_view message,
                  std::initializer_list<Field> fields = {}) {
  write(Level::error, component, message, fields);
}

}  // namespace galley::log
