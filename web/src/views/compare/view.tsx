import '../../styles/run.css';
import '../../styles/compare.css';

import { useMemo, useState } from 'preact/hooks';

import type { ComparedMetric, Comparison } from '../../api/run_types';
import { pathTo, useQuery } from '../../lib/router';
import { kMostCompared, namesOf, parseIds, tintOf } from '../../lib/runs/compare';
import { drawn, spanOf, type Look } from '../../lib/runs/curves';
import { useComparison, useSeriesOf } from '../../live/run_table';
import { useText } from '../../text';
import { useRunsText } from '../../text/runs';
import { Chart } from '../../ui/chart';
import { StateChip } from '../../ui/chip';
import { Icon } from '../../ui/icon';
import { Link } from '../../ui/link';
import { Loading, Problem } from '../../ui/problem';
import { Tabs } from '../../ui/tabs';
import { LookBar, useAxis, useLook } from '../run/curves_pane';
import { RelationsPane } from './relations';
import { TablePane } from './table_pane';

const kFirstCharts = 8;

interface MetricProps {
  metric: ComparedMetric;
  ids: readonly string[];
  names: readonly string[];
  look: Look;
}

function MetricCard({ metric, ids, names, look }: MetricProps) {
  const has = metric.points.map((points) => points !== null);
  const series = useSeriesOf(metric.key, ids, has);
  const curves = useMemo(() => {
    const each = (series.data ?? []).map((one, run) =>
      one ? drawn(names[run] as string, one, look, tintOf(run).tint).map((curve) => ({ ...curve, dashed: tintOf(run).dashed })) : []);
    // What is faint lies behind all that is not.
    return [...each.flat().filter((curve) => curve.faint), ...each.flat().filter((curve) => !curve.faint)];
  }, [series.data, look, names]);
  const axis = useAxis(look.axis, spanOf(curves));
  if (series.problem) return <Problem what={metric.key} problem={series.problem} onRetry={series.reload} />;
  if (!series.data) return <section class="card chart"><header><h2>{metric.key}</h2></header><Loading /></section>;
  return <Chart title={metric.key} {...axis} curves={curves} sync={`compare ${look.axis}`} log={look.log} height={240} legend={ids.length <= 8} />;
}

function CurvesPane({ comparison, names }: { comparison: Comparison; names: readonly string[] }) {
  const words = useRunsText();
  const [look, setLook] = useLook();
  const [find, setFind] = useState('');
  const [most, setMost] = useState(kFirstCharts);
  const ids = comparison.runs.map((run) => run.id);
  const found = comparison.metrics.filter(({ key }) => key.toLowerCase().includes(find.toLowerCase()));
  if (comparison.metrics.length === 0) return <p class="empty">{words.compared.noMetrics}</p>;
  return (
    <div class="stack">
      <LookBar look={look} onChange={setLook} find={find} {...(comparison.metrics.length > 4 ? { onFind: setFind } : {})} />
      <div class="curves">
        {found.slice(0, most).map((metric) => <MetricCard key={metric.key} metric={metric} ids={ids} names={names} look={look} />)}
      </div>
      {found.length > most && <div class="row"><button type="button" onClick={() => setMost(most + 2 * kFirstCharts)}>{words.more(found.length - most)}</button></div>}
    </div>
  );
}

export function CompareView() {
  const text = useText();
  const words = useRunsText();
  const [query, setQuery] = useQuery('ids');
  const ids = useMemo(() => parseIds(query), [query]);
  const { data: comparison, problem, reload } = useComparison(ids);
  const names = useMemo(() => namesOf(comparison?.runs ?? []), [comparison]);
  const title = <h1>{words.compared.title}</h1>;
  if (ids.length === 0)
    return <div class="view"><div class="view-head">{title}</div><div class="empty">{words.compared.none}<Link to={pathTo.runs()}>{words.compared.toRuns}</Link></div></div>;
  return (
    <div class="view">
      <div class="view-head">{title}<Link class="button" to={pathTo.runs()}><Icon name="runs" />{words.compared.toRuns}</Link></div>
      {problem && <Problem what={words.compared.title} problem={problem} onRetry={reload} />}
      {ids.length === kMostCompared && <p class="soft">{words.most(kMostCompared)}</p>}
      {!comparison ? !problem && <Loading /> : (
        <>
          <ul class="run-legend" aria-label={text.runs.title}>
            {comparison.runs.map((run, index) => (
              <li key={run.id}>
                <i class={`tint tint-${tintOf(index).tint + 1} ${tintOf(index).dashed ? 'dashed' : ''}`} aria-hidden="true" />
                <Link to={pathTo.run(run.id)} title={run.id} class="clip">{names[index]}</Link>
                <StateChip state={run.state} />
                {comparison.runs.length > 1 && (
                  <button type="button" class="quiet small" aria-label={words.compared.remove(names[index] as string)} title={words.compared.remove(names[index] as string)}
                    onClick={() => setQuery(ids.filter((id) => id !== run.id).join(','))}><Icon name="cross" /></button>
                )}
              </li>
            ))}
          </ul>
          <Tabs label={words.compared.tabs} tabs={[
            { id: 'curves', name: words.compared.curves, body: () => <CurvesPane comparison={comparison} names={names} /> },
            { id: 'table', name: words.compared.table, body: () => <TablePane comparison={comparison} names={names} /> },
            { id: 'relations', name: words.compared.relations, body: () => <RelationsPane comparison={comparison} names={names} /> },
          ]} />
        </>
      )}
    </div>
  );
}
