// Trials that a study began with, as rows below its own. Pure.
import type { StudyTable } from '../../api/study_types';

export interface Origin {
  study: string;
  name: string;
  number: number;
}

/** A table whose rows from `own` on are trials of other studies. */
export interface JoinedTable extends StudyTable {
  own: number;
}

export function joined(table: StudyTable, withKnown: boolean): JoinedTable {
  const { known } = table;
  if (!known || known.count === 0 || !withKnown) return { ...table, own: table.count };
  const earlier = table.states.length;
  const failed = Math.max(0, table.states.indexOf('failed'));
  const none = Array.from({ length: known.count }, () => NaN);
  return {
    ...table,
    own: table.count,
    count: table.count + known.count,
    axes: table.axes.map((axis, at) => ({ ...axis, values: [...axis.values, ...(known.axes[at] ?? [])] })),
    measures: table.measures.map((one, at) => ({ ...one, values: [...one.values, ...(known.measures[at] ?? [])] })),
    states: [...table.states, 'earlier'],
    state: [...table.state, ...known.failed.map((one) => (one ? failed : earlier))],
    attempt: [...table.attempt, ...none],
    resource: [...table.resource, ...known.resource],
    budget: [...table.budget, ...none],
    gpu_seconds: [...table.gpu_seconds, ...none],
  };
}

/** Where a row comes from; undefined for the study's own trials. */
export function originOf(table: JoinedTable, row: number): Origin | undefined {
  const at = row - table.own;
  const source = at >= 0 ? table.known?.studies[table.known.study[at] ?? -1] : undefined;
  return source && { study: source.id, name: source.name || source.id, number: table.known?.number[at] ?? -1 };
}

/** 12, or monday/12. */
export function nameOf(table: JoinedTable, row: number): string {
  const origin = originOf(table, row);
  return origin ? `${origin.name}/${origin.number}` : String(row);
}
