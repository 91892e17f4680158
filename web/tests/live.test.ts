import { describe, expect, it, vi } from 'vitest';

import { appendLog, emptyLog, readable } from '../src/live/log';
import { initialState } from '../src/live/state';
import { Store } from '../src/live/store';

describe('Store', () => {
  it('tells its listeners once for a burst of changes', () => {
    const runs: (() => void)[] = [];
    const store = new Store(initialState, (run) => runs.push(run));
    const listener = vi.fn();
    store.subscribe(listener);
    store.change((state) => ({ ...state, connection: 'live' }));
    store.change((state) => ({ ...state, connection: 'lost' }));
    runs.forEach((run) => run());
    expect(listener).toHaveBeenCalledTimes(1);
    expect(store.get().connection).toBe('lost');
  });
  it('is silent when nothing changed and after a listener left', () => {
    const runs: (() => void)[] = [];
    const store = new Store(initialState, (run) => runs.push(run));
    const listener = vi.fn();
    const leave = store.subscribe(listener);
    store.change((state) => state);
    leave();
    store.change((state) => ({ ...state, connection: 'live' }));
    runs.forEach((run) => run());
    expect(listener).not.toHaveBeenCalled();
  });
});

describe('appendLog', () => {
  it('joins parts and remembers where it began', () => {
    const log = appendLog(appendLog(emptyLog, 100, 'one\n'), 104, 'two\n');
    expect(log).toEqual({ text: 'one\ntwo\n', firstOffset: 100, dropped: 0 });
  });
  it('stays within its bound and cuts at a line', () => {
    let log = emptyLog;
    for (let index = 0; index < 100; index += 1) log = appendLog(log, index * 10, `line ${String(index).padStart(4, '0')}\n`, 200);
    expect(log.text.length).toBeLessThanOrEqual(200);
    expect(log.text.startsWith('line ')).toBe(true);
    expect(log.text.endsWith('line 0099\n')).toBe(true);
    expect(log.dropped + log.text.length).toBe(1000);
  });
  it('cuts a line that alone is too long', () => expect(appendLog(emptyLog, 0, 'x'.repeat(500), 200).text.length).toBeLessThanOrEqual(200));
});

describe('readable', () => {
  it('drops colours', () => expect(readable('\u001b[1;32mok\u001b[0m done')).toBe('ok done'));
  it('keeps the last state of a progress line', () => expect(readable('10%\r50%\r100%\nnext\r\n')).toBe('100%\nnext\n'));
});
