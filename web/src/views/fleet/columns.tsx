import type { DeviceRecord, NodeRecord } from '../../api/types';
import { bytes, count, measure, percent } from '../../lib/format';
import { pathTo } from '../../lib/router';
import type { Text } from '../../text';
import { StateChip } from '../../ui/chip';
import { Link } from '../../ui/link';
import type { Column } from '../../ui/table';

export type PlacedDevice = DeviceRecord & { node: string };

export const placedDevices = (nodes: readonly NodeRecord[]): PlacedDevice[] =>
  nodes.flatMap((node) => node.devices.map((device) => ({ ...device, node: node.name })));

export function nodeColumns(text: Text): Column<NodeRecord>[] {
  const held = (node: NodeRecord) => node.devices.filter((device) => device.job_id).length;
  return [
    { id: 'name', name: text.fleet.node, key: (node) => node.name, cell: (node) => <span class="title" title={node.id}>{node.name}</span> },
    { id: 'state', name: text.common.state, key: (node) => node.state, cell: (node) => <StateChip state={node.state} /> },
    {
      id: 'cpus', name: text.fleet.cpus, number: true, key: (node) => node.cpus_allocated,
      cell: (node) => text.common.of(count(node.cpus_allocated), count(node.cpus)),
    },
    {
      id: 'memory', name: text.fleet.memory, number: true, wide: true, key: (node) => node.memory_allocated_bytes,
      cell: (node) => text.common.of(bytes(node.memory_allocated_bytes), bytes(node.memory_bytes)),
    },
    {
      id: 'gpus', name: text.fleet.gpus, number: true, wide: true, key: held,
      cell: (node) => (node.devices.length > 0 ? text.common.of(count(held(node)), count(node.devices.length)) : '–'),
    },
    { id: 'cpu', name: text.fleet.cpu, number: true, key: (node) => node.cpu_used_ratio, cell: (node) => percent(node.cpu_used_ratio) },
    { id: 'load', name: text.fleet.load, number: true, wide: true, key: (node) => node.load_1m, cell: (node) => measure(node.load_1m) },
    { id: 'used', name: text.fleet.used, number: true, wide: true, key: (node) => node.memory_used_bytes, cell: (node) => bytes(node.memory_used_bytes) },
    { id: 'disk', name: text.fleet.disk, number: true, wide: true, key: (node) => node.disk_free_bytes, cell: (node) => bytes(node.disk_free_bytes) },
    { id: 'notes', name: text.fleet.notes, wide: true, wrap: true, cell: (node) => node.notes.join('; ') || '–' },
  ];
}

export function deviceColumns(text: Text): Column<PlacedDevice>[] {
  return [
    { id: 'device', name: text.fleet.device, key: (device) => device.index, cell: (device) => <span class="title" title={device.id}>{device.index} · {device.model}</span> },
    { id: 'node', name: text.fleet.node, key: (device) => device.node, cell: (device) => device.node },
    { id: 'state', name: text.common.state, key: (device) => device.state, cell: (device) => <StateChip state={device.state} /> },
    { id: 'memory', name: text.fleet.memorySize, number: true, wide: true, key: (device) => device.memory_bytes, cell: (device) => bytes(device.memory_bytes) },
    {
      id: 'holder', name: text.fleet.holder, key: (device) => device.job_id,
      cell: (device) => (device.job_id ? <Link class="mono" to={pathTo.job(device.job_id)}>{device.job_id}</Link> : device.state === 'in_service' ? text.fleet.free : '–'),
    },
    { id: 'notes', name: text.fleet.notes, wide: true, wrap: true, cell: (device) => device.reason || '–' },
  ];
}
