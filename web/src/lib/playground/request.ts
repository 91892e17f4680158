// The body of a request, as it is sent and as it is shown to programs. Pure.
import { kPlainKnobs, stopsOf, unescaped, type Knobs } from './knobs';

export type Body = Record<string, unknown>;

/** As written, or as one message of a conversation in the model's own form. */
export type Form = 'text' | 'chat';

/** How many alternatives of each token are asked for. */
export const kAlternatives = 5;

export const pathOf = (form: Form): string => (form === 'chat' ? '/v1/chat/completions' : '/v1/completions');

/** Draws a seed that every program can hold. */
export const drawSeed = (random: () => number = Math.random): number => Math.floor(random() * 2 ** 31);

/** What the answer depends on besides model and prompt, in the API's names; what does nothing is left out but for the knobs that people look for. */
export function parametersOf(knobs: Knobs, seed: number): Body {
  const stop = stopsOf(knobs.stop);
  const optional: Body = {
    min_p: knobs.min_p, presence_penalty: knobs.presence_penalty, frequency_penalty: knobs.frequency_penalty,
    repetition_penalty_scope: knobs.repetition_penalty_scope, speculation: knobs.speculation, ignore_eos: knobs.ignore_eos,
    n: knobs.n, grammar: knobs.grammar, start: unescaped(knobs.start), restart: unescaped(knobs.restart),
  };
  const set = Object.entries(optional).filter(([name, value]) => value !== kPlainKnobs[name as keyof Knobs]);
  return {
    max_tokens: knobs.max_tokens,
    greedy: knobs.greedy === 'both' ? 'both' : knobs.greedy === 'on',
    temperature: knobs.temperature,
    top_p: knobs.top_p,
    top_k: knobs.top_k,
    repetition_penalty: knobs.repetition_penalty,
    recompute: knobs.recompute,
    seed: knobs.seed.trim() === '' ? seed : Number(knobs.seed),
    ...Object.fromEntries(set),
    ...(stop.length > 0 ? { stop } : {}),
  };
}

export function bodyOf(form: Form, model: string, prompt: string, parameters: Body): Body {
  const said: Body = form === 'chat' ? { messages: [{ role: 'user', content: prompt }] } : { prompt };
  return { model, ...said, ...parameters };
}

/** The same, streamed and with probabilities. */
export function streamedBody(form: Form, body: Body): Body {
  const probabilities: Body = form === 'chat' ? { logprobs: true, top_logprobs: kAlternatives } : { logprobs: kAlternatives };
  return { ...body, ...probabilities, stream: true, stream_options: { include_usage: true } };
}

/** How many answers one request has. */
export const answersOf = (parameters: Body): number =>
  parameters['greedy'] === 'both' ? 2 : typeof parameters['n'] === 'number' ? parameters['n'] : 1;

export type How = 'greedy' | 'sampled';

export function howOf(parameters: Body, choice: number): How {
  if (parameters['greedy'] === 'both') return choice === 0 ? 'greedy' : 'sampled';
  return parameters['greedy'] === true || parameters['temperature'] === 0 ? 'greedy' : 'sampled';
}

/** What repeats this one answer of the request by itself. Of several samples only the first can be had alone. */
export function repeating(parameters: Body, how: How): Body {
  return parameters['greedy'] === 'both' ? { ...parameters, greedy: how === 'greedy' } : parameters;
}
