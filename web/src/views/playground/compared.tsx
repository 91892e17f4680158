import { useMemo } from 'preact/hooks';

import { measure, percent, shareOf } from '../../lib/format';
import { compare, type Comparison } from '../../lib/playground/compare';
import { usePlay } from '../../live/play_store';
import { usePlaygroundText } from '../../text/playground';
import { Table, type Column } from '../../ui/table';

/** Settings in figures, as soon as there are two to compare. */
export function Compared() {
  const play = usePlaygroundText();
  const rows = usePlay((state) => state.rows);
  const lines = useMemo(() => compare(rows), [rows]);
  if (lines.length < 2) return null;
  const milliseconds = (value: number | undefined) => (value === undefined ? '–' : measure(Math.round(value)));
  const columns: Column<Comparison>[] = [
    { id: 'model', name: play.model, cell: (line) => <span class="title">{line.model}</span>, key: (line) => line.model },
    { id: 'snapshot', name: play.snapshotName, cell: (line) => <code>{line.snapshot || '–'}</code>, wide: true },
    { id: 'how', name: play.how, cell: (line) => (line.how === 'greedy' ? play.greedyWord : play.sampledWord), key: (line) => line.how },
    { id: 'parameters', name: play.differing, cell: (line) => <span class="parameters">{line.parameters || play.same}</span>, wide: true, wrap: true },
    { id: 'answers', name: play.compareAnswers, cell: (line) => line.answers, key: (line) => line.answers, number: true },
    { id: 'failed', name: play.compareFailed, cell: (line) => line.failed, key: (line) => line.failed, number: true },
    { id: 'rating', name: play.compareRating, number: true, key: (line) => line.rating,
      cell: (line) => (line.rating === undefined ? '–' : <>{line.rating.toFixed(2)} <span class="soft">{play.compareRated(String(line.rated))}</span></>) },
    { id: 'same', name: play.compareSame, number: true, key: (line) => shareOf(line.same, line.compared),
      cell: (line) => (line.compared === 0 ? '–' : <>{percent(shareOf(line.same, line.compared))} <span class="soft">{play.compareRated(String(line.compared))}</span></>) },
    { id: 'chosen', name: play.compareChosen, number: true, key: (line) => line.chosen,
      cell: (line) => (line.rivals === 0 ? '–' : <>{line.chosen} <span class="soft">{play.compareRated(String(line.rivals))}</span></>) },
    { id: 'first', name: play.compareFirst, cell: (line) => milliseconds(line.firstMs), key: (line) => line.firstMs, number: true },
    { id: 'total', name: play.compareTotal, cell: (line) => milliseconds(line.totalMs), key: (line) => line.totalMs, number: true },
  ];
  return (
    <section class="card flush" aria-label={play.compareTitle}>
      <header><h2>{play.compareTitle}</h2></header>
      <Table label={play.compareTitle} columns={columns.filter(({ id }) => told(id, lines))} rows={lines} id={(line) => line.key} empty="" />
    </section>
  );
}

/** A column in which nobody has anything to say is left out. */
function told(column: string, lines: readonly Comparison[]): boolean {
  const has: Record<string, (line: Comparison) => boolean> = {
    failed: (line) => line.failed > 0, rating: (line) => line.rated > 0, same: (line) => line.compared > 0, chosen: (line) => line.rivals > 0,
  };
  const says = has[column];
  return says === undefined || lines.some(says);
}
