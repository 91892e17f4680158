// A table of any number of runs: blocks of rows are asked for when they come into view, and again when runs change.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { ApiProblem } from '../api/client';
import { compareRuns, runBlock } from '../api/run_calls';
import type { Comparison, ListedRun } from '../api/run_types';
import { metrics as runMetrics } from '../api/calls';
import type { MetricSeries } from '../api/types';
import { blocksOf, kBlockRows, type Window } from '../lib/runs/blocks';
import { useResource, watchStale, type Resource } from './resources';
import { byId } from './state';
import { store } from './store';

// A wheel that spins past a thousand blocks asks for those where it stops.
const kStillMs = 80;
const kRunsQuietMs = 500;
const kValuesQuietMs = 2_000;
const kMostBlocks = 200;
const kPlotPoints = 500;

export interface RunTable {
  /** Of all runs that match, once known. */
  total: number | undefined;
  at: (row: number) => ListedRun | undefined;
  /** The first block, from which columns are proposed. */
  first: readonly ListedRun[] | undefined;
  known: readonly ListedRun[];
  problem: ApiProblem | undefined;
  reload: () => void;
}

class Blocks {
  readonly rows = new Map<number, ListedRun[]>();
  total: number | undefined;
  problem: ApiProblem | undefined;
  private wanted: number[] = [0];
  private busy = false;
  private readonly stale = new Set<number>();
  private timers = new Map<string, ReturnType<typeof setTimeout>>();
  private alive = true;

  constructor(private readonly filter: string, private readonly order: string, public columns: readonly string[], private readonly tell: () => void) {}

  want(blocks: readonly number[]): void {
    if (blocks.join() === this.wanted.join()) return;
    this.wanted = [...blocks];
    this.later('want', () => void this.fill(), this.rows.size === 0 ? 0 : kStillMs);
  }

  /** What is shown stays until the new answer is there. */
  again(waitMs: number): void {
    const key = waitMs === 0 ? 'now' : 'again';
    this.later(key, () => {
      for (const block of this.rows.keys()) this.stale.add(block);
      void this.fill();
    }, waitMs);
  }

  /** Runs of an old order or an old choice of columns are not kept for long. */
  async fill(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.alive) {
        const next = this.wanted.filter((block) => !this.rows.has(block) || this.stale.has(block));
        if (next.length === 0) break;
        await Promise.all(next.map((block) => this.load(block)));
      }
    } catch (failure) {
      this.problem = failure instanceof ApiProblem ? failure : new ApiProblem(0, String(failure));
    }
    this.busy = false;
    if (this.alive) this.tell();
  }

  stop(): void {
    this.alive = false;
    for (const timer of this.timers.values()) clearTimeout(timer);
  }

  private async load(block: number): Promise<void> {
    this.stale.delete(block);
    const question = { filter: this.filter, order: this.order, columns: this.columns };
    const page = await runBlock(question, block * kBlockRows, kBlockRows, this.total === undefined || block === this.wanted[0]);
    if (!this.alive) return;
    this.rows.delete(block);
    this.rows.set(block, page.items);
    if (page.total !== undefined) this.total = page.total;
    if (this.rows.size > kMostBlocks) this.rows.delete(this.rows.keys().next().value as number);
    this.problem = undefined;
    // The palette and the breadcrumbs know runs by the store.
    if (block === 0) store.change((state) => ({ ...state, runs: byId(state.runs, page.items) }));
    this.tell();
  }

  private later(key: string, run: () => void, waitMs: number): void {
    if (this.timers.has(key) && key !== 'want') return;
    clearTimeout(this.timers.get(key));
    this.timers.set(key, setTimeout(() => {
      this.timers.delete(key);
      run();
    }, waitMs));
  }
}

export function useRunTable(filter: string, order: string, columns: readonly string[], seen: Window): RunTable {
  const [, setTick] = useState(0);
  const held = useRef<Blocks>();
  // The rows of the last question stay until the first of the new one are there.
  const shown = useRef<Blocks>();
  const wanted = blocksOf(seen);

  useEffect(() => {
    const blocks = new Blocks(filter, order, columns, () => {
      if (blocks.rows.size > 0 || blocks.problem) shown.current = blocks;
      setTick((tick) => tick + 1);
    });
    held.current = blocks;
    void blocks.fill();
    const ends = [watchStale(['runs'], () => blocks.again(kRunsQuietMs)), watchStale(['values'], () => blocks.again(kValuesQuietMs))];
    return () => {
      blocks.stop();
      for (const end of ends) end();
    };
  }, [filter, order]);
  useEffect(() => {
    const blocks = held.current;
    if (!blocks || blocks.columns.join('\n') === columns.join('\n')) return;
    blocks.columns = columns;
    blocks.again(0);
  }, [columns.join('\n')]);
  useEffect(() => {
    if (wanted.length > 0) held.current?.want(wanted);
  });

  const blocks = shown.current;
  return {
    total: blocks?.total,
    at: (row) => blocks?.rows.get(Math.floor(row / kBlockRows))?.[row % kBlockRows],
    first: blocks?.rows.get(0),
    known: blocks ? [...blocks.rows.values()].flat() : [],
    problem: blocks?.problem,
    reload: () => held.current?.again(0),
  };
}

export const useComparison = (ids: readonly string[]): Resource<Comparison> =>
  useResource(`compare/${ids.join()}`, ids.map((id) => `run/${id}`), async () =>
    ids.length === 0 ? { runs: [], params: [], tags: [], metrics: [] } : compareRuns(ids));

/** One metric of several runs, in their order; undefined for a run that has none. */
export function useSeriesOf(metric: string, ids: readonly string[], has: readonly boolean[]): Resource<(MetricSeries | undefined)[]> {
  const key = useMemo(() => `series/${metric}/${ids.map((id, index) => (has[index] ? id : '')).join()}`, [metric, ids.join(), has.join()]);
  return useResource(key, ids.map((id) => `metrics/${id}`), () =>
    Promise.all(ids.map(async (id, index) => (has[index] ? (await runMetrics(id, [metric], kPlotPoints)).series[0] : undefined))));
}
