// Answers of the time series as curves for a chart. Pure.
import type { TelemetryAnswer, TelemetrySeries } from '../api/types';
import type { Curve } from './series';

export function curvesOf(answer: TelemetryAnswer, name: (series: TelemetrySeries) => string): Curve[] {
  return answer.series
    .filter((series) => series.at_ms.length > 0)
    .map((series) => ({ name: name(series), xs: series.at_ms.map((at) => at / 1000), ys: series.mean }))
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}
