import '../../styles/run.css';

import type { Artifact, RunDetail, SeriesSummary } from '../../api/types';
import { bytes, count, measure } from '../../lib/format';
import { pathTo } from '../../lib/router';
import { totalPoints, lastStep } from '../../lib/run';
import { lineageLines } from '../../lib/runs/lineage';
import { useRun } from '../../live/entities';
import { useText, type Text } from '../../text';
import { useRunsText } from '../../text/runs';
import { StateChip } from '../../ui/chip';
import { Figure } from '../../ui/figure';
import { Icon } from '../../ui/icon';
import { Link } from '../../ui/link';
import { Ago, Took } from '../../ui/moment';
import { Loading, Problem } from '../../ui/problem';
import { Table, type Column } from '../../ui/table';
import { Tabs } from '../../ui/tabs';
import { CurvesPane } from './curves_pane';

function seriesColumns(text: Text): Column<SeriesSummary>[] {
  const value = (id: string, name: string, read: (one: SeriesSummary) => number | null, wide = false): Column<SeriesSummary> =>
    ({ id, name, number: true, wide, key: read, cell: (one) => measure(read(one)) });
  return [
    { id: 'key', name: text.run.metric, key: (one) => one.key, cell: (one) => <span class="title">{one.key}</span> },
    value('last', text.run.last, (one) => one.last_value),
    value('min', text.run.min, (one) => one.min_value),
    value('max', text.run.max, (one) => one.max_value),
    { id: 'step', name: text.run.lastStep, number: true, wide: true, key: (one) => one.last_step, cell: (one) => count(one.last_step) },
    { id: 'points', name: text.run.points, number: true, wide: true, key: (one) => one.point_count, cell: (one) => count(one.point_count) },
  ];
}

function artifactColumns(text: Text): Column<Artifact>[] {
  return [
    { id: 'path', name: text.run.path, key: (one) => one.path, cell: (one) => <span class="title">{one.path}</span> },
    { id: 'kind', name: text.run.kind, cell: (one) => one.kind },
    { id: 'size', name: text.common.size, number: true, key: (one) => one.size_bytes, cell: (one) => bytes(one.size_bytes) },
    { id: 'files', name: text.run.files, number: true, wide: true, cell: (one) => count(one.file_count) },
    { id: 'manifest', name: text.run.manifest, wide: true, cell: (one) => <span class="mono" title={one.manifest}>{one.manifest.slice(0, 12)}</span> },
    { id: 'created', name: text.common.created, number: true, cell: (one) => <Ago at={one.created_at} /> },
  ];
}

function pairColumns(text: Text): Column<[string, string]>[] {
  return [
    { id: 'key', name: text.run.key, key: ([key]) => key, cell: ([key]) => key },
    { id: 'value', name: text.run.value, wrap: true, cell: ([, value]) => <span class="mono">{String(value)}</span> },
  ];
}

function Pairs({ title, pairs, empty }: { title: string; pairs: Record<string, string>; empty: string }) {
  const text = useText();
  return (
    <section class="card flush" aria-label={title}>
      <header><h2>{title}</h2></header>
      <Table label={title} columns={pairColumns(text)} rows={Object.entries(pairs)} id={([key]) => key} empty={empty} />
    </section>
  );
}

function LineagePane({ lineage }: { lineage: RunDetail['lineage'] }) {
  const words = useRunsText();
  const name = (key: string) => words.lineageWords[key] ?? key;
  const say = (value: string) => (value === 'true' ? words.yes : value === 'false' ? words.no : value);
  return (
    <section class="card" aria-label={words.lineage}>
      <dl class="facts">
        {lineageLines(lineage).map(({ path, value, to }, index) => (
          <>
            <dt key={`${index}`}>{path.map(name).join(' · ')}</dt>
            <dd key={`${index} value`} class="mono">{to ? <Link to={to}>{value}</Link> : say(value)}</dd>
          </>
        ))}
      </dl>
    </section>
  );
}

export function RunView({ id }: { id: string }) {
  const text = useText();
  const words = useRunsText();
  const { data: run, problem, reload } = useRun(id);
  if (!run) return <div class="view">{problem ? <Problem what={id} problem={problem} onRetry={reload} /> : <Loading />}</div>;
  return (
    <div class="view">
      <div class="view-head">
        <div class="title">
          <h1>{run.name || run.id}</h1>
          <StateChip state={run.state} />
          {run.experiment && <span class="soft">{text.run.experiment}: {run.experiment}</span>}
        </div>
        {run.job_id && <Link class="button" to={pathTo.job(run.job_id)}><Icon name="jobs" />{text.run.job}</Link>}
      </div>
      {problem && <Problem what={run.name} problem={problem} onRetry={reload} />}
      <dl class="figures band">
        <Figure name={text.run.took}><Took from={run.created_at} to={run.ended_at} /></Figure>
        <Figure name={text.run.lastStep}>{count(lastStep(run.series))}</Figure>
        <Figure name={text.run.points}>{count(totalPoints(run.series))}</Figure>
      </dl>
      <Tabs label={text.run.tabs} tabs={[
        { id: 'curves', name: text.run.curves, body: () => <CurvesPane run={run} /> },
        {
          id: 'data', name: text.run.data, body: () => (
            <section class="card flush">
              <Table label={text.run.data} columns={seriesColumns(text)} rows={run.series} id={(one) => one.key} empty={text.run.noCurves} />
            </section>
          ),
        },
        {
          id: 'params', name: text.run.params, body: () => (
            <div class="columns">
              <Pairs title={text.run.params} pairs={run.params} empty={text.run.noParams} />
              <Pairs title={text.run.tags} pairs={run.tags} empty={text.run.noTags} />
            </div>
          ),
        },
        {
          id: 'artifacts', name: text.run.artifacts, body: () => (
            <section class="card flush">
              <Table label={text.run.artifacts} columns={artifactColumns(text)} rows={run.artifacts} id={(one) => one.path} empty={text.run.noArtifacts} />
            </section>
          ),
        },
        ...(lineageLines(run.lineage).length > 0
          ? [{ id: 'lineage', name: words.lineage, body: () => <LineagePane lineage={run.lineage} /> }] : []),
      ]} />
    </div>
  );
}
