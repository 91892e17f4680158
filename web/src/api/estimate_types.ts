// What a training will take, as the server writes it. Times are seconds, prices US dollars.

export interface Interval {
  p10: number;
  p50: number;
  p90: number;
}

export type Verdict = 'good' | 'too_slow' | 'too_dear' | 'out_of_memory' | 'impossible';

export interface EstimateRow {
  name: string;
  gpu: string;
  gpus: number;
  nodes: number;
  usd_per_hour: number;
  spot: boolean;
  owned: boolean;
  guessed_gpu: boolean;
  verdict: Verdict;
  memory: string;
  pareto: boolean;
  recommended: boolean;
  wait_s: number;
  note: string;
  /** Absent where the configuration cannot run at all. */
  runtime_s?: Interval;
  step_s?: number;
  cost_usd?: number;
  cost_usd_p90?: number;
  finish_s?: number;
  finish_s_p90?: number;
  similarity_ratio?: number;
  familiarity?: string;
  nearest?: string;
}

export interface Advice {
  items: EstimateRow[];
  reason: string;
}

export interface Offer {
  gpu: string;
  gpus: number;
  usd_per_hour: number;
  provider?: string;
  instance?: string;
  region?: string;
  spot?: boolean;
}

export interface EstimateOptions {
  gpus: { name: string; memory_bytes?: number; fp16_tflops?: number }[];
  networks: { name: string }[];
  precisions: string[];
  offers: Offer[];
  /** The site's own. */
  cluster?: { gpu: string; total: number; free: number }[];
}

/** A finished job: what was said of it before or early on, and what it took. */
export interface PastEstimate {
  job_id: string;
  name: string;
  gpu_type?: string | null;
  gpus: number;
  at: string;
  estimated_s: Interval;
  actual_s: number;
  made: string;
}

export interface Accuracy {
  items: PastEstimate[];
  mdape_pct: number | null;
  coverage90_pct: number | null;
  count: number;
}

/** The JSON of a `kind: estimate` file. */
export interface EstimateRequest {
  kind: 'estimate';
  version: 1;
  network: string | { name: string; forward_gflops: number; parameters_m: number; activation_mb?: number };
  precision: string;
  batch_per_gpu: number;
  items: number;
  epochs: number;
  budget_usd?: number;
  deadline?: string;
  /** The site's own GPUs, the price list, and its spot machines. */
  cluster: boolean;
  prices: boolean;
  spot: boolean;
  configurations?: { gpu: string; gpus: number; usd_per_hour: number; spot?: boolean }[];
}
