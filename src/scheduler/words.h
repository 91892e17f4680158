#pragma once

#include <string>

#include "protocol/job_spec.h"

namespace galley::scheduler {

/// "8 GPUs of type A100, 16 processors and 64 GiB": what one node has to give.
std::string describe_member(const protocol::Resources& resources);
/// The same with " on each of 4 nodes".
std::string describe_request(const protocol::Resources& resources);

}  // namespace galley::scheduler
