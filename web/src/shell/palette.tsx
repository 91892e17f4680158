import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import { go, pathTo } from '../lib/router';
import { moved } from '../lib/rows';
import { find, idPath, type Choice } from '../lib/search';
import { useModels } from '../live/entities';
import { useStore } from '../live/store';
import { useText } from '../text';

const kViews = ['overview', 'fleet', 'jobs', 'studies', 'runs', 'estimates', 'models', 'playground'] as const;

function useChoices(typed: string): readonly Choice[] {
  const text = useText();
  const jobs = useStore((state) => state.jobs);
  const runs = useStore((state) => state.runs);
  const models = useModels().data ?? [];
  const all: Choice[] = [
    ...kViews.map((view): Choice => ({ kind: 'view', name: text.nav[view], detail: '', to: pathTo[view]() })),
    ...models.map((model): Choice => ({ kind: 'model', name: model.name, detail: '', to: pathTo.model(model.name) })),
    ...Object.values(jobs).map((job): Choice => ({ kind: 'job', name: job.name, detail: job.id, to: pathTo.job(job.id) })),
    ...Object.values(runs).map((run): Choice => ({ kind: 'run', name: run.name, detail: run.id, to: pathTo.run(run.id) })),
  ];
  const found = find(all, typed);
  const path = idPath(typed);
  return found.length === 0 && path ? [{ kind: 'id', name: text.palette.open(typed.trim()), detail: '', to: path }] : found;
}

/** Ctrl-K: type a part of a name, choose with the arrows, open with Enter. */
export function Palette({ onClose }: { onClose: () => void }) {
  const text = useText();
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState('');
  const [index, setIndex] = useState(0);
  const choices = useChoices(typed);
  // Before the next key: an effect would wait for a paint, and what is typed meanwhile be lost.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const open = (choice: Choice | undefined) => {
    if (!choice) return;
    dialog.current?.close();
    go(choice.to);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'Enter') {
      event.preventDefault();
      open(choices[index]);
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      setIndex(moved(index, event.key, choices.length) ?? 0);
    }
  };
  return (
    <dialog ref={dialog} class="palette" aria-label={text.palette.title} onClose={onClose}>
      <input type="text" role="combobox" aria-label={text.palette.title} aria-expanded="true" aria-controls="choices" autofocus
        aria-activedescendant={choices.length > 0 ? `choice-${index}` : undefined} placeholder={text.palette.placeholder}
        value={typed} onKeyDown={onKey}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          setIndex(0);
        }} />
      <ul class="choices" id="choices" role="listbox" aria-label={text.palette.title}>
        {choices.map((choice, at) => (
          <li key={choice.to} id={`choice-${at}`} role="option" aria-selected={at === index} onClick={() => open(choice)}
            onMouseEnter={() => setIndex(at)}>
            <span class="clip">{choice.name}</span>
            <span class="soft clip">{choice.kind === 'id' ? '' : choice.detail || text.palette[choice.kind]}</span>
          </li>
        ))}
      </ul>
      {choices.length === 0 && <p class="empty">{text.palette.none}</p>}
    </dialog>
  );
}
