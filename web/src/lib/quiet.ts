import { useEffect, useRef, useState } from 'preact/hooks';

const kQuietMs = 100;

/** A value that costs much to show: while busy, as it was when it last stood still for a moment; otherwise as it is. */
export function useQuiet<T>(value: T, busy: boolean): T {
  const shown = useRef(value);
  const [, look] = useState(0);
  if (!busy) shown.current = value;
  useEffect(() => {
    if (!busy || shown.current === value) return;
    const timer = setTimeout(() => {
      shown.current = value;
      look((times) => times + 1);
    }, kQuietMs);
    return () => clearTimeout(timer);
  }, [value, busy]);
  return shown.current;
}
