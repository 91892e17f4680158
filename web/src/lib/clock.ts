import { useEffect, useState } from 'preact/hooks';

/** The time now, told again every `everyMs`; it drives "3 minutes ago" and running durations. */
export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
