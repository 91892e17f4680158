// Sums over a run's series. Pure.
import type { SeriesSummary } from '../api/types';

export const totalPoints = (series: readonly SeriesSummary[]): number =>
  series.reduce((sum, one) => sum + one.point_count, 0);

export const lastStep = (series: readonly SeriesSummary[]): number | null =>
  series.length === 0 ? null : Math.max(...series.map((one) => one.last_step));
