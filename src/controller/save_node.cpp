#include "base/json.h"
#include "commands.h"
#include "store/events.h"

namespace galley::controller {

using store::Transaction;

Status save_node(Transaction& transaction, const protocol::NodeRecord& node, WallTime at) {
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into nodes (id, name, state, cpus, memory_bytes, inventory, changed_ms) values "
      "(:1, :2, :3, :4, :5, :6, :7) on conflict (id) do update set name = excluded.name, state = "
      "excluded.state, cpus = excluded.cpus, memory_bytes = excluded.memory_bytes, inventory = "
      "excluded.inventory, changed_ms = excluded.changed_ms",
      {node.id.str(), node.name, node.state, node.cpus, node.memory_bytes,
       dump_json(protocol::print_struct(node)), to_ms(at)}));
  for (const protocol::DeviceRecord& device : node.devices)
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into devices (id, node_id, device_index, model, memory_bytes, state, reason) "
        "values "
        "(:1, :2, :3, :4, :5, :6, :7) on conflict (id) do update set node_id = excluded.node_id, "
        "device_index = excluded.device_index, model = excluded.model, memory_bytes = "
        "excluded.memory_bytes, state = excluded.state, reason = excluded.reason",
        {device.id, node.id.str(), device.index, device.model, device.memory_bytes, device.state,
         device.reason}));
  const Json data{{"name", node.name}, {"state", node.state}};
  GALLEY_TRY_STATUS(store::append_event(
      transaction,
      {.at_ms = to_ms(at), .kind = "node", .subject = node.id.str(), .data = dump_json(data)}));
  return ok();
}

}  // namespace galley::controller
