// What the views read: each hook names what it needs, and which events make that stale.
import * as calls from '../api/calls';
import type { JobDetail, MetricSeries, NodeRecord, Overview, SeriesSummary } from '../api/types';
import { useResource, type Resource } from './resources';
import { byId } from './state';
import { store, useStore } from './store';

const kPlotPoints = 1000;

export function useOverview(): Resource<Overview> {
  const resource = useResource('overview', ['overview'], async () => {
    const overview = await calls.overview();
    store.change((state) => ({ ...state, overview }));
    return overview;
  });
  const overview = useStore((state) => state.overview);
  return { ...resource, data: overview };
}

/** It changes slowly: with the fleet is often enough. */
export const useAvailability = () => useResource('availability', ['nodes'], calls.availability);

export function useNodes(): Resource<readonly NodeRecord[]> {
  const resource = useResource('nodes', ['nodes'], async () => {
    const { items } = await calls.nodes();
    store.change((state) => ({ ...state, nodes: byId({}, items) }));
    return true;
  });
  const nodes = useStore((state) => state.nodes);
  return { ...resource, data: resource.data ? Object.values(nodes) : undefined };
}

/** The last hour of a metric, of a node or of the fleet. */
export const useTelemetry = (metric: string, node?: string) =>
  useResource(`telemetry/${metric}/${node ?? ''}`, ['nodes'], () => calls.telemetry(metric, node));

export function useJob(id: string): Resource<JobDetail> {
  const resource = useResource(`job/${id}`, [`job/${id}`], async () => {
    const job = await calls.job(id);
    const { attempt_list: _, ...record } = job;
    store.change((state) => ({ ...state, jobs: byId(state.jobs, [record]) }));
    return job;
  });
  // The event is shown at once; the attempts follow with the answer.
  const record = useStore((state) => state.jobs[id]);
  return { ...resource, data: resource.data && record ? { ...resource.data, ...record } : undefined };
}

export const useWhy = (id: string) => useResource(`why/${id}`, [`job/${id}`], () => calls.why(id));
/** What would help changes with the fleet too, but a card that moves under the mouse helps nobody: see its button. */
export const useGuide = (id: string) => useResource(`guide/${id}`, [`job/${id}`, 'nodes'], () => calls.guide(id));
export const useRun = (id: string) => useResource(`run/${id}`, [`run/${id}`], async () => {
  const run = await calls.run(id);
  store.change((state) => ({ ...state, runs: byId(state.runs, [run]) }));
  return run;
});
export const useModels = () => useResource('models', ['models'], async () => (await calls.models()).items);
export const useModel = (name: string) => useResource(`model/${name}`, [`model/${name}`], () => calls.model(name));
export const useHistory = (name: string) =>
  useResource(`history/${name}`, [`model/${name}`], async () => (await calls.history(name)).items);

export function useMetrics(id: string, series: readonly SeriesSummary[] | undefined): Resource<readonly MetricSeries[]> {
  const keys = (series ?? []).map((one) => one.key);
  return useResource(`metrics/${id}/${keys.join('\n')}`, [`metrics/${id}`], async () =>
    keys.length === 0 ? [] : (await calls.metrics(id, keys, kPlotPoints)).series);
}
