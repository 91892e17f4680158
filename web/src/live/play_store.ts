// The playground's own state. It lives as long as the page, so that answers go on being written while another view is open.
import { kFirstDraft, type Draft } from '../lib/playground/draft';
import type { Preset } from '../lib/playground/knobs';
import type { Live, Row } from '../lib/playground/results';
import { Store, useStoreOf } from './store';

export interface PlayState {
  draft: Draft;
  presets: readonly Preset[];
  /** Oldest first. */
  rows: readonly Row[];
  /** Answers that are being written, and the tokens of those that were written here, by the row's id. */
  live: Readonly<Record<string, Live>>;
  /** The rows of what was asked last, which the page shows large. */
  shown: readonly string[];
  running: boolean;
  /** How many of the rows this browser could keep. */
  kept: number;
  /** The key of a `galley serve`, for as long as this window is open. */
  key: string;
  keyRefused: boolean;
}

export const playStore = new Store<PlayState>({
  draft: kFirstDraft, presets: [], rows: [], live: {}, shown: [], running: false, kept: 0, key: '', keyRefused: false,
});

export const usePlay = <T>(select: (state: PlayState) => T): T => useStoreOf(playStore, select);

export const changeDraft = (change: (draft: Draft) => Draft): void =>
  playStore.change((state) => ({ ...state, draft: change(state.draft) }));

export const changeRows = (change: (rows: readonly Row[]) => readonly Row[]): void =>
  playStore.change((state) => ({ ...state, rows: change(state.rows) }));
