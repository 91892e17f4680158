// Which columns the table of runs has: those of every run, and any parameter, metric or tag. Pure.
import type { ListedRun } from '../../api/run_types';

export const kFamilies = ['metrics', 'params', 'tags'] as const;
export type Family = (typeof kFamilies)[number];

/** "metrics.loss" -> {family: 'metrics', key: 'loss'}; undefined for anything else. */
export function splitColumn(id: string): { family: Family; key: string } | undefined {
  const dot = id.indexOf('.');
  const family = kFamilies.find((one) => one === id.slice(0, dot));
  const key = id.slice(dot + 1);
  return family && dot > 0 && key !== '' ? { family, key } : undefined;
}

/** The address holds "metrics.loss,params.lr"; commas of a key are encoded. */
export const printColumns = (ids: readonly string[]): string => ids.map((id) => encodeURIComponent(id)).join(',');

export function parseColumns(text: string): string[] {
  const ids = text.split(',').flatMap((part) => {
    try {
      const id = decodeURIComponent(part);
      return splitColumn(id) ? [id] : [];
    } catch {
      return [];
    }
  });
  return [...new Set(ids)];
}

/** Every column that the runs could fill, metrics first, each family by its name. */
export function columnsOf(runs: readonly ListedRun[]): string[] {
  return kFamilies.flatMap((family) => {
    const keys = new Set(runs.flatMap((run) => Object.keys(run[family] ?? {})));
    return [...keys].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).map((key) => `${family}.${key}`);
  });
}

const kUsual: Record<Family, number> = { metrics: 4, params: 3, tags: 0 };

/** What is shown until the reader chooses: the metrics that most of the runs have, and the parameters in which they differ. */
export function usualColumns(runs: readonly ListedRun[]): string[] {
  return kFamilies.flatMap((family) => {
    const seen = new Map<string, { count: number; values: Set<unknown> }>();
    for (const run of runs)
      for (const [key, value] of Object.entries(run[family] ?? {})) {
        const known = seen.get(key) ?? { count: 0, values: new Set() };
        known.count += 1;
        if (known.values.size < 2) known.values.add(value);
        seen.set(key, known);
      }
    const rank = ([, { count, values }]: [string, { count: number; values: Set<unknown> }]) => count + (values.size > 1 ? runs.length : 0);
    const worth = [...seen].filter(([, { values }]) => family === 'metrics' || values.size > 1 || runs.length === 1);
    return worth.sort((a, b) => rank(b) - rank(a) || a[0].localeCompare(b[0])).slice(0, kUsual[family]).map(([key]) => `${family}.${key}`);
  });
}

export function valueOf(run: ListedRun, id: string): string | number | null | undefined {
  const column = splitColumn(id);
  return column && run[column.family]?.[column.key];
}
