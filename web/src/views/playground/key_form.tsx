import { useState } from 'preact/hooks';

import { keepKey } from '../../live/play_kept';
import { lookAgain } from '../../live/play_run';
import { usePlay } from '../../live/play_store';
import { usePlaygroundText } from '../../text/playground';

/** A `galley serve` that asks for a key. */
export function KeyForm() {
  const play = usePlaygroundText();
  const refused = usePlay((state) => state.keyRefused);
  const [typed, setTyped] = useState('');
  const send = (event: Event) => {
    event.preventDefault();
    keepKey(typed.trim());
    lookAgain();
  };
  return (
    <form class="card key-form" onSubmit={send} aria-label={play.keyTitle}>
      <h2>{play.keyTitle}</h2>
      <p class="soft">{play.keySays}</p>
      <div class="fields">
        <label class="field">{play.keyName}<input type="password" autocomplete="off" value={typed} onInput={(event) => setTyped(event.currentTarget.value)} /></label>
        <button type="submit" class="primary" disabled={typed.trim() === ''}>{play.keySend}</button>
      </div>
      {refused && <p class="fault" role="alert">{play.keyRefused}</p>}
    </form>
  );
}
