import type { DeviceRecord, NodeRecord } from '../../api/types';
import { type CellNode, cellTree } from '../../lib/cells';
import { pathTo } from '../../lib/router';
import { useText } from '../../text';
import { Link } from '../../ui/link';

function Gpu({ device }: { device: DeviceRecord }) {
  const text = useText();
  const bad = device.state !== 'in_service';
  const state = bad ? 'bad' : device.job_id ? 'used' : 'free';
  const words = [`GPU ${device.index}`, device.model, bad ? device.reason || text.fleet.outOfService : device.job_id ? text.fleet.usedBy(device.job_id) : text.fleet.free];
  if (device.shareable) words.push(text.fleet.shareable);
  const label = words.join(', ');
  const classes = `gpu ${state}${device.shareable ? ' shareable' : ''}`;
  return device.job_id
    ? <Link class={classes} title={label} to={pathTo.job(device.job_id)}>{device.index}</Link>
    : <span class={classes} role="img" aria-label={label} title={label}>{device.index}</span>;
}

function Cell({ cell, devices }: { cell: CellNode; devices: readonly DeviceRecord[] }) {
  if (cell.places.length === 1) {
    const device = devices[cell.places[0] ?? 0];
    return device ? <Gpu device={device} /> : null;
  }
  const name = cell.link ? `${cell.level} · ${cell.link}` : cell.level;
  return (
    <div class="cell" role="group" aria-label={`${name}, ${cell.places.length} GPU`}>
      <span class="cell-name">{name}</span>
      <div class="cell-inside">{cell.children.map((child) => <Cell key={child.places.join()} cell={child} devices={devices} />)}</div>
    </div>
  );
}

/** The buddy cells of each node as boxes in boxes. Nothing where no node has a GPU. */
export function CellBoxes({ nodes }: { nodes: readonly NodeRecord[] }) {
  const text = useText();
  const known = nodes.filter((node) => node.devices.length > 0 && node.topology);
  if (known.length === 0) return null;
  return (
    <section class="card" aria-label={text.fleet.cells}>
      <header><h2>{text.fleet.cells}</h2></header>
      <div class="cell-nodes">
        {known.map((node) => (
          <div class="cell-node" key={node.id}>
            <h3><span class="title">{node.name}</span> <small>{[node.zone?.join(' / '), text.fleet.source[node.topology?.source ?? '']].filter(Boolean).join(' · ')}</small></h3>
            <Cell cell={cellTree(node.topology?.cells ?? [], node.devices.length)} devices={node.devices} />
          </div>
        ))}
      </div>
    </section>
  );
}
