// When a running job will be done. Pure.
import type { Eta, Spread } from '../api/types';
import type { Locale } from './format';

/** "14:20" today, "Tue 14:20" within a week, "2 Dec 14:20" later. */
export function finishClock(at: string, nowMs: number, locale: Locale): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '–';
  const now = new Date(nowMs);
  const time: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hour12: false };
  const tag = locale === 'ko' ? 'ko-KR' : 'en-GB';
  if (date.toDateString() === now.toDateString()) return date.toLocaleTimeString(tag, time);
  const days = (date.getTime() - nowMs) / 86_400_000;
  const day: Intl.DateTimeFormatOptions = days < 6 ? { weekday: 'short' } : { day: 'numeric', month: 'short' };
  return date.toLocaleString(tag, { ...day, ...time });
}

/** Half of the span in which four of five such jobs end, in seconds. */
export const etaMargin = ({ p10, p90 }: Spread): number => Math.max(0, (p90 - p10) / 2);

/** A margin as people say it: whole minutes from one on, whole hours from ten on. */
export function roundedMargin(seconds: number): number {
  if (seconds < 60) return Math.max(1, Math.round(seconds));
  if (seconds < 36_000) return Math.round(seconds / 60) * 60;
  return Math.round(seconds / 3600) * 3600;
}

/** What is done of all; undefined while the end is unknown. */
export const etaRatio = (eta: Eta): number | undefined => (eta.progress_ratio == null ? undefined : Math.min(1, Math.max(0, eta.progress_ratio)));
