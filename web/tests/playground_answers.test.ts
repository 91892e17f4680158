import { describe, expect, it } from 'vitest';

import { compare, parameterText } from '../src/lib/playground/compare';
import { EventReader, errorSentence, readChunk, type Chunk, type RawToken } from '../src/lib/playground/events';
import { fileName, resultsCsv, resultsJson } from '../src/lib/playground/export';
import {
  endedRow, fitting, hasRivals, kNoLive, likeness, matchOf, mergedRows, readRows, reopened, scorersChoice, withChosen, withChunk, type Row,
} from '../src/lib/playground/results';
import { geometricMean, meanLogprob, piecesOf, shadeOf, shownToken, visible } from '../src/lib/playground/tokens';

const base: Row = {
  id: 'a', at: '2026-11-22T00:00:01.000Z', lane: 'A', form: 'text', model: 'm', snapshot: 's', fingerprint: '', prompt: 'p', parameters: { seed: 1, temperature: 0.3 },
  how: 'sampled', choice: 0, request: 'q', state: 'done', text: 'x',
};
const row = (more: Partial<Row>): Row => ({ ...base, ...more });
const token = (text: string, logprob: number, top: RawToken['top'] = []): RawToken => ({ text, logprob, top });

describe('EventReader', () => {
  it('reads events however they are cut', () => {
    const whole = 'data: {"a":1}\n\n: a comment\r\ndata: two\r\ndata: lines\r\n\r\ndata:[DONE]\n\n';
    for (let cut = 1; cut < whole.length; cut += 1) {
      const reader = new EventReader();
      const events = [...reader.feed(whole.slice(0, cut)), ...reader.feed(whole.slice(cut))];
      expect(events, `cut at ${cut}`).toEqual(['{"a":1}', 'two\nlines', '[DONE]']);
    }
  });

  it('gives up on a line without an end', () => {
    expect(() => new EventReader().feed('x'.repeat(EventReader.kMaxLine + 1))).toThrow();
  });
});

describe('readChunk', () => {
  it('reads completions', () => {
    const chunk = readChunk(JSON.stringify({
      system_fingerprint: 'fp', choices: [{ index: 1, text: ' the', finish_reason: null,
        logprobs: { tokens: [' the'], token_logprobs: [-0.5], top_logprobs: [{ ' a': -1.5, ' the': -0.5 }], text_offset: [0] } }],
    }));
    expect(chunk).toEqual({
      kind: 'text', choice: 1, text: ' the', fingerprint: 'fp',
      tokens: [token(' the', -0.5, [{ text: ' the', logprob: -0.5 }, { text: ' a', logprob: -1.5 }])],
    });
    expect(readChunk('{"choices":[{"index":0,"text":"","finish_reason":"stop","stop_reason":"END"}]}')).toMatchObject({ finish: 'stop', stopReason: 'END' });
  });

  it('reads chats, with parts of characters as bytes', () => {
    const chunk = readChunk(JSON.stringify({
      choices: [{ index: 0, delta: { content: 'x' }, finish_reason: null,
        logprobs: { content: [{ token: '\uFFFD', logprob: -1, bytes: [0xea, 0xb0], top_logprobs: [{ token: 'a', logprob: -2, bytes: [97] }] }] } }],
    }));
    expect(chunk).toMatchObject({ text: 'x', tokens: [token('bytes:\\xea\\xb0', -1, [{ text: 'a', logprob: -2 }])] });
  });

  it('reads what is no text', () => {
    expect(readChunk('[DONE]')).toEqual({ kind: 'done' });
    expect(readChunk('{"error":{"message":"no memory"}}')).toEqual({ kind: 'error', message: 'no memory' });
    expect(readChunk('{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2}}}'))
      .toEqual({ kind: 'usage', usage: { promptTokens: 3, completionTokens: 4, cachedTokens: 2 } });
    expect(readChunk('{}')).toEqual({ kind: 'none' });
    expect(readChunk('[1]')).toEqual({ kind: 'none' });
    expect(() => readChunk('not JSON')).toThrow(SyntaxError);
    expect(errorSentence({ error: 'plain' })).toBe('plain');
    expect(errorSentence({ detail: 'of a problem' })).toBe('of a problem');
  });
});

describe('tokens', () => {
  it('join the bytes of a character', () => {
    const parts = [token('a', 0), token('bytes:\\xea\\xb0', Math.log(0.5)), token('bytes:\\x80', Math.log(0.5)), token('b', 0)];
    expect(piecesOf(parts).map(({ text }) => text)).toEqual(['a', '가', 'b']);
    expect(piecesOf(parts)[1]?.probability).toBeCloseTo(0.25);
    expect(piecesOf(parts)[1]?.tokens.length).toBe(2);
  });

  it('show bytes that never join', () => {
    const stray = [token('bytes:\\xea', 0), token('x', 0), token('bytes:\\xff\\xff\\xff\\xff', 0), token('bytes:\\xff', 0)];
    expect(piecesOf(stray).map(({ text }) => text)).toEqual(['⟨EA⟩', 'x', '⟨FF FF FF FF⟩', '⟨FF⟩']);
    expect(shownToken('bytes: no')).toBe('bytes: no');
    expect(visible(' a\n')).toBe('␣a⏎');
  });

  it('have shades and a mean', () => {
    expect([1, 0.9, 0.6, 0.3, 0.1, 0.01].map(shadeOf)).toEqual([0, 0, 1, 2, 3, 4]);
    expect(meanLogprob([token('a', -1), token('b', -3)])).toBe(-2);
    expect(meanLogprob([])).toBeUndefined();
    expect(geometricMean(Math.log(0.2))).toBeCloseTo(0.2);
  });
});

describe('rows', () => {
  const text = (value: string, more = {}): Chunk & { kind: 'text' } => ({ kind: 'text', choice: 0, text: value, tokens: [token(value, -1)], fingerprint: 'fp', ...more });
  const live = withChunk(withChunk(kNoLive, text(''), 3), text('ab'), 5);

  it('know when the first word came', () => {
    expect(live).toMatchObject({ text: 'ab', firstMs: 5, fingerprint: 'fp' });
    expect(withChunk(live, text('c', { finish: 'stop', stopReason: 'x' }), 9)).toMatchObject({ text: 'abc', firstMs: 5, finish: 'stop', stopReason: 'x' });
  });

  it('keep what came, however it ended', () => {
    const failure = { kind: 'cut', detail: '' } as const;
    expect(endedRow(base, live, { totalMs: 9, failure })).toMatchObject({ state: 'failed', text: 'ab', failure, totalMs: 9, meanLogprob: -1 });
    expect(endedRow(base, live, { totalMs: 9, stopped: true })).toMatchObject({ state: 'stopped', text: 'ab' });
    const whole = endedRow(base, { ...live, finish: 'length' }, { totalMs: 9, failure, usage: { promptTokens: 4, completionTokens: 9, cachedTokens: 0 } });
    expect(whole).toMatchObject({ state: 'done', promptTokens: 4, completionTokens: 2, finish: 'length' });
    expect(whole.failure).toBeUndefined();
    expect(reopened([row({ state: 'running', text: 'ab' }), base])).toMatchObject([{ state: 'failed', failure: { kind: 'left' }, text: 'ab' }, { state: 'done' }]);
  });

  it('are compared with what was hoped for', () => {
    expect(matchOf(' Seoul.\n', 'seoul')).toBe('same');
    expect(matchOf('It is Seoul, of course', 'seoul')).toBe('contains');
    expect(matchOf('Seoulite', 'seoul')).toBe('different');
    expect(matchOf('x', '')).toBe('different');
    expect(likeness('a b c', 'b c d')).toBeCloseTo(2 / 3);
    expect(likeness('', '')).toBe(1);
    expect(likeness('a', '')).toBe(0);
  });

  it('are chosen by a person or a scorer', () => {
    const pair = [row({ id: 'g', meanLogprob: -1, text: 'wrong' }), row({ id: 's', meanLogprob: -2, text: 'right', expected: 'right' }), row({ id: 'z', request: 'other' })];
    expect(scorersChoice(pair.slice(0, 2), 'user')).toBeUndefined();
    expect(scorersChoice(pair.slice(0, 2), 'likelihood')?.id).toBe('g');
    expect(scorersChoice(pair.slice(0, 2), 'expected')?.id).toBe('s');
    expect(scorersChoice(pair.slice(0, 1), 'likelihood')).toBeUndefined();
    expect(scorersChoice([row({ state: 'failed' }), row({})], 'likelihood')).toBeUndefined();
    expect(scorersChoice([row({}), row({ id: 'b' })], 'expected')).toBeUndefined();
    const chosen = withChosen(withChosen(pair, 'g', 'likelihood'), 's', 'user');
    expect(chosen.map(({ chosen: by }) => by)).toEqual([undefined, 'user', undefined]);
    expect(hasRivals(pair, pair[0]!)).toBe(true);
    expect(hasRivals(pair, pair[2]!)).toBe(false);
  });

  it('of two windows are all kept, and what was deleted stays so', () => {
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((id, at) => row({ id, at: `2026-11-22T00:00:0${at}.000Z` })) as [Row, Row, Row, Row];
    expect(mergedRows([a, b, c], [a, b], [b, d]).map(({ id }) => id)).toEqual(['b', 'c', 'd']);
    expect(mergedRows([a], [a], [{ ...a, rating: 4 }])[0]?.rating).toBe(4);
    expect(mergedRows([{ ...a, rating: 2 }, b], [a, b], [a, b])[0]?.rating).toBe(2);
  });

  it('are kept as far as they fit, the newest first', () => {
    const rows = ['a', 'b', 'c'].map((id) => row({ id }));
    const one = JSON.stringify(rows[0]).length;
    const fit = fitting(rows, 2 * one + 5);
    expect(fit.count).toBe(2);
    expect(readRows(JSON.parse(fit.json)).map(({ id }) => id)).toEqual(['b', 'c']);
    expect(fitting([], 10)).toEqual({ json: '[]', count: 0 });
    expect(readRows([{ id: 'x' }, null, 3])).toEqual([]);
    expect(readRows('x')).toEqual([]);
  });
});

describe('compare', () => {
  it('puts settings side by side, seeds aside', () => {
    const lines = compare([
      row({ id: '1', rating: 4, firstMs: 10, totalMs: 20, expected: 'x' }),
      row({ id: '2', request: 'q2', parameters: { seed: 2, temperature: 0.3 }, rating: 5, firstMs: 30, totalMs: 40, expected: 'y' }),
      row({ id: '3', request: 'q3', state: 'failed', parameters: { seed: 3, temperature: 0.3 } }),
      row({ id: '4', request: 'q4', model: 'n', how: 'greedy', parameters: { seed: 1, temperature: 0.7 }, chosen: 'user' }),
      row({ id: '5', request: 'q4', model: 'n', parameters: { seed: 1, temperature: 0.7 } }),
      row({ id: '6', state: 'running' }),
    ]);
    expect(lines.length).toBe(3);
    expect(lines[0]).toMatchObject({ model: 'm', answers: 2, failed: 1, rated: 2, rating: 4.5, compared: 2, same: 1, firstMs: 20, totalMs: 30, rivals: 1, parameters: 'temperature 0.3' });
    expect(lines[1]).toMatchObject({ model: 'n', how: 'greedy', chosen: 1, rivals: 1 });
    expect(lines[2]).toMatchObject({ how: 'sampled', chosen: 0, rivals: 1, rating: undefined, firstMs: undefined });
    expect(compare([])).toEqual([]);
  });

  it('says parameters in the order in which they were sent', () => {
    expect(parameterText({ top_p: 0.8, greedy: 'both', stop: ['\n'] })).toBe('top_p 0.8 · greedy "both" · stop "\\n"');
  });
});

describe('export', () => {
  const rows = [row({ rating: 5, expected: 'x', parameters: { seed: 1, stop: ['\n'] } }), row({ id: 'b', text: '=SUM(1)', failure: { kind: 'cut', detail: 'why' }, parameters: { top_k: 3 } })];

  it('has a column for each parameter', () => {
    const lines = resultsCsv(rows).split('\r\n');
    expect(lines[0]).toMatch(/^\uFEFFat,file,line,setting,prompt,answer,rating,.*,total_ms,seed,stop,top_k$/);
    expect(lines[1]).toContain(',x,5,');
    expect(lines[1]).toMatch(/,1,"\[""\\n""\]",$/);
    expect(lines[2]).toContain(",'=SUM(1),");
    expect(lines[2]).toContain('cut why');
  });

  it('is JSON with everything', () => {
    const { kind, version, items } = JSON.parse(resultsJson(rows)) as { kind: string; version: number; items: Record<string, unknown>[] };
    expect([kind, version]).toEqual(['playground_results', 1]);
    expect(items[0]).toMatchObject({ model: 'm', snapshot: 's', prompt: 'p', answer: 'x', rating: 5, match: 'same', parameters: { seed: 1, stop: ['\n'] } });
    expect(items[1]).toMatchObject({ answer: '=SUM(1)' });
    expect(fileName(new Date(0), 'csv')).toBe('playground-1970-01-01T00-00.csv');
  });
});
