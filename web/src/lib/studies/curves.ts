// Learning curves of all trials in one picture: scales, pieces, what is nearest. Pure.
import type { StudyCurves, TrialCurve } from '../../api/study_types';

export type CurveX = 'resource' | 'time';

export interface DrawnCurve {
  trial: number;
  /** Pixels; NaN ends a piece: where weights were copied, the resource falls back. */
  points: Float32Array;
  last: number | null;
  bestValue: number | null;
}

export interface CurvesLayout {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
  xLow: number;
  xHigh: number;
  yLow: number;
  yHigh: number;
}

const kMargins = { left: 56, right: 12, top: 10, bottom: 26 };

const better = (descending: boolean, a: number, b: number) => (descending ? a > b : a < b);

export function bestValueOf(curve: TrialCurve, descending: boolean): number | null {
  let best: number | null = null;
  for (const value of curve.value) if (value !== null && (best === null || better(descending, value, best))) best = value;
  return best;
}

/** The curves that end best, best first. */
export function leaders(curves: StudyCurves, most: number): TrialCurve[] {
  const descending = curves.order === 'descending';
  const ranked = curves.curves
    .map((curve) => ({ curve, best: bestValueOf(curve, descending) }))
    .filter((one): one is { curve: TrialCurve; best: number } => one.best !== null);
  ranked.sort((a, b) => (descending ? b.best - a.best : a.best - b.best) || a.curve.trial - b.curve.trial);
  return ranked.slice(0, most).map(({ curve }) => curve);
}

const xsOf = (curve: TrialCurve, x: CurveX): number[] => {
  if (x === 'resource') return curve.resource;
  const began = curve.at_s[0] ?? 0;
  return curve.at_s.map((at) => at - began);
};

/** The worst twentieth of all values may lie outside, so that a diverged trial hides nothing. */
export function layoutCurves(curves: StudyCurves, x: CurveX, width: number, height: number): CurvesLayout {
  const values: number[] = [];
  let xHigh = 0;
  for (const curve of curves.curves) {
    for (const value of curve.value) if (value !== null && Number.isFinite(value)) values.push(value);
    for (const at of xsOf(curve, x)) if (at > xHigh) xHigh = at;
  }
  values.sort((a, b) => a - b);
  const quantile = (share: number) => values[Math.round(share * (values.length - 1))] ?? 0;
  let [low, high] = curves.order === 'descending' ? [quantile(0.05), quantile(1)] : [quantile(0), quantile(0.95)];
  if (!(low < high)) [low, high] = [low - 0.5, high + 0.5];
  const air = (high - low) * 0.04;
  return {
    width, height, left: kMargins.left, right: width - kMargins.right, top: kMargins.top, bottom: height - kMargins.bottom,
    xLow: 0, xHigh: xHigh || 1, yLow: low - air, yHigh: high + air,
  };
}

export const curveX = (at: CurvesLayout, value: number): number => at.left + ((value - at.xLow) / (at.xHigh - at.xLow)) * (at.right - at.left);
export const curveY = (at: CurvesLayout, value: number): number =>
  Math.min(at.bottom + 4, Math.max(at.top - 4, at.bottom - ((value - at.yLow) / (at.yHigh - at.yLow)) * (at.bottom - at.top)));

export function drawnOf(curve: TrialCurve, x: CurveX, at: CurvesLayout, descending: boolean): DrawnCurve {
  const xs = xsOf(curve, x);
  const points: number[] = [];
  let last: number | null = null;
  curve.value.forEach((value, index) => {
    if (value === null) return;
    const here = xs[index] as number;
    if (index > 0 && here < (xs[index - 1] as number)) points.push(NaN, NaN);
    points.push(curveX(at, here), curveY(at, value));
    last = value;
  });
  return { trial: curve.trial, points: Float32Array.from(points), last, bestValue: bestValueOf(curve, descending) };
}

/** The curve nearest to a point, within a few pixels. */
export function nearestCurve(curves: readonly DrawnCurve[], x: number, y: number): DrawnCurve | undefined {
  let found: DrawnCurve | undefined;
  let least = 10;
  for (const curve of curves) {
    const { points } = curve;
    for (let at = 0; at < points.length; at += 2) {
      const [x0, y0] = [points[at] as number, points[at + 1] as number];
      const x1 = points[at + 2] ?? x0;
      const y1 = points[at + 3] ?? y0;
      const length = (x1 - x0) ** 2 + (y1 - y0) ** 2;
      const share = length > 0 ? Math.min(1, Math.max(0, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length)) : 0;
      const away = Math.hypot(x0 + share * (x1 - x0) - x, y0 + share * (y1 - y0) - y);
      if (away < least) [least, found] = [away, curve];
    }
  }
  return found;
}
