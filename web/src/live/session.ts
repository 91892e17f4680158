// Who is looking, and how they came in.
import * as calls from '../api/calls';
import { ApiProblem, whenUnauthenticated } from '../api/client';
import { store } from './store';
import { startStream } from './stream';

/** Trades ?code= for the session cookie, takes it out of the address bar, and opens the stream. */
export async function startSession(): Promise<void> {
  const url = new URL(location.href);
  const code = url.searchParams.get('code');
  if (code !== null) {
    url.searchParams.delete('code');
    history.replaceState(null, '', url.pathname + url.search);
    // A used code is no harm when the cookie of its first use is still good: whoami decides.
    await calls.login(code).catch(() => store.change((state) => ({ ...state, codeRefused: true })));
  }
  whenUnauthenticated(() => store.change((state) => ({ ...state, session: 'closed' })));
  try {
    const whoami = await calls.whoami();
    store.change((state) => ({ ...state, whoami, codeRefused: false }));
  } catch (failure) {
    if (failure instanceof ApiProblem && failure.status === 401) return;
    // Another trouble is told by the view that meets it, and the stream tries again by itself.
  }
  store.change((state) => ({ ...state, session: 'open' }));
  startStream();
}
