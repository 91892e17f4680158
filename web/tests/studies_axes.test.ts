import { describe, expect, it } from 'vitest';

import type { StudyTable } from '../src/api/study_types';
import { axesOf, goodness, kAbsent, measureRange, ticksOf, unitOf, valueAt, valueText, type Axis } from '../src/lib/studies/axes';
import { brushesOf, brushesText, select, shifted, snapped, withBrush } from '../src/lib/studies/brush';
import { joined, nameOf, originOf } from '../src/lib/studies/known';
import { ChosenLines } from '../src/lib/studies/chosen_lines';
import { classOf, Density, shadeCss, shadesOf, type Lines } from '../src/lib/studies/density';
import { layoutOf, unitAtY, yOf } from '../src/lib/studies/painter';
import { ranked, windowOf } from '../src/lib/studies/ranking';

const table = (more: Partial<StudyTable> = {}): StudyTable => ({
  count: 4,
  axes: [
    { name: 'lr', kind: 'real', low: 0.001, high: 0.1, log: true, conditional: false, values: [0.001, 0.01, 0.1, 0.0316227766] },
    { name: 'opt', kind: 'categorical', choices: ['sgd', 'adam'], conditional: false, values: [0, 1, 1, 0] },
    { name: 'momentum', kind: 'real', low: 0, high: 1, log: false, conditional: true, values: [0.5, null, null, 1] },
  ],
  measures: [{ name: 'loss', order: 'ascending', values: [0.4, 0.2, null, 0.3] }],
  states: ['waiting', 'running', 'leaving', 'stopped', 'dead', 'finished', 'failed', 'infeasible'],
  state: [5, 5, 1, 5], attempt: [1, 1, 1, 1], resource: [9, 9, 2, 9], budget: [9, 9, 9, 9], gpu_seconds: [1, 2, 3, 4], front: [1], best: 1,
  ...more,
});
const axes = axesOf(table());
const axis = (id: string) => axes.find((one) => one.id === id) as Axis;

describe('axes', () => {
  it('are the parameters in their order, then the measures', () => expect(axes.map(({ id }) => id)).toEqual(['p:lr', 'p:opt', 'p:momentum', 'm:loss']));
  it('place a logarithmic value by its exponent', () => expect([...axis('p:lr').units].map((unit) => Number(unit.toFixed(3)))).toEqual([0, 0.5, 1, 0.75]));
  it('give lines of one choice a lane of their own within its cell', () => {
    const [first, , , last] = axis('p:opt').units;
    expect(first).not.toBe(last);
    for (const unit of [first, last]) expect(Math.floor((unit as number) * 2)).toBe(0);
  });
  it('know where a parameter does not exist', () => expect(axis('p:momentum').units[1]).toBe(kAbsent));
  it('call the best 1, whichever way the measure goes', () => {
    expect(goodness(axis('m:loss'), 1)).toBe(1);
    expect(goodness(axis('m:loss'), 0)).toBe(0);
    expect(goodness(axis('m:loss'), 2)).toBe(kAbsent);
  });
  it('turn places back into values', () => {
    expect(valueAt(axis('p:lr'), 0.5)).toBeCloseTo(0.01, 6);
    expect(valueAt(axis('p:opt'), 0.99)).toBe(1);
    expect(unitOf(axis('p:opt'), 1)).toBe(0.75);
  });
  it('reach values that a population made beyond the range', () => {
    const wide = axesOf(table({ axes: [{ name: 'lr', kind: 'real', low: 0, high: 1, conditional: false, values: [0, 1.5, 1, -0.5] }] }))[0] as Axis;
    expect([wide.low, wide.high]).toEqual([-0.5, 1.5]);
  });
  it('write round ticks, and choices as they are', () => {
    expect(ticksOf(axis('p:lr'), 5).map(({ label }) => label)).toEqual(['0.001', '0.01', '0.1']);
    expect(ticksOf(axis('p:opt'), 5).map(({ label }) => label)).toEqual(['sgd', 'adam']);
    expect(ticksOf(axis('p:momentum'), 4).map(({ unit }) => unit)).toEqual([0, 0.5, 1]);
  });
  it('write values as the reader did', () => {
    expect(valueText(axis('p:opt'), 1)).toBe('adam');
    expect(valueText(axis('p:momentum'), NaN)).toBe('–');
  });
});

describe('measureRange', () => {
  it('shows all of an even spread', () => expect(measureRange(Float64Array.from([1, 2, 3, 4, 5]), true)).toMatchObject({ low: 1, high: 5, clipped: 'none' }));
  it('does not let a diverged trial hide the others', () => {
    const range = measureRange(Float64Array.from([0.1, 0.2, 0.3, 0.4, 1e9]), false);
    expect(range.clipped).toBe('high');
    expect(range.high).toBeLessThan(2);
  });
  it('has a width even for one value', () => expect(measureRange(Float64Array.from([3]), true).high).toBeGreaterThan(3));
  it('is something where there is nothing', () => expect(measureRange(Float64Array.from([NaN]), true)).toMatchObject({ low: 0, high: 1 }));
});

describe('brushes', () => {
  it('choose what lies in all of them', () => {
    expect(select(axes, {}, 4).count).toBe(4);
    expect([...select(axes, { 'p:lr': [0.4, 1] }, 4).mask]).toEqual([0, 1, 1, 1]);
    expect([...select(axes, { 'p:lr': [0.4, 1], 'm:loss': [0, 0.6] }, 4).mask]).toEqual([0, 1, 0, 1]);
  });
  it('take trials without the parameter only where they reach below the axis', () => {
    expect(select(axes, { 'p:momentum': [0, 1] }, 4).count).toBe(2);
    expect(select(axes, { 'p:momentum': [-0.1, 1] }, 4).count).toBe(4);
  });
  it('cover whole choices', () => expect(snapped(axis('p:opt'), [0.6, 0.7])).toEqual([0.5, 1]));
  it('do not reach below an axis that is always there', () => expect(snapped(axis('p:lr'), [-0.2, 0.5])).toEqual([0, 0.5]));
  it('go away when they have no length', () => expect(withBrush({ 'p:lr': [0, 1] }, axis('p:lr'), [0.3, 0.3])).toEqual({}));
  it('keep their length when moved against the end', () => {
    expect(shifted([0.7, 0.9], 0.5)[0]).toBeCloseTo(0.8);
    expect(shifted([0.7, 0.9], 0.5)[1]).toBeCloseTo(1);
  });
  it('survive the address', () => {
    const brushes = withBrush(withBrush({}, axis('p:lr'), [0.25, 0.5]), axis('m:loss'), [0, 0.125]);
    expect(brushesOf(brushesText(brushes), axes)).toEqual(brushes);
    expect(brushesOf('p:none~0~1,nonsense,p%3Alr~a~b', axes)).toEqual({});
  });
});

describe('Density', () => {
  const xs = Int32Array.from([0, 10, 20]);
  const rows = [[0, 9, 3], [5, 5, 5], [0, 18, 1]];
  const linesOf = (rowsOf: number[][], colourClass: number): Lines => ({
    count: rowsOf.length, xs, ys: Int16Array.from([0, 1, 2].flatMap((axis) => rowsOf.map((row) => row[axis] as number))),
    classes: new Uint8Array(rowsOf.length).fill(colourClass),
  });
  const drawn = (rowsOf: number[][], colourClass: number, most = 10): Density => {
    const density = new Density(21, 20, most);
    density.add(linesOf(rowsOf, colourClass), Uint32Array.from(rowsOf, (_, at) => at), 0, rowsOf.length, 1);
    return density;
  };
  it.each([10, 100_000])('takes lines away exactly, of at most %i', (most) => {
    const all = drawn(rows, 7, most);
    all.add(linesOf(rows, 7), Uint32Array.from([2, 1]), 0, 2, -1);
    expect(all.sums).toEqual(drawn(rows.slice(0, 1), 7, most).sums);
  });
  it('counts the lines on a pixel and leaves no gaps on steep ones', () => {
    const one = drawn(rows.slice(2), 0);
    for (let y = 0; y < 18; y += 1) expect(Array.from({ length: 11 }, (_, x) => one.linesAt(x, y)).reduce((a, b) => a + b)).toBe(1);
    const flat = drawn([[5, 5, 5], [5, 5, 5]], 3);
    expect(flat.linesAt(4, 5)).toBe(2);
    expect(flat.linesAt(4, 6)).toBe(0);
  });
  it.each([10, 100_000])('shows the mean colour of the lines, more opaque where there are more, of at most %i', (most) => {
    const picture = new Uint32Array(21 * 20);
    const colours = shadesOf([[0, 0, 0], [255, 0, 0]]);
    drawn([[5, 5, 5]], 15, most).resolve(picture, { colours, opacity: 0.5 });
    expect((picture[5 * 21] as number) & 0xffffff).toBe(0x0000ff);
    expect((picture[5 * 21] as number) >>> 24).toBe(128);
    expect(picture[0]).toBe(0);
    drawn([[5, 5, 5], [5, 5, 5]], 15, most).resolve(picture, { colours, opacity: 0.5 });
    expect((picture[5 * 21] as number) >>> 24).toBe(191);
  });
  it('holds as many lines in 32 bits as are drawn in them', () => {
    const most = 2 ** 14 - 1;
    const crowd = drawn(Array.from({ length: most }, () => [5, 5, 5]), 15, most);
    expect(crowd.sums).toBeInstanceOf(Uint32Array);
    expect(crowd.linesAt(3, 5)).toBe(most);
    expect(drawn(rows, 7, most + 1).sums).toBeInstanceOf(Float64Array);
  });
  it('goes from any choice to any other by what is nearest', () => {
    const many = linesOf(Array.from({ length: 100 }, (_, at) => [at % 20, (at * 7) % 20, (at * 3) % 20]), 4);
    const all = new Density(21, 20, 100);
    all.add(many, Uint32Array.from({ length: 100 }, (_, at) => at), 0, 100, 1);
    const chosen = new ChosenLines(many, all);
    for (const wanted of [(at: number) => at < 10, (at: number) => at < 95, (at: number) => at >= 50, (at: number) => at >= 47, () => false, () => true]) {
      const mask = Uint8Array.from({ length: 100 }, (_, at) => (wanted(at) ? 1 : 0));
      const kept = Uint32Array.from([...mask.keys()].filter((at) => mask[at] === 1));
      chosen.aim(mask, kept.length);
      let drawnLines = 0;
      for (let left = chosen.draw(0); left > 0;) {
        const next = chosen.draw(7);
        drawnLines += left - next;
        left = next;
      }
      expect(drawnLines).toBeLessThanOrEqual(50);
      const afresh = new Density(21, 20, 100);
      afresh.add(many, kept, 0, kept.length, 1);
      expect(chosen.shown.sums).toEqual(afresh.sums);
    }
  });
  it('has classes from the worst to the best', () => expect([kAbsent, 0, 0.5, 1].map(classOf)).toEqual([0, 0, 8, 15]));
  it('writes a shade as CSS', () => expect(shadeCss(shadesOf([[0, 0, 0], [10, 20, 30]]), 1)).toBe('rgb(10 20 30)'));
});

describe('the layout', () => {
  it('uses the room, and asks for more where axes would touch', () => {
    expect(layoutOf(axes, 800, 300).width).toBe(800);
    expect(layoutOf(axes, 100, 300).width).toBeGreaterThan(200);
  });
  it('goes from place to pixel and back, with a lane for what does not exist', () => {
    const layout = layoutOf(axes, 800, 300);
    for (const unit of [0, 0.25, 1]) expect(unitAtY(layout, yOf(layout, unit))).toBeCloseTo(unit, 5);
    expect(unitAtY(layout, yOf(layout, kAbsent))).toBeLessThan(0);
  });
});

describe('earlier trials', () => {
  const whole = { ...table(), known: {
    count: 2, studies: [{ id: 'study_a', name: 'monday' }, { id: 'study_b', name: '' }], study: [0, 1], number: [7, 3], failed: [0, 1], resource: [9, 2],
    axes: table().axes.map(() => [0.5, null]), measures: [[0.25, null]],
  } };
  it('are rows below its own, and called by where they come from', () => {
    const all = joined(whole, true);
    expect(all.count).toBe(6);
    expect(all.own).toBe(4);
    expect(axesOf(all).every((one) => one.values.length === 6)).toBe(true);
    expect([4, 5].map((row) => all.states[all.state[row] ?? -1])).toEqual(['earlier', 'failed']);
    expect([0, 4, 5].map((row) => nameOf(all, row))).toEqual(['0', 'monday/7', 'study_b/3']);
    expect(originOf(all, 3)).toBeUndefined();
    expect(originOf(all, 4)).toEqual({ study: 'study_a', name: 'monday', number: 7 });
    expect(ranked(all, axesOf(all), { column: 'm:loss', descending: false }).indexOf(5)).toBeGreaterThanOrEqual(4);
  });
  it('are left out on demand, and where there are none', () => {
    expect(joined(whole, false).count).toBe(4);
    expect(joined(table(), true).count).toBe(4);
  });
});

describe('the table', () => {
  it('ranks by a measure; trials without one stand last', () => {
    expect(ranked(table(), axes, { column: 'm:loss', descending: false })).toEqual([1, 3, 0, 2]);
    expect(ranked(table(), axes, { column: 'm:loss', descending: true })).toEqual([0, 3, 1, 2]);
    expect(ranked(table(), axes, undefined)).toEqual([0, 1, 2, 3]);
  });
  it('keeps only the rows in sight', () => {
    expect(windowOf(10_000, 3200, 480, 32)).toEqual({ from: 92, to: 123 });
    expect(windowOf(5, 3200, 480, 32)).toEqual({ from: 0, to: 5 });
  });
});
