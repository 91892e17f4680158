// A lineage of any shape as lines to read. Pure.

export interface LineageLine {
  path: string[];
  value: string;
  /** Where it leads, if it names something that has a page. */
  to?: string;
}

const kMostLines = 200;

function pageOf(value: string): string | undefined {
  const id = /^(job|run)_[0-9a-z]{26}$/.exec(value);
  return id ? `/${id[1]}s/${value}` : undefined;
}

export function lineageLines(lineage: unknown, path: readonly string[] = []): LineageLine[] {
  if (lineage === null || lineage === undefined || lineage === '') return [];
  if (Array.isArray(lineage)) return lineage.flatMap((one) => lineageLines(one, path)).slice(0, kMostLines);
  if (typeof lineage === 'object')
    return Object.entries(lineage).flatMap(([key, value]) => lineageLines(value, [...path, key])).slice(0, kMostLines);
  const value = String(lineage);
  const to = typeof lineage === 'string' ? pageOf(value) : undefined;
  return [{ path: [...path], value, ...(to ? { to } : {}) }];
}
