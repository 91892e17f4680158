import { useEffect, useRef, useState } from 'preact/hooks';

import { splitColumn } from '../../lib/runs/columns';
import { useRunsText } from '../../text/runs';

interface Props {
  /** All that the runs could fill, and those that are shown, in their order. */
  all: readonly string[];
  shown: readonly string[];
  /** undefined: the usual ones. */
  onChange: (ids: readonly string[] | undefined) => void;
}

const kMost = 200;

/** Any metric, parameter or tag can be a column. */
export function ColumnMenu({ all, shown, onChange }: Props) {
  const text = useRunsText();
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState('');
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const leave = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === 'Escape' : !place.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener('pointerdown', leave);
    addEventListener('keydown', leave);
    return () => {
      removeEventListener('pointerdown', leave);
      removeEventListener('keydown', leave);
    };
  }, [open]);
  const known = [...new Set([...shown, ...all])].filter((id) => id.toLowerCase().includes(typed.toLowerCase())).slice(0, kMost);
  const set = (id: string, on: boolean) => onChange(on ? [...shown, id] : shown.filter((other) => other !== id));
  return (
    <div class="menu" ref={place}>
      <button type="button" aria-expanded={open} aria-haspopup="true" onClick={() => setOpen(!open)}>{text.columns}</button>
      {open && (
        <div class="menu-body" role="group" aria-label={text.columns}>
          <input type="text" aria-label={text.findColumn} placeholder={text.findColumn} value={typed} ref={(box) => box?.focus()}
            onInput={(event) => setTyped(event.currentTarget.value)} />
          <ul tabIndex={-1}>
            {known.map((id) => (
              <li key={id}>
                <label>
                  <input type="checkbox" checked={shown.includes(id)} onChange={(event) => set(id, event.currentTarget.checked)} />
                  <span class="clip" title={id}>{splitColumn(id)?.key}</span>
                  <span class="soft">{text.families[splitColumn(id)?.family ?? '']}</span>
                </label>
              </li>
            ))}
          </ul>
          {known.length === 0 && <p class="soft">{text.noColumn}</p>}
          <button type="button" class="small" onClick={() => onChange(undefined)}>{text.usual}</button>
        </div>
      )}
    </div>
  );
}
