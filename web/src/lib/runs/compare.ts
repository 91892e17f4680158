// Runs against each other: numbers of parameters, scales of axes, places of points. Pure.
import type { Comparison } from '../../api/run_types';

export const kMostCompared = 20;
export const kTints = 8;

/** "a,b,a" -> ["a", "b"], at most kMostCompared. */
export const parseIds = (text: string): string[] => [...new Set(text.split(',').filter(Boolean))].slice(0, kMostCompared);

/** Colours repeat after eight; the second eight are dashed. */
export const tintOf = (index: number): { tint: number; dashed: boolean } => ({ tint: index % kTints, dashed: Math.floor(index / kTints) % 2 === 1 });

/** Names of runs, told apart by their number where several are called the same. */
export function namesOf(runs: readonly { id: string; name: string }[]): string[] {
  const counts = new Map<string, number>();
  for (const run of runs) counts.set(run.name, (counts.get(run.name) ?? 0) + 1);
  const used = new Map<string, number>();
  return runs.map((run) => {
    if (run.name === '') return run.id;
    if (counts.get(run.name) === 1) return run.name;
    const number = (used.get(run.name) ?? 0) + 1;
    used.set(run.name, number);
    return `${run.name} (${number})`;
  });
}

export interface Dimension {
  id: string;
  /** One for each run: a number, a word, or nothing. */
  values: (number | string | null)[];
  /** Words from top to bottom; absent where all are numbers. */
  words?: string[];
  log: boolean;
}

const numberIn = (text: string): number | null => (text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : null);

function dimension(id: string, values: readonly (string | number | null)[]): Dimension {
  const numbers = values.map((value) => (typeof value === 'string' ? numberIn(value) : value));
  const areNumbers = values.every((value, index) => value === null || numbers[index] !== null);
  if (!areNumbers) {
    const words = [...new Set(values.filter((value) => value !== null).map(String))].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    return { id, values: values.map((value) => (value === null ? null : String(value))), words, log: false };
  }
  const known = numbers.filter((value) => value !== null);
  const least = Math.min(...known);
  // Rates and sizes are chosen by factors.
  const log = known.length > 1 && least > 0 && Math.max(...known) / least >= 50;
  return { id, values: numbers, log };
}

/** Parameters that differ, and every metric. */
export function dimensionsOf(comparison: Comparison): Dimension[] {
  return [
    ...comparison.params.filter((param) => param.differs).map((param) => dimension(`params.${param.key}`, param.values)),
    ...comparison.metrics.map((metric) => dimension(`metrics.${metric.key}`, metric.best ?? metric.last)),
  ];
}

/** Where a value lies on its axis, 0 to 1; undefined where it has none. */
export function placeOf(dimension: Dimension, run: number): number | undefined {
  const value = dimension.values[run];
  if (value == null) return undefined;
  if (dimension.words) return dimension.words.length < 2 ? 0.5 : dimension.words.indexOf(String(value)) / (dimension.words.length - 1);
  const scale = dimension.log ? Math.log : (x: number) => x;
  const known = dimension.values.filter((one) => typeof one === 'number').map(scale);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  return most > least ? (scale(value as number) - least) / (most - least) : 0.5;
}

/** What stands beside an axis, with its place: words, or the ends and the middle. */
export function marksOf(dimension: Dimension): { at: number; value: number | string }[] {
  if (dimension.words) {
    const words = dimension.words.slice(0, 12);
    return words.map((value, index) => ({ at: words.length < 2 ? 0.5 : index / (words.length - 1), value }));
  }
  const known = dimension.values.filter((one) => typeof one === 'number');
  if (known.length === 0) return [];
  const [least, most] = [Math.min(...known), Math.max(...known)];
  if (least === most) return [{ at: 0.5, value: least }];
  const middle = dimension.log ? Math.sqrt(least * most) : (least + most) / 2;
  return [{ at: 0, value: least }, { at: 0.5, value: middle }, { at: 1, value: most }];
}

const kEdge = 0.03;
/** Points and marks keep off the edges of a plot. */
export const inset = (place: number): number => kEdge + (1 - 2 * kEdge) * place;

export interface Point {
  run: number;
  x: number;
  y: number;
}

export function pointsOf(x: Dimension, y: Dimension, runs: number): Point[] {
  return Array.from({ length: runs }, (_, run) => ({ run, x: placeOf(x, run), y: placeOf(y, run) }))
    .flatMap(({ run, x: across, y: up }) => (across === undefined || up === undefined ? [] : [{ run, x: inset(across), y: inset(up) }]));
}

/** The point nearest to a place, if one is within `reach` (both in pixels of a plot of this size). */
export function nearestPoint(points: readonly Point[], x: number, y: number, width: number, height: number, reach: number): Point | undefined {
  let nearest: Point | undefined;
  let least = reach;
  for (const point of points) {
    const distance = Math.hypot(point.x * width - x, (1 - point.y) * height - y);
    if (distance <= least) {
      least = distance;
      nearest = point;
    }
  }
  return nearest;
}
