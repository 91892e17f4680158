#include "protocol/samples.h"

namespace galley::protocol {

// Kept out of the header: a file that reads or prints the whole table takes seconds to compile.
Result<NodeSample> parse_node_sample(const Json& json) {
  return parse_struct<NodeSample>(json, Unknown::ignore);
}

Json print_node_sample(const NodeSample& sample) { return print_struct(sample); }

}  // namespace galley::protocol
