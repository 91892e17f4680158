// Numbers and times as people read them. Pure; the locale is a parameter so that tests are exact.

export type Locale = 'en' | 'ko';

const kUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** 1536 -> "1.5 KiB". Three significant figures, binary units. */
export function bytes(count: number | null | undefined): string {
  if (count == null || !Number.isFinite(count)) return '–';
  let value = Math.abs(count);
  let unit = 0;
  while (value >= 1023.5 && unit < kUnits.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const text = String(Number(value.toFixed(digits)));
  return `${count < 0 ? '−' : ''}${text} ${kUnits[unit]}`;
}

/** 0.1234 -> "12 %"; below ten percent one decimal. */
export function percent(ratio: number | null | undefined): string {
  if (ratio == null || !Number.isFinite(ratio)) return '–';
  const value = ratio * 100;
  const digits = value !== 0 && Math.abs(value) < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} %`;
}

/** 1234567 -> "1,234,567". */
export function count(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return '–';
  return Math.round(value).toLocaleString('en-US');
}

/** A measured number with four significant figures: 0.86812 -> "0.8681", 15234.2 -> "15,234". */
export function measure(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1000) return value.toLocaleString('en-US', { maximumFractionDigits: size >= 10_000 ? 0 : 1 });
  if (size < 1e-4) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

/** The same in large type: three figures and at most three decimals, 0.01204 -> "0.012". */
export function brief(value: number | null | undefined): string {
  return value == null ? '–' : measure(Math.abs(value) < 1000 ? Number(Number(value.toPrecision(3)).toFixed(3)) : Math.round(value));
}

/** 3723 -> "1 h 2 min"; two units at most, "0.4 s" below a second. */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return '–';
  if (seconds < 0) seconds = 0;
  if (seconds < 10) return `${Number(seconds.toFixed(seconds < 1 ? 2 : 1))} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return pair(Math.floor(whole / 60), 'min', whole % 60, 's');
  if (whole < 86_400) return pair(Math.floor(whole / 3600), 'h', Math.floor((whole % 3600) / 60), 'min');
  return pair(Math.floor(whole / 86_400), 'd', Math.floor((whole % 86_400) / 3600), 'h');
}

function pair(first: number, firstUnit: string, second: number, secondUnit: string): string {
  return second === 0 ? `${first} ${firstUnit}` : `${first} ${firstUnit} ${second} ${secondUnit}`;
}

/** "3 minutes ago", in the reader's language. */
export function ago(instant: string, nowMs: number, locale: Locale): string {
  const seconds = (Date.parse(instant) - nowMs) / 1000;
  if (!Number.isFinite(seconds)) return '–';
  const words = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
  const size = Math.abs(seconds);
  if (size < 5) return words.format(0, 'second');
  if (size < 60) return words.format(Math.round(seconds), 'second');
  if (size < 3600) return words.format(Math.round(seconds / 60), 'minute');
  if (size < 86_400) return words.format(Math.round(seconds / 3600), 'hour');
  return words.format(Math.round(seconds / 86_400), 'day');
}

/** The exact instant for a tooltip, in the reader's time zone. */
export function exact(instant: string, locale: Locale): string {
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return instant;
  return new Intl.DateTimeFormat(locale === 'ko' ? 'ko-KR' : 'en-GB', {
    dateStyle: 'medium', timeStyle: 'medium',
  }).format(date);
}

/** Seconds from one instant to another; to now when the second is absent. */
export function between(from: string | null | undefined, to: string | null | undefined, nowMs: number): number | null {
  if (!from) return null;
  const start = Date.parse(from);
  const end = to ? Date.parse(to) : nowMs;
  return Number.isFinite(start) && Number.isFinite(end) ? Math.max(0, (end - start) / 1000) : null;
}

export function shareOf(part: number, whole: number): number {
  return whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0;
}

/** A command line for reading: arguments with blanks or quotes are quoted. */
export function commandLine(command: readonly string[] | undefined): string {
  return (command ?? [])
    .map((part) => (/^[\w@%+=:,./-]+$/.test(part) ? part : `'${part.replaceAll("'", "'\\''")}'`))
    .join(' ');
}
