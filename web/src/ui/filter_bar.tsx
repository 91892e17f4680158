import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import type { ApiProblem } from '../api/client';
import { useText } from '../text';

interface Props {
  value: string;
  onChange: (filter: string) => void;
  example: string;
  problem?: ApiProblem | undefined;
  children?: ComponentChildren;
}

/** The filter of a list, in the API's expression language. "/" goes to it, Enter applies, Escape leaves. */
export function FilterBar({ value, onChange, example, problem, children }: Props) {
  const text = useText();
  const input = useRef<HTMLInputElement>(null);
  const [draft, setDraft] = useState(value);
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
  const apply = (event: Event) => {
    event.preventDefault();
    onChange(draft.trim());
    input.current?.blur();
  };
  return (
    <form class="toolbar" role="search" onSubmit={apply}>
      <input ref={input} type="search" aria-label={text.common.search} placeholder={example} value={draft} spellcheck={false}
        autocomplete="off" aria-invalid={problem ? true : undefined}
        onInput={(event) => {
          const typed = event.currentTarget.value;
          setDraft(typed);
          if (typed === '') onChange('');
        }}
        onKeyDown={(event) => event.key === 'Escape' && input.current?.blur()} />
      {children}
      {problem && <span class="problem-line" role="alert">{problem.detail} {problem.hint}</span>}
    </form>
  );
}
