// Results: one row for each answer, with all that is needed to get it again. Pure.
import type { Chunk, RawToken, Usage } from './events';
import type { Body, Form, How } from './request';
import { meanLogprob } from './tokens';

export type RowState = 'waiting' | 'running' | 'done' | 'failed' | 'stopped';

/** What went wrong, as a kind that the page has words for, and what the server said itself. */
export interface Failure {
  kind: 'refused' | 'unreachable' | 'stalled' | 'cut' | 'garbled' | 'broken' | 'empty' | 'left';
  detail: string;
}

export type ChosenBy = 'user' | 'likelihood' | 'expected';

export interface Row {
  id: string;
  /** RFC 3339. */
  at: string;
  /** The setting's letter. */
  lane: string;
  form: Form;
  model: string;
  snapshot: string;
  fingerprint: string;
  prompt: string;
  parameters: Body;
  how: How;
  /** Which of the request's answers it is. */
  choice: number;
  /** Shared by the answers of one request. */
  request: string;
  state: RowState;
  text: string;
  failure?: Failure;
  finish?: string;
  stopReason?: string;
  promptTokens?: number;
  completionTokens?: number;
  firstMs?: number;
  totalMs?: number;
  meanLogprob?: number;
  file?: string;
  line?: number;
  expected?: string;
  chosen?: ChosenBy;
  rating?: number;
}

/** An answer while it is written, and its tokens afterwards. Tokens are kept for as long as the page is open. */
export interface Live {
  text: string;
  tokens: RawToken[];
  fingerprint: string;
  finish?: string;
  stopReason?: string;
  firstMs?: number;
}

export const kNoLive: Live = { text: '', tokens: [], fingerprint: '' };

export function withChunk(live: Live, chunk: Chunk & { kind: 'text' }, sinceMs: number): Live {
  return {
    ...live,
    text: live.text + chunk.text,
    tokens: chunk.tokens.length > 0 ? [...live.tokens, ...chunk.tokens] : live.tokens,
    fingerprint: chunk.fingerprint || live.fingerprint,
    ...(chunk.finish ? { finish: chunk.finish } : {}),
    ...(chunk.stopReason ? { stopReason: chunk.stopReason } : {}),
    ...(live.firstMs === undefined && chunk.text !== '' ? { firstMs: sinceMs } : {}),
  };
}

export interface End {
  totalMs: number;
  usage?: Usage | undefined;
  failure?: Failure | undefined;
  stopped?: boolean;
}

/** The row with what its stream has brought, however it ended. */
export function endedRow(row: Row, live: Live, end: End): Row {
  const likelihood = meanLogprob(live.tokens);
  // A choice that had ended before the stream broke is whole.
  const whole = live.finish !== undefined;
  const failed = end.failure !== undefined && !whole;
  return {
    ...row,
    state: failed ? 'failed' : end.stopped && !whole ? 'stopped' : 'done',
    text: live.text,
    fingerprint: live.fingerprint,
    totalMs: end.totalMs,
    completionTokens: live.tokens.length,
    ...(end.usage ? { promptTokens: end.usage.promptTokens } : {}),
    ...(failed && end.failure ? { failure: end.failure } : {}),
    ...(live.finish ? { finish: live.finish } : {}),
    ...(live.stopReason ? { stopReason: live.stopReason } : {}),
    ...(live.firstMs === undefined ? {} : { firstMs: live.firstMs }),
    ...(likelihood === undefined ? {} : { meanLogprob: likelihood }),
  };
}

const words = (text: string): string[] => text.toLowerCase().normalize('NFC').match(/[\p{L}\p{N}]+/gu) ?? [];

export type Match = 'same' | 'contains' | 'different';

const squeezed = (text: string) => words(text).join(' ');

/** How the answer stands to the one that was hoped for, by its words alone: capitals, blanks and punctuation do not count. */
export function matchOf(text: string, expected: string): Match {
  const got = squeezed(text);
  const wanted = squeezed(expected);
  if (got === wanted) return 'same';
  return wanted !== '' && ` ${got} `.includes(` ${wanted} `) ? 'contains' : 'different';
}

/** The share of words that two texts have in common (F1), 0 to 1. */
export function likeness(text: string, expected: string): number {
  const got = words(text);
  const left = words(expected);
  const wanted = left.length;
  let shared = 0;
  for (const word of got) {
    const at = left.indexOf(word);
    if (at < 0) continue;
    left.splice(at, 1);
    shared += 1;
  }
  if (got.length + wanted === 0) return 1;
  return (2 * shared) / (got.length + wanted);
}

export type Scorer = 'user' | 'likelihood' | 'expected';

/** Which of one request's whole answers the scorer takes; undefined where there is nothing to choose, or the user does. The first of equals wins. */
export function scorersChoice(rows: readonly Row[], scorer: Scorer): Row | undefined {
  const whole = rows.filter(({ state }) => state === 'done');
  if (scorer === 'user' || whole.length < 2) return undefined;
  if (scorer === 'expected' && !whole.some(({ expected }) => expected)) return undefined;
  const score = (row: Row) => (scorer === 'expected' ? likeness(row.text, row.expected ?? '') : (row.meanLogprob ?? -Infinity));
  return whole.reduce((best, row) => (score(row) > score(best) ? row : best));
}

/** The rows with this one chosen among its request's answers, and no other. */
export function withChosen(rows: readonly Row[], id: string, by: ChosenBy): Row[] {
  const request = rows.find((row) => row.id === id)?.request;
  return rows.map((row) => {
    if (row.request !== request || request === undefined) return row;
    const { chosen: _, ...rest } = row;
    return row.id === id ? { ...rest, chosen: by } : rest;
  });
}

/** Answers that can be chosen between. */
export const hasRivals = (rows: readonly Row[], row: Row): boolean =>
  rows.some((other) => other.request === row.request && other.id !== row.id);

/** A page that was closed while answers were written has lost their ends. */
export const reopened = (rows: readonly Row[]): Row[] =>
  rows.map((row) => (row.state === 'waiting' || row.state === 'running' ? { ...row, state: 'failed', failure: { kind: 'left', detail: '' } } : row));

/** What another window of this page has added, changed and removed. */
export function mergedRows(ours: readonly Row[], before: readonly Row[], after: readonly Row[]): Row[] {
  const kept = new Map(after.map((row) => [row.id, row]));
  const removed = new Set(before.filter(({ id }) => !kept.has(id)).map(({ id }) => id));
  const known = new Set(ours.map(({ id }) => id));
  const changed = new Set(before.filter((row) => kept.has(row.id) && JSON.stringify(kept.get(row.id)) !== JSON.stringify(row)).map(({ id }) => id));
  return [
    ...ours.filter(({ id }) => !removed.has(id)).map((row) => (changed.has(row.id) ? (kept.get(row.id) as Row) : row)),
    ...after.filter(({ id }) => !known.has(id)),
  ].sort((a, b) => a.at.localeCompare(b.at));
}

const kTexts = ['id', 'at', 'lane', 'model', 'snapshot', 'fingerprint', 'prompt', 'request', 'state', 'text', 'how', 'form'] as const;

/** Rows out of storage; what is no row is left out. */
export function readRows(value: unknown): Row[] {
  if (!Array.isArray(value)) return [];
  return value.filter((one): one is Row => {
    if (typeof one !== 'object' || one === null) return false;
    const row = one as Record<string, unknown>;
    return kTexts.every((name) => typeof row[name] === 'string') && typeof row['parameters'] === 'object' && row['parameters'] !== null;
  });
}

/** As many of the newest rows as fit into so many characters. */
export function fitting(rows: readonly Row[], mostCharacters: number): { json: string; count: number } {
  const printed: string[] = [];
  let left = mostCharacters - 2;
  for (let at = rows.length - 1; at >= 0; at -= 1) {
    const one = JSON.stringify(rows[at]);
    left -= one.length + 1;
    if (left < 0) break;
    printed.push(one);
  }
  return { json: `[${printed.reverse().join(',')}]`, count: printed.length };
}
