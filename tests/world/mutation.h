#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core.h"
#include "dice.h"

namespace galley::world {

/// A bug put between the core and the rest of the world: what the core hears, and what it wants,
/// may come out changed. The checker knows nothing of it and must see what follows.
class Mutation {
 public:
  virtual ~Mutation() = default;
  virtual void hear(controller::Event&) {}
  virtual void want(controller::Effects&) {}
};

struct PlantedBug {
  std::string_view name;
  std::unique_ptr<Mutation> (*make)();
  std::string_view seen_as;  // words of the violation that it must lead to
};
const std::vector<PlantedBug>& planted_bugs();

}  // namespace galley::world
