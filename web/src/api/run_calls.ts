import { getJson, withQuery } from './client';
import type { Comparison, RunPage } from './run_types';

const root = '/api/v1/runs';

export interface RunQuestion {
  filter: string;
  order: string;
  columns: readonly string[];
}

export const runBlock = ({ filter, order, columns }: RunQuestion, offset: number, limit: number, total: boolean) =>
  getJson<RunPage>(withQuery(root, {
    filter, order, column: [...columns], limit, offset: offset > 0 ? offset : undefined, total: total ? 'true' : undefined,
  }));

export const compareRuns = (ids: readonly string[]) => getJson<Comparison>(withQuery(`${root}/compare`, { id: [...ids] }));
