import { useEffect, useState } from 'preact/hooks';

import { initialState, type State } from './state';

type Listener = () => void;

/** Holds one immutable State; listeners are told once per animation frame, however many changes came. */
export class Store {
  private state: State = initialState;
  private readonly listeners = new Set<Listener>();
  private scheduled = false;

  constructor(private readonly later: (run: () => void) => void = (run) => void setTimeout(run, 16)) {}

  get(): State {
    return this.state;
  }

  change(next: (state: State) => State): void {
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

export const store = new Store();

/** Re-renders when the selected part changes; select parts by reference, do not build new objects. */
export function useStore<T>(select: (state: State) => T): T {
  const [, setTick] = useState(0);
  const now = select(store.get());
  useEffect(() => {
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
