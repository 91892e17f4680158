import { useState } from 'preact/hooks';

import type { ComparedMetric, ComparedText, Comparison } from '../../api/run_types';
import { measure } from '../../lib/format';
import { bestRuns } from '../../lib/runs/best';
import { pathTo } from '../../lib/router';
import { useText } from '../../text';
import { useRunsText, type RunsText } from '../../text/runs';
import { StateChip } from '../../ui/chip';
import { Link } from '../../ui/link';
import { Ago, Took } from '../../ui/moment';

interface Props {
  comparison: Comparison;
  names: readonly string[];
}

function TextRows({ rows, words }: { rows: readonly ComparedText[]; words: RunsText }) {
  return (
    <>
      {rows.map((row) => (
        <tr key={row.key} class={row.differs ? 'differs' : undefined}>
          <th scope="row">{row.key}{row.differs && <span class="hidden-text"> {words.compared.differs}</span>}</th>
          {row.values.map((value, run) => <td key={run} class="mono" title={value ?? undefined}>{value ?? <span class="soft">–</span>}</td>)}
        </tr>
      ))}
    </>
  );
}

function MetricRows({ rows, words }: { rows: readonly ComparedMetric[]; words: RunsText }) {
  return (
    <>
      {rows.flatMap((row) => {
        const best = row.best && row.goal ? bestRuns(row.best, row.goal) : new Set<number>();
        const lines: [string, (number | null)[]][] = [[words.last, row.last]];
        if (row.goal && row.best) lines.push([words.compared.goal[row.goal], row.best]);
        else lines.push([words.compared.goal.min, row.min], [words.compared.goal.max, row.max]);
        return lines.map(([name, values], index) => (
          <tr key={`${row.key} ${name}`} class={row.differs && index === 0 ? 'differs' : undefined}>
            <th scope="row">{index === 0 ? row.key : <span class="hidden-text">{row.key}</span>} <span class="soft">{name}</span></th>
            {values.map((value, run) => {
              const wins = index === 1 && best.has(run) && best.size < values.filter((one) => one !== null).length;
              return <td key={run} class={`number ${wins ? 'wins' : ''}`} title={wins ? words.compared.best : undefined}>{measure(value)}{wins && ' ★'}</td>;
            })}
          </tr>
        ));
      })}
    </>
  );
}

/** Everything known of the runs side by side; rows that differ are marked. */
export function TablePane({ comparison, names }: Props) {
  const text = useText();
  const words = useRunsText();
  const [onlyDifferent, setOnlyDifferent] = useState(false);
  const width = comparison.runs.length + 1;
  const kept = <T extends { differs: boolean }>(rows: readonly T[]) => (onlyDifferent ? rows.filter((row) => row.differs) : rows);
  const part = (name: string, count: number) => <tr class="part"><th scope="colgroup" colSpan={width}>{name}{count === 0 && <span class="soft"> · {words.compared.same}</span>}</th></tr>;
  const [params, metrics, tags] = [kept(comparison.params), kept(comparison.metrics), kept(comparison.tags)];
  return (
    <section class="card flush" aria-label={words.compared.table}>
      <header>
        <label class="row">
          <input type="checkbox" checked={onlyDifferent} onChange={(event) => setOnlyDifferent(event.currentTarget.checked)} />
          <span>{words.compared.onlyDifferent}</span>
        </label>
      </header>
      <div class="scroll" role="group" aria-label={words.compared.table} tabIndex={0}>
        <table class="compared" aria-label={words.compared.table}>
          <thead>
            <tr>
              <th scope="col">{words.compared.run}</th>
              {comparison.runs.map((run, index) => <th key={run.id} scope="col"><Link to={pathTo.run(run.id)} title={run.id}>{names[index]}</Link></th>)}
            </tr>
          </thead>
          <tbody>
            <tr><th scope="row">{words.compared.state}</th>{comparison.runs.map((run) => <td key={run.id}><StateChip state={run.state} /></td>)}</tr>
            <tr><th scope="row">{text.runs.experiment}</th>{comparison.runs.map((run) => <td key={run.id}>{run.experiment}</td>)}</tr>
            <tr><th scope="row">{words.compared.took}</th>{comparison.runs.map((run) => <td key={run.id}><Took from={run.created_at} to={run.ended_at} /></td>)}</tr>
            <tr><th scope="row">{words.compared.started}</th>{comparison.runs.map((run) => <td key={run.id}><Ago at={run.created_at} /></td>)}</tr>
            {part(words.compared.params, params.length)}
            <TextRows rows={params} words={words} />
            {part(words.compared.metrics, metrics.length)}
            <MetricRows rows={metrics} words={words} />
            {tags.length > 0 && part(words.compared.tags, tags.length)}
            <TextRows rows={tags} words={words} />
          </tbody>
        </table>
      </div>
    </section>
  );
}
