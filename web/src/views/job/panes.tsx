import type { AttemptRecord, Candidate, JobDetail } from '../../api/types';
import { bytes, commandLine } from '../../lib/format';
import { useWhy } from '../../live/entities';
import { useText, type Text } from '../../text';
import { StateChip } from '../../ui/chip';
import { CopyButton } from '../../ui/command';
import { Ago, Took } from '../../ui/moment';
import { Loading, Problem } from '../../ui/problem';
import { Table, type Column } from '../../ui/table';
import { asks } from '../jobs/columns';

export function SpecPane({ job }: { job: JobDetail }) {
  const text = useText();
  const json = JSON.stringify(job.spec, null, 2);
  return (
    <div class="stack">
      <dl class="facts">
        <dt>{text.common.id}</dt><dd class="mono">{job.id}</dd>
        <dt>{text.job.command}</dt><dd class="mono">{commandLine(job.spec.command)}</dd>
        <dt>{text.job.asks}</dt><dd>{asks(job, text)}</dd>
        <dt>{text.job.priority}</dt><dd>{job.priority_class}</dd>
        <dt>{text.jobs.team}</dt><dd>{job.team}</dd>
        <dt>{text.job.by}</dt><dd>{job.principal}</dd>
      </dl>
      <div class="row"><CopyButton value={json} label={text.job.copySpec} /></div>
      <pre class="block" role="region" aria-label={text.job.spec} tabIndex={0}>{json}</pre>
    </div>
  );
}

function attemptColumns(text: Text): Column<AttemptRecord>[] {
  return [
    { id: 'number', name: text.job.attempt, cell: (one) => one.number, key: (one) => one.number },
    { id: 'state', name: text.common.state, cell: (one) => <StateChip state={one.state} /> },
    { id: 'exit', name: text.job.exit, number: true, cell: (one) => one.exit_code ?? '–' },
    { id: 'signal', name: text.job.signal, number: true, wide: true, cell: (one) => one.signal ?? '–' },
    { id: 'ran', name: text.job.ran, number: true, cell: (one) => <Took from={one.started_at} to={one.finished_at} /> },
    { id: 'log', name: text.job.written, number: true, wide: true, cell: (one) => bytes(one.log_bytes) },
    { id: 'node', name: text.job.node, wide: true, cell: (one) => <span class="mono">{one.node_id}</span> },
    { id: 'devices', name: text.job.devices, wide: true, cell: (one) => one.device_ids.join(', ') || '–' },
    { id: 'reason', name: text.jobs.reason, wide: true, wrap: true, cell: (one) => one.reason },
    { id: 'started', name: text.job.started, number: true, cell: (one) => <Ago at={one.started_at ?? one.created_at} /> },
  ];
}

export function AttemptsPane({ job }: { job: JobDetail }) {
  const text = useText();
  return (
    <section class="card flush">
      <Table label={text.job.attemptList} columns={attemptColumns(text)} rows={job.attempt_list} id={(one) => one.id}
        empty={text.job.noAttempts} />
    </section>
  );
}

function candidateColumns(text: Text): Column<Candidate>[] {
  const seconds = (id: string, name: string, of: (one: Candidate) => number): Column<Candidate> => ({
    id, name, number: true, key: (one) => (one.fits ? of(one) : null), cell: (one) => (one.fits ? `${of(one).toFixed(1)} s` : '–'),
  });
  return [
    { id: 'node', name: text.job.node, key: (one) => one.node_name, cell: (one) => <span class="title">{one.node_name || one.node_id}</span> },
    seconds('delay', text.why.delay, (one) => one.start_delay_s),
    seconds('fragmentation', text.why.fragmentation, (one) => one.fragmentation_s),
    seconds('spread', text.why.spread, (one) => one.spread_s),
    seconds('total', text.why.total, (one) => one.total_s),
    { id: 'obstacle', name: text.why.obstacle, wrap: true, cell: (one) => one.obstacle },
  ];
}

export function WhyPane({ id }: { id: string }) {
  const text = useText();
  const { data: why, problem, reload } = useWhy(id);
  if (problem) return <Problem what={text.job.why} problem={problem} onRetry={reload} />;
  if (!why) return <Loading />;
  const candidates = why.candidates ?? [];
  return (
    <div class="stack">
      <section class="card stack" aria-label={text.job.whyTitle}>
        <h2>{why.summary || text.job.whyNone}</h2>
        {why.lines.length > 0 && <ul>{why.lines.map((line) => <li key={line}>{line}</li>)}</ul>}
        {why.jobs_ahead != null && <p class="soft">{text.why.ahead(why.jobs_ahead)}</p>}
      </section>
      {candidates.length > 0 && (
        <section class="card flush" aria-label={text.why.candidates}>
          <header><h2>{text.why.candidates}</h2></header>
          <Table label={text.why.candidates} columns={candidateColumns(text)} rows={candidates} id={(one) => one.node_id} empty="" />
        </section>
      )}
    </div>
  );
}
