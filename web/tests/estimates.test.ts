import { describe, expect, it } from 'vitest';

import type { EstimateOptions, EstimateRow, PastEstimate } from '../src/api/estimate_types';
import type { Eta, Spread } from '../src/api/types';
import { emptyForm, offerName, offersByGpu, requestOf, type FormDraft } from '../src/lib/estimates/form';
import { dollars, errorOf, frontOf, placeOn, scaleOf, ticksOf, timeTicks, wasInside } from '../src/lib/estimates/front';
import { etaMargin, etaRatio, finishClock, roundedMargin } from '../src/lib/eta';

const options: EstimateOptions = {
  gpus: [{ name: 'A100' }, { name: 'T4' }], networks: [{ name: 'bert' }, { name: 'resnet50' }], precisions: ['fp32', 'fp16'],
  offers: [{ gpu: 'A100', gpus: 4, usd_per_hour: 14.68 }],
};
const form = (change: Partial<FormDraft> = {}): FormDraft => ({ ...emptyForm(options), ...change });

describe('the form', () => {
  it('begins with a network that everybody knows and the offers', () => {
    expect(requestOf(form())).toEqual({
      request: {
        kind: 'estimate', version: 1, network: 'resnet50', precision: 'fp16', batch_per_gpu: 128, items: 1281167, epochs: 90,
        cluster: false, prices: false, spot: false, configurations: [{ gpu: 'A100', gpus: 4, usd_per_hour: 14.68 }],
      },
    });
    const offers = [
      { gpu: 'T4', gpus: 1, usd_per_hour: 0.5 }, { gpu: 'A100', gpus: 8, usd_per_hour: 24 }, { gpu: 'A100', gpus: 4, usd_per_hour: 14 },
      { gpu: 'A100', gpus: 1, usd_per_hour: 1, spot: true }, { gpu: 'A100', gpus: 0.5, usd_per_hour: 0.1 },
    ];
    const fast = { ...options, gpus: [{ name: 'T4', fp16_tflops: 65 }, { name: 'A100', fp16_tflops: 312 }], offers };
    expect(emptyForm(fast).machines.map(({ gpu, gpus }) => `${gpus} ${gpu}`)).toEqual(['8 A100', '1 T4']);
    expect(offersByGpu(offers).map(([gpu, list]) => [gpu, list.map(([, index]) => index)])).toEqual([['A100', [4, 3, 2, 1]], ['T4', [0]]]);
    expect(offerName({ gpu: 'T4', gpus: 1, usd_per_hour: 0.5, provider: 'AWS', instance: 'g4', spot: true }, 'Spot')).toBe('1× · AWS g4 · $0.5 · Spot');
  });
  it('may leave machines to the price list and to the site itself', () => {
    expect(requestOf(form({ machines: [], prices: true, spotToo: true }))).toMatchObject({ request: { prices: true, spot: true } });
    expect(requestOf(form({ machines: [], spotToo: true }))).toEqual({ wrong: ['machines'] });
  });
  it('takes counts instead of a name, limits, and thousands with commas', () => {
    const made = requestOf(form({ network: '', gflops: '4.1', parameters: '25.6', items: '1,000', budget: '200', deadline: '1d 12h' }));
    expect(made).toMatchObject({
      request: { network: { name: 'custom', forward_gflops: 4.1, parameters_m: 25.6 }, items: 1000, budget_usd: 200, deadline: '1d12h' },
    });
  });
  it('names every field that cannot be read', () => {
    expect(requestOf(form({ network: '', batch: '1.5', epochs: 'x', deadline: 'soon', machines: [] })))
      .toEqual({ wrong: ['gflops', 'parameters', 'batch', 'epochs', 'deadline', 'machines'] });
    expect(requestOf(form({ machines: [{ gpu: 'A100', gpus: '0', usd: '', spot: false }] }))).toEqual({ wrong: ['machines'] });
    expect(requestOf(form({ machines: [{ gpu: 'A100', gpus: '1', usd: '-1', spot: false }] }))).toEqual({ wrong: ['machines'] });
  });
});

const row = (finish_s: number, cost_usd: number, pareto: boolean): EstimateRow => ({
  name: `${finish_s}`, gpu: 'A100', gpus: 1, nodes: 1, usd_per_hour: 1, spot: false, owned: false, guessed_gpu: false, verdict: 'good', memory: 'fits',
  pareto, recommended: false, wait_s: 0, note: '', runtime_s: { p10: 1, p50: 2, p90: 3 }, cost_usd, finish_s,
});

describe('plots', () => {
  it('join the front from the soonest on', () => {
    const impossible: EstimateRow = { ...row(1, 1, true) };
    delete impossible.runtime_s;
    expect(frontOf([row(9, 1, true), row(5, 5, false), row(3, 8, true), impossible]).map(({ finish_s }) => finish_s)).toEqual([3, 9]);
  });
  it('have room around their points, and factors where they span some', () => {
    expect(scaleOf([10, 20])).toEqual({ least: 9.2, most: 20.8, log: false });
    expect(scaleOf([1, 100]).log).toBe(true);
    expect(scaleOf([5])).toEqual({ least: 4, most: 6, log: false });
    expect(scaleOf([0, 100]).log).toBe(false);
    expect(scaleOf([])).toEqual({ least: 0, most: 1, log: false });
  });
  it('place values', () => {
    expect(placeOn({ least: 1, most: 100, log: true }, 10)).toBeCloseTo(0.5);
    expect(placeOn({ least: 0, most: 4, log: false }, 1)).toBe(0.25);
    expect(placeOn({ least: 0, most: 4, log: false }, 9)).toBe(1);
  });
  it('write round numbers, and times as people count them', () => {
    expect(ticksOf({ least: 0, most: 100, log: false })).toEqual([0, 20, 40, 60, 80, 100]);
    expect(ticksOf({ least: 8, most: 130, log: true })).toEqual([10, 30, 100]);
    expect(timeTicks({ least: 3000, most: 50_000, log: true })).toEqual([3600, 10_800, 21_600, 43_200]);
  });
  it('write money', () => expect([dollars(0.0123), dollars(4.2), dollars(12_345.6), dollars(0), dollars(null)]).toEqual(['$0.012', '$4.20', '$12,346', '$0.00', '–']));
  it('know by how much an estimate was off', () => {
    const past: PastEstimate = { job_id: '', name: '', gpus: 1, at: '', estimated_s: { p10: 80, p50: 110, p90: 120 }, actual_s: 100, made: 'before' };
    expect(errorOf(past)).toBeCloseTo(0.1);
    expect(wasInside(past)).toBe(true);
    expect(wasInside({ ...past, actual_s: 121 })).toBe(false);
  });
});

describe('the time a job is done', () => {
  const eta: Eta = { remaining_s: { p10: 60, p50: 300, p90: 540 }, finish_at: '2026-11-22T14:20:00', progress_ratio: 1.2, from: 'progress' };
  const now = Date.parse('2026-11-22T14:00:00');
  it('is a clock today, a day in this week, a date later', () => {
    expect(finishClock(eta.finish_at as string, now, 'en')).toBe('14:20');
    expect(finishClock('2026-11-24T09:05:00', now, 'en')).toMatch(/Tue.* 09:05/);
    expect(finishClock('2026-12-24T09:05:00', now, 'en')).toMatch(/24 Dec.* 09:05/);
    expect(finishClock('soon', now, 'en')).toBe('–');
  });
  it('has half of its span as margin, in whole minutes', () => {
    expect(etaMargin(eta.remaining_s as Spread)).toBe(240);
    expect([0.2, 40, 100, 7000, 50_000].map(roundedMargin)).toEqual([1, 40, 120, 6960 + 60, 50_400]);
  });
  it('has a share between nothing and all', () => {
    expect(etaRatio(eta)).toBe(1);
    expect(etaRatio({ ...eta, progress_ratio: null })).toBeUndefined();
  });
});
