import { describe, expect, it } from 'vitest';

import { editLines, spanOf, withEdits } from '../src/lib/edits';

describe('edits', () => {
  const spec = { command: ['a'], resources: { gpus: 8, gpu_type: 'H100' }, team: 'nlp' };

  it('change a copy by path, and null takes a field away', () => {
    const changed = withEdits(spec, { 'resources.gpus': '4', 'resources.gpu_type': 'null', priority_class: '"idle"' });
    expect(changed).toEqual({ command: ['a'], resources: { gpus: 4 }, team: 'nlp', priority_class: 'idle' });
    expect(spec.resources.gpus).toBe(8);
  });

  it('make what is not there', () => {
    expect(withEdits({ command: ['a'] }, { 'resources.gpus': '1' })).toEqual({ command: ['a'], resources: { gpus: 1 } });
  });

  it('read as fields of a file', () => {
    expect(editLines({ 'resources.gpus': '4', team: '"vision"', 'resources.gpu_type': 'null' }))
      .toEqual(['resources.gpus: 4', 'team: vision', '− resources.gpu_type']);
  });
});

describe('spanOf', () => {
  const at = (ms: number) => new Date(ms).toISOString();

  it('lays the interval on a bar that begins now', () => {
    const span = spanOf({ early_at: at(1000), typical_at: at(2000), late_at: at(4000) }, 0);
    expect(span?.to).toBeCloseTo(1 / 1.15);
    expect(span?.from).toBeCloseTo(0.25 / 1.15);
    expect(span?.mark).toBeCloseTo(0.5 / 1.15);
  });

  it('begins now where the estimate lies in the past', () => {
    expect(spanOf({ early_at: at(0), typical_at: at(0), late_at: at(0) }, 5000)).toEqual({ from: 0, to: 0, mark: 0 });
    expect(spanOf({ early_at: 'soon', typical_at: at(0), late_at: at(0) }, 0)).toBeUndefined();
  });
});
