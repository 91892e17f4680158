import { joinFilter, splitFilter } from '../../lib/filters';
import { pathTo, useQuery } from '../../lib/router';
import { useJobs } from '../../live/lists';
import { useText } from '../../text';
import { Command } from '../../ui/command';
import { FilterBar } from '../../ui/filter_bar';
import { ListFoot } from '../../ui/list_foot';
import { Loading, Problem } from '../../ui/problem';
import { Table } from '../../ui/table';
import { jobColumns } from './columns';

const kStates = ['queued', 'starting', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled'];

export function JobsView() {
  const text = useText();
  const [filter, setFilter] = useQuery('filter');
  const { state, rest } = splitFilter(filter);
  const jobs = useJobs(filter);
  const badFilter = jobs.problem?.status === 400 || jobs.problem?.status === 422;
  return (
    <div class="view">
      <div class="view-head"><h1>{text.jobs.title}</h1></div>
      {jobs.problem && !badFilter && <Problem what={text.jobs.title} problem={jobs.problem} onRetry={jobs.reload} />}
      <section class="card flush" aria-label={text.jobs.title}>
        <FilterBar value={rest} example={text.jobs.filterExample} problem={badFilter ? jobs.problem : undefined}
          onChange={(next) => setFilter(joinFilter(state, next))}>
          <select aria-label={text.jobs.state} value={state}
            onChange={(event) => setFilter(joinFilter(event.currentTarget.value, rest))}>
            <option value="">{text.jobs.allStates}</option>
            {kStates.map((word) => <option key={word} value={word}>{text.state[word]}</option>)}
          </select>
        </FilterBar>
        {jobs.rows ? (
          <Table main label={text.jobs.title} columns={jobColumns(text)} rows={jobs.rows} id={(job) => job.id}
            open={(job) => pathTo.job(job.id)}
            empty={filter ? text.jobs.emptyFiltered : <>{text.jobs.empty}<Command line={text.jobs.emptyCommand} /></>} />
        ) : !jobs.problem && <Loading />}
        <ListFoot count={jobs.rows?.length ?? 0} more={jobs.more} />
      </section>
    </div>
  );
}
