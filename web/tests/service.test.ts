import { expect, test } from 'vitest';

import type { Availability } from '../src/api/types';
import { budgetTone, kShownMonths, monthBars } from '../src/lib/service';

const month = (name: string, down_s: number) => ({ month: name, down_s, longest_s: down_s, probes: 1 });
const answer = (items: Availability['items'], used: number, since: string | null = '2026-10-05'): Availability =>
  ({ items, since, budget_s: 600, budget_months: 24, budget_used_s: used });

test('bars go from the oldest month to this one, full at a month’s share of the budget', () => {
  const bars = monthBars(answer([month('2026-11', 12.5), month('2026-10', 0), month('2026-09', 0)], 12.5));
  expect(bars.map((bar) => bar.month)).toEqual(['2026-09', '2026-10', '2026-11']);
  expect(bars.map((bar) => bar.ratio)).toEqual([0, 0, 0.5]);
  expect(bars.map((bar) => bar.unknown)).toEqual([true, false, false]);
});

test('a month beyond its share makes the others smaller, but what happened stays visible', () => {
  const bars = monthBars(answer([month('2026-11', 3600), month('2026-10', 1)], 3601));
  expect(bars.map((bar) => bar.ratio)).toEqual([0.04, 1]);
});

test('no more than a year is shown', () => {
  const items = Array.from({ length: 24 }, (_, index) => month(`20${10 + index}-01`, 0));
  expect(monthBars(answer(items, 0)).length).toBe(kShownMonths);
});

test('the tone follows the budget', () => {
  expect(budgetTone(answer([month('2026-11', 1)], 1))).toBe('good');
  expect(budgetTone(answer([month('2026-11', 26)], 26))).toBe('wait');
  expect(budgetTone(answer([month('2026-11', 1)], 601))).toBe('bad');
});
