import { describe, expect, it } from 'vitest';

import type { Comparison, ListedRun } from '../src/api/run_types';
import { bestRuns } from '../src/lib/runs/best';
import { blocksOf, scrollTo, windowOf } from '../src/lib/runs/blocks';
import { columnsOf, parseColumns, printColumns, splitColumn, usualColumns, valueOf } from '../src/lib/runs/columns';
import { dimensionsOf, marksOf, namesOf, nearestPoint, parseIds, placeOf, pointsOf, tintOf } from '../src/lib/runs/compare';
import { fieldName, offers } from '../src/lib/runs/complete';
import { lineageLines } from '../src/lib/runs/lineage';
import { placeOf as placeOfPath } from '../src/lib/router';
import { runsEn } from '../src/text/runs_en';
import { runsKo } from '../src/text/runs_ko';

const run = (name: string, metrics: Record<string, number | null>, params: Record<string, string>): ListedRun =>
  ({ id: `run_${name}`, name, experiment: '', state: 'running', created_at: '', metrics, params, tags: { who: 'me' } });

describe('columns', () => {
  const runs = [run('a', { loss: 1, acc: 2 }, { lr: '0.1', same: 'x' }), run('b', { loss: 3, odd: 1 }, { lr: '0.2', same: 'x' })];
  it('splits a name at its first dot only', () => {
    expect(splitColumn('metrics.val.loss/x')).toEqual({ family: 'metrics', key: 'val.loss/x' });
    expect(splitColumn('metrics.')).toBeUndefined();
    expect(splitColumn('name')).toBeUndefined();
  });
  it('survives the address', () => {
    const ids = ['metrics.a,b', 'params.lr', 'tags.ü %'];
    expect(parseColumns(printColumns(ids))).toEqual(ids);
    expect(parseColumns('metrics.a,metrics.a,nonsense,%E0%A4%A')).toEqual(['metrics.a']);
  });
  it('knows every key, by family and name', () =>
    expect(columnsOf(runs)).toEqual(['metrics.acc', 'metrics.loss', 'metrics.odd', 'params.lr', 'params.same', 'tags.who']));
  it('proposes metrics that most runs have, and parameters that differ', () =>
    expect(usualColumns(runs)).toEqual(['metrics.loss', 'metrics.acc', 'metrics.odd', 'params.lr']));
  it('reads a value of a run', () => {
    expect(valueOf(runs[0] as ListedRun, 'params.lr')).toBe('0.1');
    expect(valueOf(runs[0] as ListedRun, 'metrics.odd')).toBeUndefined();
  });
});

describe('the window of a long table', () => {
  it('holds what is seen and some more, within the rows', () => {
    expect(windowOf(0, 320, 32, 100_000, 4)).toEqual({ from: 0, to: 14 });
    expect(windowOf(3200, 320, 32, 100_000, 4)).toEqual({ from: 96, to: 114 });
    expect(windowOf(1e9, 320, 32, 50, 4)).toEqual({ from: 50, to: 50 });
    expect(windowOf(0, 0, 32, 0, 4)).toEqual({ from: 0, to: 0 });
  });
  it('needs the blocks on both sides of a border', () => {
    expect(blocksOf({ from: 90, to: 110 })).toEqual([0, 1]);
    expect(blocksOf({ from: 100, to: 200 })).toEqual([1]);
    expect(blocksOf({ from: 5, to: 5 })).toEqual([]);
  });
  it('scrolls no further than needed', () => {
    expect(scrollTo(0, 64, 320, 32, 32)).toBe(0);
    expect(scrollTo(3, 64, 320, 32, 32)).toBeUndefined();
    expect(scrollTo(20, 0, 320, 32, 32)).toBe(20 * 32 + 64 - 320);
  });
});

describe('offers', () => {
  const fields = ['metrics.loss', 'metrics.val/loss', 'params.lr', 'state', 'name'];
  const words = { state: ['running', 'finished'] };
  const texts = (before: string) => offers(before, fields, words).map(({ text }) => text);
  it('are fields at the start and after and', () => {
    expect(texts('')).toEqual(['metrics.loss ', 'metrics."val/loss" ', 'params.lr ', 'state ', 'name ']);
    expect(texts('state = "running" and par')).toEqual(['params.lr ']);
  });
  it('find a part of a name and put those that begin with it first', () => {
    expect(texts('l')).toEqual(['metrics.loss ', 'metrics."val/loss" ', 'params.lr ']);
    expect(texts('metrics.l')).toEqual(['metrics.loss ']);
    expect(texts('metrics."val')).toEqual(['metrics."val/loss" ']);
  });
  it('are comparisons after a field, words of the field after one, and and or after a value', () => {
    expect(texts('metrics.loss ')).toContain('< ');
    expect(texts('state = "ru')).toEqual(['"running" ']);
    expect(texts('state = ')).toEqual(['"running" ', '"finished" ']);
    expect(texts('metrics.loss < 0.3 ')).toEqual(['and ', 'or ']);
    expect(texts('state = "running" a')).toEqual(['and ']);
  });
  it('are nothing inside a text or where a number is due', () => {
    expect(texts('name = "los')).toEqual([]);
    expect(texts('metrics.loss < ')).toEqual([]);
    expect(texts('metrics.loss < 0.0')).toEqual([]);
    expect(texts('params.lr in (1e-2, 3')).toEqual([]);
    expect(texts('state = "running" and (')).toHaveLength(fields.length);
  });
  it('replace what was typed', () => expect(offers('x = 1 and met', fields, words)[0]?.from).toBe(10));
  it('quote keys that need it', () => {
    expect(fieldName('metrics.val.loss')).toBe('metrics.val.loss');
    expect(fieldName('params.a "b"')).toBe('params."a \\"b\\""');
  });
});

const comparison: Comparison = {
  runs: [],
  params: [
    { key: 'lr', values: ['0.001', '0.1', '1'], differs: true },
    { key: 'opt', values: ['sgd', 'adam', null], differs: true },
    { key: 'same', values: ['1', '1', '1'], differs: false },
  ],
  tags: [],
  metrics: [{ key: 'loss', last: [3, 2, null], min: [1, 2, null], max: [3, 2, null], points: [2, 1, null], goal: 'min', best: [1, 2, null], differs: true }],
};

describe('a comparison', () => {
  const [lr, opt, loss] = dimensionsOf(comparison) as [never, never, never];
  it('has the parameters that differ and every metric as dimensions', () =>
    expect(dimensionsOf(comparison).map(({ id }) => id)).toEqual(['params.lr', 'params.opt', 'metrics.loss']));
  it('spreads numbers by factors where they span some, and words evenly', () => {
    expect(placeOf(lr, 0)).toBe(0);
    expect(placeOf(lr, 1)).toBeCloseTo(2 / 3);
    expect(placeOf(opt, 1)).toBe(0);
    expect(placeOf(opt, 2)).toBeUndefined();
    expect(marksOf(opt)).toEqual([{ at: 0, value: 'adam' }, { at: 1, value: 'sgd' }]);
    expect(marksOf(lr)[1]?.value).toBeCloseTo(Math.sqrt(0.001));
  });
  it('finds the point under the mouse', () => {
    const points = pointsOf(lr, loss, 3);
    expect(points.map((point) => point.run)).toEqual([0, 1]);
    expect(nearestPoint(points, 2, 98, 100, 100, 10)?.run).toBe(0);
    expect(nearestPoint(points, 50, 50, 100, 100, 10)).toBeUndefined();
  });
  it('reads ids once each, at most twenty', () => {
    expect(parseIds('a,b,a,,c')).toEqual(['a', 'b', 'c']);
    expect(parseIds(Array.from({ length: 30 }, (_, index) => index).join())).toHaveLength(20);
  });
  it('tells runs of one name apart', () => expect(namesOf([{ id: '1', name: 'a' }, { id: '2', name: 'a' }, { id: '3', name: '' }, { id: '4', name: 'b' }]))
    .toEqual(['a (1)', 'a (2)', '3', 'b']));
  it('dashes the second eight', () => {
    expect(tintOf(7)).toEqual({ tint: 7, dashed: false });
    expect(tintOf(8)).toEqual({ tint: 0, dashed: true });
  });
  it('marks every run that is best', () => {
    expect(bestRuns([1, 2, 1, null], 'min')).toEqual(new Set([0, 2]));
    expect(bestRuns([null], 'max')).toEqual(new Set());
  });
});

describe('addresses', () => {
  it('compare is no run', () => {
    expect(placeOfPath('/runs/compare')).toEqual({ view: 'compare' });
    expect(placeOfPath('/runs/x')).toEqual({ view: 'run', id: 'x' });
    expect(placeOfPath('/estimates')).toEqual({ view: 'estimates' });
  });
});

describe('lineage', () => {
  it('becomes lines of any shape', () => {
    const id = 'run_00000000000000000000000000';
    expect(lineageLines({ code: { commit: 'abc', dirty: false }, parents: [id], none: null, empty: '' })).toEqual([
      { path: ['code', 'commit'], value: 'abc' }, { path: ['code', 'dirty'], value: 'false' }, { path: ['parents'], value: id, to: `/runs/${id}` },
    ]);
    expect(lineageLines(undefined)).toEqual([]);
  });
  it('names whatever the server captures, in words of people', () => {
    const captured = ['node', 'nodes', 'gpus', 'gpu.type', 'gpu.driver', 'image', 'image.digest', 'python', 'os', 'cuda', 'user', 'parent', 'attempts',
      'commit', 'branch', 'repository', 'dirty', 'code', 'environment', 'datasets'];
    for (const words of [runsEn.lineageWords, runsKo.lineageWords])
      for (const key of captured) expect(words[key], key).toMatch(/^[A-Z가-힣]/);
  });
});
