import type { RunItem } from '../../api/types';
import { measure } from '../../lib/format';
import { pathTo, useQuery } from '../../lib/router';
import { useRuns } from '../../live/lists';
import { useText, type Text } from '../../text';
import { StateChip } from '../../ui/chip';
import { Command } from '../../ui/command';
import { FilterBar } from '../../ui/filter_bar';
import { Link } from '../../ui/link';
import { ListFoot } from '../../ui/list_foot';
import { Ago, Took } from '../../ui/moment';
import { Loading, Problem } from '../../ui/problem';
import { Table, type Column } from '../../ui/table';

const lastValues = (run: RunItem) =>
  Object.entries(run.metrics ?? {}).slice(0, 4).map(([key, value]) => `${key} ${measure(value)}`).join(' · ');

function runColumns(text: Text): Column<RunItem>[] {
  return [
    {
      id: 'name', name: text.runs.name, key: (run) => run.name,
      cell: (run) => <Link class="title" to={pathTo.run(run.id)} title={run.id}>{run.name || run.id}</Link>,
    },
    { id: 'state', name: text.common.state, key: (run) => run.state, cell: (run) => <StateChip state={run.state} /> },
    { id: 'experiment', name: text.runs.experiment, key: (run) => run.experiment, cell: (run) => run.experiment, wide: true },
    { id: 'metrics', name: text.runs.metrics, cell: lastValues, wide: true },
    {
      id: 'job', name: text.runs.job, wide: true,
      cell: (run) => (run.job_id ? <Link class="mono" to={pathTo.job(run.job_id)}>{run.job_id}</Link> : '–'),
    },
    { id: 'took', name: text.runs.took, number: true, cell: (run) => <Took from={run.created_at} to={run.ended_at} /> },
    {
      id: 'created', name: text.runs.started, number: true, key: (run) => run.created_at,
      cell: (run) => <Ago at={run.created_at} />,
    },
  ];
}

export function RunsView() {
  const text = useText();
  const [filter, setFilter] = useQuery('filter');
  const runs = useRuns(filter);
  const badFilter = runs.problem?.status === 400 || runs.problem?.status === 422;
  return (
    <div class="view">
      <div class="view-head"><h1>{text.runs.title}</h1></div>
      {runs.problem && !badFilter && <Problem what={text.runs.title} problem={runs.problem} onRetry={runs.reload} />}
      <section class="card flush" aria-label={text.runs.title}>
        <FilterBar value={filter} example={text.runs.filterExample} problem={badFilter ? runs.problem : undefined} onChange={setFilter} />
        {runs.rows ? (
          <Table main label={text.runs.title} columns={runColumns(text)} rows={runs.rows} id={(run) => run.id}
            open={(run) => pathTo.run(run.id)}
            empty={filter ? text.runs.emptyFiltered : <>{text.runs.empty}<Command line={text.runs.emptyCommand} /></>} />
        ) : !runs.problem && <Loading />}
        <ListFoot count={runs.rows?.length ?? 0} more={runs.more} />
      </section>
    </div>
  );
}
