import type { ComponentChildren } from 'preact';

import { useQuery } from '../lib/router';

export interface Tab {
  id: string;
  name: string;
  body: () => ComponentChildren;
}

/** Tabs whose choice is part of the address. Left and right move between them. */
export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  const first = tabs[0] as Tab;
  const [chosen, choose] = useQuery('tab', first.id);
  const shown = tabs.find((tab) => tab.id === chosen) ?? first;
  const move = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const next = tabs[(tabs.indexOf(shown) + step + tabs.length) % tabs.length] as Tab;
    choose(next.id);
    document.getElementById(`tab-${next.id}`)?.focus();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} onKeyDown={move}>
        {tabs.map((tab) => (
          <button key={tab.id} id={`tab-${tab.id}`} type="button" role="tab" aria-selected={tab === shown}
            aria-controls="tab-body" tabIndex={tab === shown ? 0 : -1} onClick={() => choose(tab.id)}>
            {tab.name}
          </button>
        ))}
      </div>
      <div id="tab-body" role="tabpanel" aria-labelledby={`tab-${shown.id}`} tabIndex={-1}>{shown.body()}</div>
    </>
  );
}
