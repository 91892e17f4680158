import { useState } from 'preact/hooks';

import type { NodeRecord } from '../../api/types';
import { measure, percent } from '../../lib/format';
import { curvesOf } from '../../lib/telemetry';
import { useTelemetry } from '../../live/entities';
import { useText } from '../../text';
import { Chart } from '../../ui/chart';

const kFleetMetrics = ['fleet_gpus', 'fleet_gpus_allocated', 'fleet_idle_gpus'] as const;

/** The fleet's GPUs over the last hour, and those of one node. Nothing where no node has a GPU. */
export function FleetPlots({ nodes }: { nodes: readonly NodeRecord[] }) {
  const text = useText();
  const withGpus = nodes.filter((node) => node.devices.length > 0);
  const [chosen, setChosen] = useState('');
  const node = withGpus.find((one) => one.id === chosen) ?? withGpus[0];
  if (!node) return null;
  return (
    <>
      <FleetCharts />
      {withGpus.length > 1 && (
        <section class="card" aria-label={text.fleet.plots}>
          <header>
            <h2>{text.fleet.plots}</h2>
            <select aria-label={text.fleet.node} value={node.id} onChange={(event) => setChosen(event.currentTarget.value)}>
              {withGpus.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}
            </select>
          </header>
        </section>
      )}
      <NodeChart node={node} metric="gpu_utilization_ratio" title={text.fleet.gpuUse(node.name)} format={percent} range={[0, 1]} />
      <NodeChart node={node} metric="gpu_temperature_celsius" title={text.fleet.gpuHeat(node.name)} format={(value) => `${measure(value)} °C`} />
    </>
  );
}

function FleetCharts() {
  const text = useText();
  const answers = kFleetMetrics.map((metric) => useTelemetry(metric).data);
  const names = [text.fleet.plotAll, text.fleet.plotGiven, text.fleet.plotIdle];
  const curves = answers.flatMap((answer, index) => (answer ? curvesOf(answer, () => names[index] as string) : []));
  if (curves.length === 0) return null;
  return <Chart title={text.fleet.plotFleet} curves={curves} xName={text.chart.time} xIsTime format={[measure]} />;
}

interface NodeChartProps {
  node: NodeRecord;
  metric: string;
  title: string;
  format: (value: number) => string;
  range?: [number, number];
}

function NodeChart({ node, metric, title, format, range }: NodeChartProps) {
  const text = useText();
  const { data } = useTelemetry(metric, node.id);
  const places = new Map(node.devices.map((device) => [device.id, device.index]));
  const curves = data ? curvesOf(data, (series) => `GPU ${places.get(series.uuid ?? '') ?? series.uuid}`) : [];
  if (curves.length === 0) return null;
  // One format more than curves: two of each would give the second GPU an axis of its own.
  return (
    <Chart title={title} curves={curves} xName={text.chart.time} xIsTime format={[...curves.map(() => format), format]} sync="fleet"
      {...(range ? { range } : {})} />
  );
}
