// What the playground keeps in this browser: the desk, the presets, and the results as far as they fit.
import { readDraft, readPresets } from '../lib/playground/draft';
import { fitting, mergedRows, readRows, reopened } from '../lib/playground/results';
import { playStore } from './play_store';

const kDraft = 'galley.playground.draft';
const kPresets = 'galley.playground.presets';
const kRows = 'galley.playground.results';
const kKey = 'galley.playground.key';
/** Browsers give a site five million characters, of which the other things need some. */
const kMostCharacters = 4_000_000;
const kQuietMs = 500;

function read(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null') as unknown;
  } catch {
    // Storage is switched off, or another program wrote there.
    return null;
  }
}

/** False where the browser keeps nothing or no more. */
function write(storage: () => Storage, key: string, value: string): boolean {
  try {
    storage().setItem(key, value);
    return true;
  } catch {
    return false;
  }
}

const local = () => localStorage;

let timer: ReturnType<typeof setTimeout> | undefined;
let written = { draft: playStore.get().draft, presets: playStore.get().presets, rows: playStore.get().rows };

function save(): void {
  clearTimeout(timer);
  timer = undefined;
  const { draft, presets, rows } = playStore.get();
  if (draft !== written.draft) write(local, kDraft, JSON.stringify(draft));
  if (presets !== written.presets) write(local, kPresets, JSON.stringify(presets));
  if (rows !== written.rows) {
    const fit = fitting(rows, kMostCharacters);
    const kept = write(local, kRows, fit.json) ? fit.count : 0;
    playStore.change((state) => (state.kept === kept ? state : { ...state, kept }));
  }
  written = { draft, presets, rows };
}

let begun = false;

/** Reads what was kept and keeps what changes from now on. Further calls do nothing. */
export function keepPlayground(): void {
  if (begun) return;
  begun = true;
  const draft = read(kDraft);
  const presets = readPresets(read(kPresets));
  const rows = reopened(readRows(read(kRows)));
  let key = '';
  try {
    key = sessionStorage.getItem(kKey) ?? '';
  } catch {
    // As above.
  }
  playStore.change((state) => ({ ...state, presets, rows, key, kept: rows.length, draft: draft === null ? state.draft : readDraft(draft) }));
  written = { draft: playStore.get().draft, presets: playStore.get().presets, rows: playStore.get().rows };
  playStore.subscribe(() => {
    const now = playStore.get();
    const changed = now.draft !== written.draft || now.presets !== written.presets || now.rows !== written.rows;
    if (changed && timer === undefined) timer = setTimeout(save, kQuietMs);
  });
  addEventListener('pagehide', save);
  addEventListener('storage', (event) => {
    if (event.key === kPresets) {
      const others = readPresets(read(kPresets));
      playStore.change((state) => ({ ...state, presets: others }));
      written = { ...written, presets: others };
    }
    if (event.key !== kRows) return;
    const parse = (text: string | null) => readRows(parsed(text));
    playStore.change((state) => ({ ...state, rows: mergedRows(state.rows, parse(event.oldValue), parse(event.newValue)) }));
  });
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null') as unknown;
  } catch {
    return null;
  }
}

export function keepKey(key: string): void {
  write(() => sessionStorage, kKey, key);
  playStore.change((state) => ({ ...state, key, keyRefused: false }));
}
