// Settings side by side, in figures. Pure.
import { matchOf, type Row } from './results';

export interface Comparison {
  key: string;
  lane: string;
  model: string;
  snapshot: string;
  how: string;
  /** Those that differ between the lines. */
  parameters: string;
  answers: number;
  failed: number;
  chosen: number;
  /** Of requests that had several answers. */
  rivals: number;
  rated: number;
  rating: number | undefined;
  compared: number;
  same: number;
  firstMs: number | undefined;
  totalMs: number | undefined;
}

const kNeverShown = new Set(['seed']);

const shown = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : Array.isArray(value) ? value.map(shown).join(', ') : String(value));

/** "temperature 0.3 · top_p 0.8": all that was set, in the order in which it was sent. */
export const parameterText = (parameters: Row['parameters'], without: ReadonlySet<string> = new Set()): string =>
  Object.entries(parameters).filter(([name]) => !without.has(name)).map(([name, value]) => `${name} ${shown(value)}`).join(' · ');

const median = (values: readonly number[]): number | undefined => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return undefined;
  return sorted.length % 2 === 1 ? sorted[middle] : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
};

const defined = (values: readonly (number | undefined)[]): number[] => values.filter((value) => value !== undefined);

/** The names of the parameters that are the same in all rows: saying them on every line hides those that differ. */
function sharedNames(rows: readonly Row[]): Set<string> {
  const shared = new Set<string>();
  const first = rows[0]?.parameters ?? {};
  for (const [name, value] of Object.entries(first))
    if (rows.every(({ parameters }) => shown(parameters[name]) === shown(value))) shared.add(name);
  return shared;
}

/** One line for each model, way of decoding and set of parameters, seeds aside, in the order of their first result. */
export function compare(rows: readonly Row[]): Comparison[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    if (row.state === 'waiting' || row.state === 'running') continue;
    const key = [row.model, row.snapshot, row.how, row.form, parameterText(row.parameters, kNeverShown)].join('\n');
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  const answersOfRequest = new Map<string, number>();
  for (const { request } of rows) answersOfRequest.set(request, (answersOfRequest.get(request) ?? 0) + 1);
  const unsaid = new Set([...kNeverShown, ...sharedNames(rows)]);
  return [...groups].map(([key, group]) => {
    const first = group[0] as Row;
    const done = group.filter(({ state }) => state === 'done');
    const ratings = defined(group.map(({ rating }) => rating));
    const compared = done.filter(({ expected }) => expected);
    return {
      key, lane: first.lane, model: first.model, snapshot: first.snapshot, how: first.how,
      parameters: parameterText(first.parameters, unsaid),
      answers: done.length,
      failed: group.filter(({ state }) => state === 'failed').length,
      chosen: group.filter(({ chosen }) => chosen).length,
      rivals: group.filter(({ request }) => (answersOfRequest.get(request) ?? 0) > 1).length,
      rated: ratings.length,
      rating: ratings.length > 0 ? ratings.reduce((sum, one) => sum + one, 0) / ratings.length : undefined,
      compared: compared.length,
      same: compared.filter(({ text, expected }) => matchOf(text, expected ?? '') === 'same').length,
      firstMs: median(defined(done.map(({ firstMs }) => firstMs))),
      totalMs: median(defined(done.map(({ totalMs }) => totalMs))),
    };
  });
}
