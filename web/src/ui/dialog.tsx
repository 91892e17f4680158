import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import { useText } from '../text';
import { sayFailure } from './toast';

interface Props {
  title: string;
  /** What will happen, in one line. */
  says?: string;
  children?: ComponentChildren;
  action: string;
  danger?: boolean;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

/** Asks before something is changed. The safe button has the focus; Escape closes. */
export function ConfirmDialog({ title, says, children, action, danger = false, onConfirm, onClose }: Props) {
  const text = useText();
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const confirm = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await onConfirm();
      onClose();
    } catch (failure) {
      sayFailure(failure);
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" onClose={onClose}>
      <form onSubmit={confirm}>
        <h2 id="dialog-title">{title}</h2>
        {says && <p class="says">{says}</p>}
        {children}
        <div class="actions">
          <button type="button" autofocus onClick={() => dialog.current?.close()}>{text.common.back}</button>
          <button type="submit" class={danger ? 'danger' : 'primary'} disabled={busy}>{action}</button>
        </div>
      </form>
    </dialog>
  );
}
