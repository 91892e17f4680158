// The load of the last minutes as curves for a chart. Pure.
import type { LoadSample } from '../api/types';
import type { Curve } from './series';

export function loadCurves(samples: readonly LoadSample[], cpuName: string, rateName: string): Curve[] {
  const xs = samples.map((sample) => sample.at_ms / 1000);
  return [
    { name: cpuName, xs, ys: samples.map((sample) => sample.cpu_used_ratio) },
    { name: rateName, xs, ys: samples.map((sample) => sample.predictions_per_s) },
  ];
}
