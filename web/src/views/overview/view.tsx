import { useMemo } from 'preact/hooks';

import type { Overview } from '../../api/types';
import { brief, bytes, count, measure, percent, shareOf } from '../../lib/format';
import { concerns, type Health } from '../../lib/health';
import { loadCurves } from '../../lib/load';
import { pathTo } from '../../lib/router';
import { useNodes, useOverview } from '../../live/entities';
import { useJobs } from '../../live/lists';
import { useStore } from '../../live/store';
import { useText, type Text } from '../../text';
import { Chart } from '../../ui/chart';
import { Command } from '../../ui/command';
import { Figure } from '../../ui/figure';
import { Icon } from '../../ui/icon';
import { Link } from '../../ui/link';
import { Meter } from '../../ui/meter';
import { Ago } from '../../ui/moment';
import { Loading, Problem } from '../../ui/problem';
import { Table } from '../../ui/table';
import { nodeColumns } from '../fleet/columns';
import { jobColumns } from '../jobs/columns';
import { ServiceCard } from './service_card';

const kRecent = 8;
const kRecentColumns = new Set(['name', 'state', 'ran', 'created']);
const kNodeColumns = new Set(['name', 'state', 'cpus', 'cpu', 'load', 'disk']);

function concernLine(concern: Health, text: Text) {
  switch (concern.kind) {
    case 'nodes_down': return <Link to={pathTo.fleet()}>{text.overview.nodesDown(concern.count)}</Link>;
    case 'failed': return <Link to={pathTo.jobs('state = "failed"')}>{text.overview.failed(concern.count)}</Link>;
    case 'disk_low': return <Link to={pathTo.fleet()}>{text.overview.diskLow(bytes(concern.free_bytes))}</Link>;
  }
}

function HealthLine({ overview }: { overview: Overview }) {
  const text = useText();
  const found = concerns(overview);
  const tone = found.length === 0 ? 'good' : found.some((concern) => concern.kind !== 'failed') ? 'bad' : 'wait';
  return (
    <section class={`health ${tone}`} aria-label={found.length === 0 ? text.overview.good : text.overview.attention}>
      <span class="state">
        <Icon name={found.length === 0 ? 'check' : 'warn'} />
        {found.length === 0 ? text.overview.good : text.overview.attention}
      </span>
      {found.length === 0
        ? <span class="soft">{text.overview.goodMore}</span>
        : <ul>{found.map((concern) => <li key={concern.kind}>{concernLine(concern, text)}</li>)}</ul>}
    </section>
  );
}

function QueueCard({ queue }: Pick<Overview, 'queue'>) {
  const text = useText();
  const figure = (name: string, value: number, state: string, bad = false) => (
    <Figure name={name} bad={bad}><Link to={pathTo.jobs(`state = "${state}"`)} aria-label={`${name}: ${value}`}>{count(value)}</Link></Figure>
  );
  return (
    <section class="card third" aria-label={text.overview.queue}>
      <header><h2>{text.overview.queue}</h2></header>
      <dl class="figures">
        {figure(text.overview.running, queue.running, 'running')}
        {figure(text.overview.queued, queue.queued, 'queued')}
        {figure(text.overview.succeeded, queue.succeeded_24h, 'succeeded')}
        {figure(text.overview.failedDay, queue.failed_24h, 'failed', queue.failed_24h > 0)}
      </dl>
    </section>
  );
}

function CapacityCard({ capacity }: Pick<Overview, 'capacity'>) {
  const text = useText();
  const { cpus, cpus_allocated, gpus, gpus_allocated, memory_bytes, memory_allocated_bytes } = capacity;
  return (
    <section class="card third" aria-label={text.overview.capacity}>
      <header><h2>{text.overview.capacity}</h2></header>
      <Meter name={text.overview.cpus} ratio={shareOf(cpus_allocated, cpus)} value={text.common.of(count(cpus_allocated), count(cpus))} />
      <Meter name={text.overview.memory} ratio={shareOf(memory_allocated_bytes, memory_bytes)}
        value={text.common.of(bytes(memory_allocated_bytes), bytes(memory_bytes))} />
      {gpus > 0
        ? <Meter name={text.overview.gpus} ratio={shareOf(gpus_allocated, gpus)} value={text.common.of(count(gpus_allocated), count(gpus))} />
        : <p class="soft">{text.overview.noGpus}</p>}
    </section>
  );
}

function ServingCard({ serving }: Pick<Overview, 'serving'>) {
  const text = useText();
  return (
    <section class="card third" aria-label={text.overview.serving}>
      <header><h2>{text.overview.serving}</h2><Link to={pathTo.models()}>{text.models.title}</Link></header>
      <dl class="figures">
        <Figure name={text.overview.rate} unit={text.overview.perSecond}>{brief(serving.predictions_per_s)}</Figure>
        <Figure name={text.overview.models}>{count(serving.models)}</Figure>
        <Figure name={text.overview.p50} unit={text.overview.ms}>{brief(serving.latency_ms_p50)}</Figure>
        <Figure name={text.overview.p99} unit={text.overview.ms}>{brief(serving.latency_ms_p99)}</Figure>
      </dl>
    </section>
  );
}

function LoadCard() {
  const text = useText();
  const load = useStore((state) => state.load);
  const cpuName = text.overview.loadCpu;
  const rateName = `${text.overview.loadRate} ${text.overview.perSecond}`;
  const curves = useMemo(() => loadCurves(load, cpuName, rateName), [load, cpuName, rateName]);
  // One sample spans no time, and an axis of nothing reads as nonsense.
  if (load.length < 2) {
    return (
      <section class="card" aria-label={text.overview.load}>
        <header><h2>{text.overview.load}</h2></header>
        <p class="empty">{text.overview.collecting}</p>
      </section>
    );
  }
  return (
    <Chart title={text.overview.load} xName={text.chart.time} xIsTime curves={curves} range={[0, 1]} height={232}
      format={[percent, measure]} />
  );
}

function NodesCard() {
  const text = useText();
  const nodes = useNodes();
  return (
    <section class="card flush" aria-label={text.overview.nodes}>
      <header><h2>{text.overview.nodes}</h2><Link to={pathTo.fleet()}>{text.nav.fleet}</Link></header>
      {nodes.data && <Table label={text.overview.nodes} rows={nodes.data} id={(node) => node.id}
        columns={nodeColumns(text).filter((column) => kNodeColumns.has(column.id))} empty={text.fleet.empty} />}
    </section>
  );
}

function RecentCard() {
  const text = useText();
  const jobs = useJobs('', kRecent);
  return (
    <section class="card flush" aria-label={text.overview.recent}>
      <header><h2>{text.overview.recent}</h2><Link to={pathTo.jobs()}>{text.overview.allJobs}</Link></header>
      {jobs.rows && <Table main label={text.overview.recent} rows={jobs.rows.slice(0, kRecent)} id={(job) => job.id}
        open={(job) => pathTo.job(job.id)} columns={jobColumns(text).filter((column) => kRecentColumns.has(column.id))}
        empty={<>{text.jobs.empty}<Command line={text.jobs.emptyCommand} /></>} />}
    </section>
  );
}

export function OverviewView() {
  const text = useText();
  const { data: overview, problem, reload } = useOverview();
  return (
    <div class="view">
      <div class="view-head">
        <h1>{text.overview.title}</h1>
        {overview && <span class="soft">{text.overview.since} <Ago at={overview.started_at} /></span>}
      </div>
      {problem && <Problem what={text.overview.title} problem={problem} onRetry={reload} />}
      {overview ? (
        <>
          <HealthLine overview={overview} />
          <div class="board">
            <QueueCard queue={overview.queue} />
            <CapacityCard capacity={overview.capacity} />
            <ServingCard serving={overview.serving} />
            <div class="half stack"><LoadCard /><NodesCard /><ServiceCard /></div>
            <div class="half stack"><RecentCard /></div>
          </div>
        </>
      ) : !problem && <Loading />}
    </div>
  );
}
