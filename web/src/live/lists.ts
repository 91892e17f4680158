// The long lists: a first page that follows the events, further pages on demand.
import { useState } from 'preact/hooks';

import * as calls from '../api/calls';
import { ApiProblem } from '../api/client';
import type { JobRecord, Page, RunItem } from '../api/types';
import { useResource } from './resources';
import { byId, withPage, type List, type State } from './state';
import { store, useStore } from './store';

export interface LongList<T> {
  rows: readonly T[] | undefined;
  problem: ApiProblem | undefined;
  more: (() => Promise<void>) | undefined;
  reload: () => void;
}

type Load<T> = (filter: string, limit: number, cursor?: string) => Promise<Page<T>>;
type Keep<T> = (state: State, items: readonly T[]) => State;

const kNoList: List = { ids: [], next: undefined };
const kMostReloaded = 500;

function useList<T extends { id: string }>(name: string, filter: string, limit: number, load: Load<T>, keep: Keep<T>,
                                           known: (state: State) => Record<string, T>): LongList<T> {
  const key = `${name}?${filter}&${limit}`;
  const [failure, setFailure] = useState<ApiProblem>();
  const put = (page: Page<T>, append: boolean) =>
    store.change((state) => ({
      ...keep(state, page.items),
      lists: { ...state.lists, [key]: withPage(state.lists[key], page.items.map((item) => item.id), page.next_cursor, append) },
    }));
  const resource = useResource(key, [name], async () => {
    // As many as are shown already, so that a reader's further pages do not disappear.
    const shown = store.get().lists[key]?.ids.length ?? 0;
    put(await load(filter, Math.min(kMostReloaded, Math.max(limit, shown))), false);
    return true;
  });
  const list = useStore((state) => state.lists[key]);
  const entities = useStore(known);
  const next = (list ?? kNoList).next;
  const more = next === undefined ? undefined : async () => {
    try {
      put(await load(filter, limit, next), true);
    } catch (problem) {
      if (problem instanceof ApiProblem) setFailure(problem);
    }
  };
  return {
    rows: list?.ids.flatMap((id) => entities[id] ?? []),
    problem: resource.problem ?? failure,
    more,
    reload: resource.reload,
  };
}

export const useJobs = (filter: string, limit = calls.kPageSize): LongList<JobRecord> =>
  useList('jobs', filter, limit, calls.jobs, (state, items) => ({ ...state, jobs: byId(state.jobs, items) }),
    (state) => state.jobs);

export const useRuns = (filter: string, limit = calls.kPageSize): LongList<RunItem> =>
  useList('runs', filter, limit, calls.runs, (state, items) => ({ ...state, runs: byId(state.runs, items) }),
    (state) => state.runs);
