import { expect, test } from 'vitest';

import type { TelemetryAnswer } from '../src/api/types';
import { curvesOf } from '../src/lib/telemetry';

const series = (uuid: string, at_ms: number[], mean: (number | null)[]) => ({ uuid, at_ms, mean, min: mean, max: mean, last: mean });
const answer: TelemetryAnswer = {
  metric: 'gpu_utilization_ratio', from: '', to: '', step_s: 5,
  series: [series('10', [5_000, 10_000], [0.5, null]), series('2', [5_000], [1]), series('3', [], [])],
};

test('curves are in seconds, in the order of their numbers, and none is empty', () => {
  expect(curvesOf(answer, (one) => `GPU ${one.uuid}`)).toEqual([
    { name: 'GPU 2', xs: [5], ys: [1] },
    { name: 'GPU 10', xs: [5, 10], ys: [0.5, null] },
  ]);
});
