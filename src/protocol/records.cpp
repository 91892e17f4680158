#include "protocol/records.h"

#include "protocol/agent_messages.h"

namespace galley::protocol {

// Instantiated once, so that a mistake in a table is found here and not by its first user.
template Json print_struct<JobRecord>(const JobRecord&);
template Result<Assignment> parse_struct<Assignment>(const Json&, Unknown);
template Json schema_of<NodeRecord>();

}  // namespace galley::protocol
