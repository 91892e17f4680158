#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/samples.h"

namespace galley::telemetry {

/// A metric of machines or GPUs as Prometheus names it.
struct Family {
  std::string_view name;
  std::string_view help;
  std::string_view type;
};
/// Of GPUs (with dcgm-exporter's names and units where it has one), then of machines.
std::span<const Family> node_families();

/// The lines of one machine, family by family. They are written when a sample comes, since writing
/// those of a fleet takes longer than a scrape may: a scrape only puts them together.
class NodeText {
 public:
  NodeText(std::string_view node_name, const protocol::NodeSample& sample);
  std::string_view lines(std::size_t family) const;
  std::size_t bytes() const { return text_.capacity() + sizeof(*this); }

 private:
  std::string text_;
  std::vector<std::uint32_t> ends_;  // of each family's lines
};

/// "# HELP …" and "# TYPE …".
void print_family(std::string& out, const Family& family);
/// A label's value: backslashes, quotes and line breaks escaped.
std::string escaped(std::string_view value);
/// The shortest text that reads back as the number.
void print_number(std::string& out, double value);

}  // namespace galley::telemetry
