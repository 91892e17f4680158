#include <gtest/gtest.h>

#include "kill_rounds.h"

namespace galley::testing {

TEST(Kill, NothingAcknowledgedIsLostInRandomKills) {
  run_kill_rounds(GALLEY_KILL_ROUNDS, chosen_seed());
}

}  // namespace galley::testing
