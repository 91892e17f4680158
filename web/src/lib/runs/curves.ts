// A run's series as curves: smoothed, over steps or time, with their best and last points. Pure.
import type { MetricSeries } from '../../api/types';
import type { Curve } from '../series';

export const kAxes = ['step', 'relative', 'wall'] as const;
export type Axis = (typeof kAxes)[number];

export const parseAxis = (text: string): Axis => kAxes.find((axis) => axis === text) ?? 'step';

type Values = readonly (number | null)[];

/**
 * The exponential moving average of weight `weight` (0: the values themselves; below 1), corrected for its start at nothing. Points that
 * are no numbers stay holes and count for nothing.
 */
export function smoothed(ys: Values, weight: number): (number | null)[] {
  if (weight <= 0) return [...ys];
  let sum = 0;
  let mass = 0;
  return ys.map((y) => {
    if (y == null) return null;
    sum = weight * sum + (1 - weight) * y;
    mass = weight * mass + (1 - weight);
    return sum / mass;
  });
}

/** Seconds since 1970, seconds since the first point, or steps. */
export function xsOf(series: MetricSeries, axis: Axis): number[] {
  const times = series.times_ms ?? [];
  if (axis === 'step' || times.length !== series.steps.length) return series.steps;
  const first = axis === 'relative' ? Math.min(...times) : 0;
  return times.map((at) => (at - first) / 1000);
}

/** Points in the order of x, since a chart needs that; of points with one x the last one stays. */
export function inOrder(xs: readonly number[], ys: Values): { xs: number[]; ys: (number | null)[] } {
  if (xs.every((x, index) => index === 0 || x > (xs[index - 1] as number))) return { xs: [...xs], ys: [...ys] };
  const order = xs.map((_, index) => index).sort((a, b) => (xs[a] as number) - (xs[b] as number) || a - b);
  const sortedXs: number[] = [];
  const sortedYs: (number | null)[] = [];
  for (const index of order) {
    const x = xs[index] as number;
    if (sortedXs.at(-1) === x) sortedYs[sortedYs.length - 1] = ys[index] ?? null;
    else {
      sortedXs.push(x);
      sortedYs.push(ys[index] ?? null);
    }
  }
  return { xs: sortedXs, ys: sortedYs };
}

/** What a logarithmic axis can show. */
export const positive = (ys: Values): (number | null)[] => ys.map((y) => (y != null && y > 0 ? y : null));

export interface Look {
  axis: Axis;
  weight: number;
  log: boolean;
}

/** The curve, and faintly behind it what was smoothed away. `tint` is the number of its colour. */
export function drawn(name: string, series: MetricSeries, look: Look, tint: number): Curve[] {
  const { xs, ys } = inOrder(xsOf(series, look.axis), series.values);
  const shown = (values: Values) => (look.log ? positive(values) : [...values]);
  const main: Curve = { name, xs, ys: shown(smoothed(ys, look.weight)), tint };
  return look.weight > 0 ? [{ name: `${name} `, xs, ys: shown(ys), tint, faint: true }, main] : [main];
}

const kLess = ['loss', 'error', 'perplexity', 'ppl', 'mse', 'mae', 'wer', 'latency', '_err', 'nll', 'regret'];
const kMore = ['acc', 'auc', 'f1', 'precision', 'recall', 'bleu', 'map', 'rouge', 'reward', 'iou', 'dice', 'score'];

/** Whether less or more of a metric is better, as its name tells; the server judges the same way. */
export function goalOf(key: string): 'min' | 'max' | undefined {
  const name = key.toLowerCase();
  if (kLess.some((word) => name.includes(word))) return 'min';
  return kMore.some((word) => name.includes(word)) ? 'max' : undefined;
}

export interface Best {
  value: number;
  step: number;
}

export function bestOf(series: MetricSeries, goal: 'min' | 'max' | undefined): Best | undefined {
  if (!goal) return undefined;
  let best: Best | undefined;
  series.values.forEach((value, index) => {
    if (value == null) return;
    if (!best || (goal === 'min' ? value < best.value : value > best.value)) best = { value, step: series.steps[index] as number };
  });
  return best;
}

/** "14:20:05" on one day, "22 Nov 14:20" over several. */
export function wallClock(seconds: number, spanSeconds: number): string {
  const date = new Date(seconds * 1000);
  if (spanSeconds < 86_400) return date.toLocaleTimeString('en-GB');
  return date.toLocaleString('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
}

export const spanOf = (curves: readonly Curve[]): number => {
  const xs = curves.flatMap((curve) => (curve.xs.length > 0 ? [curve.xs[0] as number, curve.xs.at(-1) as number] : []));
  return xs.length > 0 ? Math.max(...xs) - Math.min(...xs) : 0;
};
