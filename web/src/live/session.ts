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
  // A `galley serve` asks for a key instead, which its one view does.
  whenUnauthenticated(() => store.change((state) => (state.site === 'models' ? state : { ...state, session: 'closed' })));
  try {
    const whoami = await calls.whoami();
    store.change((state) => ({ ...state, whoami, codeRefused: false }));
  } catch (failure) {
    if (failure instanceof ApiProblem && failure.status === 401) return;
    // A `galley serve` knows nobody: it has no such path, no stream of events, and one view.
    if (failure instanceof ApiProblem && failure.status === 404) {
      store.change((state) => ({ ...state, session: 'open', site: 'models' }));
      return;
    }
    // Another trouble is told by the view that meets it, and the stream tries again by itself.
  }
  store.change((state) => ({ ...state, session: 'open' }));
  startStream();
}
