import { describe, expect, it } from 'vitest';

import type { MetricSeries } from '../src/api/types';
import { bestOf, drawn, goalOf, inOrder, parseAxis, positive, smoothed, spanOf, wallClock, xsOf } from '../src/lib/runs/curves';
import { toCsv } from '../src/lib/series';

const series: MetricSeries = { key: 'loss', steps: [0, 10, 20], values: [4, null, 1], times_ms: [5000, 6000, 9000] };

describe('smoothing', () => {
  it('is a corrected moving average: a constant stays one', () => expect(smoothed([2, 2, 2], 0.9).map((y) => Number(y?.toFixed(9)))).toEqual([2, 2, 2]));
  it('weighs the newest by 1 - weight', () => expect(smoothed([0, 1], 0.5)[1]).toBeCloseTo((0.5 * 0 + 0.5 * 1) / 0.75));
  it('keeps holes as holes', () => expect(smoothed([1, null, 1], 0.5)).toEqual([1, null, 1]));
  it('of weight nothing is the values', () => expect(smoothed([1, null, 3], 0)).toEqual([1, null, 3]));
});

describe('axes', () => {
  it('are steps, seconds since the start, or the clock', () => {
    expect(xsOf(series, 'step')).toEqual([0, 10, 20]);
    expect(xsOf(series, 'relative')).toEqual([0, 1, 4]);
    expect(xsOf(series, 'wall')).toEqual([5, 6, 9]);
    expect(parseAxis('nonsense')).toBe('step');
  });
  it('are in order even if steps go back, the last report of one x winning', () =>
    expect(inOrder([0, 2, 1, 2], [1, 2, 3, 4])).toEqual({ xs: [0, 1, 2], ys: [1, 3, 4] }));
  it('of logarithms have positive values only', () => expect(positive([1, 0, -1, null])).toEqual([1, null, null, null]));
  it('write days where there are several', () => {
    expect(wallClock(0, 60)).toMatch(/^\d\d:\d\d:\d\d$/);
    expect(wallClock(0, 200_000)).toMatch(/Jan/);
  });
});

describe('curves', () => {
  it('are drawn over what was smoothed away', () => {
    const curves = drawn('loss', series, { axis: 'step', weight: 0.5, log: false }, 3);
    expect(curves.map(({ faint, tint }) => [faint ?? false, tint])).toEqual([[true, 3], [false, 3]]);
    expect(toCsv('step', curves).split('\n')[0]).toBe('step,loss (raw),loss');
    expect(spanOf(curves)).toBe(20);
  });
  it('know which end is better, and where it was', () => {
    expect(goalOf('val/Loss')).toBe('min');
    expect(goalOf('accuracy')).toBe('max');
    expect(goalOf('lr')).toBeUndefined();
    expect(bestOf(series, 'min')).toEqual({ value: 1, step: 20 });
    expect(bestOf(series, 'max')).toEqual({ value: 4, step: 0 });
    expect(bestOf(series, undefined)).toBeUndefined();
  });
});
