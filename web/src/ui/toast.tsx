import { useEffect, useState } from 'preact/hooks';

import { ApiProblem } from '../api/client';
import { useText } from '../text';
import { Icon } from './icon';

interface Toast {
  id: number;
  message: string;
  bad: boolean;
}

const kShownMs = 6000;
let last = 0;
let toasts: readonly Toast[] = [];
let tell: (toasts: readonly Toast[]) => void = () => {};

function set(next: readonly Toast[]): void {
  toasts = next;
  tell(toasts);
}

/** Says for a few seconds what was done; what went wrong stays until it is closed. */
export function say(message: string, bad = false): void {
  last += 1;
  const id = last;
  set([...toasts.slice(-3), { id, message, bad }]);
  if (!bad) setTimeout(() => set(toasts.filter((toast) => toast.id !== id)), kShownMs);
}

export function sayFailure(failure: unknown): void {
  if (failure instanceof ApiProblem) say(failure.hint ? `${failure.detail} ${failure.hint}` : failure.detail, true);
  else say(String(failure), true);
}

export function Toasts() {
  const text = useText();
  const [shown, setShown] = useState(toasts);
  useEffect(() => {
    tell = setShown;
    return () => void (tell = () => {});
  }, []);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map((toast) => (
        <div key={toast.id} class={`toast ${toast.bad ? 'bad' : ''}`}>
          <span class="grow">{toast.message}</span>
          <button type="button" class="quiet small" aria-label={text.common.close}
            onClick={() => set(toasts.filter((other) => other.id !== toast.id))}>
            <Icon name="cross" />
          </button>
        </div>
      ))}
    </div>
  );
}
