// The part of a long table that is seen, and the blocks of rows that it needs. Pure.

export const kBlockRows = 100;

export interface Window {
  /** The first row drawn and the one behind the last. */
  from: number;
  to: number;
}

/** Rows that lie in view, with some more on both sides. */
export function windowOf(scrollTop: number, height: number, rowHeight: number, rows: number, spare: number): Window {
  const first = Math.floor(scrollTop / rowHeight) - spare;
  const last = Math.ceil((scrollTop + height) / rowHeight) + spare;
  const from = Math.max(0, Math.min(first, rows));
  return { from, to: Math.max(from, Math.min(rows, last)) };
}

/** Numbers of the blocks that hold these rows. */
export function blocksOf({ from, to }: Window): number[] {
  if (to <= from) return [];
  const first = Math.floor(from / kBlockRows);
  return Array.from({ length: Math.floor((to - 1) / kBlockRows) - first + 1 }, (_, index) => first + index);
}

/** Where a list must be scrolled to so that a row is wholly seen below a header; undefined where it is. */
export function scrollTo(row: number, scrollTop: number, height: number, rowHeight: number, header: number): number | undefined {
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  const bottom = top + rowHeight + header;
  return bottom > scrollTop + height ? bottom - height : undefined;
}
