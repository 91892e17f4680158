import { useNow } from '../lib/clock';
import { ago, between, duration, exact } from '../lib/format';
import { useLanguage } from '../text';

/** "3 min ago", with the exact instant on hover. */
export function Ago({ at }: { at: string | null | undefined }) {
  const now = useNow(5000);
  const language = useLanguage();
  if (!at) return <>–</>;
  return <time dateTime={at} title={exact(at, language)}>{ago(at, now, language)}</time>;
}

interface Span {
  from: string | null | undefined;
  to: string | null | undefined;
}

/** How long something took, counting on while it has not ended. */
export function Took({ from, to }: Span) {
  const now = useNow(1000);
  const seconds = between(from, to, now);
  // A running count in tenths would flicker.
  return <>{duration(to || seconds === null ? seconds : Math.floor(seconds))}</>;
}
