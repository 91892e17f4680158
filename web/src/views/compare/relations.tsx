import { useCallback, useMemo, useState } from 'preact/hooks';

import type { Comparison } from '../../api/run_types';
import { measure } from '../../lib/format';
import { useQuery } from '../../lib/router';
import { dimensionsOf, nearestPoint, pointsOf, type Dimension } from '../../lib/runs/compare';
import { useRunsText } from '../../text/runs';
import { Canvas, type Pen } from '../../ui/canvas';
import { drawParallel, drawScatter, kPad, nameOf } from './drawings';

const kMostAxes = 8;
const kReachPx = 24;

interface Props {
  comparison: Comparison;
  names: readonly string[];
}

function Choice({ label, value, dimensions, onChange }: { label: string; value: string; dimensions: readonly Dimension[]; onChange: (id: string) => void }) {
  return (
    <label class="row">
      <span class="soft">{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {dimensions.map(({ id }) => <option key={id} value={id}>{id}</option>)}
      </select>
    </label>
  );
}

const said = (dimension: Dimension, run: number) => {
  const value = dimension.values[run];
  return value == null ? '–' : typeof value === 'number' ? measure(value) : value;
};

/** One dimension against another, and all of them at once. The table of the comparison has the same values as text. */
export function RelationsPane({ comparison, names }: Props) {
  const words = useRunsText();
  const dimensions = useMemo(() => dimensionsOf(comparison), [comparison]);
  const [xChosen, setX] = useQuery('across');
  const [yChosen, setY] = useQuery('up');
  const [lit, setLit] = useState<number>();
  const x = dimensions.find(({ id }) => id === xChosen) ?? dimensions.find(({ id }) => id.startsWith('params.')) ?? dimensions[0];
  const y = dimensions.find(({ id }) => id === yChosen) ?? dimensions.find(({ id }) => id.startsWith('metrics.') && id !== x?.id);
  const runs = comparison.runs.length;
  const axes = useMemo(() => {
    const metrics = dimensions.filter(({ id }) => id.startsWith('metrics.')).slice(0, 3);
    return [...dimensions.filter(({ id }) => id.startsWith('params.')).slice(0, kMostAxes - metrics.length), ...metrics];
  }, [dimensions]);
  const scatter = useCallback((pen: Pen) => x && y && drawScatter(pen, x, y, runs, lit, words.compared.log), [x, y, runs, lit, words]);
  const parallel = useCallback((pen: Pen) => drawParallel(pen, axes, runs, lit, words.compared.log), [axes, runs, lit, words]);
  if (!x || !y) return <p class="empty">{words.compared.needTwo}</p>;
  const point = (place: { x: number; y: number; width: number; height: number } | undefined) => {
    if (!place) return setLit(undefined);
    const inner = { width: place.width - kPad.left - kPad.right, height: place.height - kPad.top - kPad.bottom };
    setLit(nearestPoint(pointsOf(x, y, runs), place.x - kPad.left, place.y - kPad.top, inner.width, inner.height, kReachPx)?.run);
  };
  return (
    <div class="relations">
      <section class="card" aria-label={words.compared.scatter}>
        <header>
          <h2>{words.compared.scatter}</h2>
          <div class="row">
            <Choice label={words.compared.across} value={x.id} dimensions={dimensions} onChange={setX} />
            <Choice label={words.compared.up} value={y.id} dimensions={dimensions} onChange={setY} />
          </div>
        </header>
        <p class="soft lit" aria-live="polite">
          {lit === undefined ? nameOf(y, words.compared.log) : `${names[lit]}: ${x.id} ${said(x, lit)}, ${y.id} ${said(y, lit)}`}
        </p>
        <Canvas label={words.compared.scatterSays(x.id, y.id, pointsOf(x, y, runs).length)} height={300} draw={scatter} onPoint={point} />
      </section>
      {axes.length > 1 && (
        <section class="card" aria-label={words.compared.parallel}>
          <header><h2>{words.compared.parallel}</h2></header>
          <Canvas label={words.compared.parallelSays(axes.map(({ id }) => id).join(', '))} height={280} draw={parallel} />
        </section>
      )}
    </div>
  );
}
