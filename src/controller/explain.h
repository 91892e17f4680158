#pragma once

#include <string>

#include "protocol/guide.h"
#include "scheduler/plan.h"

namespace galley::controller {

/// The scheduler's answers as they cross a wire.
protocol::GuideRecord guide_record(const scheduler::Guide& guide);
protocol::WhyRecord why_record(const scheduler::Explanation& explanation);

/// Sentences about a decision that was stored with its attempt; none for an empty text.
std::vector<std::string> decision_lines(const std::string& decision);

}  // namespace galley::controller
