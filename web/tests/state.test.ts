import { describe, expect, it } from 'vitest';

import type { ChannelMove, Overview } from '../src/api/types';
import { withQuery } from '../src/api/client';
import { askable, ranked, rollbackTarget } from '../src/lib/channels';
import { joinFilter, splitFilter } from '../src/lib/filters';
import { concerns } from '../src/lib/health';
import { placeOf } from '../src/lib/router';
import { moved, nextOrder, parseOrder, sorted } from '../src/lib/rows';
import { find, idPath, type Choice } from '../src/lib/search';
import { joined, lastOf, toCsv } from '../src/lib/series';
import { en } from '../src/text/en';
import { ko } from '../src/text/ko';

describe('filter and chips', () => {
  it.each([['running', ''], ['failed', 'team = "nlp"'], ['', 'gpus >= 4'], ['queued', 'a = "1" or b = "2"']])('%s + %s', (state, rest) =>
    expect(splitFilter(joinFilter(state, rest))).toEqual({ state, rest }));
  it('leaves other filters alone', () =>
    expect(splitFilter('state in ("queued", "running")')).toEqual({ state: '', rest: 'state in ("queued", "running")' }));
});

describe('order', () => {
  const rows = [{ v: 3 }, { v: null }, { v: 1 }];
  it('puts what is absent last either way', () => {
    expect(sorted(rows, (row) => row.v, false).map((row) => row.v)).toEqual([1, 3, null]);
    expect(sorted(rows, (row) => row.v, true).map((row) => row.v)).toEqual([3, 1, null]);
  });
  it('goes ascending, descending, back', () => {
    const first = nextOrder(undefined, 'ran');
    const second = nextOrder(parseOrder(first), 'ran');
    expect([first, second, nextOrder(parseOrder(second), 'ran')]).toEqual(['ran', '-ran', '']);
  });
  it('moves within the list', () => {
    expect([moved(-1, 'j', 3), moved(2, 'j', 3), moved(0, 'k', 3), moved(0, 'x', 3), moved(-1, 'j', 0)]).toEqual([0, 2, 0, undefined, undefined]);
  });
});

describe('addresses', () => {
  it.each([
    ['/', { view: 'overview' }], ['/jobs', { view: 'jobs' }], ['/jobs/job_1', { view: 'job', id: 'job_1' }],
    ['/models/a%20b', { view: 'model', id: 'a b' }], ['/nothing', { view: 'missing' }], ['/jobs/a/b', { view: 'missing' }],
    ['/models/%E0%A4%A', { view: 'missing' }], ['/fleet/x', { view: 'missing' }],
  ])('%s', (path, place) => expect(placeOf(path)).toEqual(place));
  it('writes queries', () => expect(withQuery('/a', { filter: '', limit: 5, key: ['x', 'y'], no: undefined })).toBe('/a?limit=5&key=x&key=y'));
});

describe('a rollback', () => {
  const move = (seq: number, action: string, ref: string, channel = 'prod') => ({ seq, action, snapshot_ref: ref, channel }) as ChannelMove;
  it('returns to the deployment below', () =>
    expect(rollbackTarget([move(2, 'deploy', 'm@2'), move(1, 'deploy', 'm@1')], 'prod')).toBe('m@1'));
  it('goes further back after a rollback', () =>
    expect(rollbackTarget([move(4, 'rollback', 'm@2'), move(3, 'deploy', 'm@3'), move(2, 'deploy', 'm@2'), move(1, 'deploy', 'm@1')], 'prod')).toBe('m@1'));
  it('has nowhere to go from the first', () => {
    expect(rollbackTarget([move(1, 'deploy', 'm@1')], 'prod')).toBeUndefined();
    expect(rollbackTarget([move(3, 'rollback', 'm@1'), move(2, 'deploy', 'm@2'), move(1, 'deploy', 'm@1')], 'prod')).toBeUndefined();
  });
  it('keeps channels apart', () =>
    expect(rollbackTarget([move(2, 'deploy', 'm@2', 'canary'), move(1, 'deploy', 'm@1')], 'prod')).toBeUndefined());
});

it('offers prod first', () =>
  expect(askable([{ name: 'm', channels: { canary: { snapshot_ref: 'm@2' }, prod: { snapshot_ref: 'm@1' } } }]))
    .toEqual([{ id: 'm', ref: 'm@1' }, { id: 'm:canary', ref: 'm@2' }]));
it('ranks labels', () => expect(ranked({ a: 0.1, b: 0.9 })).toEqual([['b', 0.9], ['a', 0.1]]));

describe('health', () => {
  const overview = (down: number, failed: number, free: number) =>
    ({ nodes: { up: 1, down }, queue: { failed_24h: failed }, load: { disk_free_bytes: free } }) as Overview;
  it('is silent when all is well', () => expect(concerns(overview(0, 0, 1e12))).toEqual([]));
  it('names the worst first', () => expect(concerns(overview(1, 2, 1)).map((one) => one.kind)).toEqual(['nodes_down', 'disk_low', 'failed']));
});

describe('curves', () => {
  it('share one x column', () =>
    expect(joined([{ name: 'a', xs: [1, 3], ys: [10, null] }, { name: 'b', xs: [2, 3], ys: [5, 6] }]))
      .toEqual({ xs: [1, 2, 3], columns: [[10, undefined, null], [undefined, 5, 6]] }));
  it('become CSV', () => expect(toCsv('step', [{ name: 'a,b', xs: [1, 2], ys: [0.5, null] }])).toBe('step,"a,b"\n1,0.5\n2,\n'));
  it('know their last number', () => expect(lastOf([1, 2, null])).toBe(2));
});

describe('the palette', () => {
  const choices: Choice[] = ['retrain', 'train', 'eval'].map((name) => ({ kind: 'job', name, detail: `job_${name}`, to: `/${name}` }));
  it('puts beginnings first', () => expect(find(choices, 'tra').map((choice) => choice.name)).toEqual(['train', 'retrain']));
  it('needs every word', () => expect(find(choices, 'job re')).toHaveLength(1));
  it('opens ids', () => expect(idPath(' run_01jd0000000000000000000000 ')).toBe('/runs/run_01jd0000000000000000000000'));
});

it('says everything in both languages', () => {
  const shape = (value: unknown): unknown => (typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).sort().map(([key, inner]) => [key, shape(inner)])) : typeof value);
  expect(shape(ko)).toEqual(shape(en));
});
