import { useCallback, useMemo, useState } from 'preact/hooks';

import type { Advice, EstimateRow } from '../../api/estimate_types';
import { dollars, isRunnable } from '../../lib/estimates/front';
import { duration } from '../../lib/format';
import { useEstimatesText, type EstimatesText } from '../../text/estimates';
import { Canvas, type Pen } from '../../ui/canvas';
import { Icon } from '../../ui/icon';
import { Table, type Column } from '../../ui/table';
import { costPlot, drawCosts, spot } from './plots';

const kReachPx = 24;
const kVerdictTones: Record<string, string> = { good: 'good', too_slow: 'wait', too_dear: 'wait', out_of_memory: 'bad', impossible: 'bad' };

function resultColumns(text: EstimatesText): Column<EstimateRow>[] {
  return [
    {
      id: 'name', name: text.name, key: (row) => row.name,
      cell: (row) => (
        <span class="row nowrap">
          <span class="title">{row.name}{row.spot ? ` · ${text.spot}` : ''}</span>
          {row.recommended && <span class="chip good"><Icon name="check" />{text.recommended}</span>}
          {row.pareto && !row.recommended && <span class="chip busy" title={text.paretoHint}>{text.pareto}</span>}
        </span>
      ),
    },
    { id: 'runtime', name: text.runtime, number: true, key: (row) => row.runtime_s?.p50, cell: (row) => <strong>{duration(row.runtime_s?.p50)}</strong> },
    {
      id: 'interval', name: text.interval, number: true, wide: true, key: (row) => row.runtime_s && row.runtime_s.p90 - row.runtime_s.p10,
      cell: (row) => (row.runtime_s ? `${duration(row.runtime_s.p10)} – ${duration(row.runtime_s.p90)}` : '–'),
    },
    { id: 'cost', name: text.cost, number: true, key: (row) => row.cost_usd, cell: (row) => <strong>{dollars(row.cost_usd)}</strong> },
    { id: 'cost90', name: `${text.cost}, ${text.costMost}`, number: true, wide: true, key: (row) => row.cost_usd_p90, cell: (row) => dollars(row.cost_usd_p90) },
    { id: 'wait', name: text.wait, number: true, wide: true, key: (row) => row.wait_s, cell: (row) => (row.wait_s > 0 ? duration(row.wait_s) : '–') },
    { id: 'finish', name: text.finish, number: true, key: (row) => row.finish_s, cell: (row) => duration(row.finish_s) },
    { id: 'hour', name: text.usd, number: true, wide: true, key: (row) => row.usd_per_hour, cell: (row) => dollars(row.usd_per_hour) },
    {
      id: 'verdict', name: text.verdict, key: (row) => row.verdict,
      cell: (row) => <span class={`chip ${kVerdictTones[row.verdict] ?? 'idle'}`}><Icon name={row.verdict === 'good' ? 'check' : 'slash'} />{text.verdicts[row.verdict] ?? row.verdict}</span>,
    },
    { id: 'note', name: text.note, wide: true, cell: (row) => <span title={row.note || row.nearest}>{row.note || row.nearest || ''}</span> },
  ];
}

export function ResultTable({ advice }: { advice: Advice }) {
  const text = useEstimatesText();
  // Names may stand twice, as of one machine in two regions.
  const places = useMemo(() => new Map(advice.items.map((row, index) => [row, String(index)])), [advice]);
  return (
    <section class="card flush" aria-label={text.results}>
      <header><h2>{text.results}</h2></header>
      <Table label={text.results} columns={resultColumns(text)} rows={advice.items} id={(row) => places.get(row) as string} empty="" />
    </section>
  );
}

/** The recommendation with its reason, and costs against times. */
export function Results({ advice }: { advice: Advice }) {
  const text = useEstimatesText();
  const [lit, setLit] = useState<number>();
  const rows = advice.items;
  const plot = useMemo(() => costPlot(rows), [rows]);
  const draw = useCallback((pen: Pen) => drawCosts(pen, rows, plot, lit, text.timeAxis), [rows, plot, lit, text]);
  const best = rows.find((row) => row.recommended);
  const point = (place: { x: number; y: number; width: number; height: number } | undefined) => {
    let nearest: number | undefined;
    let least = kReachPx;
    rows.forEach((row, index) => {
      if (!place || !isRunnable(row)) return;
      const at = spot(plot, row.finish_s, row.cost_usd, place.width, place.height);
      const distance = Math.hypot(at.x - place.x, at.y - place.y);
      if (distance < least) {
        least = distance;
        nearest = index;
      }
    });
    setLit(nearest);
  };
  const pointed = lit === undefined ? undefined : rows[lit];
  return (
    <>
      <section class={`card advice ${best ? 'good' : 'wait'}`} aria-label={text.recommended} role="status">
        {best && <h2><Icon name="check" />{best.name}</h2>}
        <p>{advice.reason}</p>
      </section>
      {rows.some(isRunnable) && (
        <section class="card" aria-label={text.plot}>
          <header><h2>{text.plot}</h2></header>
          <p class="soft lit" aria-live="polite">
            {pointed ? text.point(pointed.name, duration(pointed.finish_s), dollars(pointed.cost_usd)) : text.pointHint}
          </p>
          <Canvas label={text.plotSays(rows.filter(isRunnable).length, best?.name ?? '–')} height={320} draw={draw} onPoint={point} />
        </section>
      )}
    </>
  );
}
