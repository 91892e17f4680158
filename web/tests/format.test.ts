import { describe, expect, it } from 'vitest';

import { ago, between, brief, bytes, commandLine, count, duration, measure, percent, shareOf } from '../src/lib/format';

describe('bytes', () => {
  it.each([
    [0, '0 B'], [1, '1 B'], [1023, '1023 B'], [1024, '1 KiB'], [1536, '1.5 KiB'], [10 * 1024, '10 KiB'],
    [1024 * 1024 - 1, '1 MiB'], [32 * 1024 ** 3, '32 GiB'], [200 * 1024 ** 2, '200 MiB'], [-2048, '−2 KiB'],
  ])('%d -> %s', (value, text) => expect(bytes(value)).toBe(text));
  it('says nothing of what is not known', () => expect(bytes(null)).toBe('–'));
});

describe('duration', () => {
  it.each([
    [0, '0 s'], [0.042, '0.04 s'], [4.25, '4.3 s'], [59.4, '59 s'], [60, '1 min'], [61.5, '1 min 2 s'], [3723, '1 h 2 min'],
    [90_000, '1 d 1 h'], [-3, '0 s'],
  ])('%d -> %s', (value, text) => expect(duration(value)).toBe(text));
  it('says nothing of what is not known', () => expect(duration(undefined)).toBe('–'));
});

describe('numbers', () => {
  it.each([[0, '0 %'], [0.0123, '1.2 %'], [0.5, '50 %'], [1, '100 %'], [NaN, '–']])('percent %d', (value, text) =>
    expect(percent(value)).toBe(text));
  it.each([[0.868123, '0.8681'], [15234.2, '15,234'], [0.00001234, '1.23e-5'], [0, '0'], [Infinity, '–']])('measure %d', (value, text) =>
    expect(measure(value)).toBe(text));
  it.each([[0.01204, '0.012'], [0.00305, '0.003'], [15234.2, '15,234'], [1.8251, '1.83'], [NaN, '–'], [null, '–']])('brief %d', (value, text) =>
    expect(brief(value)).toBe(text));
  it('groups thousands', () => expect(count(1234567)).toBe('1,234,567'));
  it('keeps shares within their bounds', () => expect([shareOf(3, 2), shareOf(1, 0), shareOf(1, 4)]).toEqual([1, 0, 0.25]));
});

describe('time', () => {
  const now = Date.parse('2026-03-01T12:00:00.000Z');
  it('speaks the reader\'s language', () => {
    expect(ago('2026-03-01T11:57:00Z', now, 'en')).toMatch(/3 min/);
    expect(ago('2026-03-01T11:57:00Z', now, 'ko')).toBe('3분 전');
    expect(ago('nonsense', now, 'en')).toBe('–');
  });
  it('measures to now while there is no end', () => {
    expect(between('2026-03-01T11:59:00Z', null, now)).toBe(60);
    expect(between(null, null, now)).toBeNull();
    expect(between('2026-03-01T12:00:05Z', null, now)).toBe(0);
  });
});

it('quotes arguments for reading', () =>
  expect(commandLine(['sh', '-c', "echo it's", 'a=b'])).toBe("sh -c 'echo it'\\''s' a=b"));
