// Ranges that a reader marks on axes, and which trials lie in all of them. Pure.
import type { Axis } from './axes';

/** From and to as places on the axis; below 0 is where trials without the parameter run. */
export type Range = readonly [number, number];
export type Brushes = Readonly<Record<string, Range>>;

/** Below this a drag was a click. */
export const kLeastRange = 0.005;

export interface Selection {
  /** By trial: 1 where it is chosen. */
  mask: Uint8Array;
  count: number;
}

const isChoice = (axis: Axis) => axis.kind === 'categorical' || axis.kind === 'ordered';

export function select(axes: readonly Axis[], brushes: Brushes, trials: number): Selection {
  const mask = new Uint8Array(trials).fill(1);
  let count = trials;
  for (const axis of axes) {
    const brush = brushes[axis.id];
    if (!brush) continue;
    const [low, high] = brush;
    const { units } = axis;
    for (let trial = 0; trial < trials; trial += 1) {
      const unit = units[trial] as number;
      if (mask[trial] === 1 && !(unit < 0 ? low < 0 : unit >= low && unit <= high)) {
        mask[trial] = 0;
        count -= 1;
      }
    }
  }
  return { mask, count };
}

/** On an axis of choices a range covers whole choices. */
export function snapped(axis: Axis, range: Range): Range {
  const low = Math.max(axis.conditional ? -0.2 : 0, Math.min(range[0], range[1]));
  const high = Math.min(1, Math.max(range[0], range[1]));
  if (!isChoice(axis)) return [low, high];
  const cells = Math.max(1, axis.choices.length);
  return [low < 0 ? low : Math.floor(low * cells + 1e-9) / cells, Math.min(1, Math.ceil(high * cells - 1e-9) / cells)];
}

export function withBrush(brushes: Brushes, axis: Axis, range: Range | undefined): Brushes {
  const { [axis.id]: _, ...others } = brushes;
  return range === undefined || range[1] - range[0] < kLeastRange ? others : { ...others, [axis.id]: snapped(axis, range) };
}

/** Moves a range without changing its length. */
export function shifted(range: Range, by: number): Range {
  const step = Math.max(-range[0], Math.min(1 - range[1], by));
  return [range[0] + step, range[1] + step];
}

const short = (value: number) => String(Number(value.toFixed(4)));

/** For the address: p:lr~0.1~0.5,m:loss~0~0.2 with names escaped. */
export const brushesText = (brushes: Brushes): string =>
  Object.entries(brushes).map(([id, [low, high]]) => `${encodeURIComponent(id)}~${short(low)}~${short(high)}`).join(',');

export function brushesOf(text: string, axes: readonly Axis[]): Brushes {
  let brushes: Brushes = {};
  for (const part of text.split(',')) {
    const [name, low, high] = part.split('~');
    const axis = axes.find(({ id }) => encodeURIComponent(id) === name);
    const range: Range = [Number(low), Number(high)];
    if (axis && range.every(Number.isFinite)) brushes = withBrush(brushes, axis, range);
  }
  return brushes;
}
