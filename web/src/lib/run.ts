// Sums over a run's series. Pure.
import type { MetricSeries, SeriesSummary } from '../api/types';
import type { Curve } from './series';

export const curveOf = (series: MetricSeries): Curve => ({ name: series.key, xs: series.steps, ys: series.values });

export const totalPoints = (series: readonly SeriesSummary[]): number =>
  series.reduce((sum, one) => sum + one.point_count, 0);

export const lastStep = (series: readonly SeriesSummary[]): number | null =>
  series.length === 0 ? null : Math.max(...series.map((one) => one.last_step));
