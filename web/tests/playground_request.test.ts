import { describe, expect, it } from 'vitest';

import { curlOf, pythonOf } from '../src/lib/playground/code';
import { addedLane, continued, draftPrompt, kFirstDraft, promptFor, readDraft, readPresets, recalled, withLane, withoutLane } from '../src/lib/playground/draft';
import { escaped, kBuiltIns, kPlainKnobs, knobFault, knobsOf, presetOf, readKnobs, stopsOf, unescaped, withPreset } from '../src/lib/playground/knobs';
import { answersOf, bodyOf, drawSeed, howOf, parametersOf, pathOf, repeating, streamedBody } from '../src/lib/playground/request';
import type { Row } from '../src/lib/playground/results';
import { isFilled, kNoTemplate, pastedShots, promptOf, withFirstShots, withPasted, withShot, withoutShot } from '../src/lib/playground/template';

const row: Row = {
  id: 'r', at: '2026-11-22T00:00:00.000Z', lane: 'B', form: 'text', model: 'm:poems', snapshot: 'abc', fingerprint: 'fp', prompt: "it's $HOME\n질문",
  parameters: { max_tokens: 4, greedy: 'both', seed: 7, stop: ['\n'], start: '\nA: ' }, how: 'sampled', choice: 1, request: 'q', state: 'done', text: ' yes',
};

describe('knobs', () => {
  it('begin with the planner of the reference system', () => {
    expect(parametersOf(kBuiltIns.planner, 5)).toEqual({
      max_tokens: 32, greedy: false, temperature: 0.3, top_p: 0.8, top_k: 0, repetition_penalty: 5, recompute: false, seed: 5,
    });
  });

  it('are named by the preset that they are', () => {
    const own = [{ name: 'mine', knobs: { ...kPlainKnobs, top_k: 3 } }];
    expect(presetOf(kBuiltIns.exact, own)).toBe('exact');
    expect(presetOf({ ...kPlainKnobs, top_k: 3 }, own)).toBe('mine');
    expect(presetOf({ ...kPlainKnobs, top_k: 4 }, own)).toBe('');
    expect(knobsOf('mine', own)?.top_k).toBe(3);
    expect(knobsOf('nobody', own)).toBeUndefined();
    expect(withPreset(own, { name: 'mine', knobs: kPlainKnobs })).toEqual([{ name: 'mine', knobs: kPlainKnobs }]);
    expect(withPreset(own, { name: 'a', knobs: kPlainKnobs }).map(({ name }) => name)).toEqual(['a', 'mine']);
  });

  it('are read from storage whatever stands there', () => {
    expect(readKnobs({ temperature: 0.5, top_k: 'many', greedy: 'maybe', extra: 1 })).toEqual({ ...kPlainKnobs, temperature: 0.5 });
    expect(readKnobs(null)).toEqual(kPlainKnobs);
    expect(readPresets([{ name: 'x', knobs: {} }, { name: 3 }, 'y'])).toEqual([{ name: 'x', knobs: kPlainKnobs }]);
  });

  it('are refused where the server would', () => {
    expect(knobFault(kPlainKnobs)).toBeUndefined();
    expect(knobFault({ ...kPlainKnobs, temperature: 2.5 })).toEqual({ name: 'temperature', min: 0, max: 2, whole: false, above: false });
    expect(knobFault({ ...kPlainKnobs, top_p: 0 })?.above).toBe(true);
    expect(knobFault({ ...kPlainKnobs, max_tokens: 1.5 })?.name).toBe('max_tokens');
    expect(knobFault({ ...kPlainKnobs, top_k: NaN })?.name).toBe('top_k');
    expect(knobFault({ ...kPlainKnobs, seed: '12a' })?.name).toBe('seed');
    expect(knobFault({ ...kPlainKnobs, seed: '-12' })).toBeUndefined();
  });

  it('write line breaks in one line', () => {
    expect(unescaped('a\\nb\\t\\\\n')).toBe('a\nb\t\\n');
    expect(unescaped(escaped('a\\n\n\t'))).toBe('a\\n\n\t');
    expect(stopsOf('\\n\n\nEND\n')).toEqual(['\n', 'END']);
  });
});

describe('requests', () => {
  it('say what was set and leave out what does nothing', () => {
    const parameters = parametersOf({ ...kPlainKnobs, greedy: 'both', min_p: 0.1, stop: '\\n', start: '\\nA:', seed: ' 12 ', grammar: 'root ::= "a"' }, 5);
    expect(parameters).toEqual({
      max_tokens: 64, greedy: 'both', temperature: 1, top_p: 1, top_k: 0, repetition_penalty: 1, recompute: false, seed: 12, min_p: 0.1,
      stop: ['\n'], start: '\nA:', grammar: 'root ::= "a"',
    });
    expect(answersOf(parameters)).toBe(2);
    expect([howOf(parameters, 0), howOf(parameters, 1)]).toEqual(['greedy', 'sampled']);
    expect(repeating(parameters, 'sampled')['greedy']).toBe(false);
    expect(repeating(parameters, 'greedy')['greedy']).toBe(true);
    expect(answersOf({ n: 3 })).toBe(3);
    expect(howOf({ temperature: 0 }, 0)).toBe('greedy');
  });

  it('are a text or a message', () => {
    expect(bodyOf('text', 'm', 'p', { seed: 1 })).toEqual({ model: 'm', prompt: 'p', seed: 1 });
    expect(bodyOf('chat', 'm', 'p', {})).toEqual({ model: 'm', messages: [{ role: 'user', content: 'p' }] });
    expect(streamedBody('text', {})).toMatchObject({ stream: true, logprobs: 5 });
    expect(streamedBody('chat', {})).toMatchObject({ logprobs: true, top_logprobs: 5 });
    expect(pathOf('chat')).toBe('/v1/chat/completions');
    expect(drawSeed(() => 0.999999999)).toBeLessThan(2 ** 31);
  });
});

describe('examples', () => {
  const template = { instruction: ' Correct. ', inputLabel: 'In:', outputLabel: 'Out: ', shots: [{ input: 'a', output: 'b' }, { input: ' ', output: '' }], question: 'c' };

  it('make a prompt that ends where the answer begins', () => {
    expect(promptOf(template)).toBe('Correct.\n\nIn: a\nOut: b\n\nIn: c\nOut:');
    expect(promptOf(template, 'd')).toBe('Correct.\n\nIn: a\nOut: b\n\nIn: d\nOut:');
    expect(promptOf({ ...kNoTemplate, inputLabel: '', outputLabel: '', question: 'alone' })).toBe('alone');
    expect(promptOf(withFirstShots(template, 0))).toBe('Correct.\n\nIn: c\nOut:');
  });

  it('are edited as a table', () => {
    expect(withShot(template, 0, { output: 'y' }).shots[0]).toEqual({ input: 'a', output: 'y' });
    expect(withoutShot(template, 0).shots).toEqual([{ input: ' ', output: '' }]);
    expect(isFilled({ input: '', output: 'x' })).toBe(true);
    const pasted = pastedShots('q1\ta1\r\nq2\ta2\tmore\n');
    expect(pasted).toEqual([{ input: 'q1', output: 'a1' }, { input: 'q2', output: 'a2 more' }]);
    expect(pastedShots('one line of text')).toBeUndefined();
    expect(withPasted(template, 0, pasted ?? []).shots.map(({ input }) => input)).toEqual(['a', 'q1', 'q2', ' ']);
    expect(withPasted(template, 1, pasted ?? []).shots.map(({ input }) => input)).toEqual(['a', 'q1', 'q2']);
  });
});

describe('the desk', () => {
  it('takes up to four settings, each with another model where there is one', () => {
    const two = addedLane(kFirstDraft, ['a', 'b']);
    expect(two.lanes.map(({ id, model }) => [id, model])).toEqual([['A', ''], ['B', 'b']]);
    const four = addedLane(addedLane(two, ['a', 'b']), ['a', 'b']);
    expect(four.lanes.map(({ id }) => id)).toEqual(['A', 'B', 'C', 'D']);
    expect(addedLane(four, ['a'])).toBe(four);
    const gap = withoutLane(four, 'B');
    expect(addedLane(gap, []).lanes.map(({ id }) => id)).toEqual(['A', 'B', 'C', 'D']);
    expect(withoutLane(kFirstDraft, 'A')).toBe(kFirstDraft);
    expect(withLane(two, 'A', (lane) => ({ ...lane, model: 'z' })).lanes[0]?.model).toBe('z');
  });

  it('sends what it shows', () => {
    expect(draftPrompt({ ...kFirstDraft, prompt: 'x' })).toBe('x');
    expect(draftPrompt({ ...kFirstDraft, mode: 'examples', template: { ...kNoTemplate, question: 'q' } })).toBe('Input: q\nOutput:');
    expect(promptFor(kFirstDraft, 'q', false)).toBe('q');
    expect(promptFor(kFirstDraft, 'q', true)).toBe('Input: q\nOutput:');
    expect(promptFor(kFirstDraft, ' ', true)).toBe(' ');
  });

  it('is read from storage whatever stands there', () => {
    expect(readDraft(JSON.parse(JSON.stringify(kFirstDraft)))).toEqual(kFirstDraft);
    expect(readDraft({ lanes: [], template: 3, form: 'chat', scorer: 'nobody' })).toEqual({ ...kFirstDraft, form: 'chat' });
  });

  it('goes on from an answer, and takes up an old one', () => {
    expect(continued(kFirstDraft, row).prompt).toBe("it's $HOME\n질문\nA:  yes");
    const again = recalled(kFirstDraft, row);
    expect(again.prompt).toBe(row.prompt);
    expect(again.lanes[0]).toMatchObject({ id: 'A', model: 'm:poems', knobs: { seed: '7', greedy: 'both', stop: '\\n', start: '\\nA: ', max_tokens: 4 } });
    expect(parametersOf(again.lanes[0]!.knobs, 1)).toMatchObject({ seed: 7, stop: ['\n'], start: '\nA: ' });
  });
});

describe('code', () => {
  it('is a command for any shell', () => {
    const curl = curlOf('http://127.0.0.1:1', row, 'GALLEY_TOKEN');
    expect(curl).toContain(`curl -sS 'http://127.0.0.1:1/v1/completions'`);
    expect(curl).toContain('-H "Authorization: Bearer $GALLEY_TOKEN"');
    expect(curl).toContain(`"prompt":"it'\\''s $HOME\\n질문"`);
    expect(curl).toContain('"greedy":false');
    expect(curlOf('http://h', row, undefined)).not.toContain('Authorization');
  });

  it('is Python without anything installed', () => {
    const code = pythonOf('http://h', { ...row, form: 'chat' }, 'GALLEY_API_KEY');
    expect(code).toContain('"greedy": False,');
    expect(code).toContain('"stop": ["\\n"],');
    expect(code).toContain('os.environ["GALLEY_API_KEY"]');
    expect(code).toContain('print(answer["choices"][0]["message"]["content"])');
    expect(pythonOf('http://h', row, undefined)).not.toContain('import os');
  });
});
