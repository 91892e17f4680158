import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import { count, measure } from '../../lib/format';
import { nextOrder, parseOrder } from '../../lib/rows';
import { valueText, type Axis } from '../../lib/studies/axes';
import { nameOf, originOf, type JoinedTable } from '../../lib/studies/known';
import { ranked, windowOf } from '../../lib/studies/ranking';
import type { Selection } from '../../lib/studies/brush';
import { useStudiesText } from '../../text/studies';
import { StateChip } from '../../ui/chip';
import { Icon } from '../../ui/icon';

interface Props {
  table: JoinedTable;
  axes: readonly Axis[];
  selection: Selection;
  hovered: number | undefined;
  resource: string;
  onHover: (trial: number | undefined) => void;
  onOpen: (trial: number) => void;
}

const kRow = 32;

/** The chosen trials, of which only those in sight are in the document. */
export function TrialTable({ table, axes, selection, hovered, resource, onHover, onOpen }: Props) {
  const words = useStudiesText();
  const measures = axes.filter((axis) => axis.role === 'measure');
  const shownAxes = [...measures, ...axes.filter((axis) => axis.role === 'parameter')];
  const first = measures[0];
  const [order, setOrder] = useState(first ? `${first.descending ? '-' : ''}${first.id}` : '');
  const [top, setTop] = useState(0);
  const [room, setRoom] = useState(480);
  const place = useRef<HTMLDivElement>(null);
  const sort = parseOrder(order);
  const all = useMemo(() => ranked(table, axes, sort), [table, axes, order]);
  const rows = useMemo(() => all.filter((trial) => selection.mask[trial] === 1), [all, selection]);
  useLayoutEffect(() => {
    const element = place.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setRoom(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const { from, to } = windowOf(rows.length, top, room, kRow);
  const head = (id: string, name: string, number = true) => (
    <th key={id} scope="col" class={number ? 'number' : undefined}
      aria-sort={sort?.column === id ? (sort.descending ? 'descending' : 'ascending') : undefined}>
      <button type="button" onClick={() => setOrder(nextOrder(sort, id))}>{name}<Icon name={sort?.column === id && sort.descending ? 'down' : 'up'} /></button>
    </th>
  );
  return (
    <section class="card flush trial-list" aria-label={words.table.label}>
      <div class="scroll" ref={place} role="group" aria-label={words.table.label} tabIndex={0} onScroll={(event) => setTop(event.currentTarget.scrollTop)}>
        {rows.length === 0 ? <p class="empty">{words.table.none}</p> : (
          <table aria-label={words.table.label} aria-rowcount={rows.length + 1}>
            <thead>
              <tr>
                {head('trial', words.table.trial)}
                {head('state', words.table.state, false)}
                {shownAxes.map((axis) => head(axis.id, axis.name, axis.kind === 'real' || axis.kind === 'integer'))}
                {head('resource', words.table.spent(resource))}
                {head('gpu', words.table.gpu)}
              </tr>
            </thead>
            <tbody onMouseLeave={() => onHover(undefined)}>
              {from > 0 && <tr class="space" aria-hidden="true"><td colSpan={shownAxes.length + 4} style={{ height: `${from * kRow}px` }} /></tr>}
              {rows.slice(from, to).map((trial, index) => (
                <tr key={trial} class={`open ${trial === hovered ? 'hovered' : ''} ${trial === table.best ? 'best' : ''}`} data-id={String(trial)}
                  aria-rowindex={from + index + 2} onMouseEnter={() => onHover(trial)} onClick={() => onOpen(trial)}>
                  <td class="number">
                    <button type="button" class="link" aria-label={trial < table.own ? words.table.open(trial) : words.table.openIn(nameOf(table, trial))} title={originOf(table, trial)?.study}
                      onClick={(event) => { event.stopPropagation(); onOpen(trial); }}>{nameOf(table, trial)}</button>
                  </td>
                  <td><TrialChip state={table.states[table.state[trial] ?? 0] ?? ''} /></td>
                  {shownAxes.map((axis) => (
                    <td key={axis.id} class={axis.kind === 'real' || axis.kind === 'integer' ? 'number' : undefined}>{valueText(axis, axis.values[trial] ?? NaN)}</td>
                  ))}
                  <td class="number">{measure(table.resource[trial])}</td>
                  <td class="number">{measure((table.gpu_seconds[trial] ?? NaN) / 60)}</td>
                </tr>
              ))}
              {to < rows.length && <tr class="space" aria-hidden="true"><td colSpan={shownAxes.length + 4} style={{ height: `${(rows.length - to) * kRow}px` }} /></tr>}
            </tbody>
          </table>
        )}
      </div>
      <div class="list-foot"><span>{words.plot.chosen(count(rows.length), count(table.count))}</span></div>
    </section>
  );
}

/** A stopped trial has not ended: it waits in its pool. */
export function TrialChip({ state }: { state: string }) {
  const words = useStudiesText();
  return <StateChip state={state} word={words.trialStates[state]} />;
}
