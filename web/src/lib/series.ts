// Curves as columns for the chart, and as text to take away. Pure.

export interface Curve {
  name: string;
  xs: readonly number[];
  ys: readonly (number | null)[];
  /** The number of its colour, from 0; its place among the curves where absent. */
  tint?: number;
  dashed?: boolean;
  /** Drawn behind another curve, and not named. */
  faint?: boolean;
}

/** One shared, sorted x column; a curve without a value at an x has a hole there. */
export function joined(curves: readonly Curve[]): { xs: number[]; columns: (number | null | undefined)[][] } {
  if (curves.length === 1) {
    const only = curves[0] as Curve;
    return { xs: [...only.xs], columns: [[...only.ys]] };
  }
  const xs = [...new Set(curves.flatMap((curve) => curve.xs))].sort((a, b) => a - b);
  const place = new Map(xs.map((x, index) => [x, index]));
  const columns = curves.map((curve) => {
    const column = new Array<number | null | undefined>(xs.length).fill(undefined);
    curve.xs.forEach((x, index) => (column[place.get(x) as number] = curve.ys[index] ?? null));
    return column;
  });
  return { xs, columns };
}

const cell = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export function toCsv(xName: string, all: readonly Curve[]): string {
  const curves = all.map((curve) => (curve.faint ? { ...curve, name: `${curve.name.trim()} (raw)` } : curve));
  const { xs, columns } = joined(curves);
  const head = [xName, ...curves.map((curve) => curve.name)].map(cell).join(',');
  const lines = xs.map((x, index) => [x, ...columns.map((column) => column[index] ?? '')].join(','));
  return [head, ...lines, ''].join('\n');
}

/** The last value that is a number. */
export function lastOf(ys: readonly (number | null)[]): number | null {
  for (let index = ys.length - 1; index >= 0; index -= 1) {
    const value = ys[index];
    if (value != null) return value;
  }
  return null;
}
