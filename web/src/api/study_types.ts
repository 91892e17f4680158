// The shapes of /api/v1/studies, as the server writes them.
export type StudyState = 'running' | 'stopping' | 'finished' | 'stopped';
export type TrialState =
  | 'earlier' | 'waiting' | 'running' | 'leaving' | 'stopped' | 'dead' | 'finished' | 'failed' | 'infeasible';
export type Choice = string | number | boolean | null;
export type Order = 'ascending' | 'descending';
export type AxisKind = 'real' | 'integer' | 'categorical' | 'ordered';

export interface Pools {
  live: number;
  stop: number;
  dead: number;
  ended: number;
}

export interface Best {
  trial: number;
  values: (number | null)[];
  params?: Record<string, Choice>;
}

export interface StudySummary {
  trials: number;
  pools: Pools;
  gpu_seconds: number;
  best?: Best;
}

/** A study file as it was accepted; only what the page reads of it. */
export interface StudyFile {
  name?: string;
  h_params?: Record<string, ParameterFile>;
  measure?: string | string[];
  order?: Order | Order[];
  termination?: { max_session_number?: number; max_gpu_hours?: number; max_hours?: number; target?: number };
  job?: { command?: string[]; [field: string]: unknown };
  [field: string]: unknown;
}

export interface ParameterFile {
  type?: string;
  distribution?: string;
  parameters?: Choice[];
  p_range?: number[];
  step?: number;
  [field: string]: unknown;
}

export interface StudyItem {
  id: string;
  name: string;
  team: string;
  principal: string;
  state: StudyState;
  /** Why it ended; while it runs, how its methods were chosen. */
  reason: string;
  has_job: boolean;
  created_at: string;
  ended_at?: string | null;
  summary?: StudySummary;
}

export interface StudyDetail extends StudyItem {
  /** How its methods were chosen. */
  methods: string;
  file: StudyFile;
  measures: { name: string; order: Order }[];
  resource: string;
  max_resource: number;
  max_trials?: number;
  trials: number;
  pools: Pools;
  gpu_seconds: number;
  best?: Best;
  /** Why none of its trials runs, and what would help. */
  obstacle?: { reason: string; help: string };
  /** The best ones, run again with other seeds. */
  finalists?: Finalist[];
}

export interface Finalist {
  trial: number;
  runs: number;
  mean: number;
  interval: [number | null, number | null];
}

export interface TableAxis {
  name: string;
  kind: AxisKind;
  conditional: boolean;
  low?: number;
  high?: number;
  log?: boolean;
  step?: number;
  choices?: Choice[];
  values: (number | null)[];
}

export interface StudyTable {
  count: number;
  axes: TableAxis[];
  measures: { name: string; order: Order; values: (number | null)[] }[];
  states: TrialState[];
  state: number[];
  attempt: number[];
  resource: number[];
  budget: number[];
  gpu_seconds: number[];
  best?: number;
  front: number[];
  known?: KnownColumns;
}

/** Trials of other studies that this one began with. */
export interface KnownColumns {
  count: number;
  studies: { id: string; name: string }[];
  /** By trial: an index of `studies`, and its number there. */
  study: number[];
  number: number[];
  failed: number[];
  resource: number[];
  axes: (number | null)[][];
  measures: (number | null)[][];
}

export interface TrialCurve {
  trial: number;
  at_s: number[];
  resource: number[];
  value: (number | null)[];
}

export interface StudyCurves {
  measure: string;
  order: Order;
  of: number;
  curves: TrialCurve[];
}

export interface StudyTimeline {
  began_at: string;
  until_s: number;
  gpus: number;
  pools: { at_s: number[] } & Record<keyof Pools, number[]>;
  share: { at_s: number[]; study: number[]; tuning: number[]; people: number[] };
}

export interface TrialAttempt {
  number: number;
  job_id?: string;
  began_s?: number;
  ended_s?: number;
  ended_by: string;
  from_resource: number;
  to_resource: number;
}

export interface TrialHistory {
  number: number;
  state: TrialState;
  why: string;
  params: Record<string, Choice>;
  values: (number | null)[];
  resource: number;
  budget: number;
  gpu_seconds: number;
  lost_gpu_seconds: number;
  checkpoint?: string;
  worker?: string;
  job_id?: string;
  attempts: TrialAttempt[];
  lineage: { trial: number; params: Record<string, Choice>; from_resource: number; to_resource: number }[];
  curve: TrialCurve;
}

export interface StudyImportance {
  items: { name: string; share: number }[];
  pairs: { names: [string, string]; share: number }[];
  trials: number;
  /** Of these, of studies that it began with. */
  known?: number;
}

export interface StudyPreview {
  trials: number;
  gpu_hours: number;
  hours: number;
  slots: number;
  seconds_from: string;
  ends_by: string;
  endless: boolean;
  reason: string;
}
