#pragma once

#include <cstdint>

#include "commands.h"
#include "protocol/records.h"

namespace galley::controller {

/// Notes as tags of the job's run what the attempt comes from: the code, the data sets with their
/// digests, the image, who submitted it, what it is a part of, and where it runs. A later attempt
/// replaces what has changed. By our names (galley.…) and, where they have one, by MLflow's.
/// Cost: a read for the node, one for the GPUs, one for each data set; one write.
Status record_lineage(store::Transaction& transaction, const protocol::JobRecord& job,
                      const StartAttempt& attempt, std::int64_t number);

}  // namespace galley::controller
