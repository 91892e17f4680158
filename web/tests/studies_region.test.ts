import { describe, expect, it } from 'vitest';

import type { StudyCurves, StudyDetail, StudyFile, StudyTable } from '../src/api/study_types';
import { axesOf } from '../src/lib/studies/axes';
import { select, type Brushes } from '../src/lib/studies/brush';
import { curveX, curveY, drawnOf, layoutCurves, leaders, nearestCurve } from '../src/lib/studies/curves';
import { roundNumbers } from '../src/lib/studies/numbers';
import { endOf, limitsOf } from '../src/lib/studies/progress';
import { fileText, nextName, regionOf, repeatCommand } from '../src/lib/studies/region';
import { layersOf, stacked, timeUnit } from '../src/lib/studies/timeline';

const file: StudyFile = {
  kind: 'study', name: 'sweep',
  h_params: {
    lr: { type: 'float', distribution: 'log_uniform', parameters: [0.001, 0.1], p_range: [0.0001, 1] },
    batch: { type: 'int', distribution: 'uniform', parameters: [32, 128], step: 32 },
    opt: { type: 'str', distribution: 'categorical', parameters: ['sgd', 'adam', 'lamb'] },
  },
  h_params_conditions: [], measure: 'acc', termination: { max_session_number: 10 }, job: { command: ['./train.sh', '{lr}'] },
};
const table: StudyTable = {
  count: 3,
  axes: [
    { name: 'lr', kind: 'real', low: 0.001, high: 0.1, log: true, conditional: false, values: [0.002, 0.01, 0.05] },
    { name: 'batch', kind: 'integer', low: 32, high: 128, step: 32, conditional: false, values: [32, 64, 96] },
    { name: 'opt', kind: 'categorical', choices: ['sgd', 'adam', 'lamb'], conditional: false, values: [0, 1, 1] },
  ],
  measures: [{ name: 'acc', order: 'descending', values: [0.1, 0.8, 0.9] }],
  states: ['waiting', 'running', 'leaving', 'stopped', 'dead', 'finished'], state: [5, 5, 5], attempt: [1, 1, 1], resource: [1, 1, 1], budget: [1, 1, 1],
  gpu_seconds: [0, 0, 0], front: [2],
};
const axes = axesOf(table);
const region = (brushes: Brushes, reach: 'marked' | 'box') => regionOf(file, axes, brushes, select(axes, brushes, 3).mask, reach, 'sweep-2');

describe('a region', () => {
  it('narrows what is marked and keeps everything else', () => {
    const made = region({ 'p:lr': [0.5, 1] }, 'marked');
    expect(made.file.h_params?.['lr']).toEqual({ ...file.h_params?.['lr'], parameters: [0.01, 0.1] });
    expect(made.file.h_params?.['opt']).toEqual(file.h_params?.['opt']);
    expect(made.file.name).toBe('sweep-2');
    expect(made.file.job).toEqual(file.job);
    expect(made.changes).toEqual([{ name: 'lr', from: '0.001 – 0.1', to: '0.01 – 0.1' }]);
  });
  it('stays on the grid of its steps', () => expect(region({ 'p:batch': [0.3, 0.7] }, 'marked').file.h_params?.['batch']?.parameters).toEqual([64, 96]));
  it('is one point of the grid where it lies between two', () => expect(region({ 'p:batch': [0.4, 0.5] }, 'marked').file.h_params?.['batch']?.parameters).toEqual([64, 64]));
  it('keeps the marked choices', () => expect(region({ 'p:opt': [1 / 3, 1] }, 'marked').file.h_params?.['opt']?.parameters).toEqual(['adam', 'lamb']));
  it('turns a mark on a measure into bounds of parameters', () => {
    const made = region({ 'm:acc': [0.7, 1] }, 'box').file.h_params;
    expect(made?.['lr']?.parameters).toEqual([0.01, 0.05]);
    expect(made?.['batch']?.parameters).toEqual([64, 96]);
    expect(made?.['opt']?.parameters).toEqual(['adam']);
  });
  it('narrows nothing by a measure alone where only marked axes count', () => expect(region({ 'm:acc': [0.8, 1] }, 'marked').changes).toEqual([]));
  it('does not change the file that it began with', () => {
    region({ 'p:lr': [0.5, 1] }, 'marked');
    expect(file.h_params?.['lr']?.parameters).toEqual([0.001, 0.1]);
  });
  it('is written with a parameter a line, and is JSON', () => {
    const text = fileText(file);
    expect(JSON.parse(text)).toEqual(file);
    expect(text).toContain('\n    "batch": {');
  });
  it('has its parameters as the first file had them', () => {
    const text = fileText({ ...file, axes: ['opt', 'gone', 'lr'] });
    expect(Object.keys(JSON.parse(text).h_params)).toEqual(['opt', 'lr', 'batch']);
    expect(text).not.toContain('axes');
  });
});

describe('names and commands', () => {
  it('count on', () => expect(['sweep', 'sweep-2', 'resnet-50'].map(nextName)).toEqual(['sweep-2', 'sweep-3', 'resnet-51']));
  it('begin the file with or without a job', () => {
    expect(repeatCommand(file, "it's.json")).toBe("galley tune 'it'\\''s.json'");
    expect(repeatCommand({ ...file, job: undefined } as unknown as StudyFile, 'a.json')).toContain('/api/v1/studies');
  });
});

describe('the end of a study', () => {
  const now = Date.parse('2026-01-01T10:00:00Z');
  const study = {
    state: 'running', created_at: '2026-01-01T09:00:00Z', file: { termination: { max_session_number: 40, max_hours: 10 } },
    pools: { live: 2, stop: 1, dead: 5, ended: 5 }, gpu_seconds: 0,
  } as unknown as StudyDetail;
  it('follows from the limit that is spent the most', () => {
    expect(limitsOf(study, now)[0]).toEqual({ limit: 'trials', spent: 10, most: 40 });
    expect(endOf(study, now)).toBe(Date.parse('2026-01-01T13:00:00Z'));
  });
  it('is unknown at first, and where nothing ends it', () => {
    expect(endOf({ ...study, pools: { live: 2, stop: 0, dead: 0, ended: 0 }, file: { termination: { max_session_number: 40 } } }, now)).toBeUndefined();
    expect(endOf({ ...study, file: {} }, now)).toBeUndefined();
  });
});

describe('curves', () => {
  const curves: StudyCurves = {
    measure: 'acc', order: 'descending', of: 3,
    curves: [
      { trial: 0, at_s: [10, 20, 30], resource: [1, 2, 3], value: [0.1, 0.2, 0.3] },
      { trial: 1, at_s: [5, 6], resource: [1, 2], value: [0.5, 0.4] },
      { trial: 4, at_s: [1, 2, 3], resource: [1, 3, 2], value: [null, 0.2, 0.25] },
    ],
  };
  it('lead by their best value', () => expect(leaders(curves, 2).map(({ trial }) => trial)).toEqual([1, 0]));
  it('begin at zero when along time', () => {
    expect(layoutCurves(curves, 'time', 400, 300).xHigh).toBe(20);
    expect(layoutCurves(curves, 'resource', 400, 300).xHigh).toBe(3);
  });
  it('break where a member went back to the weights of another', () => {
    const layout = layoutCurves(curves, 'resource', 400, 300);
    const { points } = drawnOf(curves.curves[2] as StudyCurves['curves'][0], 'resource', layout, true);
    expect(points.length).toBe(6);
    expect(points[2]).toBeNaN();
  });
  it('are found near the mouse', () => {
    const layout = layoutCurves(curves, 'resource', 400, 300);
    const drawn = curves.curves.map((curve) => drawnOf(curve, 'resource', layout, true));
    expect(nearestCurve(drawn, curveX(layout, 1.5), curveY(layout, 0.45) + 2)?.trial).toBe(1);
    expect(nearestCurve(drawn, 5, 5)).toBeUndefined();
  });
});

describe('time', () => {
  it('is told in units that fit', () => expect([90, 7200, 90_000].map((s) => timeUnit(s).name)).toEqual(['seconds', 'minutes', 'hours']));
  it('holds the last step until now', () => {
    const [live] = layersOf([0, 60], 120, 60, [['live', [1, 2]]]);
    expect(live).toEqual({ name: 'live', xs: [0, 1, 2], ys: [1, 2, 2] });
  });
  it('stacks layers', () => expect(stacked([{ name: 'a', xs: [0], ys: [1] }, { name: 'b', xs: [0], ys: [2] }])).toEqual([[1], [3]]));
});

describe('roundNumbers', () => {
  it('are round', () => expect(roundNumbers(0.13, 0.92, 4)).toEqual([0.2, 0.4, 0.6, 0.8]));
  it('are none of an empty range', () => expect(roundNumbers(1, 1, 4)).toEqual([]));
});
