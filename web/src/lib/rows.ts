// Order and movement in a list. Pure.

export type SortKey = string | number | null | undefined;

export interface Order {
  column: string;
  descending: boolean;
}

/** "-ran" -> {column: 'ran', descending: true}; '' is the order in which the server answers. */
export function parseOrder(text: string): Order | undefined {
  if (text === '' || text === '-') return undefined;
  return text.startsWith('-') ? { column: text.slice(1), descending: true } : { column: text, descending: false };
}

/** Clicking a header goes through ascending, descending, and back to the server's order. */
export function nextOrder(order: Order | undefined, column: string): string {
  if (order?.column !== column) return column;
  return order.descending ? '' : `-${column}`;
}

/** A stable order; absent values stand last either way. */
export function sorted<T>(rows: readonly T[], key: ((row: T) => SortKey) | undefined, descending: boolean): readonly T[] {
  if (!key) return rows;
  const sign = descending ? -1 : 1;
  return [...rows].sort((left, right) => {
    const a = key(left);
    const b = key(right);
    if (a == null || b == null) return Number(a == null) - Number(b == null);
    return sign * (typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b)));
  });
}

/** Where j, k and the arrows lead; -1 means that no row is chosen yet. */
export function moved(index: number, key: string, count: number): number | undefined {
  if (count === 0) return undefined;
  switch (key) {
    case 'j': case 'ArrowDown': return Math.min(count - 1, index + 1);
    case 'k': case 'ArrowUp': return Math.max(0, index - 1);
    case 'Home': return 0;
    case 'End': return count - 1;
    default: return undefined;
  }
}
