// Answers of the server that a view shows now. An event marks them stale by name and they are asked
// for again, at most once per kQuietMs each; nothing is asked for on a timer.
import { useEffect, useState } from 'preact/hooks';

import { ApiProblem } from '../api/client';

const kQuietMs = 400;
const kKept = 60;

export interface Resource<T> {
  data: T | undefined;
  problem: ApiProblem | undefined;
  reload: () => void;
}

interface Watcher {
  names: readonly string[];
  stale: () => void;
}

const watchers = new Set<Watcher>();
const kept = new Map<string, unknown>();

export function markStale(names: readonly string[]): void {
  for (const watcher of [...watchers]) {
    if (watcher.names.some((name) => names.includes(name))) watcher.stale();
  }
}

/** Tells of staleness those who keep their answers themselves, until the returned function is called. */
export function watchStale(names: readonly string[], stale: () => void): () => void {
  const watcher = { names, stale };
  watchers.add(watcher);
  return () => void watchers.delete(watcher);
}

/** After the stream was interrupted nobody knows what was missed. */
export function markAllStale(): void {
  for (const watcher of [...watchers]) watcher.stale();
}

function keep(key: string, value: unknown): void {
  kept.delete(key);
  kept.set(key, value);
  if (kept.size > kKept) kept.delete(kept.keys().next().value as string);
}

const asProblem = (failure: unknown) =>
  failure instanceof ApiProblem ? failure : new ApiProblem(0, String(failure));

/** Loads `key` with `load`, shows the last known answer meanwhile, and loads again when any of `names` is stale. */
export function useResource<T>(key: string, names: readonly string[], load: () => Promise<T>): Resource<T> {
  const [, setTick] = useState(0);
  const [problem, setProblem] = useState<{ key: string; problem: ApiProblem } | undefined>();
  const [reload, setReload] = useState<() => void>(() => () => {});

  useEffect(() => {
    let alive = true;
    let running = false;
    let again = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let lastStart = 0;

    const start = async () => {
      timer = undefined;
      if (running) {
        again = true;
        return;
      }
      running = true;
      lastStart = Date.now();
      try {
        const data = await load();
        if (!alive) return;
        keep(key, data);
        setProblem(undefined);
      } catch (failure) {
        if (alive) setProblem({ key, problem: asProblem(failure) });
      } finally {
        running = false;
        if (alive) setTick((tick) => tick + 1);
        if (again && alive) {
          again = false;
          stale();
        }
      }
    };
    const stale = () => {
      if (timer === undefined) timer = setTimeout(start, Math.max(0, lastStart + kQuietMs - Date.now()));
    };

    const watcher = { names, stale };
    watchers.add(watcher);
    setReload(() => stale);
    void start();
    return () => {
      alive = false;
      watchers.delete(watcher);
      clearTimeout(timer);
    };
  }, [key]);

  return {
    data: kept.get(key) as T | undefined,
    problem: problem?.key === key ? problem.problem : undefined,
    reload,
  };
}
