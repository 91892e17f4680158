// Runs in lists and side by side, as the server writes them.
import type { Page, RunItem } from './types';

export interface ListedRun extends RunItem {
  params?: Record<string, string>;
  tags?: Record<string, string>;
}

export interface RunPage extends Page<ListedRun> {
  total?: number;
}

/** A parameter or tag of every run compared, null where a run has none. */
export interface ComparedText {
  key: string;
  values: (string | null)[];
  differs: boolean;
}

export interface ComparedMetric {
  key: string;
  last: (number | null)[];
  min: (number | null)[];
  max: (number | null)[];
  /** null: the run has no such metric. */
  points: (number | null)[];
  goal?: 'min' | 'max';
  best?: (number | null)[];
  differs: boolean;
}

export interface Comparison {
  runs: RunItem[];
  params: ComparedText[];
  tags: ComparedText[];
  metrics: ComparedMetric[];
}
