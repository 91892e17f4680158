import { useMemo, useState } from 'preact/hooks';

import type { MetricSeries, RunDetail } from '../../api/types';
import { count, duration, measure } from '../../lib/format';
import { useQuery } from '../../lib/router';
import { bestOf, drawn, goalOf, kAxes, parseAxis, spanOf, wallClock, type Axis, type Look } from '../../lib/runs/curves';
import { lastOf } from '../../lib/series';
import { useMetrics } from '../../live/entities';
import { useText } from '../../text';
import { useRunsText } from '../../text/runs';
import { Chart } from '../../ui/chart';
import { Loading, Problem } from '../../ui/problem';
import { Segments } from '../../ui/segments';

const kFirstCharts = 12;

/** How curves are looked at: in the address, so that a look can be passed on. */
export function useLook(): [Look, (change: Partial<Look>) => void] {
  const [axis, setAxis] = useQuery('x', 'step');
  const [weight, setWeight] = useQuery('smooth', '0');
  const [log, setLog] = useQuery('log');
  const parsed = Math.min(0.99, Math.max(0, Number(weight) || 0));
  // While the slider moves, the address waits.
  const look = useMemo(() => ({ axis: parseAxis(axis), weight: parsed, log: log === '1' }), [axis, parsed, log]);
  const change = (next: Partial<Look>) => {
    if (next.axis !== undefined) setAxis(next.axis);
    if (next.weight !== undefined) setWeight(String(next.weight));
    if (next.log !== undefined) setLog(next.log ? '1' : '');
  };
  return [look, change];
}

interface BarProps {
  look: Look;
  onChange: (change: Partial<Look>) => void;
  find?: string;
  onFind?: (typed: string) => void;
}

export function LookBar({ look, onChange, find, onFind }: BarProps) {
  const words = useRunsText();
  const choices = kAxes.map((axis) => [axis, words.axes[axis]] as const);
  return (
    <div class="look row">
      <Segments<Axis> label={words.axis} value={look.axis} choices={choices} onChange={(axis) => onChange({ axis })} />
      <label class="row">
        <span>{words.smooth}</span>
        <input type="range" min="0" max="0.99" step="0.01" value={look.weight} aria-valuetext={look.weight.toFixed(2)}
          onInput={(event) => onChange({ weight: Number(event.currentTarget.value) })} />
        <output>{look.weight.toFixed(2)}</output>
      </label>
      <label class="row">
        <input type="checkbox" checked={look.log} onChange={(event) => onChange({ log: event.currentTarget.checked })} />
        <span>{words.log}</span>
      </label>
      {onFind && <input type="text" aria-label={words.findMetric} placeholder={words.findMetric} value={find} onInput={(event) => onFind(event.currentTarget.value)} />}
    </div>
  );
}

/** How an axis writes its values, and its name. */
export function useAxis(axis: Axis, spanSeconds: number): { xName: string; xFormat?: (x: number) => string } {
  const text = useText();
  const words = useRunsText();
  if (axis === 'step') return { xName: text.run.step };
  return { xName: words.axes[axis], xFormat: axis === 'relative' ? duration : (seconds) => wallClock(seconds, spanSeconds) };
}

function CurveCard({ series, look, sync }: { series: MetricSeries; look: Look; sync: string }) {
  const words = useRunsText();
  const curves = useMemo(() => drawn(series.key, series, look, 0), [series, look]);
  const axis = useAxis(look.axis, spanOf(curves));
  const best = bestOf(series, goalOf(series.key));
  const note = [
    `${words.last} ${measure(lastOf(series.values))}`,
    best && `${words.best} ${measure(best.value)} ${words.atStep(count(best.step))}`,
    look.log && series.values.some((value) => value !== null && value <= 0) && words.noPositive,
  ].filter(Boolean).join(' · ');
  return <Chart title={series.key} {...axis} curves={curves} sync={sync} log={look.log} note={note} />;
}

export function CurvesPane({ run }: { run: RunDetail }) {
  const text = useText();
  const words = useRunsText();
  const [look, setLook] = useLook();
  const [find, setFind] = useState('');
  const [most, setMost] = useState(kFirstCharts);
  const found = run.series.filter(({ key }) => key.toLowerCase().includes(find.toLowerCase()));
  const shown = found.slice(0, most);
  const metrics = useMetrics(run.id, shown);
  if (metrics.problem) return <Problem what={text.run.curves} problem={metrics.problem} onRetry={metrics.reload} />;
  if (run.series.length === 0) return <p class="empty">{text.run.noCurves}</p>;
  return (
    <div class="stack">
      <LookBar look={look} onChange={setLook} find={find} {...(run.series.length > 4 ? { onFind: setFind } : {})} />
      {!metrics.data ? <Loading /> : (
        <div class="curves">
          {metrics.data.map((series) => <CurveCard key={series.key} series={series} look={look} sync={`${run.id} ${look.axis}`} />)}
        </div>
      )}
      {found.length > most && <div class="row"><button type="button" onClick={() => setMost(most + 2 * kFirstCharts)}>{words.more(found.length - most)}</button></div>}
    </div>
  );
}
