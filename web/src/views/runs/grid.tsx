import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import type { ListedRun } from '../../api/run_types';
import { go, pathTo } from '../../lib/router';
import { moved, nextOrder, parseOrder } from '../../lib/rows';
import { scrollTo, windowOf, type Window } from '../../lib/runs/blocks';
import { useSize } from '../../lib/size';
import { useStore } from '../../live/store';
import { useText } from '../../text';
import { useRunsText } from '../../text/runs';
import { Icon } from '../../ui/icon';
import type { RunColumn } from './columns';

export const kRowPx = 32;
const kSpareRows = 12;
const kFreshMs = 1000;
const kCheckPx = 40;
const kNarrowPx = 620;
const kNarrowNamePx = 132;

interface Props {
  label: string;
  columns: readonly RunColumn[];
  count: number;
  at: (row: number) => ListedRun | undefined;
  order: string;
  onOrder: (order: string) => void;
  chosen: ReadonlySet<string>;
  onChoose: (run: ListedRun) => void;
  onWindow: (seen: Window) => void;
  /** Another one begins at its top. */
  question: string;
}

const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement && (/^(TEXTAREA|SELECT)$/.test(target.tagName) || (target instanceof HTMLInputElement && target.type !== 'checkbox'));

/** A table of any length of which only the rows in view exist. j, k, x and Enter work on its rows. */
export function RunGrid({ label, columns, count, at, order, onOrder, chosen, onChoose, onWindow, question }: Props) {
  const text = useText();
  const words = useRunsText();
  const place = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(place);
  const [top, setTop] = useState(0);
  const [row, setRow] = useState(-1);
  const latest = useRef(-1);
  const changedAt = useStore((state) => state.changedAt);
  const shownOrder = parseOrder(order);
  const narrow = width > 0 && width <= kNarrowPx;
  const columnsShown = columns
    .filter((column) => !column.wide || !narrow)
    .map((column) => (narrow && column.id === 'name' ? { ...column, width: kNarrowNamePx } : column));
  const seen = windowOf(top, Math.max(0, height - kRowPx), kRowPx, count, kSpareRows);

  useLayoutEffect(() => onWindow(seen), [seen.from, seen.to]);
  useLayoutEffect(() => {
    place.current?.scrollTo(0, 0);
    latest.current = -1;
    setRow(-1);
  }, [question]);
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
      const run = at(latest.current);
      const plain = !(event.target instanceof HTMLElement) || !/^(A|BUTTON|INPUT)$/.test(event.target.tagName);
      if (event.key === 'Enter' && run && plain) go(pathTo.run(run.id));
      else if (event.key === 'x' && run) onChoose(run);
      else {
        const next = event.key === 'j' || event.key === 'k' || plain ? moved(latest.current, event.key, count) : undefined;
        if (next === undefined) return;
        latest.current = next;
        setRow(next);
        const element = place.current;
        const to = element ? scrollTo(next, element.scrollTop, element.clientHeight, kRowPx, kRowPx) : undefined;
        if (element && to !== undefined) element.scrollTop = to;
      }
      event.preventDefault();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  });

  const now = Date.now();
  const total = columnsShown.reduce((sum, column) => sum + column.width, kCheckPx);
  const numbers = Array.from({ length: seen.to - seen.from }, (_, index) => seen.from + index);
  return (
    <div class="scroll grid" role="group" aria-label={label} tabIndex={0} ref={place} onScroll={(event) => setTop(event.currentTarget.scrollTop)}>
      <table aria-label={label} aria-rowcount={count + 1} style={{ minWidth: `${total}px` }}>
        <colgroup>
          <col style={{ width: `${kCheckPx}px` }} />
          {columnsShown.map((column) => <col key={column.id} style={{ width: `${column.width}px` }} />)}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col"><span class="hidden-text">{words.compare(0)}</span></th>
            {columnsShown.map((column) => {
              const on = column.order !== undefined && shownOrder?.column === column.order;
              return (
                <th key={column.id} scope="col" class={column.number ? 'number' : undefined} title={column.id}
                  aria-sort={on ? (shownOrder?.descending ? 'descending' : 'ascending') : undefined}>
                  {column.order === undefined ? column.name : (
                    <button type="button" onClick={() => onOrder(nextOrder(shownOrder, column.order as string))}>
                      <span class="clip">{column.name}</span>
                      <Icon name={on && shownOrder?.descending ? 'down' : 'up'} />
                    </button>
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {seen.from > 0 && <tr class="spacer" aria-hidden="true"><td colSpan={columnsShown.length + 1} style={{ height: `${seen.from * kRowPx}px` }} /></tr>}
          {numbers.map((number) => {
            const run = at(number);
            if (!run)
              return <tr key={number} class="waiting" aria-rowindex={number + 2}><td colSpan={columnsShown.length + 1}>{text.common.loading}</td></tr>;
            const fresh = now - (changedAt[run.id] ?? 0) < kFreshMs;
            return (
              <tr key={number} class={`open ${fresh ? 'fresh' : ''}`} data-id={run.id} data-row={number} aria-rowindex={number + 2}
                aria-selected={number === row ? true : undefined} onClick={() => go(pathTo.run(run.id))}>
                <td onClick={(event) => event.stopPropagation()}>
                  <input type="checkbox" aria-label={words.choose(run.name || run.id)} checked={chosen.has(run.id)} onChange={() => onChoose(run)} />
                </td>
                {columnsShown.map((column) => <td key={column.id} class={column.number ? 'number' : undefined}>{column.cell(run)}</td>)}
              </tr>
            );
          })}
          {seen.to < count && <tr class="spacer" aria-hidden="true"><td colSpan={columnsShown.length + 1} style={{ height: `${(count - seen.to) * kRowPx}px` }} /></tr>}
        </tbody>
      </table>
    </div>
  );
}
