// Asks the models and writes down what comes. Whatever happens, the row stays with what there is.
import { ApiProblem } from '../api/client';
import { languageModels, stream, type LanguageModel } from '../api/language';
import { EventReader, readChunk, type Chunk, type Usage } from '../lib/playground/events';
import { answersOf, bodyOf, howOf, parametersOf, pathOf, drawSeed, streamedBody, type Body } from '../lib/playground/request';
import { draftPrompt, promptFor, type Draft, type Lane } from '../lib/playground/draft';
import { endedRow, kNoLive, scorersChoice, withChosen, withChunk, type Failure, type Row } from '../lib/playground/results';
import type { Question } from '../lib/playground/sheet';
import { changeRows, playStore } from './play_store';
import { markStale, useResource } from './resources';
import { store } from './store';

/** A prompt of thousands of tokens may be read for this long before the first word. */
const kFirstMs = 120_000;
/** Words that come at all come more often. */
const kNextMs = 30_000;
/** So many requests of a file run at once: enough for the server to answer them together. */
const kAtOnce = 6;
/** The tokens of so many answers are kept to be looked at. */
const kLiveKept = 300;

let stopping = new AbortController();
let counter = 0;

const newId = (): string => {
  counter += 1;
  return `${Date.now().toString(36)}-${counter.toString(36)}-${drawSeed().toString(36)}`;
};

/** The models that are served, and the adapters of each. */
export const useLanguageModels = () =>
  useResource<LanguageModel[]>('language', ['language', 'models'], loadModels);

let models: readonly LanguageModel[] = [];

async function loadModels(): Promise<LanguageModel[]> {
  try {
    const found = await languageModels(playStore.get().key);
    models = found;
    return found;
  } catch (failure) {
    if (failure instanceof ApiProblem && failure.status === 401) playStore.change((state) => ({ ...state, keyRefused: state.key !== '' }));
    throw failure;
  }
}

export const lookAgain = (): void => markStale(['language']);

/** One request and the rows of its answers. */
interface Task {
  rows: Row[];
  body: Body;
}

interface Asked {
  prompt: string;
  seed: number;
  file?: string;
  question?: Question;
}

function taskOf(draft: Draft, lane: Lane, asked: Asked): Task {
  const model = lane.model || (models[0]?.id ?? '');
  const parameters = parametersOf(lane.knobs, asked.seed);
  const request = newId();
  const rows = Array.from({ length: answersOf(parameters) }, (_, choice): Row => ({
    id: newId(), at: new Date().toISOString(), lane: lane.id, form: draft.form, model,
    snapshot: models.find(({ id }) => id === model)?.snapshot ?? '', fingerprint: '', prompt: asked.prompt, parameters, choice, request,
    how: howOf(parameters, choice), state: 'waiting', text: '',
    ...(asked.file === undefined ? {} : { file: asked.file }),
    ...(asked.question ? { line: asked.question.line, expected: asked.question.expected } : {}),
  }));
  return { rows, body: bodyOf(draft.form, model, asked.prompt, parameters) };
}

const change = (task: Task, next: (row: Row) => Row): void => {
  task.rows = task.rows.map(next);
  const changed = new Map(task.rows.map((row) => [row.id, row]));
  changeRows((rows) => rows.map((row) => {
    const mine = changed.get(row.id);
    // What the user did meanwhile stays.
    return mine ? { ...mine, ...(row.rating === undefined ? {} : { rating: row.rating }) } : row;
  }));
};

const failureOf = (failure: unknown, stalled: boolean, heard: boolean): Failure => {
  if (stalled) return { kind: 'stalled', detail: '' };
  if (failure instanceof ApiProblem) return { kind: failure.status === 0 ? 'unreachable' : 'refused', detail: failure.detail };
  if (failure instanceof SyntaxError) return { kind: 'garbled', detail: failure.message };
  return { kind: heard ? 'cut' : 'unreachable', detail: failure instanceof Error ? failure.message : String(failure) };
};

/** Reads the stream of one request into the live answers of its rows. */
class Listening {
  usage: Usage | undefined;
  /** [DONE] came: the answer is whole. */
  done = false;
  refusal: string | undefined;
  private readonly reader = new EventReader();

  constructor(private readonly rows: readonly Row[], private readonly startMs: number) {}

  take(piece: string): void {
    const chunks = this.reader.feed(piece).map(readChunk);
    for (const chunk of chunks) {
      if (chunk.kind === 'done') this.done = true;
      else if (chunk.kind === 'usage') this.usage = chunk.usage;
      else if (chunk.kind === 'error') this.refusal = chunk.message;
    }
    const texts = chunks.filter((chunk): chunk is Chunk & { kind: 'text' } => chunk.kind === 'text');
    if (texts.length === 0) return;
    const sinceMs = performance.now() - this.startMs;
    playStore.change((state) => {
      const live = { ...state.live };
      for (const chunk of texts) {
        const id = this.rows[chunk.choice]?.id;
        if (id !== undefined) live[id] = withChunk(live[id] ?? kNoLive, chunk, sinceMs);
      }
      return { ...state, live };
    });
  }
}

async function run(task: Task, signal: AbortSignal): Promise<void> {
  const first = task.rows[0] as Row;
  const startMs = performance.now();
  const listening = new Listening(task.rows, startMs);
  const silence = new AbortController();
  let heard = false;
  let timer = setTimeout(() => silence.abort(), kFirstMs);
  const cut = () => silence.abort();
  signal.addEventListener('abort', cut);
  let failure: Failure | undefined;
  change(task, (row) => ({ ...row, state: 'running', at: new Date().toISOString() }));
  try {
    await stream(pathOf(first.form), streamedBody(first.form, task.body), playStore.get().key, silence.signal, (piece) => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), kNextMs);
      heard = true;
      listening.take(piece);
    });
    if (listening.refusal !== undefined) failure = { kind: 'broken', detail: listening.refusal };
    else if (!listening.done) failure = { kind: 'cut', detail: '' };
  } catch (thrown) {
    if (!signal.aborted) failure = failureOf(thrown, silence.signal.aborted, heard);
    silence.abort();  // where a stream is no stream, nothing more of it is read
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cut);
  }
  const totalMs = performance.now() - startMs;
  const { live } = playStore.get();
  change(task, (row) => endedRow(row, live[row.id] ?? kNoLive, { totalMs, usage: listening.usage, failure, stopped: signal.aborted }));
  choose(task);
}

function choose(task: Task): void {
  const { scorer } = playStore.get().draft;
  const best = scorersChoice(task.rows, scorer);
  if (best && scorer !== 'user') changeRows((rows) => withChosen(rows, best.id, scorer));
}

/** The newest answers keep their tokens. */
const trimLive = (): void =>
  playStore.change((state) => {
    const ids = state.rows.slice(-kLiveKept).map(({ id }) => id);
    return { ...state, live: Object.fromEntries(ids.flatMap((id) => (state.live[id] ? [[id, state.live[id]]] : []))) };
  });

async function runAll(tasks: readonly Task[], atOnce: number): Promise<void> {
  stopping = new AbortController();
  const { signal } = stopping;
  playStore.change((state) => ({ ...state, running: true, rows: [...state.rows, ...tasks.flatMap(({ rows }) => rows)] }));
  const waiting = tasks.filter((task) => !refuseEmpty(task));
  const worker = async () => {
    for (let task = waiting.shift(); task && !signal.aborted; task = waiting.shift()) {
      await run(task, signal);
      if (store.get().session === 'closed') stopping.abort();
    }
  };
  const workers = Array.from({ length: Math.min(atOnce, waiting.length) }, worker);
  await Promise.all(workers);
  const left = new Set(tasks.flatMap(({ rows }) => rows.map(({ id }) => id)));
  changeRows((rows) => rows.map((row) => (left.has(row.id) && row.state === 'waiting' ? { ...row, state: 'stopped' } : row)));
  trimLive();
  playStore.change((state) => ({ ...state, running: false }));
}

/** An empty prompt is not sent: the row says so. */
function refuseEmpty(task: Task): boolean {
  if (task.rows.some(({ prompt }) => prompt.trim() !== '')) return false;
  change(task, (row) => ({ ...row, state: 'failed', failure: { kind: 'empty', detail: '' } }));
  return true;
}

const show = (tasks: readonly Task[]): void =>
  playStore.change((state) => ({ ...state, shown: tasks.flatMap(({ rows }) => rows.map(({ id }) => id)) }));

/** What is on the desk, with every setting at once and one seed for all. */
export async function askOnce(): Promise<void> {
  const { draft } = playStore.get();
  const asked = { prompt: draftPrompt(draft), seed: drawSeed() };
  const tasks = await refreshed(() => draft.lanes.map((lane) => taskOf(draft, lane, asked)));
  show(tasks);
  await runAll(tasks, tasks.length);
}

/** Every question of a file with every setting, one question after the other. */
export async function askAll(file: string, questions: readonly Question[], wrap: boolean): Promise<void> {
  const { draft } = playStore.get();
  const seed = drawSeed();
  const tasks = await refreshed(() => questions.flatMap((question) => draft.lanes.map((lane) =>
    taskOf(draft, lane, { prompt: promptFor(draft, question.prompt, wrap), seed, file, question }))));
  show([]);
  await runAll(tasks, kAtOnce);
}

/** The very same request once more, in a row of its own. */
export async function askAgain(row: Row): Promise<void> {
  const rows = playStore.get().rows.filter(({ request }) => request === row.request);
  const request = newId();
  const tasks = await refreshed(() => [{
    rows: rows.map((one): Row => ({
      ...blank(one), id: newId(), request, at: new Date().toISOString(), snapshot: models.find(({ id }) => id === one.model)?.snapshot ?? '',
    })),
    body: bodyOf(row.form, row.model, row.prompt, row.parameters),
  }]);
  show(tasks);
  await runAll(tasks, 1);
}

/** What was asked, without what came of it. */
function blank(row: Row): Row {
  const { id, at, lane, form, model, snapshot, prompt, parameters, how, choice, request, file, line, expected } = row;
  return {
    id, at, lane, form, model, snapshot, prompt, parameters, how, choice, request, fingerprint: '', state: 'waiting', text: '',
    ...(file === undefined ? {} : { file }), ...(line === undefined ? {} : { line }), ...(expected === undefined ? {} : { expected }),
  };
}

/** Weights may have changed since the page was opened, so that rows name those of now. An error is told by the request itself. */
async function refreshed<T>(make: () => T): Promise<T> {
  await loadModels().catch(() => undefined);
  return make();
}

export const stop = (): void => stopping.abort();
