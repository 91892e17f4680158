// What the page knows. Jobs, nodes and runs are kept once, by id; lists hold ids only, so that an
// event changes every place where its subject is shown.
import type { JobRecord, LoadSample, NodeRecord, Overview, RunItem, Whoami } from '../api/types';

export type Connection = 'connecting' | 'live' | 'lost';

export interface List {
  ids: string[];
  next: string | undefined;
}

export interface State {
  connection: Connection;
  /** No view asks for anything before the session is known: its refusal would close the page. */
  session: 'starting' | 'open' | 'closed';
  /** All of Galley, or a `galley serve`, which has language models and nothing else. */
  site: 'whole' | 'models';
  /** The code in the address was used before, or never given. */
  codeRefused: boolean;
  whoami: Whoami | undefined;
  overview: Overview | undefined;
  jobs: Record<string, JobRecord>;
  nodes: Record<string, NodeRecord>;
  runs: Record<string, RunItem>;
  /** Names of what else has a page, by id: for the way to it. */
  titles: Record<string, string>;
  lists: Record<string, List>;
  load: LoadSample[];
  /** When each entity last changed by an event (ms); it is highlighted for a moment. */
  changedAt: Record<string, number>;
}

export const initialState: State = {
  connection: 'connecting',
  session: 'starting',
  site: 'whole',
  codeRefused: false,
  whoami: undefined,
  overview: undefined,
  jobs: {},
  nodes: {},
  runs: {},
  titles: {},
  lists: {},
  load: [],
  changedAt: {},
};

export function byId<T extends { id: string }>(known: Record<string, T>, items: readonly T[]): Record<string, T> {
  const merged = { ...known };
  for (const item of items) merged[item.id] = { ...merged[item.id], ...item };
  return merged;
}

/** A first page replaces the list; a further page is appended without repeating an id. */
export function withPage(list: List | undefined, ids: readonly string[], next: string | null | undefined,
                         append: boolean): List {
  const before = append && list ? list.ids : [];
  const seen = new Set(before);
  return { ids: [...before, ...ids.filter((id) => !seen.has(id))], next: next ?? undefined };
}
