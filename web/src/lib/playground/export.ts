// Results as files. Pure.
import { printCsv } from './csv';
import { matchOf, type Row } from './results';

/** What every row has, then each parameter that any row has, each in a column of its own. */
export function resultsCsv(rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap(({ parameters }) => Object.keys(parameters)))];
  const head = ['at', 'file', 'line', 'setting', 'prompt', 'answer', 'rating', 'chosen_by', 'expected', 'match', 'model', 'snapshot',
    'system_fingerprint', 'decoding', 'form', 'state', 'error', 'finish_reason', 'prompt_tokens', 'completion_tokens', 'mean_logprob',
    'first_token_ms', 'total_ms', ...names];
  const cell = (value: unknown) => (value === undefined ? undefined : typeof value === 'object' ? JSON.stringify(value) : (value as string | number | boolean));
  const body = rows.map((row) => [row.at, row.file, row.line, row.lane, row.prompt, row.text, row.rating, row.chosen, row.expected,
    row.expected ? matchOf(row.text, row.expected) : undefined, row.model, row.snapshot, row.fingerprint, row.how, row.form, row.state,
    row.failure ? `${row.failure.kind} ${row.failure.detail}`.trim() : undefined, row.finish, row.promptTokens, row.completionTokens,
    row.meanLogprob, row.firstMs, row.totalMs, ...names.map((name) => cell(row.parameters[name]))]);
  return printCsv([head, ...body]);
}

export function resultsJson(rows: readonly Row[]): string {
  const items = rows.map((row) => ({
    at: row.at, file: row.file, line: row.line, setting: row.lane, model: row.model, snapshot: row.snapshot, system_fingerprint: row.fingerprint,
    form: row.form, decoding: row.how, parameters: row.parameters, prompt: row.prompt, answer: row.text, state: row.state,
    error: row.failure, finish_reason: row.finish, stop_reason: row.stopReason, rating: row.rating, chosen_by: row.chosen, expected: row.expected,
    match: row.expected ? matchOf(row.text, row.expected) : undefined, prompt_tokens: row.promptTokens, completion_tokens: row.completionTokens,
    mean_logprob: row.meanLogprob, first_token_ms: row.firstMs, total_ms: row.totalMs,
  }));
  return `${JSON.stringify({ kind: 'playground_results', version: 1, items }, undefined, 2)}\n`;
}

/** "playground-2026-11-22T01-10.csv". */
export const fileName = (at: Date, extension: string): string =>
  `playground-${at.toISOString().slice(0, 16).replace(':', '-')}.${extension}`;
