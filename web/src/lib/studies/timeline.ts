// Steps over time as columns of a stacked chart. Pure.
import type { StudyTimeline } from '../../api/study_types';
import type { Curve } from '../series';

const kUnits = [
  { name: 'seconds', seconds: 1, upTo: 600 },
  { name: 'minutes', seconds: 60, upTo: 4 * 3600 },
  { name: 'hours', seconds: 3600, upTo: Infinity },
] as const;

export type TimeUnit = (typeof kUnits)[number];

export const timeUnit = (untilS: number): TimeUnit => kUnits.find(({ upTo }) => untilS <= upTo) ?? kUnits[2];

export const holdsAny = (share: StudyTimeline['share']): boolean =>
  [share.study, share.tuning, share.people].some((column) => column.some((gpus) => gpus > 0));

/** Each value holds until the next, and the last until now. */
export function layersOf(atS: readonly number[], untilS: number, unit: number, columns: readonly (readonly [string, readonly number[]])[]): Curve[] {
  const xs = [...atS, Math.max(untilS, atS[atS.length - 1] ?? 0)].map((at) => at / unit);
  return columns.map(([name, values]) => ({ name, xs, ys: [...values, values[values.length - 1] ?? 0] }));
}

/** The curves on top of each other, the first at the bottom. */
export function stacked(layers: readonly Curve[]): number[][] {
  const sums: number[][] = [];
  layers.forEach((layer, index) => {
    const below = sums[index - 1];
    sums.push(layer.ys.map((value, at) => (value ?? 0) + (below?.[at] ?? 0)));
  });
  return sums;
}
