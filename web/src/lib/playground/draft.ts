// What is on the desk: the prompt, its examples, and the settings that it is tried with. Pure.
import { escaped, kBuiltIns, readKnobs, type Knobs, type Preset } from './knobs';
import { promptOf, kMaxShots, kNoTemplate, type Template } from './template';
import type { Form } from './request';
import type { Row, Scorer } from './results';

export interface Lane {
  /** "A", "B", … */
  id: string;
  /** '' means the first that is served. */
  model: string;
  knobs: Knobs;
}

export interface Draft {
  /** Written out, or put together from the table of examples. */
  mode: 'free' | 'examples';
  form: Form;
  prompt: string;
  template: Template;
  lanes: Lane[];
  scorer: Scorer;
}

export const kMaxLanes = 4;

export const kFirstDraft: Draft = {
  mode: 'free', form: 'text', prompt: '', template: kNoTemplate, lanes: [{ id: 'A', model: '', knobs: kBuiltIns.planner }], scorer: 'user',
};

/** The prompt as it will be sent. */
export const draftPrompt = (draft: Draft): string => (draft.mode === 'examples' ? promptOf(draft.template) : draft.prompt);

/** What is sent for a question of a file: as it stands there, or behind the examples. */
export const promptFor = (draft: Draft, question: string, behindExamples: boolean): string =>
  behindExamples && question.trim() !== '' ? promptOf(draft.template, question) : question;

/** The change is of what the setting is then: two may come before the page is drawn again. */
export const withLane = (draft: Draft, id: string, change: (lane: Lane) => Lane): Draft =>
  ({ ...draft, lanes: draft.lanes.map((one) => (one.id === id ? change(one) : one)) });

/** One more setting, like the last one but for its model, where another is served. */
export function addedLane(draft: Draft, models: readonly string[]): Draft {
  const last = draft.lanes[draft.lanes.length - 1];
  if (draft.lanes.length >= kMaxLanes || !last) return draft;
  const used = draft.lanes.map(({ model }) => model || (models[0] ?? ''));
  const id = 'ABCD'.split('').find((letter) => !draft.lanes.some((lane) => lane.id === letter)) as string;
  const model = models.find((name) => !used.includes(name)) ?? last.model;
  return { ...draft, lanes: [...draft.lanes, { ...last, id, model }].sort((a, b) => a.id.localeCompare(b.id)) };
}

export const withoutLane = (draft: Draft, id: string): Draft =>
  (draft.lanes.length > 1 ? { ...draft, lanes: draft.lanes.filter((lane) => lane.id !== id) } : draft);

type Fields = Record<string, unknown>;
const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
const text = (value: unknown, otherwise = ''): string => (typeof value === 'string' ? value : otherwise);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** A draft out of storage, which another version of the page may have written. */
export function readDraft(value: unknown): Draft {
  const given = fields(value);
  const template = fields(given['template']);
  const lanes = list(given['lanes']).slice(0, kMaxLanes).map((one, at): Lane => {
    const lane = fields(one);
    return { id: 'ABCD'[at] as string, model: text(lane['model']), knobs: readKnobs(lane['knobs']) };
  });
  const scorer = text(given['scorer']);
  return {
    mode: given['mode'] === 'examples' ? 'examples' : 'free',
    form: given['form'] === 'chat' ? 'chat' : 'text',
    prompt: text(given['prompt']),
    template: {
      instruction: text(template['instruction']),
      inputLabel: text(template['inputLabel'], kNoTemplate.inputLabel),
      outputLabel: text(template['outputLabel'], kNoTemplate.outputLabel),
      shots: list(template['shots']).slice(0, kMaxShots).map((shot) => ({ input: text(fields(shot)['input']), output: text(fields(shot)['output']) })),
      question: text(template['question']),
    },
    lanes: lanes.length > 0 ? lanes : kFirstDraft.lanes,
    scorer: scorer === 'likelihood' || scorer === 'expected' ? scorer : 'user',
  };
}

export const readPresets = (value: unknown): Preset[] =>
  list(value).map((one) => ({ name: text(fields(one)['name']), knobs: readKnobs(fields(one)['knobs']) })).filter(({ name }) => name !== '');

const word = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The prompt of the next turn: what was asked, the answer with what stands around it, and room for what comes next. */
export function continued(draft: Draft, row: Row): Draft {
  return { ...draft, mode: 'free', prompt: row.prompt + word(row.parameters['start']) + row.text };
}

/** The row's prompt and settings on the desk again, in place of the setting of its letter. */
export function recalled(draft: Draft, row: Row): Draft {
  const { parameters } = row;
  const greedy = parameters['greedy'] === 'both' ? 'both' : parameters['greedy'] === true ? 'on' : 'off';
  const stop = list(parameters['stop']).map((one) => escaped(word(one))).join('\n');
  const knobs = readKnobs({
    ...parameters, greedy, stop, seed: String(parameters['seed'] ?? ''), start: escaped(word(parameters['start'])), restart: escaped(word(parameters['restart'])),
  });
  const lane = draft.lanes.find(({ id }) => id === row.lane) ?? (draft.lanes[0] as Lane);
  return { ...withLane(draft, lane.id, () => ({ ...lane, model: row.model, knobs })), mode: 'free', form: row.form, prompt: row.prompt };
}
