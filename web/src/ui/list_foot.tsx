import { useState } from 'preact/hooks';

import { useText } from '../text';

interface Props {
  count: number;
  more: (() => Promise<void>) | undefined;
}

/** How much of a list is shown, how to move in it, and the way to the rest. */
export function ListFoot({ count, more }: Props) {
  const text = useText();
  const [busy, setBusy] = useState(false);
  const load = async () => {
    setBusy(true);
    await more?.();
    setBusy(false);
  };
  return (
    <div class="list-foot">
      <span>{text.common.rows(count)}<span class="wide-only"> · {text.common.filterHelp}</span></span>
      {more && <button type="button" class="small" disabled={busy} onClick={load}>{text.common.more}</button>}
    </div>
  );
}
