// Cost against time, and estimates against what happened: places of points on a plot. Pure.
import type { EstimateRow, PastEstimate } from '../../api/estimate_types';

export interface Scale {
  least: number;
  most: number;
  log: boolean;
}

/** A scale on which all values lie with a little room; logarithmic where they span a factor of ten. */
export function scaleOf(values: readonly number[], alwaysLog = false): Scale {
  const known = values.filter((value) => Number.isFinite(value) && value >= 0);
  if (known.length === 0) return { least: 0, most: 1, log: false };
  const least = Math.min(...known);
  const most = Math.max(...known);
  if (least > 0 && (alwaysLog || most / least >= 10)) return { least: least / 1.25, most: most * 1.25, log: true };
  const room = (most - least) * 0.08 || most * 0.2 || 1;
  return { least: Math.max(0, least - room), most: most + room, log: false };
}

export function placeOn(scale: Scale, value: number): number {
  const of = scale.log ? Math.log : (x: number) => x;
  const span = of(scale.most) - of(scale.least);
  if (!(span > 0) || (scale.log && value <= 0)) return 0;
  return Math.min(1, Math.max(0, (of(value) - of(scale.least)) / span));
}

/** Round numbers to stand beside an axis. */
export function ticksOf({ least, most, log }: Scale, about = 5): number[] {
  if (log) {
    const ticks: number[] = [];
    const steps = most / least > 200 ? [1] : most / least > 12 ? [1, 3] : [1, 2, 3, 5, 7];
    for (let power = 10 ** Math.floor(Math.log10(least)); power <= most; power *= 10)
      for (const step of steps) if (step * power >= least && step * power <= most) ticks.push(step * power);
    return ticks;
  }
  const rough = (most - least) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? rough;
  const first = Math.ceil(least / step);
  return Array.from({ length: Math.max(0, Math.floor(most / step) - first + 1) }, (_, index) => (first + index) * step);
}

const kTimes = [1, 5, 15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400, 2 * 86_400, 4 * 86_400, 7 * 86_400, 14 * 86_400, 30 * 86_400, 60 * 86_400, 180 * 86_400, 365 * 86_400];

/** Seconds, minutes, hours and days that people count by. */
export function timeTicks(scale: Scale): number[] {
  const inside = kTimes.filter((time) => time >= scale.least && time <= scale.most);
  return inside.length >= 2 ? inside : ticksOf(scale, 4);
}

export interface RunnableRow extends EstimateRow {
  runtime_s: NonNullable<EstimateRow['runtime_s']>;
  cost_usd: number;
  finish_s: number;
}

export const isRunnable = (row: EstimateRow): row is RunnableRow =>
  row.runtime_s !== undefined && row.cost_usd !== undefined && row.finish_s !== undefined;

/** The front from the soonest to the cheapest, as the server marked it. */
export const frontOf = (rows: readonly EstimateRow[]): RunnableRow[] =>
  rows.filter(isRunnable).filter((row) => row.pareto).sort((a, b) => a.finish_s - b.finish_s);

/** By how much the time was missed: 0.1 is 10 % too long an estimate. */
export const errorOf = ({ estimated_s, actual_s }: PastEstimate): number => (actual_s > 0 ? estimated_s.p50 / actual_s - 1 : 0);

export const wasInside = ({ estimated_s, actual_s }: PastEstimate): boolean => actual_s >= estimated_s.p10 && actual_s <= estimated_s.p90;

/** $0.012, $4.20, $150, $12,300. */
export function dollars(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return '–';
  if (value !== 0 && Math.abs(value) < 0.1) return `$${Number(value.toPrecision(2))}`;
  if (Math.abs(value) < 100) return `$${value.toFixed(2)}`;
  return `$${Math.round(value).toLocaleString('en-US')}`;
}
