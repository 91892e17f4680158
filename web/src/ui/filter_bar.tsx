import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import type { ApiProblem } from '../api/client';
import { moved } from '../lib/rows';
import type { Offer } from '../lib/runs/complete';
import { useText } from '../text';

interface Props {
  value: string;
  onChange: (filter: string) => void;
  example: string;
  problem?: ApiProblem | undefined;
  children?: ComponentChildren;
  /** What can stand at the end of the text before the cursor. */
  complete?: (before: string) => readonly Offer[];
}

/** The filter of a list, in the API's expression language. "/" goes to it, Enter applies, Escape leaves; Tab takes the first offer. */
export function FilterBar({ value, onChange, example, problem, children, complete }: Props) {
  const text = useText();
  const input = useRef<HTMLInputElement>(null);
  const [draft, setDraft] = useState(value);
  const [offers, setOffers] = useState<readonly Offer[]>([]);
  const [chosen, setChosen] = useState(-1);
  // Set as soon as the new text is in the box: the next key must find it there.
  const cursorAt = useRef<number>();
  useLayoutEffect(() => {
    if (cursorAt.current !== undefined) input.current?.setSelectionRange(cursorAt.current, cursorAt.current);
    cursorAt.current = undefined;
  });
  useEffect(() => setDraft(value), [value]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement | null;
      if (event.key !== '/' || (target && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))) return;
      event.preventDefault();
      input.current?.select();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  const offer = (typed: string, cursor: number) => {
    setOffers(complete?.(typed.slice(0, cursor)) ?? []);
    setChosen(-1);
  };
  const close = () => setOffers([]);
  const take = (one: Offer | undefined) => {
    const element = input.current;
    if (!one || !element) return;
    const cursor = element.selectionStart ?? draft.length;
    const next = draft.slice(0, one.from) + one.text + draft.slice(cursor).trimStart();
    const at = one.from + one.text.length;
    setDraft(next);
    cursorAt.current = at;
    offer(next, at);
  };
  const apply = (event: Event) => {
    event.preventDefault();
    close();
    onChange(draft.trim());
    input.current?.blur();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      if (offers.length > 0) close();
      else input.current?.blur();
    } else if (offers.length > 0 && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault();
      setChosen(moved(chosen, event.key, offers.length) ?? -1);
    } else if (offers.length > 0 && (event.key === 'Tab' || (event.key === 'Enter' && chosen >= 0)) && !event.shiftKey) {
      event.preventDefault();
      take(offers[Math.max(0, chosen)]);
    }
  };
  const completes = complete ? {
    role: 'combobox' as const, 'aria-expanded': offers.length > 0, 'aria-controls': 'filter-offers', 'aria-autocomplete': 'list' as const,
    'aria-activedescendant': chosen >= 0 ? `filter-offer-${chosen}` : undefined,
  } : {};
  return (
    <form class="toolbar" role="search" onSubmit={apply}>
      <span class="filter-box">
        <input ref={input} type={complete ? 'text' : 'search'} aria-label={text.common.search} placeholder={example} value={draft} spellcheck={false}
          autocomplete="off" aria-invalid={problem ? true : undefined} {...completes}
          onInput={(event) => {
            const typed = event.currentTarget.value;
            setDraft(typed);
            offer(typed, event.currentTarget.selectionStart ?? typed.length);
            if (typed === '') onChange('');
          }}
          onFocus={(event) => event.currentTarget.value === '' && offer('', 0)}
          onBlur={close}
          onKeyDown={onKey} />
        {complete && (
          <ul id="filter-offers" class="choices offers" role="listbox" aria-label={text.common.search} hidden={offers.length === 0}>
            {offers.map((one, at) => (
              <li key={one.text} id={`filter-offer-${at}`} role="option" aria-selected={at === chosen}
                onMouseDown={(event) => {
                  event.preventDefault();
                  take(one);
                }}>
                <span class="mono clip">{one.text.trim()}</span>
              </li>
            ))}
          </ul>
        )}
      </span>
      {children}
      {problem && <span class="problem-line" role="alert">{problem.detail} {problem.hint}</span>}
    </form>
  );
}
