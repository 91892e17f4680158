import { useCallback, useMemo, useState } from 'preact/hooks';

import type { PastEstimate } from '../../api/estimate_types';
import { errorOf, wasInside } from '../../lib/estimates/front';
import { duration, percent } from '../../lib/format';
import { pathTo } from '../../lib/router';
import { useAccuracy } from '../../live/estimates';
import { useEstimatesText, type EstimatesText } from '../../text/estimates';
import { Canvas, type Pen } from '../../ui/canvas';
import { Figure } from '../../ui/figure';
import { Link } from '../../ui/link';
import { Ago } from '../../ui/moment';
import { Loading, Problem } from '../../ui/problem';
import { Table, type Column } from '../../ui/table';
import { accuracyPlot, drawAccuracy, spot } from './plots';

const kReachPx = 20;

function pastColumns(text: EstimatesText): Column<PastEstimate>[] {
  return [
    { id: 'job', name: text.job, key: (one) => one.name, cell: (one) => <Link class="title" to={pathTo.job(one.job_id)}>{one.name || one.job_id}</Link> },
    { id: 'gpu', name: text.gpu, wide: true, key: (one) => one.gpu_type, cell: (one) => (one.gpus > 0 ? `${one.gpus}× ${one.gpu_type ?? '?'}` : '–') },
    {
      id: 'estimated', name: text.estimated, number: true, key: (one) => one.estimated_s.p50,
      cell: (one) => <span title={`${duration(one.estimated_s.p10)} – ${duration(one.estimated_s.p90)}`}>{duration(one.estimated_s.p50)}</span>,
    },
    { id: 'actual', name: text.actual, number: true, key: (one) => one.actual_s, cell: (one) => duration(one.actual_s) },
    { id: 'error', name: text.error, number: true, key: (one) => Math.abs(errorOf(one)), cell: (one) => `${errorOf(one) > 0 ? '+' : ''}${percent(errorOf(one))}` },
    { id: 'inside', name: text.inside, wide: true, key: (one) => Number(wasInside(one)), cell: (one) => (wasInside(one) ? text.yes : text.no) },
    { id: 'made', name: text.made, wide: true, key: (one) => one.made, cell: (one) => text.madeWords[one.made] ?? one.made },
    { id: 'at', name: text.at, number: true, key: (one) => one.at, cell: (one) => <Ago at={one.at} /> },
  ];
}

/** How well we did: what was said of jobs against what they took. */
export function AccuracyCard() {
  const text = useEstimatesText();
  const { data: accuracy, problem, reload } = useAccuracy();
  const [lit, setLit] = useState<number>();
  const [asTable, setAsTable] = useState(false);
  const items = accuracy?.items ?? [];
  const plot = useMemo(() => accuracyPlot(items), [accuracy]);
  const draw = useCallback((pen: Pen) => drawAccuracy(pen, items, plot, lit, text.actual), [items, plot, lit, text]);
  const point = (place: { x: number; y: number; width: number; height: number } | undefined) => {
    const near = !place ? -1 : items.findIndex((one) => {
      const at = spot(plot, one.actual_s, one.estimated_s.p50, place.width, place.height);
      return Math.hypot(at.x - place.x, at.y - place.y) < kReachPx;
    });
    setLit(near < 0 ? undefined : near);
  };
  const pointed = lit === undefined ? undefined : items[lit];
  const ratio = (value: number | null | undefined) => percent(value == null ? null : value / 100);
  return (
    <section class="card" aria-label={text.accuracy}>
      <header>
        <h2>{text.accuracy}</h2>
        {items.length > 0 && <button type="button" class="small quiet" onClick={() => setAsTable(!asTable)}>{asTable ? text.asChart : text.asTable}</button>}
      </header>
      {problem && <Problem what={text.accuracy} problem={problem} onRetry={reload} />}
      {!accuracy && !problem && <Loading />}
      {accuracy && items.length === 0 && <p class="empty">{text.noAccuracy}</p>}
      {accuracy && items.length > 0 && (
        <div class="stack">
          <dl class="figures">
            <Figure name={text.mdape}>{ratio(accuracy.mdape_pct)}</Figure>
            <Figure name={text.coverage}>{ratio(accuracy.coverage90_pct)}</Figure>
            <Figure name={text.counted}>{accuracy.count}</Figure>
          </dl>
          {asTable ? <Table label={text.accuracy} columns={pastColumns(text)} rows={items} id={(one) => `${one.job_id} ${one.made}`} open={(one) => pathTo.job(one.job_id)} empty="" /> : (
            <div>
              <p class="soft lit" aria-live="polite">
                {pointed ? `${pointed.name}: ${text.estimated} ${duration(pointed.estimated_s.p50)}, ${text.actual} ${duration(pointed.actual_s)}` : text.estimated}
              </p>
              <Canvas label={text.accuracySays(items.length)} height={300} draw={draw} onPoint={point} />
            </div>
          )}
        </div>
      )}
    </section>
  );
}
