/** Which runs have the best value of a metric; all of those that share it. Pure. */
export function bestRuns(values: readonly (number | null)[], goal: 'min' | 'max'): Set<number> {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return new Set();
  const best = goal === 'min' ? Math.min(...known) : Math.max(...known);
  return new Set(values.flatMap((value, index) => (value === best ? [index] : [])));
}
