// The shapes of /api/v1, as the server writes them. Instants are RFC 3339 strings, sizes are bytes.

export type JobState =
  | 'queued' | 'starting' | 'running' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled';
export type AttemptState = 'starting' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'lost';
export type RunState = 'running' | 'finished' | 'failed' | 'killed';

export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

export interface Whoami {
  principal: string;
  version: string;
}

export type Role = 'viewer' | 'member' | 'admin';
export type TokenScope = 'read' | 'submit' | 'deploy' | 'all';

export interface User {
  name: string;
  role: Role;
  teams: string[];
  max_queued_jobs?: number;
  max_job_gpus?: number;
  created_at: string;
}

export interface AccessToken {
  id: string;
  user: string;
  name: string;
  scope: TokenScope;
  team?: string;
  created_at: string;
  expires_at: string;
  last_used_at?: string;
  revoked_at?: string;
}

export interface Account {
  principal: string;
  role: Role;
  scope: TokenScope;
  user?: User;
}

export interface Resources {
  gpus?: number;
  gpu_type?: string | null;
  gpu_milli?: number | null;
  gpu_memory?: number | string | null;
  cpus?: number;
  memory?: number | string;
  nodes?: number;
}

export interface JobSpec {
  name?: string;
  team?: string;
  command: string[];
  resources?: Resources;
  [field: string]: unknown;
}

export interface Spread {
  p10: number;
  p50: number;
  p90: number;
}

/** When a running job will be done: from its own progress, or from what was known before it started. Unknown parts are absent. */
export interface Eta {
  remaining_s?: Spread | null;
  finish_at?: string | null;
  progress_ratio?: number | null;
  step?: number | null;
  total_steps?: number | null;
  unit?: 'step' | 'epoch';
  total_from?: 'given' | 'predicted' | null;
  from: 'progress' | 'before';
  step_s?: number | null;
  cost_remaining_usd?: Spread | null;
  stationary?: 'yes' | 'no' | 'too short to tell';
  to_target?: { metric: string; value: number; outlook: 'expected' | 'reached' | 'out of reach' | 'cannot tell'; finish_at?: string | null } | null;
}

export interface JobRecord {
  id: string;
  seq: number;
  name: string;
  team: string;
  priority_class: string;
  state: JobState;
  reason: string;
  principal: string;
  run_id?: string | null;
  attempts: number;
  exit_code?: number | null;
  created_at: string;
  started_at?: string | null;
  finished_at?: string | null;
  eta?: Eta | null;
  spec: JobSpec;
}

export interface AttemptRecord {
  id: string;
  job_id: string;
  number: number;
  node_id: string;
  state: AttemptState;
  reason: string;
  exit_code?: number | null;
  signal?: number | null;
  log_bytes: number;
  device_ids: string[];
  created_at: string;
  started_at?: string | null;
  finished_at?: string | null;
}

export interface JobDetail extends JobRecord {
  attempt_list: AttemptRecord[];
}

export interface StartEstimate {
  typical_at: string;
  early_at: string;
  late_at: string;
}

export interface Alternative {
  change: string;
  kind: string;
  starts_now: boolean;
  start: StartEstimate;
  /** Path of a field of the spec -> its JSON value as text; "null" takes the field away. */
  edits: Record<string, string>;
}

export interface Guide {
  binding: string;
  reason: string;
  field: string;
  starts_now: boolean;
  start?: StartEstimate | null;
  alternatives: Alternative[];
}

export interface Candidate {
  node_id: string;
  node_name: string;
  fits: boolean;
  obstacle: string;
  start_delay_s: number;
  fragmentation_s: number;
  spread_s: number;
  total_s: number;
}

export interface Why {
  state: string;
  summary: string;
  lines: string[];
  candidates?: Candidate[];
  start?: StartEstimate | null;
  jobs_ahead?: number | null;
}

export interface DeviceRecord {
  id: string;
  index: number;
  model: string;
  memory_bytes: number;
  state: string;
  reason?: string;
  job_id?: string | null;
  shareable?: boolean;
}

/** GPUs that lie close together, by their places in the node's devices. */
export interface CellRecord {
  level: string;
  link: string;
  devices: number[];
}

export interface TopologyRecord {
  source: string;
  cells: CellRecord[];
}

export interface NodeRecord {
  id: string;
  name: string;
  state: string;
  cpus: number;
  memory_bytes: number;
  cpus_allocated: number;
  memory_allocated_bytes: number;
  devices: DeviceRecord[];
  load_1m: number;
  cpu_used_ratio: number;
  memory_used_bytes: number;
  disk_free_bytes: number;
  notes: string[];
  topology?: TopologyRecord | null;
  zone?: string[];
}

export interface TelemetrySeries {
  at_ms: number[];
  mean: (number | null)[];
  min: (number | null)[];
  max: (number | null)[];
  last: (number | null)[];
  uuid?: string;
}

export interface TelemetryAnswer {
  metric: string;
  from: string;
  to: string;
  step_s: number;
  series: TelemetrySeries[];
}

export interface QueueCounts {
  queued: number;
  starting: number;
  running: number;
  cancelling: number;
  succeeded_24h: number;
  failed_24h: number;
  cancelled_24h: number;
}

export interface Overview {
  version: string;
  started_at: string;
  data_folder: string;
  database: string;
  queue: QueueCounts;
  nodes: { up: number; down: number };
  capacity: {
    cpus: number;
    cpus_allocated: number;
    gpus: number;
    gpus_allocated: number;
    memory_bytes: number;
    memory_allocated_bytes: number;
  };
  load: {
    cpu_used_ratio: number;
    load_1m: number;
    memory_used_bytes: number;
    disk_free_bytes: number;
  };
  serving: {
    models: number;
    predictions_total: number;
    predictions_per_s: number;
    latency_ms_p50: number | null;
    latency_ms_p99: number | null;
  };
}

/** A month without service counts in full, from the first day that was seen. */
export interface ServiceMonth {
  month: string;
  down_s: number;
  longest_s: number;
  probes: number;
}

export interface Availability extends Page<ServiceMonth> {
  since: string | null;
  budget_s: number;
  budget_months: number;
  budget_used_s: number;
}

export interface RunItem {
  id: string;
  name: string;
  experiment: string;
  job_id?: string | null;
  state: RunState;
  created_at: string;
  ended_at?: string | null;
  metrics?: Record<string, number | null>;
}

export interface SeriesSummary {
  key: string;
  point_count: number;
  last_step: number;
  last_value: number | null;
  min_value: number | null;
  max_value: number | null;
  last_at: string;
}

export interface Artifact {
  path: string;
  kind: string;
  size_bytes: number;
  file_count?: number;
  manifest: string;
  created_at: string;
}

export interface RunDetail extends RunItem {
  /** Code, environment, data and relatives, as far as they are known. */
  lineage?: Record<string, unknown> | null;
  params: Record<string, string>;
  tags: Record<string, string>;
  series: SeriesSummary[];
  artifacts: Artifact[];
}

export interface MetricSeries {
  key: string;
  steps: number[];
  values: (number | null)[];
  times_ms?: number[];
}

export interface Snapshot {
  id: string;
  kind: string;
  name: string;
  version: number;
  ref: string;
  manifest: string;
  size_bytes: number;
  file_count: number;
  run_id?: string | null;
  sources: string[];
  note?: string;
  principal?: string;
  created_at: string;
}

export interface Channel {
  snapshot_ref: string;
  snapshot_id: string;
  generation: number;
  changed_at: string;
}

export interface Model {
  name: string;
  latest?: Snapshot | null;
  channels: Record<string, Channel>;
  loaded: unknown;
}

export interface ModelItem extends Model {
  snapshots: number;
}

export interface ModelDetail extends Model {
  snapshots: Snapshot[];
}

export interface ChannelMove {
  seq: number;
  model: string;
  channel: string;
  generation: number;
  snapshot_id: string;
  snapshot_ref: string;
  previous_snapshot_ref?: string | null;
  action: string;
  principal: string;
  at: string;
}

export interface Prediction {
  model: string;
  snapshot_id: string;
  snapshot: string;
  label: string;
  probabilities: Record<string, number>;
  time_ms: number;
}

export interface EventRecord {
  seq: number;
  at: string;
  kind: string;
  subject: string;
  data: Record<string, unknown>;
}

export interface LoadSample {
  at_ms: number;
  cpu_used_ratio: number;
  load_1m: number;
  memory_used_bytes: number;
  predictions_per_s: number;
  latency_ms_p50: number | null;
}
