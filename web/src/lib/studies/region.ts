// A marked region becomes a study file. Pure.
import type { Choice, ParameterFile, StudyFile } from '../../api/study_types';
import { choiceText, valueAt, type Axis } from './axes';
import type { Brushes, Range } from './brush';

export interface Narrowed {
  name: string;
  from: string;
  to: string;
}

export interface Region {
  file: StudyFile;
  changes: Narrowed[];
}

/** `marked`: only the axes that were marked; `box`: every parameter, to where the chosen trials lie. */
export type Reach = 'marked' | 'box';

const isChoice = (axis: Axis) => axis.kind === 'categorical' || axis.kind === 'ordered';
const round = (value: number) => Number(value.toPrecision(4));

/** The bounds of the chosen trials on an axis, as values; undefined where none of them has the parameter. */
function boxOf(axis: Axis, mask: Uint8Array): [number, number] | undefined {
  let low = Infinity;
  let high = -Infinity;
  for (let trial = 0; trial < mask.length; trial += 1) {
    const value = axis.values[trial] as number;
    if (mask[trial] === 1 && !Number.isNaN(value)) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return low <= high ? [low, high] : undefined;
}

function choicesIn(axis: Axis, range: Range | undefined, mask: Uint8Array): Choice[] {
  const kept = axis.choices.map((_, index) =>
    range !== undefined && (index + 0.5) / axis.choices.length >= range[0] && (index + 0.5) / axis.choices.length <= range[1]);
  if (range === undefined) {
    for (let trial = 0; trial < mask.length; trial += 1) {
      const value = axis.values[trial] as number;
      if (mask[trial] === 1 && !Number.isNaN(value)) kept[value] = true;
    }
  }
  return axis.choices.filter((_, index) => kept[index]);
}

/** Bounds of the file's own grid inside the range, and never outside of what the file allowed. */
function boundsIn(axis: Axis, parameter: ParameterFile, low: number, high: number): [number, number] {
  const [first, last] = (parameter.parameters ?? [axis.low, axis.high]) as [number, number];
  const step = parameter.step ?? (axis.kind === 'integer' ? 1 : 0);
  let from = Math.max(first, low);
  let to = Math.min(last, high);
  if (step > 0) {
    from = first + Math.ceil((from - first) / step - 1e-6) * step;
    to = first + Math.floor((to - first) / step + 1e-6) * step;
    // A range between two points of the grid is the nearer of them.
    if (to < from) from = to = first + Math.round(((low + high) / 2 - first) / step) * step;
    return [round(Math.max(first, from)), round(Math.min(last, Math.max(from, to)))];
  }
  from = round(from);
  to = round(to);
  return from < to ? [Math.max(first, from), Math.min(last, to)] : [first, last];
}

const textOf = (values: readonly Choice[]) => values.map(choiceText).join(', ');
const rangeText = ([low, high]: readonly Choice[]) => `${choiceText(low)} – ${choiceText(high)}`;

/** What the marks on measures chose is turned into bounds of parameters by `box`. */
export function regionOf(file: StudyFile, axes: readonly Axis[], brushes: Brushes, mask: Uint8Array, reach: Reach, name: string): Region {
  const parameters: Record<string, ParameterFile> = { ...file.h_params };
  const changes: Narrowed[] = [];
  for (const axis of axes) {
    const parameter = parameters[axis.name];
    const range = brushes[axis.id];
    if (axis.role !== 'parameter' || !parameter || (range === undefined && reach === 'marked')) continue;
    const before = parameter.parameters ?? [];
    if (isChoice(axis)) {
      const kept = choicesIn(axis, range, mask);
      if (kept.length === 0 || kept.length === axis.choices.length) continue;
      parameters[axis.name] = { ...parameter, parameters: kept };
      changes.push({ name: axis.name, from: textOf(before), to: textOf(kept) });
      continue;
    }
    const box = range === undefined ? boxOf(axis, mask)
      : [valueAt(axis, range[0]), valueAt(axis, range[1])] as [number, number];
    if (!box) continue;
    const bounds = boundsIn(axis, parameter, box[0], box[1]);
    if (bounds[0] === before[0] && bounds[1] === before[1]) continue;
    parameters[axis.name] = { ...parameter, parameters: bounds };
    changes.push({ name: axis.name, from: rangeText(before), to: rangeText(bounds) });
  }
  return { file: { ...file, name, h_params: parameters }, changes };
}

/** lr-sweep -> lr-sweep-2 -> lr-sweep-3. */
export function nextName(name: string): string {
  const [, stem = name, number] = /^(.*?)(?:-(\d+))?$/.exec(name) ?? [];
  return `${stem}-${number === undefined ? 2 : Number(number) + 1}`;
}

/** As a person would write it: a parameter a line. */
export function fileText(written: StudyFile): string {
  // The server keeps the order of the parameters beside them, and JSON as we write it has one.
  const { axes: order, ...file } = written;
  if (Array.isArray(order) && file.h_params) {
    const names = [...new Set([...order.map(String), ...Object.keys(file.h_params)])].filter((name) => name in (file.h_params ?? {}));
    file.h_params = Object.fromEntries(names.map((name) => [name, file.h_params?.[name] ?? {}]));
  }
  const compact = (value: unknown) => JSON.stringify(value);
  const nested = (value: Record<string, unknown>) =>
    `{\n${Object.entries(value).map(([key, one]) => `    ${compact(key)}: ${compact(one)}`).join(',\n')}\n  }`;
  const lines = Object.entries(file).map(([key, value]) =>
    `  ${compact(key)}: ${key === 'h_params' || key === 'job' ? nested(value as Record<string, unknown>) : compact(value)}`);
  return `{\n${lines.join(',\n')}\n}\n`;
}

/** Where the file has no job of its own, programs ask for its trials, and it is begun over HTTP. */
export function repeatCommand(file: StudyFile, path: string): string {
  const quoted = /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
  return file.job ? `galley tune ${quoted}` : `curl -H "Authorization: Bearer $GALLEY_TOKEN" -d @${quoted} "$GALLEY_SERVER/api/v1/studies"`;
}
