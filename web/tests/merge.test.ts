import { describe, expect, it } from 'vitest';

import type { EventRecord, JobRecord, Overview } from '../src/api/types';
import { applyEvent, kLoadSamples, parseEvent, staleAfter } from '../src/live/merge';
import { initialState, withPage, type State } from '../src/live/state';

const job: JobRecord = {
  id: 'job_1', seq: 1, name: 'train', team: 'nlp', priority_class: 'normal', state: 'queued', reason: '', principal: 'me',
  attempts: 0, created_at: '2026-03-01T12:00:00.000Z', spec: { command: ['true'] },
};
const event = (kind: string, subject: string, data: Record<string, unknown>, at = '2026-03-01T12:00:01.000Z'): EventRecord =>
  ({ seq: 7, at, kind, subject, data });
const withJob = (record: JobRecord): State => ({ ...initialState, jobs: { [record.id]: record } });

describe('a job event', () => {
  it('starts the clock when the job runs and stops it at the end', () => {
    const running = applyEvent(withJob(job), event('job', 'job_1', { state: 'running', name: 'train' }), 5);
    expect(running.jobs['job_1']).toMatchObject({ state: 'running', started_at: '2026-03-01T12:00:01.000Z' });
    const ended = applyEvent(running, event('job', 'job_1', { state: 'failed', exit_code: 3, reason: 'exit code 3' }, '2026-03-01T12:00:09.000Z'), 6);
    expect(ended.jobs['job_1']).toMatchObject({ state: 'failed', exit_code: 3, reason: 'exit code 3', finished_at: '2026-03-01T12:00:09.000Z' });
    expect(ended.changedAt['job_1']).toBe(6);
  });
  it('never takes a job back from its end', () => {
    const state = withJob({ ...job, state: 'succeeded' });
    expect(applyEvent(state, event('job', 'job_1', { state: 'running' }), 5).jobs).toEqual(state.jobs);
  });
  it('does not invent a job that no list has told of', () =>
    expect(applyEvent(initialState, event('job', 'job_2', { state: 'queued' }), 5).jobs).toEqual({}));
  it('leaves the earlier state as it was', () => {
    const state = withJob(job);
    applyEvent(state, event('job', 'job_1', { state: 'running' }), 5);
    expect(state.jobs['job_1']?.state).toBe('queued');
  });
});

describe('a load event', () => {
  const load = { cpu_used_ratio: 0.5, load_1m: 1, memory_used_bytes: 10, predictions_per_s: 3, queue: { queued: 4 } };
  it('moves the overview and the only node', () => {
    const overview = { queue: { queued: 0, running: 2 }, load: { disk_free_bytes: 9 }, serving: { latency_ms_p99: 2 } } as Overview;
    const node = { id: 'node_1', cpu_used_ratio: 0 } as State['nodes'][string];
    const next = applyEvent({ ...initialState, overview, nodes: { node_1: node } }, event('load', '', load), 5);
    expect(next.overview).toMatchObject({
      queue: { queued: 4, running: 2 }, load: { cpu_used_ratio: 0.5, disk_free_bytes: 9 }, serving: { predictions_per_s: 3, latency_ms_p99: 2 },
    });
    expect(next.nodes['node_1']?.cpu_used_ratio).toBe(0.5);
  });
  it('is kept for ten minutes only', () => {
    let state = initialState;
    for (let index = 0; index < kLoadSamples + 5; index += 1) state = applyEvent(state, event('load', '', load), index);
    expect(state.load).toHaveLength(kLoadSamples);
  });
});

describe('an eta event', () => {
  const eta = { from: 'progress', finish_at: '2026-03-01T12:30:00Z', progress_ratio: 0.5, stationary: 'yes' };
  const running = withJob({ ...job, state: 'running' });
  it('changes the job in place, without a highlight', () => {
    const next = applyEvent(running, event('eta', 'job_1', eta), 5);
    expect(next.jobs['job_1']?.eta).toEqual(eta);
    expect(next.changedAt).toEqual({});
    expect(staleAfter(event('eta', 'job_1', eta))).toEqual([]);
  });
  it('is nothing for a job that has ended or is not known', () => {
    expect(applyEvent(withJob({ ...job, state: 'failed' }), event('eta', 'job_1', eta), 5).jobs['job_1']?.eta).toBeUndefined();
    expect(applyEvent(initialState, event('eta', 'job_1', eta), 5)).toBe(initialState);
    expect(applyEvent(running, event('eta', 'job_1', {}), 5)).toBe(running);
  });
});

describe('what becomes stale', () => {
  it.each([
    ['job', 'job_1', {}, 'job/job_1'], ['metrics', 'run_1', { run_id: 'run_1', keys: ['loss'] }, 'metrics/run_1'],
    ['channel', 'nsmc/prod', { model: 'nsmc' }, 'model/nsmc'], ['snapshot', 'nsmc@2', {}, 'model/nsmc'], ['node', 'node_1', {}, 'nodes'],
  ])('%s', (kind, subject, data, name) => expect(staleAfter(event(kind, subject, data))).toContain(name));
  it('is nothing after load', () => expect(staleAfter(event('load', '', {}))).toEqual([]));
});

describe('parseEvent', () => {
  it('reads the record', () =>
    expect(parseEvent('job', '{"seq":3,"at":"2026-03-01T12:00:00Z","kind":"job","subject":"job_1","data":{"state":"queued"}}', 0))
      .toMatchObject({ seq: 3, subject: 'job_1', data: { state: 'queued' } }));
  it('reads bare data', () => expect(parseEvent('load', '{"cpu_used_ratio":0.5}', 0)).toMatchObject({ seq: 0, data: { cpu_used_ratio: 0.5 } }));
  it.each(['', 'nonsense', '3', 'null'])('refuses %j', (line) => expect(parseEvent('job', line, 0)).toBeUndefined());
});

describe('withPage', () => {
  it('replaces with a first page and appends a further one without repeats', () => {
    const first = withPage(undefined, ['a', 'b'], 'next', false);
    expect(withPage(first, ['b', 'c'], null, true)).toEqual({ ids: ['a', 'b', 'c'], next: undefined });
    expect(withPage(first, ['z'], undefined, false)).toEqual({ ids: ['z'], next: undefined });
  });
});
