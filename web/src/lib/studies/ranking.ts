// The order of trials in their table, and which of its rows are in sight. Pure.
import type { StudyTable } from '../../api/study_types';
import type { Order } from '../rows';
import type { Axis } from './axes';

const kSpare = 8;

function keysOf(table: StudyTable, axes: readonly Axis[], column: string): ArrayLike<number> | undefined {
  switch (column) {
    case 'trial': return Array.from({ length: table.count }, (_, trial) => trial);
    case 'state': return table.state;
    case 'resource': return table.resource;
    case 'gpu': return table.gpu_seconds;
    default: return axes.find(({ id }) => id === column)?.values;
  }
}

/** Numbers of trials; those without a value stand last either way, equal ones by number. */
export function ranked(table: StudyTable, axes: readonly Axis[], order: Order | undefined): number[] {
  const trials = Array.from({ length: table.count }, (_, trial) => trial);
  const keys = order && keysOf(table, axes, order.column);
  if (!keys) return trials;
  const sign = order.descending ? -1 : 1;
  return trials.sort((a, b) => {
    const [left, right] = [keys[a] ?? NaN, keys[b] ?? NaN];
    if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(left)) - Number(Number.isNaN(right)) || a - b;
    return sign * (left - right) || a - b;
  });
}

/** The rows in sight and a few around them; `top` may be of a longer list that has just become shorter. */
export function windowOf(rows: number, top: number, room: number, rowHeight: number): { from: number; to: number } {
  const seen = Math.ceil(room / rowHeight) + 2 * kSpare;
  const from = Math.max(0, Math.min(Math.floor(top / rowHeight) - kSpare, rows - seen));
  return { from, to: Math.min(rows, from + seen) };
}
