// How long the installation accepted nothing, month by month. Pure.
import type { Availability, ServiceMonth } from '../api/types';

export interface MonthBar {
  month: string;
  /** Of the tallest bar; 0 where nothing was down. */
  ratio: number;
  down_s: number;
  /** Nobody ran the installation then. */
  unknown: boolean;
}

export const kShownMonths = 12;
/** What is not nothing must be seen. */
const kLeastRatio = 0.04;

/** The last twelve months, oldest first. A bar is full at a month's share of the budget, or at the worst month beyond it. */
export function monthBars({ items, since, budget_s, budget_months }: Availability): MonthBar[] {
  const shown = items.slice(0, kShownMonths).reverse();
  const full = Math.max(budget_s / budget_months, ...shown.map((month) => month.down_s));
  return shown.map(({ month, down_s }) => ({
    month,
    down_s,
    ratio: down_s > 0 ? Math.max(kLeastRatio, down_s / full) : 0,
    unknown: since === null || month < since.slice(0, 7),
  }));
}

export const thisMonth = ({ items }: Availability): ServiceMonth | undefined => items[0];

/** The word and the colour of it: more than all months may use, more than this one's share, or neither. */
export function budgetTone({ budget_s, budget_used_s, budget_months, items }: Availability): 'good' | 'wait' | 'bad' {
  if (budget_used_s > budget_s) return 'bad';
  return (items[0]?.down_s ?? 0) > budget_s / budget_months ? 'wait' : 'good';
}
