// Parameters and measures as parallel axes: every value becomes a place from 0 (bottom) to 1 (top). Pure.
import type { Choice, StudyTable, TableAxis } from '../../api/study_types';
import { measure } from '../format';
import { roundNumbers } from './numbers';

export interface Axis {
  /** 'p:lr' or 'm:accuracy': parameters and measures may share a name. */
  id: string;
  name: string;
  role: 'parameter' | 'measure';
  kind: TableAxis['kind'];
  low: number;
  high: number;
  log: boolean;
  choices: readonly Choice[];
  /** Some trials have no value: it does not exist in them, or they reported none. */
  conditional: boolean;
  /** Of a measure: the greatest is best. */
  descending: boolean;
  /** Values beyond the bad end are drawn at it: a few diverged trials must not hide the others. */
  clipped: 'none' | 'low' | 'high';
  /** By trial: the number or the choice's index; NaN where there is none. */
  values: Float64Array;
  /** By trial: the place; -1 where there is none. */
  units: Float32Array;
}

/** Where lines run of trials in which a parameter does not exist. */
export const kAbsent = -1;
const kJitter = 0.28;
const kTailFactor = 4;
const kLogRatio = 1000;

const isChoice = (kind: TableAxis['kind']) => kind === 'categorical' || kind === 'ordered';

/** From -0.5 to 0.5, the same for the same trial: lines of one choice lie side by side. */
const spread = (trial: number) => ((Math.imul(trial + 1, 0x9e3779b1) >>> 8) & 0xffff) / 0xffff - 0.5;

function columnOf(values: readonly (number | null)[]): Float64Array {
  const column = new Float64Array(values.length);
  for (let at = 0; at < values.length; at += 1) column[at] = values[at] ?? NaN;
  return column;
}

function extent(values: Float64Array): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

export function unitOf(axis: Axis, value: number): number {
  if (Number.isNaN(value)) return kAbsent;
  if (isChoice(axis.kind)) return (value + 0.5) / Math.max(1, axis.choices.length);
  const share = axis.log
    ? Math.log(Math.max(value, Number.MIN_VALUE) / axis.low) / Math.log(axis.high / axis.low)
    : (value - axis.low) / (axis.high - axis.low);
  return Math.min(1, Math.max(0, share));
}

export function valueAt(axis: Axis, unit: number): number {
  const share = Math.min(1, Math.max(0, unit));
  if (isChoice(axis.kind)) return Math.min(axis.choices.length - 1, Math.floor(share * axis.choices.length));
  return axis.log ? axis.low * (axis.high / axis.low) ** share : axis.low + share * (axis.high - axis.low);
}

function withUnits(axis: Axis): Axis {
  const { values, units } = axis;
  const choices = isChoice(axis.kind) ? axis.choices.length : 0;
  for (let trial = 0; trial < values.length; trial += 1) {
    const unit = unitOf(axis, values[trial] as number);
    units[trial] = unit >= 0 && choices > 0 ? unit + (2 * kJitter * spread(trial)) / choices : unit;
  }
  return axis;
}

function widened(low: number, high: number): [number, number] {
  if (!(low <= high)) return [0, 1];
  return low < high ? [low, high] : [low - Math.max(1e-9, Math.abs(low) * 0.05), high + Math.max(1e-9, Math.abs(high) * 0.05)];
}

function parameterAxis(axis: TableAxis): Axis {
  const values = columnOf(axis.values);
  // A population perturbs beyond the range that it began with.
  const [least, most] = extent(values);
  const [low, high] = widened(Math.min(axis.low ?? 0, least), Math.max(axis.high ?? 1, most));
  return withUnits({
    id: `p:${axis.name}`, name: axis.name, role: 'parameter', kind: axis.kind, low, high, log: (axis.log ?? false) && low > 0,
    choices: axis.choices ?? [], conditional: axis.conditional, descending: true, clipped: 'none', values,
    units: new Float32Array(values.length),
  });
}

/** The range that shows the difference between good trials: as far on the bad side as four times best to median. */
export function measureRange(values: Float64Array, descending: boolean): { low: number; high: number; clipped: Axis['clipped'] } {
  const known = values.filter((value) => Number.isFinite(value)).sort();
  const least = known[0];
  const most = known[known.length - 1];
  const median = known[known.length >> 1];
  if (least === undefined || most === undefined || median === undefined) return { low: 0, high: 1, clipped: 'none' };
  const [low, high] = widened(least, most);
  if (descending) {
    const end = most - kTailFactor * (most - median);
    return median < most && end > least + (most - least) * 0.25 ? { low: end, high, clipped: 'low' } : { low, high, clipped: 'none' };
  }
  const end = least + kTailFactor * (median - least);
  return median > least && end < most - (most - least) * 0.25 ? { low, high: end, clipped: 'high' } : { low, high, clipped: 'none' };
}

function measureAxis(name: string, order: string, column: readonly (number | null)[]): Axis {
  const values = columnOf(column);
  const descending = order === 'descending';
  const [least, most] = extent(values);
  const log = !descending && least > 0 && most / least > kLogRatio;
  const range = log ? { low: least, high: most, clipped: 'none' as const } : measureRange(values, descending);
  return withUnits({
    id: `m:${name}`, name, role: 'measure', kind: 'real', ...range, log, choices: [], conditional: values.some(Number.isNaN), descending, values,
    units: new Float32Array(values.length),
  });
}

/** Parameters in the order of the file, then the measures. */
export const axesOf = (table: StudyTable): Axis[] => [
  ...table.axes.map(parameterAxis),
  ...table.measures.map((one) => measureAxis(one.name, one.order, one.values)),
];

/** 1 is best, whichever way the measure goes; -1 where there is none. */
export function goodness(axis: Axis, trial: number): number {
  const unit = axis.units[trial] as number;
  if (unit < 0 || axis.role === 'parameter' || axis.descending) return unit;
  return 1 - unit;
}

export const choiceText = (choice: Choice | undefined): string => (choice === null || choice === undefined ? 'null' : String(choice));

/** A value as the reader wrote it; a dash where the parameter does not exist. */
export function valueText(axis: Axis, value: number): string {
  if (Number.isNaN(value)) return '–';
  return isChoice(axis.kind) ? choiceText(axis.choices[value]) : measure(value);
}

export interface Tick {
  unit: number;
  label: string;
}


function logTicks(low: number, high: number, most: number): number[] {
  const from = Math.ceil(Math.log10(low) - 1e-9);
  const to = Math.floor(Math.log10(high) + 1e-9);
  if (to - from < 1) return roundNumbers(low, high, most).filter((tick) => tick > 0);
  const stride = Math.max(1, Math.ceil((to - from + 1) / most));
  const ticks: number[] = [];
  for (let power = from; power <= to; power += stride) ticks.push(Number(`1e${power}`));
  return ticks;
}

/** Round numbers, or all choices as far as there is room. */
export function ticksOf(axis: Axis, most: number): Tick[] {
  if (isChoice(axis.kind)) {
    const stride = Math.max(1, Math.ceil(axis.choices.length / Math.max(2, most * 2)));
    return axis.choices.flatMap((choice, index) =>
      (index % stride === 0 ? [{ unit: (index + 0.5) / axis.choices.length, label: choiceText(choice) }] : []));
  }
  const values = axis.log ? logTicks(axis.low, axis.high, most) : roundNumbers(axis.low, axis.high, most);
  const whole = axis.kind === 'integer' ? values.filter(Number.isInteger) : values;
  return whole.map((value) => ({ unit: unitOf(axis, value), label: measure(value) }));
}
