import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import { curlOf, pythonOf, type Proof } from '../../lib/playground/code';
import type { Row } from '../../lib/playground/results';
import { usePlay } from '../../live/play_store';
import { useStore } from '../../live/store';
import { usePlaygroundText } from '../../text/playground';
import { CopyButton } from '../../ui/command';
import { Segments } from '../../ui/segments';

/** The request of a row for a terminal or a program. */
export function CodeDialog({ row, onClose }: { row: Row; onClose: () => void }) {
  const play = usePlaygroundText();
  const dialog = useRef<HTMLDialogElement>(null);
  const site = useStore((state) => state.site);
  const key = usePlay((state) => state.key);
  const [form, setForm] = useState<'curl' | 'python'>('curl');
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const proof: Proof = site === 'whole' ? 'GALLEY_TOKEN' : key ? 'GALLEY_API_KEY' : undefined;
  const code = (form === 'curl' ? curlOf : pythonOf)(location.origin, row, proof);
  return (
    <dialog ref={dialog} class="code-dialog" aria-labelledby="code-title" onClose={onClose}>
      <form method="dialog">
        <div class="row spread">
          <h2 id="code-title">{play.codeTitle}</h2>
          <Segments label={play.codeForms} value={form} onChange={setForm} choices={[['curl', play.codeCurl], ['python', play.codePython]]} />
        </div>
        <pre class="block" data-code tabIndex={0}>{code}</pre>
        <p class="soft small-text">
          {[play.codeSeed, proof === 'GALLEY_TOKEN' && play.codeToken, proof === 'GALLEY_API_KEY' && play.codeKey,
            row.parameters['n'] !== undefined && play.codeChoices(row.choice + 1)].filter(Boolean).join(' ')}
        </p>
        <div class="actions">
          <CopyButton value={code} label={play.copyCode} />
          <button type="submit" class="primary">{play.codeClose}</button>
        </div>
      </form>
    </dialog>
  );
}
