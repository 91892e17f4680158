import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';

import type { StudyDetail, TrialAttempt, TrialHistory } from '../../api/study_types';
import { duration, measure } from '../../lib/format';
import { pathTo } from '../../lib/router';
import { choiceText } from '../../lib/studies/axes';
import { useStudyTrial } from '../../live/studies';
import { useStudiesText, type StudiesText } from '../../text/studies';
import { Chart } from '../../ui/chart';
import { Figure } from '../../ui/figure';
import { Icon } from '../../ui/icon';
import { Link } from '../../ui/link';
import { Loading, Problem } from '../../ui/problem';
import { Table, type Column } from '../../ui/table';
import { TrialChip } from './trial_table';

function attemptColumns(words: StudiesText['trial']): Column<TrialAttempt>[] {
  return [
    { id: 'number', name: words.attempt, number: true, cell: (one) => one.number },
    { id: 'from', name: words.from, number: true, cell: (one) => measure(one.from_resource) },
    { id: 'to', name: words.to, number: true, cell: (one) => measure(one.to_resource) },
    { id: 'took', name: words.took, number: true, cell: (one) => (one.began_s === undefined || one.ended_s === undefined ? '–' : duration(one.ended_s - one.began_s)) },
    { id: 'ended', name: words.ended, cell: (one) => words.endings[one.ended_by] ?? words.runs },
    { id: 'job', name: words.job, cell: (one) => (one.job_id ? <Link class="mono" to={pathTo.job(one.job_id)}>{`…${one.job_id.slice(-8)}`}</Link> : '–') },
  ];
}

function Curve({ study, trial }: { study: StudyDetail; trial: TrialHistory }) {
  const words = useStudiesText().trial;
  const name = study.measures[0]?.name ?? words.value;
  const curves = useMemo(() => [{ name, xs: trial.curve.resource, ys: trial.curve.value }], [name, trial.curve]);
  if (trial.curve.value.length === 0) return <p class="empty">{words.noCurve}</p>;
  return <Chart title={name} xName={study.resource} curves={curves} height={180} />;
}

function Lineage({ trial }: { trial: TrialHistory }) {
  const words = useStudiesText().trial;
  if (trial.lineage.every((piece) => piece.trial === trial.number)) return <p class="soft">{words.ownWeights}</p>;
  return (
    <ol class="lineage">
      {trial.lineage.map((piece) => (
        <li key={`${piece.trial} ${piece.from_resource}`}>
          <span>{piece.trial === trial.number ? words.own(measure(piece.from_resource), measure(piece.to_resource)) : words.copied(piece.trial, measure(piece.to_resource))}</span>
          <span class="mono soft">{Object.entries(piece.params).map(([name, value]) => `${name}=${typeof value === 'number' ? measure(value) : choiceText(value)}`).join(' ')}</span>
        </li>
      ))}
    </ol>
  );
}

function Body({ study, trial }: { study: StudyDetail; trial: TrialHistory }) {
  const words = useStudiesText().trial;
  return (
    <>
      <dl class="figures">
        {study.measures.map((one, index) => <Figure key={one.name} name={one.name}>{measure(trial.values[index])}</Figure>)}
        <Figure name={`${words.spent}, ${study.resource}`} unit={`/ ${measure(trial.budget)}`}>{measure(trial.resource)}</Figure>
        <Figure name={words.gpuTime}>{duration(trial.gpu_seconds)}</Figure>
      </dl>
      <dl class="facts">
        {trial.why && <><dt>{words.why}</dt><dd>{trial.why}</dd></>}
        {Object.entries(trial.params).map(([name, value]) => <><dt key={name}>{name}</dt><dd class="mono">{choiceText(value)}</dd></>)}
        {trial.checkpoint && <><dt>{words.checkpoint}</dt><dd class="mono">{trial.checkpoint}</dd></>}
        {trial.worker && <><dt>{words.worker}</dt><dd>{trial.worker}</dd></>}
        {trial.lost_gpu_seconds > 0 && <><dt>{words.lost}</dt><dd>{duration(trial.lost_gpu_seconds)}</dd></>}
      </dl>
      <Curve study={study} trial={trial} />
      <h3>{words.attempts}</h3>
      <section class="card flush">
        <Table label={words.attempts} columns={attemptColumns(words)} rows={trial.attempts} id={(one) => String(one.number)} empty={words.noAttempts} />
      </section>
      <h3>{words.lineage}</h3>
      <Lineage trial={trial} />
    </>
  );
}

/** One trial beside the study's page. Its address is the study's with ?trial=. */
export function TrialDrawer({ study, number, onClose }: { study: StudyDetail; number: number; onClose: () => void }) {
  const words = useStudiesText().trial;
  const dialog = useRef<HTMLDialogElement>(null);
  const { data: trial, problem, reload } = useStudyTrial(study.id, number);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="drawer" aria-labelledby="drawer-title" onClose={onClose}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}>
      <div class="drawer-body stack">
        <div class="row spread">
          <div class="row"><h2 id="drawer-title">{words.title(number)}</h2>{trial && <TrialChip state={trial.state} />}{study.best?.trial === number && <span class="soft">{words.best}</span>}</div>
          <button type="button" class="quiet" onClick={() => dialog.current?.close()}><Icon name="cross" />{words.close}</button>
        </div>
        {problem && <Problem what={words.title(number)} problem={problem} onRetry={reload} />}
        {trial ? <Body study={study} trial={trial} /> : !problem && <Loading />}
      </div>
    </dialog>
  );
}
