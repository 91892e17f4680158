// What a reader chose for this browser: kept in localStorage where that is allowed.
import { useEffect, useState } from 'preact/hooks';

export interface Preference<T extends string> {
  get(): T;
  set(value: T): void;
  use(): T;
}

export function preference<T extends string>(key: string, values: readonly T[], fallback: T): Preference<T> {
  const listeners = new Set<(value: T) => void>();
  let value = fallback;
  try {
    const stored = localStorage.getItem(key) as T | null;
    if (stored !== null && values.includes(stored)) value = stored;
  } catch {
    // Storage is switched off: the choice lasts as long as the page.
  }
  return {
    get: () => value,
    set(next) {
      value = next;
      try {
        localStorage.setItem(key, next);
      } catch {
        // As above.
      }
      for (const listener of [...listeners]) listener(next);
    },
    use() {
      const [shown, setShown] = useState(value);
      useEffect(() => {
        setShown(value);
        listeners.add(setShown);
        return () => void listeners.delete(setShown);
      }, []);
      return shown;
    },
  };
}
