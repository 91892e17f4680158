// Stored records as the values that the scheduler hears.
#include "core.h"

namespace galley::controller {

scheduler::QueuedJob queued_job(const protocol::JobRecord& job,
                                std::vector<scheduler::Content> contents) {
  scheduler::QueuedJob queued;
  queued.id = job.id;
  queued.seq = job.seq;
  queued.priority_class = job.priority_class;
  queued.resources = job.spec.resources;
  queued.start_at = job.spec.start_at;
  queued.team = job.team;
  queued.user = job.principal;
  queued.queued_at = job.created_at;
  if (job.spec.max_runtime)
    queued.runtime = scheduler::Runtime{*job.spec.max_runtime, *job.spec.max_runtime};
  queued.contents = std::move(contents);
  if (job.spec.build)
    queued.container = scheduler::Container::build;
  else if (job.spec.image)
    queued.container = scheduler::Container::run;
  queued.booking = job.spec.reservation.value_or(std::string{});
  queued.goes_outside = job.spec.executor != protocol::Executor::native;
  return queued;
}

scheduler::NodeOffer offer_of(const protocol::NodeRecord& node) {
  scheduler::NodeOffer offer{.id = node.id,
                             .cpus = node.cpus,
                             .memory_bytes = node.memory_bytes,
                             .devices = {},
                             .cells = {},
                             .zone = node.zone,
                             .name = node.name,
                             .open = node.accepts_jobs,
                             .runs_images = node.engine.has_value(),
                             .builds_images = node.engine && node.engine->builds,
                             .is_door = node.executor != protocol::Executor::native};
  for (const protocol::DeviceRecord& device : node.devices)
    offer.devices.push_back({.id = device.id,
                             .model = device.model,
                             .memory_bytes = device.memory_bytes,
                             .shareable = device.shareable,
                             .in_service = device.state == "in_service"});
  if (!node.topology) return offer;
  for (const protocol::CellRecord& cell : node.topology->cells) {
    std::uint64_t devices = 0;
    for (const std::int64_t place : cell.devices)
      if (place >= 0 && place < static_cast<std::int64_t>(offer.devices.size()) && place < 64)
        devices |= std::uint64_t{1} << place;
    if (devices != 0) offer.cells.push_back(devices);
  }
  return offer;
}

scheduler::Team team_of(const protocol::TeamSpec& team) {
  scheduler::Team known{.name = team.name, .weight = team.weight, .guarantees = {}};
  for (const protocol::GuaranteeSpec& guarantee : team.guarantees)
    known.guarantees.push_back(
        {guarantee.gpu_type.value_or(std::string{}), guarantee.gpus, guarantee.count});
  return known;
}

scheduler::Booking booking_of(const protocol::ReservationRecord& reservation) {
  return {.id = reservation.id.str(),
          .team = reservation.team,
          .resources = reservation.resources,
          .start_at = reservation.start_at,
          .duration = reservation.duration};
}

}  // namespace galley::controller
