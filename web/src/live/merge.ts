// One event of the stream applied to what the page knows. Pure.
import type { Eta, EventRecord, JobRecord, JobState, LoadSample, Overview, QueueCounts } from '../api/types';
import type { State } from './state';

/** Ten minutes at one sample each two seconds. */
export const kLoadSamples = 300;

const kFinal: readonly JobState[] = ['succeeded', 'failed', 'cancelled'];
export const isFinal = (state: JobState): boolean => kFinal.includes(state);

type Data = Record<string, unknown>;
const text = (data: Data, key: string) => (typeof data[key] === 'string' ? (data[key] as string) : undefined);
const number = (data: Data, key: string) => (typeof data[key] === 'number' ? (data[key] as number) : undefined);

function mergeJob(job: JobRecord, event: EventRecord): JobRecord {
  const { data } = event;
  const state = (text(data, 'state') as JobState | undefined) ?? job.state;
  // The stream may replay what a fresher answer has told already: a job never leaves its end.
  if (isFinal(job.state) && !isFinal(state)) return job;
  const merged: JobRecord = {
    ...job,
    state,
    name: text(data, 'name') ?? job.name,
    team: text(data, 'team') ?? job.team,
    reason: text(data, 'reason') ?? job.reason,
    exit_code: number(data, 'exit_code') ?? job.exit_code ?? null,
  };
  if (state === 'running' && job.state !== 'running') merged.started_at = event.at;
  if (isFinal(state) && !job.finished_at) merged.finished_at = event.at;
  return merged;
}

function mergeLoad(state: State, event: EventRecord): State {
  const { data } = event;
  const sample: LoadSample = {
    at_ms: Date.parse(event.at),
    cpu_used_ratio: number(data, 'cpu_used_ratio') ?? 0,
    load_1m: number(data, 'load_1m') ?? 0,
    memory_used_bytes: number(data, 'memory_used_bytes') ?? 0,
    predictions_per_s: number(data, 'predictions_per_s') ?? 0,
    latency_ms_p50: number(data, 'latency_ms_p50') ?? null,
  };
  const load = [...state.load, sample].slice(-kLoadSamples);
  const overview = state.overview && overviewWith(state.overview, data, sample);
  // The stream's load is of the machine that serves the page; with one node that is the node.
  const ids = Object.keys(state.nodes);
  const only = ids.length === 1 ? state.nodes[ids[0] as string] : undefined;
  const nodes = only
    ? { [only.id]: {
        ...only,
        cpu_used_ratio: sample.cpu_used_ratio,
        load_1m: sample.load_1m,
        memory_used_bytes: sample.memory_used_bytes,
      } }
    : state.nodes;
  return { ...state, load, nodes, overview };
}

function overviewWith(overview: Overview, data: Data, sample: LoadSample): Overview {
  const queue = (data['queue'] ?? {}) as Partial<QueueCounts>;
  return {
    ...overview,
    queue: { ...overview.queue, ...queue },
    load: {
      ...overview.load,
      cpu_used_ratio: sample.cpu_used_ratio,
      load_1m: sample.load_1m,
      memory_used_bytes: sample.memory_used_bytes,
    },
    serving: {
      ...overview.serving,
      predictions_per_s: sample.predictions_per_s,
      latency_ms_p50: sample.latency_ms_p50 ?? overview.serving.latency_ms_p50,
      latency_ms_p99: number(data, 'latency_ms_p99') ?? overview.serving.latency_ms_p99,
    },
  };
}

/** No highlight: it comes every few seconds, and only the words and the bar move. */
function mergeEta(state: State, event: EventRecord): State {
  const job = state.jobs[event.subject];
  if (!job || isFinal(job.state) || typeof event.data['from'] !== 'string') return state;
  return { ...state, jobs: { ...state.jobs, [job.id]: { ...job, eta: event.data as unknown as Eta } } };
}

export function applyEvent(state: State, event: EventRecord, nowMs: number): State {
  if (event.kind === 'load') return mergeLoad(state, event);
  if (event.kind === 'eta') return mergeEta(state, event);
  const changedAt = { ...state.changedAt, [event.subject]: nowMs };
  if (event.kind === 'job') {
    const job = state.jobs[event.subject];
    return job
      ? { ...state, changedAt, jobs: { ...state.jobs, [job.id]: mergeJob(job, event) } }
      : { ...state, changedAt };
  }
  if (event.kind === 'run') {
    const run = state.runs[event.subject];
    const word = text(event.data, 'state');
    return run && word
      ? { ...state, changedAt, runs: { ...state.runs, [run.id]: { ...run, state: word as typeof run.state } } }
      : { ...state, changedAt };
  }
  return { ...state, changedAt };
}

/** Which resources an event makes stale, by their names in resources.ts. */
export function staleAfter(event: EventRecord): string[] {
  const { kind, subject, data } = event;
  const run = text(data, 'run_id') ?? subject;
  // Subjects of channels and snapshots may carry more than the model's name.
  const model = text(data, 'model') ?? text(data, 'name') ?? (subject.split(/[@:/]/)[0] as string);
  switch (kind) {
    case 'job': return ['jobs', 'overview', 'nodes', `job/${subject}`];
    case 'node': return ['nodes', 'overview'];
    case 'run': return ['runs', `run/${run}`];
    case 'study': return ['studies', `study/${text(data, 'study_id') ?? subject}`];
    case 'metrics': return [`run/${run}`, `metrics/${run}`, 'values'];
    case 'eta': return [];
    case 'snapshot': return ['models', `model/${model}`];
    case 'channel': return ['models', 'overview', `model/${model}`];
    default: return [];
  }
}

const kKinds = ['job', 'run', 'metrics', 'node', 'snapshot', 'channel', 'load', 'study', 'eta'] as const;
export const eventKinds: readonly string[] = kKinds;

/** The data line of an event. Load and metrics may come bare, without the record around them. */
export function parseEvent(kind: string, line: string, nowMs: number): EventRecord | undefined {
  let body: unknown;
  try {
    body = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof body !== 'object' || body === null) return undefined;
  const record = body as Partial<EventRecord>;
  const whole = typeof record.data === 'object' && record.data !== null;
  return {
    seq: whole && typeof record.seq === 'number' ? record.seq : 0,
    at: whole && typeof record.at === 'string' ? record.at : new Date(nowMs).toISOString(),
    kind,
    subject: whole && typeof record.subject === 'string' ? record.subject : '',
    data: whole ? (record.data as Data) : (body as Data),
  };
}
