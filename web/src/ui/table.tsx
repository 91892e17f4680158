import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import { go, useQuery } from '../lib/router';
import { moved, nextOrder, parseOrder, sorted, type SortKey } from '../lib/rows';
import { useStore } from '../live/store';
import { Icon } from './icon';

export interface Column<T> {
  id: string;
  name: string;
  cell: (row: T) => ComponentChildren;
  /** Absent: the column cannot be sorted. */
  key?: (row: T) => SortKey;
  number?: boolean;
  /** Left out where the page is narrow. */
  wide?: boolean;
  wrap?: boolean;
}

interface Props<T> {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  id: (row: T) => string;
  /** Where Enter and a click lead. */
  open?: (row: T) => string;
  empty: ComponentChildren;
  /** The list of its page: it owns j, k, Enter, and keeps its order in the address. */
  main?: boolean;
}

const kFreshMs = 1000;
const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement && (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable);

export function Table<T>({ label, columns, rows, id, open, empty, main = false }: Props<T>) {
  const [ownOrder, setOwnOrder] = useState('');
  const [sharedOrder, setSharedOrder] = useQuery('sort');
  const order = parseOrder(main ? sharedOrder : ownOrder);
  const setOrder = main ? setSharedOrder : setOwnOrder;
  const key = columns.find((column) => column.id === order?.column)?.key;
  const shown = sorted(rows, key, order?.descending ?? false);

  const [chosen, setChosen] = useState('');
  // Two keys may come before the next render: the second must know what the first chose.
  const latest = useRef('');
  const choose = (row: string) => {
    latest.current = row;
    setChosen(row);
  };
  const body = useRef<HTMLTableSectionElement>(null);
  const changedAt = useStore((state) => state.changedAt);

  // Before the next paint: a key pressed at sight of a row must act on the rows that are seen.
  useLayoutEffect(() => {
    if (!main || !open) return;
    const onKey = (event: KeyboardEvent) => {
      if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
      const index = shown.findIndex((row) => id(row) === latest.current);
      // Enter on a link or a button is that element's own.
      const plain = !(event.target instanceof HTMLElement) || !/^(A|BUTTON)$/.test(event.target.tagName);
      if (event.key === 'Enter' && index >= 0 && plain) {
        event.preventDefault();
        go(open(shown[index] as T));
        return;
      }
      const next = event.key === 'j' || event.key === 'k' || plain ? moved(index, event.key, shown.length) : undefined;
      if (next === undefined) return;
      event.preventDefault();
      choose(id(shown[next] as T));
      body.current?.rows[next]?.scrollIntoView({ block: 'nearest' });
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  });

  if (rows.length === 0) return <div class="empty">{empty}</div>;
  const now = Date.now();
  const classes = (column: Column<T>) =>
    [column.number && 'number', column.wide && 'wide-only', column.wrap && 'wrap'].filter(Boolean).join(' ') || undefined;
  return (
    <div class="scroll" role="group" aria-label={label} tabIndex={0}>
      <table aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => {
              const on = order?.column === column.id;
              return (
                <th key={column.id} scope="col" class={classes(column)}
                  aria-sort={on ? (order.descending ? 'descending' : 'ascending') : undefined}>
                  {column.key ? (
                    <button type="button" onClick={() => setOrder(nextOrder(order, column.id))}>
                      {column.name}
                      <Icon name={on && order.descending ? 'down' : 'up'} />
                    </button>
                  ) : column.name}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody ref={body}>
          {shown.map((row) => {
            const rowId = id(row);
            const fresh = now - (changedAt[rowId] ?? 0) < kFreshMs;
            return (
              <tr key={rowId} class={`${open ? 'open' : ''} ${fresh ? 'fresh' : ''}`} data-id={rowId}
                aria-selected={main && rowId === chosen ? true : undefined}
                onClick={open && (() => go(open(row)))}>
                {columns.map((column) => <td key={column.id} class={classes(column)}>{column.cell(row)}</td>)}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
