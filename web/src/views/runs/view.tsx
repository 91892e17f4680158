import '../../styles/runs.css';

import { useMemo, useState } from 'preact/hooks';

import type { ListedRun } from '../../api/run_types';
import { count } from '../../lib/format';
import { keepColumns, keptColumns } from '../../lib/runs/kept';
import { go, pathTo, useQuery } from '../../lib/router';
import { kBlockRows, type Window } from '../../lib/runs/blocks';
import { columnsOf, parseColumns, printColumns, usualColumns } from '../../lib/runs/columns';
import { kMostCompared } from '../../lib/runs/compare';
import { offers } from '../../lib/runs/complete';
import { useRunTable } from '../../live/run_table';
import { useText } from '../../text';
import { useRunsText } from '../../text/runs';
import { Command } from '../../ui/command';
import { FilterBar } from '../../ui/filter_bar';
import { Icon } from '../../ui/icon';
import { Loading, Problem } from '../../ui/problem';
import { say } from '../../ui/toast';
import { ColumnMenu } from './column_menu';
import { runColumns } from './columns';
import { RunGrid } from './grid';

const kFields = ['name', 'state', 'experiment', 'created_at', 'ended_at', 'job_id', 'id'];
const kWords = { state: ['running', 'finished', 'failed', 'killed'] };

/** The columns in the address, those chosen last in this browser, or the usual ones of the first runs. */
function useColumns(first: readonly ListedRun[] | undefined): [readonly string[], (ids: readonly string[] | undefined) => void] {
  const [query, setQuery] = useQuery('columns');
  // Runs that arrive later must not move the columns under the reader.
  const [usual, setUsual] = useState<readonly string[]>();
  if (!usual && first && first.length > 0) setUsual(usualColumns(first));
  const text = query || keptColumns();
  const chosen = useMemo(() => (text ? parseColumns(text) : usual ?? []), [text, usual]);
  const choose = (ids: readonly string[] | undefined) => {
    const printed = ids ? printColumns(ids) || 'none' : '';
    keepColumns(printed);
    setQuery(printed);
  };
  return [chosen, choose];
}

function useChosen(): [ReadonlyMap<string, ListedRun>, (run: ListedRun) => void, () => void] {
  const words = useRunsText();
  const [chosen, setChosen] = useState<ReadonlyMap<string, ListedRun>>(new Map());
  const toggle = (run: ListedRun) => {
    const next = new Map(chosen);
    if (!next.delete(run.id)) {
      if (next.size >= kMostCompared) return say(words.most(kMostCompared), true);
      next.set(run.id, run);
    }
    setChosen(next);
  };
  return [chosen, toggle, () => setChosen(new Map())];
}

export function RunsView() {
  const text = useText();
  const words = useRunsText();
  const [filter, setFilter] = useQuery('filter');
  const [order, setOrder] = useQuery('sort');
  const [seen, setSeen] = useState<Window>({ from: 0, to: kBlockRows });
  // Named by the address, so that the server does not leave them out of what it lists.
  const [asked, setAsked] = useState<readonly string[]>([]);
  const runs = useRunTable(filter, order, asked, seen);
  const [columns, setColumns] = useColumns(runs.first);
  if (columns !== asked && columns.join('\n') !== asked.join('\n')) setAsked(columns);
  const [chosen, toggle, clear] = useChosen();
  const all = useMemo(() => columnsOf(runs.known), [runs.known.length, runs.first]);
  const badFilter = runs.problem?.status === 400 || runs.problem?.status === 422;
  const fields = [...all, ...kFields];
  const compare = () => go(pathTo.compare([...chosen.keys()]));
  const isEmpty = runs.total === 0;
  return (
    <div class="view runs-view">
      <div class="view-head">
        <h1>{text.runs.title}</h1>
        <div class="row">
          {chosen.size > 0 && <button type="button" class="quiet" onClick={clear}>{words.clear}</button>}
          <button type="button" class="primary" disabled={chosen.size < 2} title={words.compareHint} onClick={compare}>
            <Icon name="runs" />{words.compare(chosen.size)}
          </button>
        </div>
      </div>
      {runs.problem && !badFilter && <Problem what={text.runs.title} problem={runs.problem} onRetry={runs.reload} />}
      <section class="card flush" aria-label={text.runs.title}>
        <FilterBar value={filter} example={words.filterExample} problem={badFilter ? runs.problem : undefined} onChange={setFilter}
          complete={(before) => offers(before, fields, kWords)}>
          <ColumnMenu all={all} shown={columns} onChange={setColumns} />
        </FilterBar>
        {runs.total === undefined && !runs.problem && <Loading />}
        {isEmpty && <div class="empty">{filter ? text.runs.emptyFiltered : <>{text.runs.empty}<Command line={text.runs.emptyCommand} /></>}</div>}
        {(runs.total ?? 0) > 0 && (
          <RunGrid label={text.runs.title} columns={runColumns(text, columns)} count={runs.total ?? 0} at={runs.at} order={order} onOrder={setOrder}
            chosen={new Set(chosen.keys())} onChoose={toggle} onWindow={setSeen} question={`${filter}\n${order}`} />
        )}
        <div class="list-foot">
          <span>{runs.total !== undefined && words.total(count(runs.total))}<span class="wide-only"> · {words.help}</span></span>
          {chosen.size > 0 && <span>{words.chosen(chosen.size)}</span>}
        </div>
      </section>
    </div>
  );
}
