// The page's one event stream.
import { eventsAddress, whoami } from '../api/calls';
import { ApiProblem } from '../api/client';
import { applyEvent, eventKinds, parseEvent, staleAfter } from './merge';
import { markAllStale, markStale } from './resources';
import { store } from './store';

const kFirstRetryMs = 500;
const kLastRetryMs = 10_000;

let source: EventSource | undefined;
let retryMs = kFirstRetryMs;
let interrupted = false;
let lastSeq = '';

function onEvent(kind: string, message: MessageEvent<string>): void {
  const event = parseEvent(kind, message.data, Date.now());
  if (!event) return;
  if (message.lastEventId) lastSeq = message.lastEventId;
  store.change((state) => applyEvent(state, event, Date.now()));
  markStale(staleAfter(event));
}

function connect(): void {
  const opened = new EventSource(eventsAddress(lastSeq || 'now'));
  source = opened;
  opened.onopen = () => {
    retryMs = kFirstRetryMs;
    store.change((state) => ({ ...state, connection: 'live' }));
    if (interrupted) markAllStale();
    interrupted = false;
  };
  // The browser's own retry never backs off and gives up for good on an HTTP error: ours does neither.
  opened.onerror = () => {
    opened.close();
    if (source !== opened) return;
    interrupted = true;
    store.change((state) => ({ ...state, connection: 'lost' }));
    setTimeout(retry, retryMs);
    retryMs = Math.min(kLastRetryMs, retryMs * 2);
  };
  for (const kind of eventKinds) {
    opened.addEventListener(kind, (message) => onEvent(kind, message as MessageEvent<string>));
  }
}

async function retry(): Promise<void> {
  try {
    await whoami();
  } catch (failure) {
    // A 401 is told to the page by the client; there is nothing to wait for then.
    if (failure instanceof ApiProblem && failure.status === 401) return;
  }
  if (store.get().session !== 'closed') connect();
}

export function startStream(): void {
  if (!source) connect();
}
