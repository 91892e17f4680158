// Addresses of the page: history routing, with the state of a view in its query.
import { useEffect, useState } from 'preact/hooks';

export type Place =
  | { view: 'overview' | 'fleet' | 'jobs' | 'studies' | 'runs' | 'models' | 'playground' | 'account' | 'compare' | 'estimates' | 'missing' }
  | { view: 'job' | 'study' | 'run' | 'model'; id: string };

export type View = Place['view'];

const kLists = new Set(['fleet', 'jobs', 'studies', 'runs', 'models', 'playground', 'account', 'estimates']);
const kObjects: Record<string, 'job' | 'study' | 'run' | 'model'> = { jobs: 'job', studies: 'study', runs: 'run', models: 'model' };

/** /jobs/job_1 -> {view: 'job', id: 'job_1'}. Unknown paths are 'missing', never an exception. */
export function placeOf(path: string): Place {
  const parts = path.split('/').filter((part) => part !== '');
  const [first, second] = parts;
  if (first === undefined) return { view: 'overview' };
  if (parts.length === 1 && kLists.has(first)) return { view: first as 'jobs' };
  if (parts.length === 2 && first === 'runs' && second === 'compare') return { view: 'compare' };
  const object = kObjects[first];
  if (parts.length === 2 && object && second !== undefined) {
    try {
      return { view: object, id: decodeURIComponent(second) };
    } catch {
      return { view: 'missing' };
    }
  }
  return { view: 'missing' };
}

export const pathTo = {
  overview: () => '/',
  fleet: () => '/fleet',
  jobs: (filter = '') => (filter ? `/jobs?filter=${encodeURIComponent(filter)}` : '/jobs'),
  job: (id: string) => `/jobs/${encodeURIComponent(id)}`,
  studies: () => '/studies',
  study: (id: string) => `/studies/${encodeURIComponent(id)}`,
  runs: () => '/runs',
  run: (id: string) => `/runs/${encodeURIComponent(id)}`,
  compare: (ids: readonly string[]) => `/runs/compare?ids=${ids.map(encodeURIComponent).join(',')}`,
  estimates: () => '/estimates',
  models: () => '/models',
  model: (name: string) => `/models/${encodeURIComponent(name)}`,
  account: () => '/account',
  playground: (model = '') => (model ? `/playground?model=${encodeURIComponent(model)}` : '/playground'),
};

const kMoved = 'galley:moved';

export function go(address: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') history.pushState(null, '', address);
  else history.replaceState(null, '', address);
  dispatchEvent(new Event(kMoved));
}

/** Re-renders its component whenever the address changes. */
export function useAddress(): { path: string; query: URLSearchParams } {
  const [address, setAddress] = useState(location.pathname + location.search);
  useEffect(() => {
    const read = () => setAddress(location.pathname + location.search);
    addEventListener('popstate', read);
    addEventListener(kMoved, read);
    return () => {
      removeEventListener('popstate', read);
      removeEventListener(kMoved, read);
    };
  }, []);
  const url = new URL(address, location.origin);
  return { path: url.pathname, query: url.searchParams };
}

/** One value of the query as state: reading it follows the address, setting it replaces the address. */
export function useQuery(name: string, fallback = ''): [string, (value: string) => void] {
  const { query } = useAddress();
  const set = (value: string) => {
    const url = new URL(location.href);
    if (value === fallback) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
    go(url.pathname + url.search, 'replace');
  };
  return [query.get(name) ?? fallback, set];
}
