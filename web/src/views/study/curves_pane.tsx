import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import type { StudyCurves, StudyDetail } from '../../api/study_types';
import { count, duration, measure } from '../../lib/format';
import { useQuery } from '../../lib/router';
import { drawnOf, layoutCurves, leaders, nearestCurve, type CurveX, type DrawnCurve } from '../../lib/studies/curves';
import { paintCurves } from '../../lib/studies/curve_painter';
import { useShownTheme } from '../../lib/theme';
import { useStudyCurves } from '../../live/studies';
import { useStudiesText } from '../../text/studies';
import { colour } from '../../ui/chart';
import { Loading, Problem } from '../../ui/problem';
import { Segments } from '../../ui/segments';
import { Table, type Column } from '../../ui/table';

const kLeaders = 5;
const kListed = 20;
const kHeight = 420;

interface Props {
  study: StudyDetail;
  onOpen: (trial: number) => void;
}

export function CurvesPane({ study, onOpen }: Props) {
  const words = useStudiesText();
  const { data: curves, problem, reload } = useStudyCurves(study.id);
  if (problem && !curves) return <Problem what={words.tabs.curves} problem={problem} onRetry={reload} />;
  if (!curves) return <Loading />;
  if (curves.curves.length === 0) return <p class="empty">{words.curves.none}</p>;
  return <Curves study={study} curves={curves} onOpen={onOpen} />;
}

function useWidth(): [{ current: HTMLDivElement | null }, number] {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = place.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);
  return [place, width];
}

function Curves({ study, curves, onOpen }: Props & { curves: StudyCurves }) {
  const words = useStudiesText().curves;
  const theme = useShownTheme();
  const [along, setAlong] = useQuery('x', 'resource');
  const x: CurveX = along === 'time' ? 'time' : 'resource';
  const [place, width] = useWidth();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [hovered, setHovered] = useState<DrawnCurve>();
  const layout = useMemo(() => layoutCurves(curves, x, Math.max(width, 240), kHeight), [curves, x, width]);
  const best = useMemo(() => leaders(curves, kListed), [curves]);
  const drawn = useMemo(() => curves.curves.map((curve) => drawnOf(curve, x, layout, curves.order === 'descending')), [curves, x, layout]);
  const looks = useMemo(() => ({
    faint: colour('--line-strong'), ink: colour('--ink'), soft: colour('--ink-soft'), grid: colour('--grid'),
    leaders: [1, 2, 3, 4, 5].map((index) => colour(`--series-${index}`)),
  }), [theme]);
  const shown = best.slice(0, kLeaders).map(({ trial }) => trial);
  useLayoutEffect(() => {
    if (canvas.current && width > 0)
      paintCurves(canvas.current, layout, drawn, shown, hovered?.trial, looks, x === 'time' ? duration : measure);
  }, [drawn, layout, hovered, looks, width]);
  const near = (event: MouseEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return nearestCurve(drawn, event.clientX - box.left, event.clientY - box.top);
  };
  const rows = best.map((curve) => ({ curve, drawn: drawn.find(({ trial }) => trial === curve.trial) as DrawnCurve }));
  const columns: Column<(typeof rows)[number]>[] = [
    {
      id: 'trial', name: words.trial, number: true,
      cell: ({ curve }) => (
        <span class="row leader">
          <i class={`swatch series-${shown.indexOf(curve.trial) + 1}`} aria-hidden="true" />
          <button type="button" class="link" onClick={() => onOpen(curve.trial)}>{curve.trial}</button>
        </span>
      ),
    },
    { id: 'best', name: words.best, number: true, cell: (row) => measure(row.drawn.bestValue) },
    { id: 'last', name: words.last, number: true, cell: (row) => measure(row.drawn.last) },
    { id: 'until', name: `${words.until}, ${study.resource}`, number: true, cell: ({ curve }) => measure(curve.resource[curve.resource.length - 1]) },
  ];
  return (
    <div class="columns">
      <section class="card" aria-label={words.title(curves.measure)}>
        <header>
          <h2>{words.title(curves.measure)}</h2>
          <Segments label={words.x} value={x} choices={[['resource', words.resource(study.resource)], ['time', words.time]]} onChange={setAlong} />
        </header>
        <div class="curve-plot" ref={place} onMouseMove={(event) => setHovered(near(event))} onMouseLeave={() => setHovered(undefined)}
          onClick={(event) => { const curve = near(event); if (curve) onOpen(curve.trial); }}>
          <canvas ref={canvas} role="img" aria-label={words.label(count(curves.curves.length), curves.measure)} />
        </div>
        <p class="soft" role="status">
          {hovered ? `${words.trial} ${hovered.trial}: ${words.best} ${measure(hovered.bestValue)}, ${words.last} ${measure(hovered.last)}`
            : words.note(count(curves.curves.length), count(curves.of))}
          {!hovered && study.file.warm_start !== undefined && ` · ${words.earlier}`}
        </p>
      </section>
      <section class="card flush" aria-label={words.leaders}>
        <header><h2>{words.leaders}</h2></header>
        <Table label={words.leaders} columns={columns} rows={rows} id={({ curve }) => `trial-${curve.trial}`} empty={words.none} />
      </section>
    </div>
  );
}
