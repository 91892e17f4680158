// What can be chosen of how an answer is written: the fields of /v1/completions, as people set them. Pure.

export type Decoding = 'off' | 'on' | 'both';

/** Values as the form holds them. `stop` has one sequence a line, with \n written out; an empty seed means a new one each time. */
export interface Knobs {
  max_tokens: number;
  greedy: Decoding;
  temperature: number;
  top_p: number;
  top_k: number;
  repetition_penalty: number;
  stop: string;
  start: string;
  restart: string;
  min_p: number;
  repetition_penalty_scope: '' | 'output' | 'all';
  presence_penalty: number;
  frequency_penalty: number;
  seed: string;
  n: number;
  ignore_eos: boolean;
  recompute: boolean;
  speculation: '' | 'none' | 'prompt_lookup' | 'draft_model';
  grammar: string;
}

export type KnobName = keyof Knobs;

export type KnobSpec =
  | { name: KnobName; kind: 'number'; min: number; max: number; step: number; aboveMin?: boolean; whole?: boolean; more?: boolean }
  | { name: KnobName; kind: 'choice'; values: readonly string[]; more?: boolean }
  | { name: KnobName; kind: 'flag'; more?: boolean }
  | { name: KnobName; kind: 'text' | 'lines' | 'seed' | 'long'; more?: boolean };

/** In the order of the form; `more` ones are folded away. The ranges are the server's. */
export const kKnobs: readonly KnobSpec[] = [
  { name: 'greedy', kind: 'choice', values: ['off', 'on', 'both'] },
  { name: 'max_tokens', kind: 'number', min: 1, max: 16_777_216, step: 1, whole: true },
  { name: 'temperature', kind: 'number', min: 0, max: 2, step: 0.05 },
  { name: 'top_p', kind: 'number', min: 0, max: 1, step: 0.05, aboveMin: true },
  { name: 'top_k', kind: 'number', min: 0, max: 2_147_483_647, step: 1, whole: true },
  { name: 'repetition_penalty', kind: 'number', min: 0, max: 100, step: 0.1, aboveMin: true },
  { name: 'stop', kind: 'lines' },
  { name: 'start', kind: 'text' },
  { name: 'restart', kind: 'text' },
  { name: 'seed', kind: 'seed', more: true },
  { name: 'n', kind: 'number', min: 1, max: 8, step: 1, whole: true, more: true },
  { name: 'min_p', kind: 'number', min: 0, max: 1, step: 0.01, more: true },
  { name: 'presence_penalty', kind: 'number', min: -2, max: 2, step: 0.1, more: true },
  { name: 'frequency_penalty', kind: 'number', min: -2, max: 2, step: 0.1, more: true },
  { name: 'repetition_penalty_scope', kind: 'choice', values: ['', 'output', 'all'], more: true },
  { name: 'speculation', kind: 'choice', values: ['', 'none', 'prompt_lookup', 'draft_model'], more: true },
  { name: 'recompute', kind: 'flag', more: true },
  { name: 'ignore_eos', kind: 'flag', more: true },
  { name: 'grammar', kind: 'long', more: true },
];

export const kPlainKnobs: Knobs = {
  max_tokens: 64, greedy: 'off', temperature: 1, top_p: 1, top_k: 0, repetition_penalty: 1, stop: '', start: '', restart: '', min_p: 0,
  repetition_penalty_scope: '', presence_penalty: 0, frequency_penalty: 0, seed: '', n: 1, ignore_eos: false, recompute: false,
  speculation: '', grammar: '',
};

/** The names under which the page's own presets are kept; their titles are words of the page. */
export type BuiltIn = 'planner' | 'varied' | 'exact' | 'both';

const planner: Partial<Knobs> = { temperature: 0.3, max_tokens: 32, recompute: false, greedy: 'off', top_p: 0.8, top_k: 0, repetition_penalty: 5 };

export const kBuiltIns: Record<BuiltIn, Knobs> = {
  planner: { ...kPlainKnobs, ...planner },
  both: { ...kPlainKnobs, ...planner, greedy: 'both' },
  varied: { ...kPlainKnobs, temperature: 0.9, top_p: 0.95, repetition_penalty: 1.1, max_tokens: 128 },
  exact: { ...kPlainKnobs, greedy: 'on', temperature: 0 },
};

export const isBuiltIn = (name: string): name is BuiltIn => Object.hasOwn(kBuiltIns, name);

export interface Preset {
  name: string;
  knobs: Knobs;
}

export const sameKnobs = (a: Knobs, b: Knobs): boolean => kKnobs.every(({ name }) => Object.is(a[name], b[name]));

/** Which preset these values are, or '' where they are nobody's. */
export function presetOf(knobs: Knobs, saved: readonly Preset[]): string {
  const own = saved.find((preset) => sameKnobs(preset.knobs, knobs));
  if (own) return own.name;
  return (Object.keys(kBuiltIns) as BuiltIn[]).find((name) => sameKnobs(kBuiltIns[name], knobs)) ?? '';
}

export function knobsOf(name: string, saved: readonly Preset[]): Knobs | undefined {
  return saved.find((preset) => preset.name === name)?.knobs ?? (isBuiltIn(name) ? kBuiltIns[name] : undefined);
}

/** The presets with this one added, or put in the place of the one of its name. */
export const withPreset = (saved: readonly Preset[], preset: Preset): Preset[] =>
  [...saved.filter(({ name }) => name !== preset.name), preset].sort((a, b) => a.name.localeCompare(b.name));

/** Knobs out of storage or a file: what is missing or of another kind is taken from the defaults. */
export function readKnobs(value: unknown): Knobs {
  const given = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const read: Record<string, unknown> = { ...kPlainKnobs };
  for (const spec of kKnobs) {
    const one = given[spec.name];
    const fits = spec.kind === 'choice' ? typeof one === 'string' && spec.values.includes(one)
      : typeof one === typeof kPlainKnobs[spec.name] && !Number.isNaN(one);
    if (fits) read[spec.name] = one;
  }
  return read as unknown as Knobs;
}

export interface KnobFault {
  name: KnobName;
  min: number;
  max: number;
  whole: boolean;
  above: boolean;
}

/** What the server would refuse: the first number out of its range. */
export function knobFault(knobs: Knobs): KnobFault | undefined {
  for (const spec of kKnobs) {
    if (spec.kind === 'number') {
      const value = knobs[spec.name] as number;
      const fits = Number.isFinite(value) && value <= spec.max && (spec.aboveMin ? value > spec.min : value >= spec.min)
        && (!spec.whole || Number.isInteger(value));
      if (!fits) return { name: spec.name, min: spec.min, max: spec.max, whole: spec.whole === true, above: spec.aboveMin === true };
    }
    if (spec.kind === 'seed' && !/^\s*-?\d{0,15}\s*$/.test(knobs.seed))
      return { name: 'seed', min: 0, max: 999_999_999_999_999, whole: true, above: false };
  }
  return undefined;
}

/** "a\\nb" -> "a", line break, "b": how line breaks and tabs are written in a field of one line. */
export const unescaped = (text: string): string =>
  text.replace(/\\([nt\\])/g, (_, letter: string) => ({ n: '\n', t: '\t', '\\': '\\' })[letter] as string);

export const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t');

/** One sequence a line; a blank line is none. */
export const stopsOf = (text: string): string[] =>
  text.split('\n').map(unescaped).filter((stop) => stop !== '');
