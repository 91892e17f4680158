import { useLayoutEffect, useState } from 'preact/hooks';

import { initialState, type State } from './state';

type Listener = () => void;

/** Holds one immutable state; listeners are told once per animation frame, however many changes came. */
export class Store<S> {
  private readonly listeners = new Set<Listener>();
  private scheduled = false;

  constructor(private state: S, private readonly later: (run: () => void) => void = (run) => void setTimeout(run, 16)) {}

  get(): S {
    return this.state;
  }

  change(next: (state: S) => S): void {
    const changed = next(this.state);
    if (changed === this.state) return;
    this.state = changed;
    if (this.scheduled) return;
    this.scheduled = true;
    this.later(() => {
      this.scheduled = false;
      for (const listener of [...this.listeners]) listener();
    });
  }

  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}

/** Re-renders when the selected part changes; select parts by reference, do not build new objects. */
export function useStoreOf<S, T>(store: Store<S>, select: (state: S) => T): T {
  const [, setTick] = useState(0);
  const now = select(store.get());
  // Before the next paint: what changes until then must not wait for a frame.
  useLayoutEffect(() => {
    let shown = now;
    const check = () => {
      const next = select(store.get());
      if (next === shown) return;
      shown = next;
      setTick((tick) => tick + 1);
    };
    check();
    return store.subscribe(check);
  });
  return now;
}

/** What all of the page shares. */
export const store = new Store<State>(initialState);

export const useStore = <T>(select: (state: State) => T): T => useStoreOf(store, select);
